"""What to talk of in a segment: values that its won deals, and reasons that its lost ones, hold more often than others.

Values are ranked by the log-odds ratio with an informative Dirichlet prior (B. Monroe, M. Colaresi and K. Quinn,
Fightin' Words, 2008): the prior is what all segments say, so that a rare value does not come first by chance.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from quarterdeck.base.tables import Tables
from quarterdeck.scoring.profile_records import Records, own_columns
from quarterdeck.scoring.segments import Scheme

PRIOR = 50.0
"""Deals of the usual kind that each segment's own are mixed with."""
CLEAR = 2.58
"""Standard errors from which a difference is called clear: many values are compared."""
LEAST_GAP = 0.03
MOST = 5
MAX_VALUES = 200
COLUMNS = ("segment", "field", "value", "n", "of", "share", "elsewhere", "log_odds", "z")


def values_of(tables: Tables, deals: pl.DataFrame) -> pl.DataFrame:
    """What deals (`id, won, segment`) hold: `id, won, segment, field, value`, each value of a deal once."""
    relation = tables.relation("opportunities")
    own: pl.DataFrame = relation.select(
        "id", "product_id", "kind", "lost_reason", "contact_id", "lead_id", "attributes"
    ).to_polars()
    own = deals.select("id", "won", "segment").join(own, on="id", how="inner")
    own = own.join(
        tables["products"].select(product_id="id", product="name", family="family"), on="product_id", how="left"
    )
    own = own.join(tables["contacts"].select(contact_id="id", person="title"), on="contact_id", how="left")
    own = own.join(tables["leads"].select(lead_id="id", source="channel"), on="lead_id", how="left")
    more = own_columns(own["attributes"], taken=set(own.columns))
    own = own.hstack([column for column in more if column.dtype == pl.String])
    is_lost = pl.col("won") == 0
    fields = [name for name in ("product", "family", "kind", "person", "source", *more.columns) if name in own.columns]
    fields = [name for name in fields if own[name].dtype == pl.String]
    own = own.with_columns(lost_reason=pl.when(is_lost).then("lost_reason"))
    long = own.select("id", "won", "segment", *fields, "lost_reason").unpivot(
        index=["id", "won", "segment"], variable_name="field", value_name="value"
    )
    return pl.concat([long, _activities(tables, deals)]).filter(pl.col("value").is_not_null()).unique()


def _activities(tables: Tables, deals: pl.DataFrame) -> pl.DataFrame:
    every = tables.relation("activities").select("opportunity_id", "kind", "outcome")
    done: pl.DataFrame = every.filter(every.opportunity_id.notnull()).distinct().to_polars()
    met = deals.select("id", "won", "segment").join(done, left_on="id", right_on="opportunity_id", how="inner")
    parts = [
        met.select("id", "won", "segment", field=pl.lit(name), value=pl.col(column)).unique()
        for name, column in (("activity", "kind"), ("answer", "outcome"))
    ]
    return pl.concat(parts)


def compare(values: pl.DataFrame) -> pl.DataFrame:
    """Each value of each segment against all other segments: COLUMNS; `n` deals have it `of` those with the field.

    Reasons for a loss are those of lost deals, everything else is of won deals.
    """
    is_reason = pl.col("field") == "lost_reason"
    told = values.filter(is_reason == (pl.col("won") == 0))
    cells = told.group_by("segment", "field", "value").agg(n=pl.col("id").n_unique())
    sums = told.group_by("segment", "field").agg(of=pl.col("id").n_unique())
    every = told.group_by("field", "value").agg(n_all=pl.col("id").n_unique())
    totals = told.group_by("field").agg(of_all=pl.col("id").n_unique(), kinds=pl.col("value").n_unique())
    cells = cells.join(sums, on=["segment", "field"]).join(every, on=["field", "value"]).join(totals, on="field")
    cells = cells.filter(pl.col("kinds").is_between(2, MAX_VALUES) & (pl.col("of_all") > pl.col("of")))
    prior = PRIOR * pl.col("n_all") / pl.col("of_all")
    here, away = pl.col("n") + prior, pl.col("n_all") - pl.col("n") + prior
    here_not = pl.col("of") + PRIOR - here
    away_not = pl.col("of_all") - pl.col("of") + PRIOR - away
    positive = [part.clip(lower_bound=0.5) for part in (here, here_not, away, away_not)]
    odds = (positive[0] / positive[1]).log() - (positive[2] / positive[3]).log()
    spread = pl.sum_horizontal(1 / part for part in positive).sqrt()
    return cells.with_columns(
        share=pl.col("n") / pl.col("of"),
        elsewhere=(pl.col("n_all") - pl.col("n")) / (pl.col("of_all") - pl.col("of")),
        log_odds=odds,
        z=odds / spread,
    ).select(COLUMNS)


