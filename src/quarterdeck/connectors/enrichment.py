"""Providers of what nobody typed: files, databases and HTTP services, asked by key, answering in our columns."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import Field, model_validator

from quarterdeck.base.config import Section
from quarterdeck.base.errors import QuarterdeckError, did_you_mean
from quarterdeck.base.schema import table
from quarterdeck.base.text import parse
from quarterdeck.connectors import convert

Table = Literal["accounts", "contacts", "leads"]
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_KEYS = 500
"""Keys that a database is asked for at a time."""


class Provider(Section):
    """What every provider has."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Name of the provider; it stands beside each of its values."""
    table: Table = "accounts"
    """Whose records it knows: accounts, contacts or leads."""
    key: str = "domain"
    """Our column by which it is asked, such as domain, name or email."""
    columns: dict[str, str]
    """Its column, or the path in its JSON such as company.metrics.employees, and our column."""
    confidence: float = Field(default=0.5, ge=0, le=1)
    """How sure its values are."""
    confidence_column: str = ""
    """Its column or path with a confidence from 0 to 1, where it gives one."""
    stale_days: int = Field(default=365, ge=1)
    """A value found so long ago is asked for again."""

    @model_validator(mode="after")
    def _columns_exist(self) -> Provider:
        names = table(self.table).names
        for ours in (self.key, *self.columns.values()):
            if ours not in names:
                raise ValueError(f"{self.table} has no column {ours!r}; {did_you_mean(ours, names)}")
        return self


class FileProvider(Provider):
    """A CSV or Parquet file with a row for each key."""

    kind: Literal["file"]
    path: str
    """The file, absolute or from the workspace."""
    match: str = ""
    """Its column that holds the key; empty: named as ours."""


class DatabaseProvider(Provider):
    """A database that answers a query by keys."""

    kind: Literal["database"]
    url: str
    """Its URL; what stands in ${} comes from the environment."""
    query: str
    """A query with the parameter :keys, such as SELECT domain, staff FROM firms WHERE domain IN :keys"""
    match: str = ""
    """The query's column that holds the key; empty: named as ours."""


class HttpProvider(Provider):
    """A service that answers one key with a JSON document."""

    kind: Literal["http"]
    url: str
    """Its address with {key} where the key goes, such as https://api.example.com/companies/{key}"""
    headers: dict[str, str] = Field(default_factory=dict)
    """Headers of the request; what stands in ${} comes from the environment."""
    per_minute: float = Field(default=60, gt=0)
    """Requests a minute at most."""
    timeout: float = Field(default=10, gt=0)
    """Seconds to wait for an answer."""
    retries: int = Field(default=3, ge=0)
    """How often a request is repeated that was refused for now (429), broke or came too late."""
    cache_days: int = Field(default=30, ge=0)
    """An answer, also that there is none, is kept so long and not asked for again."""

    @model_validator(mode="after")
    def _key_has_a_place(self) -> HttpProvider:
        if "{key}" not in self.url or not self.url.startswith(("http://", "https://")):
            raise ValueError("the url is an http(s) address with {key} where the key goes")
        return self


class Enrichment(Section):
    """`enrichment.yaml`: the providers, in the order in which they are asked."""

    providers: tuple[Annotated[FileProvider | DatabaseProvider | HttpProvider, Field(discriminator="kind")], ...] = ()


@dataclass(frozen=True)
class Answer:
    """What a provider says of a key: our columns as text."""

    key: str
    values: dict[str, str]
    confidence: float


@dataclass(frozen=True)
class Trouble:
    """A provider that could not be asked, or a key that it could not answer; `is_final` ends its part."""

    message: str
    fix: str
    key: str | None = None
    is_final: bool = False


def from_yaml(text: str, file: str) -> Enrichment:
    """The providers that a text names; raises ConfigurationError with every fault."""
    return parse(Enrichment, text, file)


def expanded(text: str) -> str:
    """The text with the values of `${NAME}`; raises when one is not set."""
    missing = sorted({name for name in _VARIABLE.findall(text) if name not in os.environ})
    if missing:
        raise QuarterdeckError(f"{', '.join(missing)} is not set; export it before this command.")
    return _VARIABLE.sub(lambda found: os.environ[found[1]], text)


def folded(key: str) -> str:
    """A key as keys are compared: without case, outer space, and of an address the scheme, www and path."""
    bare = key.strip().casefold()
    bare = re.sub(r"^https?://", "", bare)
    return re.sub(r"^www\.", "", bare).rstrip("/")


def look_up(
    provider: FileProvider | DatabaseProvider | HttpProvider, keys: Iterable[str], root: Path, now: datetime
) -> Iterator[Answer | Trouble]:
    """What a provider knows of keys, and what went wrong. `root` is the workspace's folder."""
    wanted = list(dict.fromkeys(keys))
    match provider:
        case FileProvider():
            yield from _of_file(provider, wanted, root)
        case DatabaseProvider():
            yield from _of_database(provider, wanted, root)
        case HttpProvider():
            from quarterdeck.connectors.enrichment_http import Lookup

            yield from Lookup(provider, root / "lake" / "_enrichment" / provider.name, now).answers(wanted)


def _of_file(provider: FileProvider, keys: list[str], root: Path) -> Iterator[Answer | Trouble]:
    path = root / expanded(provider.path)
    try:
        frame = pl.read_parquet(path) if path.suffix in (".parquet", ".pq") else pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        told = str(error).splitlines()[0][:200]
        yield Trouble(f"{path} cannot be read: {told}.", "Put the file there, or mend its path.", is_final=True)
        return
    yield from _of_frame(provider, provider.match or provider.key, keys, frame, path.name)


def _of_database(provider: DatabaseProvider, keys: list[str], root: Path) -> Iterator[Answer | Trouble]:
    from quarterdeck.connectors.database import Database, parsed

    try:
        with Database(parsed(provider.url, root)).snapshot() as snapshot:
            parts = [snapshot.query(provider.query, keys[at : at + _KEYS]) for at in range(0, len(keys), _KEYS)]
    except QuarterdeckError as error:
        yield Trouble(str(error), "Mend the url or the query in enrichment.yaml.", is_final=True)
        return
    for part in parts:
        yield from _of_frame(provider, provider.match or provider.key, keys, part, provider.name)


def _of_frame(
    provider: Provider, match: str, keys: list[str], frame: pl.DataFrame, where: str
) -> Iterator[Answer | Trouble]:
    lost = [name for name in (match, *provider.columns) if name not in frame.columns]
    if lost:
        fix = f"{where} has {', '.join(frame.columns)}; mend the names in enrichment.yaml."
        yield Trouble(f"{where} has no column {', '.join(lost)}.", fix, is_final=True)
        return
    wanted = {folded(key): key for key in keys}
    texts = frame.select(convert.text(frame[name]).alias(name) for name in frame.columns)
    for row in texts.to_dicts():
        key = wanted.get(folded(row[match] or ""))
        values = {ours: row[theirs].strip() for theirs, ours in provider.columns.items() if (row[theirs] or "").strip()}
        if key is not None and values:
            yield Answer(key, values, confidence_of(provider, row.get(provider.confidence_column)))


def confidence_of(provider: Provider, given: Any) -> float:
    """The confidence that came with an answer, else the provider's."""
    try:
        value = float(given)
    except (TypeError, ValueError):
        return provider.confidence
    return value if 0 <= value <= 1 else provider.confidence
