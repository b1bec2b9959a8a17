"""From places to a file's entry: formats, values, aliases, columns that fill two targets, hints for earlier dates."""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

from quarterdeck.base import schema
from quarterdeck.connectors import convert
from quarterdeck.connectors.aims import aimed
from quarterdeck.connectors.evidence import TEMPORAL, Evidence, examine
from quarterdeck.connectors.fit import Placed
from quarterdeck.connectors.joins import Joins
from quarterdeck.connectors.mapping import ATTRIBUTES, SKIP, ColumnMapping, FileMapping
from quarterdeck.connectors.vocabulary import (
    REFERENCES,
    canonical_value,
    currency_words,
    like,
    missing,
    plain,
    scale_of,
    value_words,
)

_NUMERIC = ("money", "number", "decimal", "integer")
_DERIVED = {"owner_id": "people", "account_id": "accounts", "product_id": "products"}


def finished(
    entry: FileMapping, columns: list[Evidence], sample: pl.DataFrame, placed: dict[str, Placed], joins: Joins
) -> FileMapping:
    """The entry with its columns and, for opportunities, the hints for views at earlier dates."""
    evidence = {column.name: column for column in columns}
    made = [
        _column(column, entry.table, placed[column.name], joins)
        if column.name in placed
        else _kept(column, entry.table)
        for column in columns
    ]
    _key_from_name(made, entry.table, evidence)
    if entry.table == "people":
        _team_from_manager(made)
    if entry.table == "opportunities":
        if not _status_from_flags(made, evidence):
            _status_from_stage(made, evidence)
        _other_close_dates(made, sample)
        _expected_from_close(made, sample)
    fill: dict[str, str] = {}
    if entry.table == "targets":
        fill, why = aimed(made, evidence, sample)
        entry = entry.model_copy(update={"reason": "; ".join(filter(None, (entry.reason, why)))})
    currency = _currency(made, entry.table, evidence)
    if currency:
        fill["currency"] = currency
    changed: dict[str, object] = {"columns": tuple(made), "fill": fill}
    if not any(column.target == "id" for column in made):
        changed["reason"] = f"{entry.reason}; no column is a key, so a row's whole content names it"
    entry = entry.model_copy(update=changed)
    return entry.model_copy(update=_hints(entry, sample)) if entry.table == "opportunities" else entry


def _column(column: Evidence, table: str, place: Placed, joins: Joins) -> ColumnMapping:
    target = schema.table(table).column(place.target)
    extra: dict[str, object] = {}
    if target.type in ("day", "instant") and column.kind in TEMPORAL:
        extra["format"] = "" if column.format == "iso" else column.format
    if target.type in _NUMERIC:
        extra["decimal"] = column.decimal
        scale, word = scale_of(column.name)
        if word and target.type != "integer":
            extra["scale"] = scale
    name = f"{table}.{target.name}"
    if value_words(name):
        extra["values"] = _values(column, name)
    if place.joins:
        extra["joins"] = place.joins
        extra["aliases"] = joins.aliases(column, place.joins)
    elif target.name in REFERENCES and column.kind != "empty":
        extra["joins"] = f"{REFERENCES[target.name]}.id"
    return ColumnMapping.model_validate(
        {
            "column": column.name,
            "target": target.name,
            "confidence": round(place.confidence, 2),
            "reason": place.reason,
            **extra,
        }
    )


def _values(column: Evidence, name: str) -> dict[str, str]:
    if column.distinct > 60:
        return {}
    known = {value: canonical_value(name, value) for value in column.values}
    if name == "opportunities.status":
        return {value: word or "open" for value, word in known.items() if value != word}
    return {value: word for value, word in known.items() if word is not None and word != value}


def _kept(column: Evidence, table: str) -> ColumnMapping:
    near = max((likeness.score for likeness in like(column.name, table).values()), default=0.0)
    reason = "no column of ours means this" if near < 0.5 else "another column fills the place it could have"
    if ATTRIBUTES not in schema.table(table).names:
        reason += f"; {table} keeps no attributes, so it is left out"
    return ColumnMapping(
        column=column.name, target=ATTRIBUTES, confidence=round(1 - 0.5 * near, 2), reason=f"{reason}; {column.told()}"
    )


