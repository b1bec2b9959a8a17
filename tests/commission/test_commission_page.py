"""The how-to page: every plan on it can be used, every rule stands on it, its notebook gives what it says."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import yaml

from quarterdeck.execute.commission import parse
from quarterdeck.execute.commission.rules import RULES

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "pay-plans.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def test_every_plan_on_the_page_can_be_used_and_every_rule_is_shown() -> None:
    shown = set()
    for block in blocks("yaml"):
        data = yaml.safe_load(block)
        if isinstance(data, dict):
            (entry,) = data["pay_plan"]["values"].values()
            plan = parse(entry["value"])
        else:
            plan = parse({"name": "page", "rules": data})
        shown |= {rule.rule for rule in plan.rules}
    assert shown == set(RULES)


def test_the_notebook_gives_what_the_page_says() -> None:
    names: dict[str, pl.DataFrame] = {}
    (code,) = blocks("python")
    exec(code, names)
    assert dict(names["lines"].select("person_id", "amount").rows()) == {"Ann": 900_000, "Bob": 600_000}
