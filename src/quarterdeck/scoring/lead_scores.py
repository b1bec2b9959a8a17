"""Leads with their odds to convert: learned from past leads, tested on later ones."""

from __future__ import annotations

import re

import numpy as np
import polars as pl
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from quarterdeck.base.config import Config
from quarterdeck.base.finding import Finding
from quarterdeck.base.schema import empty
from quarterdeck.base.tables import Tables
from quarterdeck.scoring import leads, snapshots
from quarterdeck.scoring.leads import FIELDS, Known
from quarterdeck.scoring.profile_records import own_columns
from quarterdeck.scoring.rating import rated
from quarterdeck.scoring.scorer import LeadScorer
from quarterdeck.scoring.settings import ScoringSettings

TEST_SHARE = 0.25
TELLING = re.compile(r"duration|call.?length|talk.?time|disposition|outcome|result|clos(ed|ing)|won|lost|convert", re.I)
"""Names of what is known once a lead was talked to or decided."""
EARLIER = re.compile(r"^(p|prev|previous|prior|last|past|former)(_| |(?=outcome))", re.I)
TELLS = 0.7
"""AUC of one such column alone from which on it is left out."""
IMPOSSIBLE = 0.98
"""AUC of any one column alone from which on it must have been filled in afterwards."""


def score_leads(tables: Tables, config: Config[ScoringSettings]) -> tuple[pl.DataFrame, list[Finding]]:
    """The leads' rows of `scores`, and findings: the open leads, or where none is open the newest, as foretold."""
    if not tables.has("leads"):
        return empty("scores"), []
    settings, known_leads = config.settings, leads.outcomes(tables)
    won = known_leads.filter(pl.col("is_won")).height
    late = filled_late(tables, known_leads, settings.known_early) | set(settings.known_late)
    life = leads.life_days(known_leads)
    past = leads.moments(known_leads, config.as_of, settings.max_snapshots, config.seed)
    known = Known(tables, life, late)
    features = known.at(past.select("id", "at"))
    model = settings.model if won >= settings.min_converted else "base"
    base = "age_days" if past["at"].null_count() < past.height else None
    explained = [name for group in known.groups for name in group.columns]
    columns = [name for name in explained if features[name].n_unique() > 1] if model != "base" else []
    columns = [*([base] if base and base not in columns else []), *columns] or ["age_days"]
    scorer, chooser = LeadScorer(model, base=base, random_state=config.seed), None
    before, after = _split(past, config)
    chooser = clone(scorer)
    test = (features.filter(after).select(columns), past.filter(after)["won"], past.filter(after)["weight"])
    earlier = past.filter(before)
    findings = _late_findings(late) + _verdict(won, settings)
    if earlier.is_empty():
        return empty("scores"), findings
    chooser.fit(features.filter(before).select(columns), earlier["won"], earlier["weight"].to_numpy(), test=test)
    findings += _test_findings(chooser, base)
    current = known_leads.filter("is_open").sort("id")
    if current.height:
        scorer.adopt(chooser, features.select(columns), past["won"].to_numpy(), past["weight"].to_numpy())
        now = current.select("id", at=pl.lit(config.as_of).cast(pl.Datetime("us")))
        return rated("lead", now["id"], scorer, columns, known.at(now), known.groups), findings
    newest = past.filter(after).with_row_index("row").group_by("id", maintain_order=True).last().sort("row")
    part = known.at(newest.select("id", "at"))
    findings.append(_none_open(newest.height))
    return rated("lead", newest["id"], chooser, columns, part, known.groups), findings


def _split(past: pl.DataFrame, config: Config[ScoringSettings]) -> tuple[pl.Series, pl.Series]:
    """Rows to learn from, whose outcome was known before the cut, and later ones to be foretold."""
    dated = past.filter(pl.col("at").is_not_null())
    if dated.height >= past.height / 2:
        first = dated["at"].min()
        edge = snapshots.cut(first, config.as_of, 1 - TEST_SHARE)  # type: ignore[arg-type]
        before = past["settled_at"].is_null() | (past["settled_at"] < edge)
        return before, (past["at"] >= edge).fill_null(False)
    place = pl.Series(np.arange(past.height) < int((1 - TEST_SHARE) * past.height))
    return place, ~place