def of_leads(records: Records, divided: Scheme) -> pl.DataFrame:
    """What settled leads hold, as `values_of` gives it for deals: the texts among their attributes."""
    lessons = records.lessons()
    fields = [name for name in records.attributes if records.frame[name].dtype == pl.String and name != divided.kind]
    told = lessons.select("id", "won", segment=divided.of(lessons), **{name: pl.col(name) for name in fields})
    long = told.unpivot(index=["id", "won", "segment"], variable_name="field", value_name="value")
    return long.filter(pl.col("value").is_not_null())


def guides(values: pl.DataFrame, of: str = "deals") -> pl.DataFrame:
    """The lines of the guide, at most five a segment: what is clearly more frequent there, else what is most frequent.

    Adds `place` and the `text` in words; `of` are the deals or leads that the values are of.
    """
    found = compare(values)
    if found.is_empty():
        return found.with_columns(place=pl.lit(None, dtype=pl.Int64), text=pl.lit(None, dtype=pl.String))
    gap = pl.col("share") - pl.col("elsewhere")
    is_clear = (pl.col("z") >= CLEAR) & (pl.col("n") >= 5) & (gap >= LEAST_GAP)
    clear = found.filter(is_clear)
    usual = found.filter(pl.col("field").is_in(["product", "lost_reason"])).sort("n", "value", descending=[True, False])
    usual = usual.unique(["segment", "field"], keep="first", maintain_order=True)
    usual = usual.join(clear.select("segment", "field"), on=["segment", "field"], how="anti")
    clear = clear.sort("z", "field", "value", descending=[True, False, False])
    clear = clear.unique(["segment", "n", "z"], keep="first", maintain_order=True)
    best = clear.group_by("segment", maintain_order=True).head(MOST)
    lines = pl.concat([best.select(COLUMNS), usual.select(COLUMNS)])
    lines = lines.sort("segment", maintain_order=True).group_by("segment", maintain_order=True).head(MOST)
    place = pl.int_range(1, pl.len() + 1).over("segment")
    text = [sentence(row, of) for row in lines.iter_rows(named=True)]
    return lines.with_columns(place=place, text=pl.Series(text, dtype=pl.String))


_SAID = {
    "product": "They buy {value}",
    "family": "They buy from {value}",
    "kind": "It is often {value} business",
    "person": "Talk to the {value}",
    "source": "They come by {value}",
    "lost_reason": "Meet this concern early: {value}",
    "activity": "Deals that are won there often have this: {value}",
    "answer": "Those who buy there answer: {value}",
}


def sentence(row: dict[str, object], of: str = "deals") -> str:
    """A line of the guide in words, with its numbers."""
    start = _SAID.get(str(row["field"]), "Their {field} is often {value}").format(
        value=row["value"], field=str(row["field"]).replace("_", " ")
    )
    ending = "lost" if row["field"] == "lost_reason" else "converted" if of == "leads" else "won"
    share, elsewhere = (float(np.float64(row[name])) for name in ("share", "elsewhere"))  # type: ignore[arg-type]
    versus = f"{share:.0%} of {row['of']} {ending} {of} there, {elsewhere:.0%} elsewhere"
    clear = "" if float(np.float64(row["z"])) >= CLEAR else ", which may be chance"  # type: ignore[arg-type]
    return f"{start} ({versus}{clear})."
