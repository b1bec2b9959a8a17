"""The section on scores: who will buy, how far to trust it, and why."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import polars as pl

from quarterdeck.interfaces.report import charts
from quarterdeck.interfaces.report.page import Cell, Chart, Mark, Section, Table
from quarterdeck.interfaces.report.records import ROWS, rest
from quarterdeck.interfaces.report.source import Source

BEST, WORST = 10, 5
SMALLEST = 0.05
"""Percentage points below which a reason makes no difference and is left out."""

MEASURED = re.compile(r"(AUC|Brier score|log loss) (\d+\.\d+) against (\d+\.\d+)")


def scoring(source: Source) -> Section:
    """Open deals by their odds; the best and the worst with their reasons."""
    words, say = source.words, source.words.say
    groups = source.groups_of("scoring")
    odds = (
        source.rows("scores")
        .filter(pl.col("subject") == "opportunity")
        .select("subject_id", "probability")
        .collect()
        .sort(["probability", "subject_id"], descending=[True, False])
    )
    if not odds.height:
        empty = say("There is no open deal to score.")
        return Section("scoring", say("Scores"), say("Who will buy?"), findings=groups, empty=empty)
    best = _scored(source, odds["subject_id"].head(BEST).to_list(), say("Best odds"))
    worst = _scored(source, odds["subject_id"].tail(WORST).reverse().to_list(), say("Worst odds"))
    more, command = rest(source, odds.height + ROWS - BEST - WORST, "score", "--limit", "0")
    last = Table(worst.title, worst.header, worst.rows, worst.numeric, more, command, is_folded=True)
    blocks: list[Chart | Table] = [_histogram(source, odds), best, last]
    lead = []
    measured = _measured(source)
    if measured:
        model, age = (words.number(100 * value) for value in measured["AUC"])
        lead.append(say("Of 100 pairs of a won and a lost later deal, the model put the won one first in {model}; "
                        "by age alone it would be {age}.", model=model, age=age))  # fmt: skip
        blocks.append(_trust(source, measured))
        groups = [group for group in groups if group.code != "scoring.model_report"]
    return Section("scoring", say("Scores"), say("Who will buy?"), lead, blocks, groups)


def _measured(source: Source) -> dict[str, tuple[float, float]]:
    """Each measure of the test on later deals, of the model and of age alone; empty when it was not made."""
    for group in source.groups_of("scoring"):
        if group.code == "scoring.model_report":
            found = {name: (float(model), float(age)) for name, model, age in MEASURED.findall(group.message)}
            return found if "AUC" in found else {}
    return {}


def _trust(source: Source, measured: dict[str, tuple[float, float]]) -> Table:
    words, say = source.words, source.words.say
    titles = {
        "AUC": say("AUC: share of pairs in the right order, more is better"),
        "Brier score": say("Brier score: mean squared miss of the odds, less is better"),
        "log loss": say("Log loss: as the Brier score, but hard on odds that were sure and wrong"),
    }
    rows = [[titles[name], *(words.number(value, 3) for value in pair)] for name, pair in measured.items()]
    header = [say("Measure, on later deals"), say("Model"), say("Age alone")]
    return Table(say("How far to trust the odds"), header, rows, (1, 2), is_folded=True)


def _histogram(source: Source, odds: pl.DataFrame) -> Chart:
    words, say = source.words, source.words.say
    tenths = (odds["probability"] * 10).floor().clip(0, 9).cast(pl.Int64).to_list()
    rows = [{"period": f"{place * 10}–{place * 10 + 10}", "value": tenths.count(place)} for place in range(10)]
    title = say("Open deals by their odds, %")
    mean = float(odds["probability"].mean())  # type: ignore[arg-type]
    text = say("{count} open deals; mean odds {mean}.", count=words.number(odds.height), mean=words.percent(mean))
    drawn = charts.bars(rows, axis=say("deals"), width=charts.WIDE)
    return Chart(title, text, charts.draw(drawn, title, text))


def _scored(source: Source, keys: Sequence[str], title: str) -> Table:
    """The deals with these keys, in this order."""
    words, say = source.words, source.words.say
    scores = source.rows("scores").filter(pl.col("subject") == "opportunity", pl.col("subject_id").is_in(list(keys)))
    scored = {row["subject_id"]: row for row in scores.collect().iter_rows(named=True)}
    known = source.rows("opportunities").filter(pl.col("id").is_in(list(keys)))
    deals = {
        row["id"]: row for row in known.select("id", "name", "account_id", "owner_id").collect().iter_rows(named=True)
    }
    accounts = source.account_names({deal["account_id"] for deal in deals.values() if deal["account_id"]})
    rows: list[list[Cell]] = []
    for key in keys:
        row, deal = scored[key], deals.get(key, {})
        account = deal.get("account_id")
        rows.append(
            [
                str(deal.get("name") or key),
                accounts.get(account, account) if account else "–",
                source.names.get(str(deal.get("owner_id")), "–"),
                words.percent(row["probability"], 0),
                row["grade"],
                Mark(reasons(row["reasons"]), "soft"),
            ]
        )
    header = [say("Deal"), say("Account"), say("Owner"), say("Odds"), say("Grade"),
              say("Reasons, in percentage points")]  # fmt: skip
    return Table(title, header, rows, (3,))


def reasons(text: str | None) -> str:
    """Reasons as one line, without those that make no difference; whatever shape they have is shown, never evaluated.

    >>> reasons('[{"text": "Age", "effect": 3.2}, {"text": "Product", "effect": 0.04}]')
    'Age (+3.2)'
    """
    if not text:
        return ""
    try:
        parts = json.loads(text)
    except ValueError:
        return text
    return "; ".join(filter(None, map(_reason, parts))) if isinstance(parts, list) else text


def _reason(part: object) -> str:
    if isinstance(part, dict):
        effect = next((value for value in part.values() if isinstance(value, int | float)), None)
        name = next((value for value in part.values() if isinstance(value, str)), "")
    elif isinstance(part, Sequence) and not isinstance(part, str):
        name = str(part[0]) if part else ""
        effect = part[1] if len(part) > 1 and isinstance(part[1], int | float) else None
    else:
        return str(part)
    if effect is None:
        return name
    if abs(effect) < SMALLEST:
        return ""
    return f"{name} ({effect:+.0f})" if abs(effect) >= 10 or effect == round(effect) else f"{name} ({effect:+.1f})"