def filled_late(tables: Tables, outcomes: pl.DataFrame, known_early: tuple[str, ...]) -> set[str]:
    """Columns of leads that are filled in, or only true, once the outcome is known.

    Told by evidence: open leads lack them far more often than settled ones; or the column alone tells the outcome,
    wholly, or well enough where its name says that it is of the call, the decision or what came after.
    """
    table = tables["leads"]
    fixed = table.select("id", *FIELDS, "employees", "owner_id")
    own = own_columns(table["attributes"], taken=set(table.columns))
    frame = pl.concat([fixed, own], how="horizontal").join(outcomes, on="id", how="inner")
    open_ones, settled = frame.filter("is_open"), frame.filter(~pl.col("is_open"))
    won = settled["is_won"].to_numpy()
    found = set()
    for name in (*fixed.columns[1:], *own.columns):
        if name in known_early:
            continue
        gone = open_ones[name].null_count() / max(open_ones.height, 1)
        usual = settled[name].null_count() / max(settled.height, 1)
        if open_ones.height >= 30 and settled.height and gone > max(0.05, 3 * usual) and gone - usual > 0.2:
            found.add(name)
        elif 0 < won.sum() < len(won):
            power = _power(settled[name], won)
            is_telling = bool(TELLING.search(name)) and not EARLIER.search(name) and name in own.columns
            if power >= IMPOSSIBLE or (is_telling and power >= TELLS):
                found.add(name)
    return found


def _power(column: pl.Series, won: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    """AUC of the column alone: of a number as it is, of a category by the rate of its other rows."""
    if column.dtype.is_numeric():
        values = column.cast(pl.Float64)
        missing = roc_auc_score(won, values.is_null().to_numpy()) if values.null_count() else 0.5
        filled = roc_auc_score(won, values.fill_null(values.median() or 0.0).to_numpy())
        return float(max(missing, 1 - missing, filled, 1 - filled))
    rows = pl.DataFrame({"value": column.cast(pl.String).fill_null(""), "won": won.astype(np.float64)})
    others = (pl.col("won").sum().over("value") - pl.col("won")) / (pl.len().over("value") - 1).cast(pl.Float64)
    rate = rows.select(pl.when(pl.len().over("value") > 1).then(others).otherwise(won.mean())).to_series().to_numpy()
    # The rate of the other rows is a little lower for a row that converted: with few values that must not be seen.
    kinds = rows["value"].n_unique()
    return float(roc_auc_score(won, rate)) if kinds <= len(won) / 20 else 0.5


def _late_findings(late: set[str]) -> list[Finding]:
    if not late:
        return []
    names = ", ".join(sorted(late))
    return [
        Finding(
            code="scoring.lead_columns_known_late",
            severity="notice",
            message=f"{names}: known only once a lead's outcome is, and so left out of the odds of leads.",
            fix=f"Where it is known before, write scoring.known_early: [{names}] in quarterdeck.yaml.",
            table="leads",
        )
    ]


def _none_open(rows: int) -> Finding:
    return Finding(
        code="scoring.no_open_leads",
        severity="notice",
        message=f"No lead is open: the {rows} newest ones are scored, by what was learned from those before them.",
        fix="Load leads that are still open to see their odds.",
        table="leads",
    )


def _verdict(won: int, settings: ScoringSettings) -> list[Finding]:
    if won >= settings.min_converted:
        return []
    return [
        Finding(
            code="scoring.little_lead_data",
            severity="warning",
            message=f"Too little data: {won} converted leads cannot tell leads apart; each has the odds of its age.",
            fix=f"Load older leads; {settings.min_converted} converted ones are the least.",
            table="leads",
        )
    ]


def _test_findings(chooser: LeadScorer, base: str | None) -> list[Finding]:
    report = chooser.report_
    best = chooser.chosen_
    if best == "base":
        best = min((name for name in report if name != "base"), key=lambda name: report[name]["log_loss"], default="")
    if not report or best not in report:
        return []
    plain = "their age alone" if base else "one rate for all"
    figures = "; ".join(
        f"{title} {report[best][measure]:.3f} against {report['base'][measure]:.3f}"
        for measure, title in (("auc", "AUC"), ("brier", "Brier score"), ("log_loss", "log loss"))
    )
    if chooser.chosen_ == "base":
        message = f"{best} foretold later leads no better than {plain} ({figures}); scores of leads follow that."
        fix = "Record where leads come from and what they do: it tells them apart."
        return [Finding("scoring.lead_base_rate_only", "notice", message, fix, table="leads")]
    message = f"Scores of leads come from {best}; on later leads, against {plain}: {figures}."
    fix = "Nothing to mend: it says how far to trust the odds."
    return [Finding("scoring.lead_model_report", "notice", message, fix, table="leads")]
