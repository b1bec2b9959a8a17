"""Erasing a person: found in every version, taken out of every file of the workspace and out of the ledger."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from quarterdeck.base.errors import QuarterdeckError, did_you_mean
from quarterdeck.records.erasure import PERSONS, Marks, Person, phones_and_names, scrub, table_of, tail
from quarterdeck.records.files import content, digest, read_json, sweep, write_json
from quarterdeck.records.ledger import STREAMS
from quarterdeck.workspace import decisions

if TYPE_CHECKING:
    from quarterdeck.workspace.facade import Workspace

ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "cp949")
PENDING = "_erasing.json"
SHOWN = ("id", "source", "name", "email", "phone")


@dataclass(frozen=True, slots=True)
class Found:
    """Whom an erasure would take out: the records, what is theirs alone, and names that others bear too."""

    person: Person
    records: pl.DataFrame
    shared_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure did. `elsewhere` names what lies outside the workspace and may still hold the person.

    `signed` entries of the ledger bear the person's name as who decided; they stay, as evidence.
    """

    records: int
    files: int
    removed: tuple[str, ...]
    entries: int
    signed: int
    elsewhere: tuple[str, ...]


def find(workspace: Workspace, who: str) -> Found:
    """The person with this record id, e-mail address or exact name, in any version that was ever synced.

    Records of one address are one person. Raises when there is none, or when a name means several.
    """
    rows = _versions(workspace)
    asked = who.strip().casefold()
    start = rows.filter(
        pl.any_horizontal(pl.col(column).str.to_lowercase() == asked for column in ("id", "source_id", "email", "name"))
        | (pl.col("id") == who)
    )
    if start.is_empty():
        known = rows["name"].drop_nulls().unique().to_list()
        raise QuarterdeckError(f"Nobody has the key, address or name {who!r}; {did_you_mean(who, known)}")
    groups = _groups(rows, start)
    if len(groups) > 1:
        told = "; ".join(", ".join(f"{name} {key}" for name, key in sorted(group)) for group in groups)
        raise QuarterdeckError(f"{who!r} means {len(groups)} persons: {told}. Name one by its key or address.")
    keys = pl.DataFrame(sorted(groups[0]), schema={"table": pl.String, "id": pl.String}, orient="row")
    mine = rows.join(keys, on=["table", "id"], how="semi", maintain_order="left")
    others = rows.join(keys, on=["table", "id"], how="anti")
    return _found(workspace, mine, others)


def _found(workspace: Workspace, mine: pl.DataFrame, others: pl.DataFrame) -> Found:
    marks = Marks.read(workspace.lake.root)
    records: dict[str, dict[str, str]] = {}
    for name, key, other in mine.select("table", "id", "source_id").iter_rows():
        for one in filter(None, (key, other)):
            records.setdefault(name, {})[one] = marks.pseudonym(name, key)
    emails, phones, names = phones_and_names(mine.select("email", "phone", "name").to_dicts())
    theirs = {name.casefold() for name in others["name"].drop_nulls()}
    numbers = {tail(phone) for phone in others["phone"].drop_nulls()}
    addresses = {email.casefold() for email in others["email"].drop_nulls()}
    whole = {name for name in names if _is_whole(name)}
    person = Person(
        records=records,
        emails=frozenset(email for email in emails if email.casefold() not in addresses),
        phones=frozenset(phone for phone in phones if tail(phone) not in numbers),
        names=frozenset(name for name in whole if name.casefold() not in theirs),
    )
    shown = mine.select("table", *SHOWN).unique(maintain_order=True)
    return Found(person, shown, tuple(sorted(names - person.names)))


def _is_whole(name: str) -> bool:
    """A name that names one person in a text: two words, or three characters where names have no blanks."""
    return len(name.split()) > 1 or (len(name) > 2 and not name.isascii())


def _versions(workspace: Workspace) -> pl.DataFrame:
    """Every version of every person that the lake's files hold: table, and the columns shown."""
    frames = []
    for name in PERSONS:
        paths = [path for path in (workspace.lake.root / name).glob("*.parquet") if "gone" not in path.stem]
        for path in sorted(paths):
            frame = pl.read_parquet(path)
            columns = [
                pl.col(column) if column in frame.columns else pl.lit(None, pl.String).alias(column)
                for column in ("id", "source_id", "source", "name", "email", "phone")
            ]
            frames.append(frame.select(pl.lit(name).alias("table"), *columns))
    empty = dict.fromkeys(("table", "id", "source_id", "source", "name", "email", "phone"), pl.String)
    return pl.concat([pl.DataFrame(schema=empty), *frames]).unique(maintain_order=True)