def _find(made: list[ColumnMapping], target: str) -> ColumnMapping | None:
    return next((entry for entry in made if entry.target == target), None)


def _after(made: list[ColumnMapping], entry: ColumnMapping, new: ColumnMapping) -> None:
    made.insert(made.index(entry) + 1, new)


def _key_from_name(made: list[ColumnMapping], table: str, evidence: dict[str, Evidence]) -> None:
    """The key is a name that every row has and no two share, where no column is the key; and the other way round."""
    names = schema.table(table).names
    name, key = _find(made, "name"), _find(made, "id")
    if key is None and name is not None and evidence[name.column].is_unique and evidence[name.column].share > 0.99:
        reason = "no other column is a key, and no two rows have the same name"
        made.insert(made.index(name), ColumnMapping(column=name.column, target="id", confidence=0.85, reason=reason))
    required = "name" in names and schema.table(table).column("name").is_required
    if required and name is None and key is not None and evidence[key.column].kind == "text":
        reason = "the key is the only name there is"
        _after(made, key, ColumnMapping(column=key.column, target="name", confidence=0.7, reason=reason))


def _team_from_manager(made: list[ColumnMapping]) -> None:
    manager = _find(made, "manager_id")
    if manager is not None and _find(made, "team") is None:
        reason = "there is no team column: those with the same manager are taken as a team"
        _after(made, manager, ColumnMapping(column=manager.column, target="team", confidence=0.7, reason=reason))


def _status_from_flags(made: list[ColumnMapping], evidence: dict[str, Evidence]) -> bool:
    """Two flags that say whether a deal is won and whether it is closed tell the status, before any word does."""
    flags = {}
    for name in ("is won", "is closed"):
        entry = next((entry for entry in made if plain(entry.column) == name), None)
        values = {} if entry is None else _flag_values(evidence[entry.column])
        if entry is None or not values:
            return False
        flags[name] = (entry, values)
    for entry in [entry for entry in made if entry.target == "status"]:
        if entry.column in (flags["is won"][0].column, flags["is closed"][0].column):
            continue
        kept = {"target": ATTRIBUTES, "values": {}, "reason": "two flags of the deals say whether they are won"}
        made[made.index(entry)] = entry.model_copy(update=kept)
    for name, yes, no, reason in (
        ("is won", "won", "", "it says which deals are won, before the words of the stage do"),
        ("is closed", "lost", "open", "of deals that are not won, those that are closed are lost"),
    ):
        entry, values = flags[name]
        new = {"column": entry.column, "target": "status", "confidence": 0.97, "reason": reason}
        made.remove(entry)
        # the first column that says something counts: won before closed
        told = {value: yes if is_yes else no for value, is_yes in values.items()}
        made.append(ColumnMapping.model_validate({**new, "values": told}))
    return True


def _flag_values(column: Evidence) -> dict[str, bool]:
    """A flag's values and whether each means yes; {} for a column that is no flag."""
    values = pl.Series(column.values, dtype=pl.String)
    read = convert.flags(values)
    return {} if not len(values) or read.null_count() else dict(zip(column.values, read.to_list(), strict=True))


def _outcomes(column: Evidence) -> dict[str, str]:
    return {value: canonical_value("opportunities.status", value) or "open" for value in column.values}


