"""The workspace's text: `quarterdeck.yaml` and `parameters/*.yaml`, read whole, all faults at once."""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, field_validator, model_validator

from quarterdeck.base.config import Company, Section
from quarterdeck.base.errors import ConfigurationError, QuarterdeckError
from quarterdeck.base.parameters import Parameter, Parameters
from quarterdeck.base.text import faults_of, load
from quarterdeck.flow import SECTIONS, STEPS

FILE = "quarterdeck.yaml"


class SourceSettings(Section):
    """A source of records."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Name of the source; its mapping is `mapping/<name>.yaml`."""
    folder: str = ""
    """Folder with the export's files, absolute or from the workspace."""
    url: str = ""
    """URL of a database instead of a folder, such as postgresql://reader:${CRM_PASSWORD}@host/crm; what stands in ${}
    comes from the environment."""
    schemas: tuple[str, ...] = ()
    """Of a database: schemas that are read beside the default one."""
    refresh_minutes: int = Field(default=60, ge=0)
    """Of a database: a run asks it again when it was last asked so long ago; `sync` asks always."""
    compare_keys_every: int = Field(default=10, ge=1)
    """Of a database: in every such sync the keys of tables above a million rows are compared, of others always."""
    read_whole_every: int = Field(default=100, ge=1)
    """Of a database: every such sync reads its tables whole."""
    retention: Annotated[int, Field(ge=1)] | Literal["auto", "whole"] = "auto"
    """How far back the source reaches: days that it keeps, so that what is older and gone was not deleted and stays;
    whole when it keeps everything; auto to tell by what vanished."""

    @model_validator(mode="after")
    def _has_one_place(self) -> SourceSettings:
        if bool(self.folder) == bool(self.url):
            raise ValueError("give either the folder of an export or the url of a database")
        return self

    @field_validator("url")
    @classmethod
    def _hides_password(cls, value: str) -> str:
        from quarterdeck.connectors.database import has_password, is_url, masked

        if value and not is_url(value):
            raise ValueError(
                f"{masked(value)} is no url of a database; write postgresql://…, mysql+pymysql://… or sqlite:///…"
            )
        if value and has_password(value):
            raise ValueError("a password stands in it in clear; write ${NAME} there and export NAME")
        return value


class EngineSettings(Section):
    """The engine that relational work runs on."""

    kind: Literal["duckdb"] = "duckdb"
    """DuckDB in the process, over the lake's files."""
    memory: str = Field(default="4GB", pattern=r"^\d+(\.\d+)?\s?(MB|GB)$")
    """Most memory that the engine may take."""
    threads: int | None = Field(default=None, ge=1)
    """Threads; empty for one a core."""


class WorkspaceSettings(Section):
    """`quarterdeck.yaml`: the workspace's own settings; a section a room follows."""

    company: Company = Company()
    """The company."""
    sources: tuple[SourceSettings, ...] = ()
    """Where records come from."""
    ledger: str = "sqlite:///ledger.sqlite3"
    """URL of the ledger; a team's is postgresql+psycopg://user@host/name."""
    engine: EngineSettings = EngineSettings()
    """The engine."""
    seed: int = 1
    """Seed of all draws: the same seed gives the same numbers."""

    def section(self, name: str) -> Section:
        found: Section = getattr(self, name)
        return found


@cache
def model() -> type[WorkspaceSettings]:
    """The settings with a section for each room's own."""
    fields: dict[str, Any] = {}
    for name, path in SECTIONS.items():
        module, _, attribute = path.partition(":")
        section = getattr(import_module(module), attribute)
        fields[name] = (section, Field(default=section(), description=f"Settings of {name}."))
    return create_model("WorkspaceSettings", __base__=WorkspaceSettings, **fields)


def read_settings(root: Path, overlay: dict[str, Any] | None = None) -> WorkspaceSettings:
    """The settings of a workspace, with values of an overlay (`{"demand.horizon": 3}`) put over them."""
    path = root / FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise QuarterdeckError(
            f"{root} is no workspace: it has no {FILE}. Make one with `quarterdeck init {root.name} --from FOLDER`."
        ) from None
    data, lines = load(text, str(path))
    data = data or {}
    if not isinstance(data, dict):
        raise ConfigurationError([f"{path}:1: a settings file holds `name: value` lines"])
    for name, value in (overlay or {}).items():
        _put(data, name.split("."), value)
    try:
        return model().model_validate(data)
    except ValidationError as error:
        faults = faults_of(error, model(), lines, str(path))
        raise ConfigurationError(_placed(fault, overlay or {}) for fault in faults) from None


def _placed(fault: str, overlay: dict[str, Any]) -> str:
    """A fault of a value that the call gave is the call's, not the file's."""
    given = next((name for name in overlay if f" {name}" in fault), None)
    return f"--set {given}: {fault.partition(': ')[2]}" if given else fault


def _put(data: dict[str, Any], place: list[str], value: Any) -> None:
    for part in place[:-1]:
        data = data.setdefault(part, {})
        if not isinstance(data, dict):
            raise QuarterdeckError(f"{'.'.join(place)} is no setting; `quarterdeck steps --settings` lists them")
    data[place[-1]] = value


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid")

    value: Any
    reason: str


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    description: str
    unit: str
    is_assumed: bool = False
    values: dict[date, _Value] = Field(min_length=1)


def read_parameters(root: Path) -> Parameters:
    """All dated values of a workspace; every fault of every file at once."""
    faults: list[str] = []
    found: dict[str, Parameter] = {}
    known = {name for step in STEPS for name in step.parameters}
    for path in sorted((root / "parameters").glob("*.yaml")):
        data, lines = load(path.read_text(encoding="utf-8"), str(path))
        for name, value in (data or {}).items():
            line = lines.get((str(name),), 1)
            if name in found:
                faults.append(f"{path}:{line}: {name} stands in another file of parameters/ too; keep one")
            if name not in known:
                faults.append(f"{path}:{line}: {name} is no parameter; known: {', '.join(sorted(known))}")
            try:
                entry = _Entry.model_validate(value)
            except ValidationError as error:
                inner = {place[1:]: number for place, number in lines.items() if place[:1] == (str(name),)}
                faults += faults_of(error, _Entry, inner, str(path))
                continue
            values = tuple((day, item.value, item.reason) for day, item in sorted(entry.values.items()))
            found[str(name)] = Parameter(str(name), entry.unit, entry.description, values, entry.is_assumed)
    if faults:
        raise ConfigurationError(faults)
    return Parameters(found.values())
