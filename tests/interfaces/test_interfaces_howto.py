"""The page on targets and overrides does what it says."""

from __future__ import annotations

import json
import re
import shlex
from decimal import Decimal
from pathlib import Path

from conftest import quarterdeck, write_export

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "targets-and-overrides.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def commands() -> list[list[str]]:
    lines = re.findall(r"^    quarterdeck (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return [shlex.split(line) for line in lines]


def rows(folder: Path, *words: str) -> list[dict[str, object]]:
    answer = quarterdeck("show", "acme", *words, "--json", cwd=folder)
    found: list[dict[str, object]] = json.loads(answer.stdout, parse_float=Decimal)
    return found


def test_the_page_on_targets_and_overrides_does_what_it_says(tmp_path: Path) -> None:
    write_export(tmp_path / "exports")
    assert quarterdeck("init", "acme", "--from", "exports", cwd=tmp_path).returncode == 0
    (csv,), (entry,) = blocks("csv"), blocks("yaml")
    (tmp_path / "exports" / "targets.csv").write_text(csv)
    with (tmp_path / "acme" / "mapping" / "exports.yaml").open("a", encoding="utf-8") as file:
        file.write(entry)
    assert len({words[0] for words in commands()}) == 7
    for words in commands():
        if words[0] == "withdraw":
            typed = rows(tmp_path, "plan_targets", "--where", "level=all")[0]
            assert typed["amount"] == 950000
            assert typed["basis"] == "decided by Kim: board"
            key = next(str(row["id"]) for row in rows(tmp_path, "overrides") if row["room"] == "reconcile")
            words[2] = key
        done = quarterdeck(*words, cwd=tmp_path)
        assert done.returncode == 0, (words, done.stderr)
    assert quarterdeck("run", "acme", "--as-of", "2017-10-01", cwd=tmp_path).returncode == 0
    targets = rows(tmp_path, "plan_targets", "--where", "level=all")
    assert (targets[0]["amount"], targets[0]["basis"]) == (950000, "typed for the month")
    january = next(row for row in targets if row["period_start"] == "2018-01-01")
    assert january["basis"] == "share of the quarter's typed target"
    (november,) = rows(
        tmp_path, "demand_lines", "--where", "node_id=all", "--where", "measure=amount",
        "--where", "period_start=2017-11-01",
    )  # fmt: skip
    assert abs(Decimal(str(november["mean"])) - 1500000) < 1
    assert (tmp_path / "acme" / "reports" / "2017-10-01-growth.html").is_file()
