"""The contract of every room: a step is a pure function `(tables, config) -> Result(tables, findings)`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import polars as pl

from quarterdeck.base.config import Config
from quarterdeck.base.finding import Finding
from quarterdeck.base.tables import Tables

StepFunction = Callable[[Tables, Config[Any]], "Result"]


@dataclass(frozen=True)
class Result:
    """What a step made: each table that it declared to write (polars frame), and findings."""

    tables: dict[str, pl.DataFrame]
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Step:
    """A line of the flow. `function` is `module:name`, imported when the step runs, so that the map costs nothing.

    `reads` and `writes` are tables, `section` the part of the configuration that it is given, `parameters` the dated
    values that it may ask for.
    """

    name: str
    title: str
    function: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    section: str
    parameters: tuple[str, ...] = ()

    @property
    def room(self) -> str:
        return self.name.split(".")[0]

    def load(self) -> StepFunction:
        module, _, name = self.function.partition(":")
        function: StepFunction = getattr(import_module(module), name)
        return function