def _groups(rows: pl.DataFrame, start: pl.DataFrame) -> list[set[tuple[str, str]]]:
    """The records of each person among those asked for: records of one address are one person's."""
    by_email: dict[str, set[tuple[str, str]]] = {}
    emails: dict[tuple[str, str], set[str]] = {}
    for name, key, email in rows.select("table", "id", "email").iter_rows():
        if email:
            by_email.setdefault(email.casefold(), set()).add((name, key))
            emails.setdefault((name, key), set()).add(email.casefold())
    groups: list[set[tuple[str, str]]] = []
    for record in sorted(set(start.select("table", "id").rows())):
        if any(record in group for group in groups):
            continue
        group, waiting = {record}, [record]
        while waiting:
            for email in emails.get(waiting.pop(), ()):
                new = by_email[email] - group
                group |= new
                waiting += new
        groups.append(group)
    return groups


def erase(workspace: Workspace, found: Found, who: str, reason: str, now: datetime) -> Erasure:
    """Take a person out of everything in the workspace, and note in the ledger that it was done.

    Killed in between, the next call of `finish` (every sync makes one) goes on.
    """
    decisions.demand_signature(who, reason)
    if found.person.pattern and any(term.casefold() in f"{who} {reason}".casefold() for term in found.person.terms):
        raise QuarterdeckError("--who and --reason stay in the ledger for ever; write them without the person's data.")
    pending = workspace.lake.root / PENDING
    with workspace.lake.writing():
        write_json(pending, {**_plain(found.person), "who": who, "reason": reason, "at": now.isoformat()})
        return _carry_out(workspace, found.person, who, reason, now)


def finish(workspace: Workspace) -> Erasure | None:
    """Go on with an erasure that was interrupted; only inside `lake.writing()`."""
    pending = workspace.lake.root / PENDING
    if not pending.is_file():
        return None
    value = read_json(pending)
    sets = {name: frozenset(value[name]) for name in ("emails", "phones", "names")}
    person = Person(records=value["records"], **sets)
    return _carry_out(workspace, person, value["who"], value["reason"], datetime.fromisoformat(value["at"]))


def _plain(person: Person) -> dict[str, Any]:
    sets = {name: sorted(getattr(person, name)) for name in ("emails", "phones", "names")}
    return {"records": {name: dict(pairs) for name, pairs in person.records.items()}, **sets}


def _carry_out(workspace: Workspace, person: Person, who: str, reason: str, now: datetime) -> Erasure:
    # From here on no sync brings the person back.
    Marks.read(workspace.lake.root).add(person)
    sweep(workspace.root / "runs")
    files, removed = _files(workspace, person)
    _rehash(workspace)
    entries, signed = _ledger(workspace, person, who, now)
    count = sum(len(set(pairs.values())) for pairs in person.records.values())
    payload = {
        "records": {name: sorted(set(pairs.values())) for name, pairs in person.records.items()},
        "files": files, "removed": len(removed), "entries": entries, "reason": reason,
    }  # fmt: skip
    workspace.ledger.append(decisions.DECISIONS, "person_erased", payload, who=who, at=workspace.moment(now))
    workspace.ledger.forget_erased()
    (workspace.lake.root / PENDING).unlink()
    return Erasure(count, files, tuple(removed), entries, signed, tuple(_elsewhere(workspace)))


def _elsewhere(workspace: Workspace) -> Iterator[str]:
    for source in workspace.settings.sources:
        if source.url:
            yield f"the database of the source {source.name}"
        elif not (workspace.root / source.folder).resolve().is_relative_to(workspace.root.resolve()):
            yield f"the files of the source {source.name} in {source.folder}"
    listed = workspace.root / "backups.json"
    for archive in read_json(listed)["archives"] if listed.is_file() else ():
        if Path(archive["path"]).is_file():
            yield f"the backup {archive['path']} of {archive['made_at'][:10]}"


# --- files -------------------------------------------------------------------------------------------------------


def _files(workspace: Workspace, person: Person) -> tuple[int, list[str]]:
    """Rewrite what holds the person; reports and archives of ours are removed. How many, and which."""
    lake, changed, removed = workspace.lake.root, 0, []
    for path in sorted(path for path in workspace.root.rglob("*") if path.is_file() and not path.is_symlink()):
        if path.name.startswith("ledger.sqlite3") or path == lake / PENDING or path.parent == lake / "commits":
            continue
        name = table_of(path, lake) if path.suffix == ".parquet" else None
        if path.suffix in (".html", ".qdbackup"):
            if _holds(path, person):
                path.unlink()
                removed.append(str(path.relative_to(workspace.root)))
            continue
        old = path.read_bytes()
        new = _without(path.name, old, person, name)
        if new != old:
            beside = path.with_name(f".tmp-erase-{path.name}")
            beside.write_bytes(new)
            beside.replace(path)
            changed += 1
    return changed, removed


