"""The reference page names every knob, preset, decision and fault."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from quarterdeck.simulate import PRESETS, Decisions, WorldSpec
from quarterdeck.simulate.faults import FAULTS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "simulate.md"


@pytest.mark.parametrize(
    "word",
    sorted(
        {
            *WorldSpec.model_fields,
            *PRESETS,
            *(field.name for field in fields(Decisions)),
            *(fault.name for fault in FAULTS),
        }
    ),
)
def test_the_page_names(word: str) -> None:
    assert f"`{word}`" in PAGE.read_text(encoding="utf-8")