def _status_from_stage(made: list[ColumnMapping], evidence: dict[str, Evidence]) -> None:
    """Won, lost and open come from the column whose words tell them; the stage's own words are kept as the stage."""
    stage, status = _find(made, "stage"), _find(made, "status")

    def tells(entry: ColumnMapping | None) -> bool:
        if entry is None:
            return False
        column = evidence[entry.column]
        return column.distinct <= 60 and bool({"won", "lost"} & set(_outcomes(column).values()))

    if status is not None and stage is None:
        reason = "the only column that tells how far a deal is"
        _after(made, status, ColumnMapping(column=status.column, target="stage", confidence=0.7, reason=reason))
    if stage is not None and not tells(status) and tells(stage):
        if status is not None:
            kept = {
                "target": ATTRIBUTES,
                "values": {},
                "reason": "its words do not say won or lost, those of the stage do",
            }
            made[made.index(status)] = status.model_copy(update=kept)
        words = _outcomes(evidence[stage.column])
        told = [value for value, word in words.items() if word != "open"]
        reason = f"the stage says it: {', '.join(sorted(told))} end a deal, the others are open"
        entry = ColumnMapping(
            column=stage.column, target="status", confidence=min(stage.confidence, 0.95), reason=reason, values=words
        )
        _after(made, stage, entry)


def _statuses(entry: FileMapping | list[ColumnMapping], sample: pl.DataFrame) -> pl.Series | None:
    columns = entry.columns if isinstance(entry, FileMapping) else entry
    found: pl.Series | None = None
    for status in (column for column in columns if column.target == "status"):
        raw = convert.cleaned(sample[status.column], missing())
        told = convert.words(raw, status.values, "opportunities.status")
        found = told if found is None else found.fill_null(told)
    return None if found is None else found.fill_null("open")


def _other_close_dates(made: list[ColumnMapping], sample: pl.DataFrame) -> None:
    """Won and lost deals with their dates in two columns, of which no row has both: either is the close."""
    closed = _find(made, "closed_at")
    if closed is None:
        return
    taken = convert.cleaned(sample[closed.column], missing()).is_not_null()
    for place, entry in enumerate(made):
        near = like(entry.column, "opportunities").get("closed_at")
        if entry.target != ATTRIBUTES or near is None or near.score < 0.9:
            continue
        found, dated = examine(sample[entry.column], missing()), convert.cleaned(sample[entry.column], missing())
        if found.kind in TEMPORAL and not (taken & dated.is_not_null()).any():
            form = "" if found.format == "iso" else found.format
            reason = f"dates of deals that have no {closed.column!r}"
            entry = ColumnMapping(column=entry.column, target="closed_at", confidence=0.85, reason=reason, format=form)
            made[place] = entry


def _expected_from_close(made: list[ColumnMapping], sample: pl.DataFrame) -> None:
    """A close date that open deals have too is their expected close date."""
    closed, expected, status = _find(made, "closed_at"), _find(made, "expected_close_on"), _statuses(made, sample)
    one = closed or expected
    if status is None or one is None or (closed is not None and expected is not None):
        return
    dated = convert.cleaned(sample[one.column], missing()).is_not_null()
    of_open, of_closed = dated.filter(status == "open"), dated.filter(status != "open")
    other = "expected_close_on" if closed is not None else "closed_at"
    if closed is not None and (not len(of_open) or of_open.mean() < 0.2):  # type: ignore[operator]
        return
    if closed is None and (not len(of_closed) or of_closed.mean() < 0.5):  # type: ignore[operator]
        return
    reason = (
        "open deals have this date too: theirs is the expected close"
        if closed is not None
        else "no other column says when deals were closed: of won and lost deals it is this date"
    )
    new = ColumnMapping(
        column=one.column, target=other, confidence=min(0.8, one.confidence), reason=reason, format=one.format
    )
    _after(made, one, new)


def _currency(made: list[ColumnMapping], table: str, evidence: dict[str, Evidence]) -> str:
    """The currency that signs beside the amounts, or the amount column's name, tell."""
    if "currency" not in schema.table(table).names or _find(made, "currency") is not None:
        return ""
    found = set()
    for entry in made:
        if entry.target == ATTRIBUTES or schema.table(table).column(entry.target).type not in ("money", "decimal"):
            continue
        if evidence[entry.column].currency:
            found.add(evidence[entry.column].currency)
        for word in re.findall(r"[^\s()\[\],/_-]+", entry.column.casefold()):
            known = currency_words().get(word) or currency_words().get(word.lstrip("천백만억"))
            if known and (len(word) > 1 or not word.isascii() or word in "$"):
                found.add(known)
    return found.pop() if len(found) == 1 else ""


