"""The step `review.compare`: promised bookings against what was won, with what made the difference."""

from __future__ import annotations

from typing import Any

import polars as pl

from quarterdeck.base.calendar import add_months
from quarterdeck.base.config import Config, instant
from quarterdeck.base.finding import Finding
from quarterdeck.base.money import scale
from quarterdeck.base.schema import conform, empty
from quarterdeck.base.step import Result
from quarterdeck.base.tables import Tables
from quarterdeck.review.settings import ReviewSettings

KEY = ["reference", "period_start", "level", "member"]
LEVELS = ("all", "region", "product")


def compare(tables: Tables, config: Config[ReviewSettings]) -> Result:
    """Variances of every promise whose month has begun (table `variances`).

    The difference is split into number and size of deals: the deals that came, at their product's usual size before
    the promise, less what was promised, is the number's part; the rest is the size's (price-volume analysis).
    """
    promises, findings = _promises(tables)
    begun = promises.filter(pl.col("period_start") < config.today)
    if begun.is_empty():
        findings += _nothing(promises)
        return Result({"variances": empty("variances")}, findings)
    compared = begun.join(_actuals(tables, begun, config), on=KEY, how="left")
    compared = compared.with_columns(pl.col("actual", "usual", "from_open").fill_null(0.0), pl.col("n").fill_null(0))
    rows = _judged(compared, config, _noun(tables))
    findings += _missed(rows, config) + _hit_share(rows)
    return Result({"variances": conform("variances", rows).sort(KEY)}, findings)


def _promises(tables: Tables) -> tuple[pl.DataFrame, list[Finding]]:
    """What was promised: `reference, label, made_on, period_start, level, member, planned, q10, q90`."""
    columns = ["reference", "label", "made_on", "period_start", "level", "member", "planned", "q10", "q90"]
    promises = tables["promises"].filter((pl.col("measure") == "bookings") & pl.col("level").is_in(LEVELS))
    if promises.height:
        return promises.select(columns), _unpublished(promises["label"][0], promises["made_on"][0])
    nodes = tables["nodes"].filter(pl.col("level").is_in(LEVELS))
    member = pl.when(pl.col("level") == "region").then("region").when(pl.col("level") == "product").then("product_id")
    hindcast = (
        tables["demand_accuracy"]
        .join(nodes, on="node_id")
        .select(
            pl.format("hindcast {}", pl.col("origin").dt.to_string("%Y-%m-%d")).alias("reference"),
            pl.lit("hindcast").alias("label"),
            pl.col("origin").alias("made_on"),
            "period_start",
            "level",
            member.otherwise(pl.lit("all")).alias("member"),
            pl.col("mean").alias("planned"),
            "q10",
            "q90",
        )
    )
    return hindcast, _unpublished("hindcast", hindcast["made_on"].max() if hindcast.height else None)


def _unpublished(label: str, made_on: object) -> list[Finding]:
    if label == "publication":
        return []
    instead = (
        f"the draft of {made_on} stands in"
        if label == "draft"
        else (
            f"forecasts made afresh as of earlier dates, the latest {made_on}, show what would have been promised"
            if made_on
            else "there is nothing to hold against what came"
        )
    )
    return [
        Finding(
            "review.no_publication",
            "notice",
            f"No plan was approved and published before; {instead}.",
            "Approve a plan (quarterdeck approve), so that the next review holds it against what came.",
            table="promises",
        )
    ]


def _nothing(promises: pl.DataFrame) -> list[Finding]:
    if promises.is_empty():
        return []
    first = promises["period_start"].sort()[0]
    return [
        Finding(
            "review.not_begun",
            "notice",
            f"No promised month has begun yet; the first is {first}.",
            "Run again when it has begun.",
            table="promises",
        )
    ]


def _won(tables: Tables, config: Config[ReviewSettings]) -> pl.DataFrame:
    """Won deals with their month in the company's time zone and amount in major units.

    Without any, the bookings of orders or invoices: a row a leaf and month, with what it counts in `deals`.
    """
    won = tables["opportunities"].filter((pl.col("status") == "won") & pl.col("closed_at").is_not_null())
    if won.is_empty() and tables.has("bookings"):
        return _without_deals(tables, config)
    return won.select(
        "product_id",
        "region",
        "created_at",
        closed_on=_local_day("closed_at", config),
        amount=pl.col("amount").fill_null(0) / scale(config.company.currency),
        deals=pl.lit(1.0),
    ).with_columns(period_start=pl.col("closed_on").dt.truncate("1mo"))


def _without_deals(tables: Tables, config: Config[ReviewSettings]) -> pl.DataFrame:
    nodes = tables["nodes"].select("node_id", "product_id", "region")
    return (
        tables["bookings"]
        .join(nodes, on="node_id", maintain_order="left")
        .select(
            "product_id",
            "region",
            created_at=pl.lit(config.as_of),
            closed_on="period_start",
            amount="amount",
            deals="quantity",
            period_start="period_start",
        )
    )


def _noun(tables: Tables) -> str:
    """The word for what bookings are counted in."""
    source = tables["bookings"]["source"]
    return {"orders": "unit", "invoices": "invoice"}.get(source[0], "deal") if len(source) else "deal"


def _local_day(column: str, config: Config[ReviewSettings]) -> pl.Expr:
    return pl.col(column).dt.replace_time_zone("UTC").dt.convert_time_zone(config.company.timezone).dt.date()


