"""Deals: which columns tell how one ended and when, and what it looked like before."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import polars as pl

from quarterdeck.connectors import convert
from quarterdeck.connectors.entries import after, filling, flag_values
from quarterdeck.connectors.evidence import TEMPORAL, Evidence, examine
from quarterdeck.connectors.mapping import ATTRIBUTES, ColumnMapping, FileMapping
from quarterdeck.connectors.vocabulary import canonical_value, like, missing, plain


def complete(made: list[ColumnMapping], evidence: dict[str, Evidence], sample: pl.DataFrame) -> None:
    """Put into a file of deals what one column alone does not tell: status, close dates, the start."""
    if not _status_from_flags(made, evidence):
        _status_from_stage(made, evidence)
    _other_close_dates(made, sample)
    _dates_by_values(made, evidence, sample)
    _expected_from_close(made, sample)


def _status_from_flags(made: list[ColumnMapping], evidence: dict[str, Evidence]) -> bool:
    """Two flags that say whether a deal is won and whether it is closed tell the status, before any word does."""
    flags = {}
    for name in ("is won", "is closed"):
        entry = next((entry for entry in made if plain(entry.column) == name), None)
        values = {} if entry is None else flag_values(evidence[entry.column])
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


def _outcomes(column: Evidence) -> dict[str, str]:
    return {value: canonical_value("opportunities.status", value) or "open" for value in column.values}


def _status_from_stage(made: list[ColumnMapping], evidence: dict[str, Evidence]) -> None:
    """Won, lost and open come from the column whose words tell them; the stage's own words are kept as the stage."""
    stage, status = filling(made, "stage"), filling(made, "status")

    def tells(entry: ColumnMapping | None) -> bool:
        if entry is None:
            return False
        column = evidence[entry.column]
        return column.distinct <= 60 and bool({"won", "lost"} & set(_outcomes(column).values()))

    if status is not None and stage is None:
        reason = "the only column that tells how far a deal is"
        after(made, status, ColumnMapping(column=status.column, target="stage", confidence=0.7, reason=reason))
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
        after(made, stage, entry)


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
    closed = filling(made, "closed_at")
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
    closed, expected, status = filling(made, "closed_at"), filling(made, "expected_close_on"), _statuses(made, sample)
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
    after(made, one, new)


def hints(entry: FileMapping, sample: pl.DataFrame) -> dict[str, object]:
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


def _dates_by_values(made: list[ColumnMapping], evidence: dict[str, Evidence], sample: pl.DataFrame) -> None:
    """Dates whose names say nothing: only ended deals have a close, every deal has a start, and it comes first."""
    status = _statuses(made, sample)
    free = [entry for entry in made if entry.target == ATTRIBUTES and evidence[entry.column].kind in TEMPORAL]
    if status is None or not free:
        return
    ended = status != "open"
    for entry in free:
        dated = convert.cleaned(sample[entry.column], missing()).is_not_null()
        of_ended, of_open = _mean(dated, ended), _mean(dated, ~ended)
        if filling(made, "closed_at") is None and of_ended >= 0.95 and of_open <= 0.05 and 0 < ended.sum() < len(ended):
            take(made, entry, evidence, "closed_at", "only deals that are won or lost have this date")
        elif filling(made, "created_at") is None and dated.mean() == 1.0 and is_first(entry, made, evidence, sample):
            take(made, entry, evidence, "created_at", "every deal has this date, and no other is earlier")


def _mean(values: pl.Series, among: pl.Series) -> float:
    return float(values.filter(among).mean() or 0.0)  # type: ignore[arg-type]


def is_first(
    entry: ColumnMapping, made: list[ColumnMapping], evidence: dict[str, Evidence], sample: pl.DataFrame
) -> bool:
    """A date that lies before the other dates of nearly every row, and not on one day for all."""
    days = {
        other.column: convert.days(
            convert.cleaned(sample[other.column], missing()), evidence[other.column].format, ZoneInfo("UTC")
        )
        for other in made
        if evidence[other.column].kind in TEMPORAL
    }
    own = days.pop(entry.column)
    shares = [float((own <= other).mean() or 0.0) for other in days.values()]  # type: ignore[arg-type]
    return own.n_unique() > 3 and bool(shares) and min(shares) >= 0.97


def take(
    made: list[ColumnMapping], entry: ColumnMapping, evidence: dict[str, Evidence], target: str, reason: str
) -> None:
    """Give a date's entry a place that only its values tell."""
    form = evidence[entry.column].format
    taken = ColumnMapping(
        column=entry.column, target=target, confidence=0.6, reason=reason, format="" if form == "iso" else form
    )
    made[made.index(entry)] = taken