def _hints(entry: FileMapping, sample: pl.DataFrame) -> dict[str, object]:
    """What deals looked like before they closed, as far as the deals that are still open show it."""
    status, amount = _statuses(entry, sample), entry.column_for("amount")
    if status is None:
        return {}
    out: dict[str, object] = {}
    is_open = status == "open"
    count = int(is_open.sum())
    if amount is not None:
        filled = convert.cleaned(sample[amount.column], missing()).is_not_null().filter(is_open)
        share = float(filled.mean() or 0.0) if count else 0.0  # type: ignore[arg-type]
        if not count:
            out["amount_known"], out["amount_reason"] = "always", "the export holds no open deal to tell by"
        elif share <= 0.05:
            out["amount_known"] = "at_close"
            out["amount_reason"] = (
                f"of {count:,} open deals {int(filled.sum()):,} have an amount: it is written when a deal closes"
            )
        else:
            out["amount_known"] = "always"
            out["amount_reason"] = f"{share:.0%} of the open deals have an amount"
    stage, created = entry.column_for("stage"), entry.column_for("created_at")
    if stage is not None and count:
        dated = is_open
        if created is not None:
            dated = is_open & convert.cleaned(sample[created.column], missing()).is_not_null()
        stages = convert.text(convert.cleaned(sample[stage.column], missing())).filter(dated).drop_nulls()
        if len(stages):
            usual = stages.value_counts(sort=True, name="n").sort(["n", stages.name], descending=[True, False])
            out["open_stage"] = usual[stages.name][0]
            out["stage_reason"] = (
                f"the stage of {usual['n'][0]:,} of the {len(stages):,} open deals that have a start date"
            )
    return out


def derived_files(
    entries: list[FileMapping], known: Sequence[FileMapping], samples: dict[str, pl.DataFrame]
) -> list[FileMapping]:
    """Entries for people, accounts and products that no file lists, from the values that deals and orders name.

    `known` are entries that stand already: what they list is not made again.
    """
    have = {entry.table for entry in (*entries, *known)}
    out: list[FileMapping] = []
    for target, table in _DERIVED.items():
        if table in have:
            continue
        for source in ("opportunities", "orders", "leads", "activities"):
            entry = next((item for item in entries if item.table == source and item.column_for(target)), None)
            if entry is not None and entry.table != SKIP:
                out.append(_derived(entry, target, table, samples[entry.path]))
                break
    return out


def _derived(entry: FileMapping, target: str, table: str, sample: pl.DataFrame) -> FileMapping:
    reference = entry.column_for(target)
    assert reference is not None
    named = _name_beside(entry, reference.column, target, sample)
    key = {"column": reference.column, "target": "id", "confidence": reference.confidence, "reason": "names them"}
    name = {
        "column": named or reference.column,
        "target": "name",
        "confidence": 0.7,
        "reason": "one name for each key" if named else "the key is the only name there is",
    }
    columns = (ColumnMapping.model_validate(key), ColumnMapping.model_validate(name))
    reason = f"no file lists {table}: they are made from the values of {reference.column!r}"
    return FileMapping(path=entry.path, table=table, confidence=0.7, reason=reason, is_distinct=True, columns=columns)


def _name_beside(entry: FileMapping, column: str, target: str, sample: pl.DataFrame) -> str | None:
    """Another column that gives each value of a reference one name."""
    table = _DERIVED[target]
    for other in entry.columns:
        names = "name" in like(other.column, table) or target in like(other.column, entry.table)
        if other.target != ATTRIBUTES or not names or other.column == column:
            continue
        pairs = sample.select(column, other.column).unique()
        if pairs[column].n_unique() == pairs.height:
            return other.column
    return None
