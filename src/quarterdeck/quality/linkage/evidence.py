"""Why two records are taken for one, in words with weights."""

from __future__ import annotations

import polars as pl

from quarterdeck.quality.linkage.expectation import Model
from quarterdeck.quality.linkage.fields import Field

LEAST = 0.05


def words(field: Field) -> list[str]:
    """What each degree of agreement is called, by degree: 0 is different, the last is the same."""
    same_first = [level.words.format(field.label) for level in field.levels]
    return [f"different {field.label}", *reversed(same_first)]


def with_evidence(links: pl.DataFrame, fields: list[Field]) -> pl.DataFrame:
    """The links with `evidence`: `same e-mail +8.1, different city −1.2`, the weightiest first.

    Needs a column a field with the degree of agreement, `w_<field>` with its weight.
    """
    if links.is_empty():
        return links.with_columns(evidence=pl.lit("", pl.String))
    pieces = []
    for field in fields:
        names = words(field)
        said = (
            pl.col(field.key)
            .cast(pl.Int64)
            .replace_strict(dict(enumerate(names)), default=None, return_dtype=pl.String)
        )
        weight = pl.col(f"w_{field.key}").round(1)
        shown = pl.when(weight < 0).then(pl.lit("−")).otherwise(pl.lit("+")) + weight.abs().cast(pl.String)
        row = pl.struct((-weight).alias("order"), (said + " " + shown).alias("text"))
        pieces.append(pl.when(weight.abs() >= LEAST).then(row))
    texts = pl.concat_list(pieces).list.drop_nulls().list.sort().list.eval(pl.element().struct.field("text"))
    return links.with_columns(texts.list.join(", ").alias("evidence"))


def model_frame(fields: list[Field], model: Model) -> pl.DataFrame:
    """One row a field and degree of agreement: shares among records that are one and two, and the weight."""
    rows = []
    for field, m, u, weight in zip(fields, model.m, model.u, model.table(), strict=True):
        for degree, said in reversed(list(enumerate(words(field)))):
            rows.append((field.name, field.kind, said, float(m[degree]), float(u[degree]), float(weight[degree + 1])))
    return pl.DataFrame(rows, schema=MODEL, orient="row")


MODEL = {
    "column": pl.String,
    "kind": pl.String,
    "agreement": pl.String,
    "m": pl.Float64,
    "u": pl.Float64,
    "weight": pl.Float64,
}
