"""The workspace's text files: YAML checked against a model, all faults at once with file, line and remedy."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from quarterdeck.base.errors import ConfigurationError, did_you_mean

M = TypeVar("M", bound=BaseModel)
Place = tuple[str | int, ...]


def load(text: str, file: str) -> tuple[Any, dict[Place, int]]:
    """The document and the line of each key and item, counted from 1. Raises ConfigurationError on broken YAML."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(fault, "problem", None) or "is no YAML"
        raise ConfigurationError([f"{file}:{line}: {problem}; check indentation, colons and quotes there"]) from None
    lines: dict[Place, int] = {}
    faults: list[str] = []
    if node is not None:
        _walk(node, (), lines, faults, file)
    if faults:
        raise ConfigurationError(faults)
    return data, lines


def _walk(node: yaml.Node, place: Place, lines: dict[Place, int], faults: list[str], file: str) -> None:
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*place, str(key.value))
            if inner in lines:
                faults.append(f"{file}:{key.start_mark.line + 1}: {key.value!r} stands twice; remove one")
            lines[inner] = key.start_mark.line + 1
            _walk(value, inner, lines, faults, file)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            _walk(item, (*place, number), lines, faults, file)


def faults_of(error: ValidationError, model: type[BaseModel], lines: dict[Place, int], file: str) -> list[str]:
    """A validation error as lines of `file:line: where: what is wrong; what to do`."""
    found = []
    for fault in error.errors():
        place: Place = tuple(str(part) if isinstance(part, str) else part for part in fault["loc"])
        line = next((lines[place[:size]] for size in range(len(place), -1, -1) if place[:size] in lines), 1)
        where = ".".join(str(part) for part in place)
        if fault["type"] == "extra_forbidden":
            remedy = did_you_mean(str(place[-1]), _known(model, place[:-1]))
            found.append(f"{file}:{line}: {where} is no setting; {remedy}")
        else:
            message = fault["msg"].removeprefix("Value error, ")
            found.append(f"{file}:{line}: {where}: {message} (found {_without_secrets(repr(fault['input']))})")
    return found


def _without_secrets(text: str) -> str:
    """A value as a message may repeat it: passwords of addresses are stars."""
    bare = re.sub(r"(://[^:/@\s]*):[^\s'\"]*@", r"\1:***@", text)
    return re.sub(r"(?i)(password|passwd|pwd|secret|token)=[^&'\"\s]*", r"\1=***", bare)


def _known(model: type[BaseModel], place: Place) -> list[str]:
    """Names of the fields at a place of the model."""
    current: Any = model
    for part in place:
        if isinstance(part, int):
            continue
        annotation = current.model_fields[part].annotation if part in getattr(current, "model_fields", {}) else None
        inner = [kind for kind in _types(annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if not inner:
            return []
        current = inner[0]
    return list(current.model_fields)


def _types(annotation: Any) -> list[Any]:
    parts = getattr(annotation, "__args__", ())
    return [annotation, *(kind for part in parts for kind in _types(part))]


def parse(model: type[M], text: str, file: str) -> M:
    """The document as the model; raises ConfigurationError with every fault of the file."""
    data, lines = load(text, file)
    try:
        return model.model_validate(data or {})
    except ValidationError as error:
        raise ConfigurationError(faults_of(error, model, lines, file)) from None
