"""Splink at work: candidates by blocking, and how far each of them agrees in each field.

Splink runs on the database that it brings itself, in memory. Records are known by their row number; of two frames the
left one's rows come first.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from quarterdeck.quality.linkage.blocking import rules
from quarterdeck.quality.linkage.fields import Field


def comparison(field: Field) -> dict[str, Any]:
    """The field as Splink's comparison: missing, then the levels from the same to different."""
    missing = {
        "sql_condition": f"{field.key}_l IS NULL OR {field.key}_r IS NULL",
        "label_for_charts": "missing",
        "is_null_level": True,
    }
    levels = [{"sql_condition": level.condition, "label_for_charts": level.words} for level in field.levels]
    rest = {"sql_condition": "ELSE", "label_for_charts": "different"}
    return {
        "output_column_name": field.key,
        "comparison_levels": [missing, *levels, rest],
        "comparison_description": field.label,
    }


class Engine:
    """Splink over one prepared frame: columns `unique_id`, `side`, the fields' prepared ones and the blocking keys."""

    def __init__(self, frame: pl.DataFrame, fields: list[Field], linked: bool, sample: int, seed: int) -> None:
        self.frame, self.fields, self.linked, self.sample, self.seed = frame, fields, linked, sample, seed

    @property
    def is_small(self) -> bool:
        """All pairs can be looked at, so that no blocking is needed."""
        rows, right = self.frame.height, int(self.frame["side"].sum())
        return max(right, rows - right) <= self.sample * 3 // 4 if self.linked else rows <= self.sample

    def sampled(self) -> pl.DataFrame:
        """All pairs of a sample of the records, or of all where they are few."""
        sample = self.frame
        if self.linked:
            sides = [sample.filter(pl.col("side") == side) for side in (0, 1)]
            sample = pl.concat(side.sample(min(self.sample * 3 // 4, side.height), seed=self.seed) for side in sides)
        elif not self.is_small:
            sample = sample.sample(self.sample, seed=self.seed)
        every = "l.side < r.side" if self.linked else "1=1"
        return self._compared(sample.sort("unique_id"), [every]).sort("left", "right")

    def candidates(self, keys: int) -> pl.DataFrame:
        """The candidate pairs in order: `left`, `right` and the degree of agreement of each field, -1 where missing."""
        return self._compared(self.frame, rules(keys, self.linked)).sort("left", "right")

    def _compared(self, frame: pl.DataFrame, blocking: list[str]) -> pl.DataFrame:
        from splink import DuckDBAPI, Linker, SettingsCreator
        from splink.internals.blocking_rule_library import CustomRule
        from splink.internals.comparison_vector_values import compute_comparison_vector_values_from_id_pairs_sqls
        from splink.internals.pipeline import CTEPipeline
        from splink.internals.settings import Settings
        from splink.internals.vertically_concatenate import enqueue_df_concat

        settings = SettingsCreator(
            link_type="dedupe_only",
            comparisons=[comparison(field) for field in self.fields],
            blocking_rules_to_generate_predictions=[CustomRule(rule) for rule in blocking],
            linker_uid="quarterdeck",
        )
        database = DuckDBAPI()
        linker = Linker(database.register(frame.to_arrow()), settings, log_level=None, validate_settings=False)
        model = linker._settings_obj
        names = model.column_info_settings
        pipeline = CTEPipeline([linker.inference.compute_blocked_pairs_for_predict()])
        enqueue_df_concat(linker, pipeline)
        wanted = Settings.columns_to_select_for_comparison_vector_values(
            unique_id_input_columns=names.unique_id_input_columns,
            comparisons=model.comparisons,
            retain_matching_columns=False,
            additional_columns_to_retain=[],
        )
        steps = compute_comparison_vector_values_from_id_pairs_sqls(
            model._columns_to_select_for_blocking,
            wanted,
            input_tablename_l="__splink__df_concat",
            input_tablename_r="__splink__df_concat",
            source_dataset_input_column=names.source_dataset_input_column,
            unique_id_input_column=names.unique_id_input_column,
        )
        degrees = ", ".join(f"gamma_{field.key}::TINYINT AS {field.key}" for field in self.fields)
        pairs = f'SELECT unique_id_l AS "left", unique_id_r AS "right", {degrees} FROM __splink__df_comparison_vectors'
        pipeline.enqueue_list_of_sqls([*steps, {"sql": pairs, "output_table_name": "__quarterdeck__pairs"}])
        table = database.sql_pipeline_to_splink_dataframe(pipeline)
        found: pl.DataFrame = pl.from_arrow(table.as_duckdbpyrelation().to_arrow_table())  # type: ignore[assignment]
        database.duckdb_con.close()
        return found