def _actuals(tables: Tables, promises: pl.DataFrame, config: Config[ReviewSettings]) -> pl.DataFrame:
    """By promise: what was won, how many deals, what they would have brought at their usual size, and how much of it
    came from deals that were open when the promise was made."""
    won = _won(tables, config)
    parts = []
    for reference, made_on in promises.select("reference", "made_on").unique().sort("reference").iter_rows():
        before = (won["closed_on"] < made_on) & (won["closed_on"] >= add_months(made_on, -config.settings.usual_months))
        past = won.filter(before)
        usual = past.group_by("product_id").agg(usual=pl.col("amount").sum() / pl.col("deals").sum())
        overall = past.select(pl.col("amount").sum() / pl.col("deals").sum()).item() if past.height else None
        months = promises.filter(pl.col("reference") == reference)["period_start"].unique()
        came = won.filter(pl.col("period_start").is_in(months.implode())).join(
            usual, on="product_id", how="left", nulls_equal=True
        )
        came = came.with_columns(
            usual=pl.coalesce(
                pl.col("usual") * pl.col("deals"), pl.lit(overall, dtype=pl.Float64) * pl.col("deals"), "amount"
            ),
            from_open=pl.when((pl.col("created_at") < instant(made_on, config.company)).fill_null(True))
            .then("amount")
            .otherwise(0.0),
        )
        for level, member in (("all", pl.lit("all")), ("region", pl.col("region")), ("product", pl.col("product_id"))):
            parts.append(
                came.with_columns(member=member)
                .filter(pl.col("member").is_not_null())
                .group_by("period_start", "member")
                .agg(
                    actual=pl.col("amount").sum(),
                    n=pl.col("deals").sum().round().cast(pl.Int64),
                    usual=pl.col("usual").sum(),
                    from_open=pl.col("from_open").sum(),
                )
                .with_columns(reference=pl.lit(reference), level=pl.lit(level))
            )
    return pl.concat(parts)


def _judged(compared: pl.DataFrame, config: Config[ReviewSettings], noun: str) -> pl.DataFrame:
    """The rows of `variances`: difference, whether the interval held it, and the reason in words."""
    today = config.today
    over = pl.col("period_start").dt.offset_by("1mo") <= today
    inside = pl.when(over).then((pl.col("actual") >= pl.col("q10")) & (pl.col("actual") <= pl.col("q90")))
    rows = compared.with_columns(
        measure=pl.lit("bookings"),
        variance=pl.col("actual") - pl.col("planned"),
        is_complete=over,
        is_inside=inside,
    )
    reasons = [_reason(row, config.company.currency, noun) for row in rows.iter_rows(named=True)]
    return rows.with_columns(reason=pl.Series(reasons, dtype=pl.String))


def _reason(row: dict[str, Any], currency: str, noun: str) -> str:
    """What made the difference: the number of deals at their usual size, then their size."""
    deals = f"{row['n']:,} {noun}{'' if row['n'] == 1 else 's'}"
    if not row["is_complete"]:
        return f"The month is still running: {deals} {'won' if noun == 'deal' else 'sold'} so far."
    if row["n"] == 0 or row["actual"] <= 0:
        return "Nothing was won." if noun == "deal" else "Nothing was sold."
    number, size = row["usual"] - row["planned"], row["actual"] - row["usual"]
    way = "more" if number >= 0 else "fewer"
    count = round(abs(number) * row["n"] / row["usual"]) if row["usual"] > 0 else 0
    opened = row["from_open"] / row["actual"]
    larger, smaller = ("larger", "smaller") if noun == "deal" else ("dearer", "cheaper")
    known = f"; {opened:.0%} of what came was open when it was promised" if noun == "deal" else ""
    return (
        f"{count:,} {way} {noun}{'' if count == 1 else 's'} than promised at their usual size "
        f"({number:+,.0f} {currency}), and {noun}s {larger if size >= 0 else smaller} than usual ({size:+,.0f} "
        f"{currency}){known}."
    )


def _missed(rows: pl.DataFrame, config: Config[ReviewSettings]) -> list[Finding]:
    """A finding a region or product of the newest promise whose completed months fell short beyond their interval."""
    newest = rows.filter(pl.col("reference") == pl.col("reference").sort_by("made_on").last())
    short = newest.filter(
        pl.col("is_complete")
        & ~pl.col("is_inside").fill_null(False)
        & (pl.col("actual") < pl.col("planned") * (1 - config.settings.miss_rate))
    )
    found = []
    for (level, member), part in short.sort("period_start").group_by("level", "member", maintain_order=True):
        short_by = -float(part["variance"].sum())
        what = "The company" if level == "all" else f"{str(level).capitalize()} {member}"
        months = ", ".join(f"{month:%Y-%m}" for month in part["period_start"])
        found.append(
            Finding(
                "review.missed",
                "warning",
                f"{what} fell short of its {part['label'][0]} by {short_by:,.0f} {config.company.currency} "
                f"in {months}.",
                f"See why in variances: {part['reason'][0]}",
                table="variances",
                record_id=str(member),
                money_at_stake=float(round(short_by)),
            )
        )
    return found


def _hit_share(rows: pl.DataFrame) -> list[Finding]:
    """How many of the 80 % intervals held."""
    judged = rows.filter(pl.col("is_complete") & pl.col("is_inside").is_not_null())
    if judged.is_empty():
        return []
    inside = int(judged["is_inside"].sum())
    return [
        Finding(
            "review.hit_share",
            "notice",
            f"{inside} of {judged.height} completed promises ({inside / judged.height:.0%}) came inside their 80 % "
            "interval; 80 % is what it should be.",
            "Far fewer: the plan is surer than it should be. All of them over many months: the intervals are too wide.",
            table="variances",
            count=judged.height,
        )
    ]