def _holds(path: Path, person: Person) -> bool:
    """A report that names the person, also where a chart cut the name off; an archive always may."""
    if path.suffix == ".qdbackup":
        return True
    text = path.read_text(encoding="utf-8", errors="replace")
    beginnings = [word[: max(6, len(word) * 2 // 3)] for word in person.terms]
    return person.scrubbed(text) != text or any(word in text for word in beginnings)


def _without(name: str, data: bytes, person: Person, table: str | None) -> bytes:
    """A file's bytes without the person; what cannot be decoded is searched as text in the usual encodings."""
    if data[:4] == b"PAR1" and data[-4:] == b"PAR1":
        frame = pl.read_parquet(io.BytesIO(data))
        new = scrub(table, frame, person)
        if new.equals(frame):
            return data
        out = io.BytesIO()
        new.write_parquet(out, compression="zstd")
        return out.getvalue()
    if zipfile.is_zipfile(io.BytesIO(data)):
        return _without_in_zip(data, person)
    if data[:2] == b"\x1f\x8b":
        plain = gzip.decompress(data)
        new_plain = _without(name, plain, person, table)
        return data if new_plain == plain else gzip.compress(new_plain, mtime=0)
    for encoding in ENCODINGS:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        scrubbed = person.scrubbed(text)
        if scrubbed != text:
            return scrubbed.encode(encoding)
    return data


def _without_in_zip(data: bytes, person: Person) -> bytes:
    out, is_changed = io.BytesIO(), False
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            inside = old.read(member)
            scrubbed = _without(member.filename, inside, person, None)
            is_changed = is_changed or scrubbed != inside
            new.writestr(member, scrubbed)
    return out.getvalue() if is_changed else data


def _rehash(workspace: Workspace) -> None:
    """Commits hold hashes of their files, from which views know what changed."""
    lake, hashes = workspace.lake, {}
    for path in sorted((lake.root / "commits").glob("*.json")):
        value = read_json(path)
        for batches in value["tables"].values():
            for batch in batches:
                names = (*batch["rows"], *batch["gone"])
                for name in names:
                    if name not in hashes:
                        hashes[name] = content(lake.root / name)
                batch["content"] = digest([hashes[name] for name in names])
        write_json(path, value)


# --- ledger ------------------------------------------------------------------------------------------------------


def _ledger(workspace: Workspace, person: Person, who: str, now: datetime) -> tuple[int, int]:
    """Erase payloads that hold the person, saying again what else they said. How many; how many bear their name."""
    ledger, at, why = workspace.ledger, workspace.moment(now), "a person's data was erased"
    erased = signed = 0
    taken = workspace.lake.state().inbox
    for stream in STREAMS:
        for entry in ledger.entries(stream):
            signed += person.scrubbed(entry.who) != entry.who
            if entry.payload is None:
                continue
            if stream == "inbox" and "rows" in entry.payload:
                for place, row in enumerate(entry.payload["rows"]):
                    new = row and _row(entry.kind, row, person)
                    if row and new != row:
                        if entry.sequence > taken and row.get("id") == new["id"]:
                            ledger.receive(entry.kind, [new], source=entry.who, at=entry.at)
                        ledger.erase(stream, entry.sequence, row=place, who=who, at=at, reason=why)
                        erased += 1
                continue
            payload = _value(entry.payload, person)
            if payload != entry.payload:
                said = {"sequence": entry.sequence, "payload": payload}
                ledger.append(stream, decisions.RESTATEMENT, said, who=who, at=at)
                ledger.erase(stream, entry.sequence, who=who, at=at, reason=why)
                erased += 1
    return erased, signed


def _row(table: str, row: Mapping[str, Any], person: Person) -> dict[str, Any]:
    """An arrival without the person: its keys as pseudonyms, its texts scrubbed."""
    new = dict(_value(row, person))
    if table in PERSONS and row.get("id") in person.records.get(table, {}):
        new["id"] = person.records[table][row["id"]]
    frame = pl.DataFrame({key: [value] for key, value in new.items() if isinstance(value, str)})
    return {**new, **(scrub(None, frame, person).row(0, named=True) if frame.width else {})}


def _value(value: Any, person: Person) -> Any:
    if isinstance(value, str):
        return person.scrubbed(value)
    if isinstance(value, Mapping):
        made = {key: _value(item, person) for key, item in value.items()}
        pairs = person.records.get(str(value.get("table")), {})
        return {key: pairs.get(item, item) if key.endswith("_id") else item for key, item in made.items()}
    return [_value(item, person) for item in value] if isinstance(value, list) else value
