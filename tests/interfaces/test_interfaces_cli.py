"""The command line: what it prints, what it returns, what it leaves behind."""

from __future__ import annotations

import csv
import json
import re
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from conftest import QUARTERDECK, process, quarterdeck, write_export
from quarterdeck.base.errors import ConfigurationError
from quarterdeck.interfaces.cli.application import COMMANDS, app
from quarterdeck.interfaces.cli.session import moment, overlay

NAMES = [command.name for command in COMMANDS]
HEAVY = ("polars", "numpy", "ibis", "duckdb", "pydantic", "altair", "jinja2", "rich.table", "sqlalchemy", "sklearn")


def export_rows(company: Path) -> list[dict[str, str]]:
    with (company.parent / "exports" / "sales_pipeline.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_commands_of_the_loop_are_all_there() -> None:
    wanted = "init sync check measure score forecast supply plan approve review run report explain doctor steps show export simulate override withdraw map merge compact erase backup restore fixes edit enrich sources"
    assert sorted(NAMES) == sorted(wanted.split())


@pytest.mark.parametrize("name", NAMES)
def test_each_help_shows_an_example(name: str) -> None:
    result = CliRunner().invoke(app, [name, "--help"])
    assert result.exit_code == 0
    assert re.search(rf"Examples?:\n\s+quarterdeck {name}", result.output)


def test_the_list_of_commands_fits_without_cutting_a_line() -> None:
    listed = CliRunner().invoke(app, ["--help"]).output
    assert "..." not in listed.split("Commands:")[1]


def test_help_imports_nothing_heavy() -> None:
    code = f"import sys, quarterdeck.interfaces.cli; print([name for name in {HEAVY!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run"], "Missing argument 'NAME'"),
        (["rum"], "Did you mean 'run'?"),
        (
            ["run", "nowhere"],
            "There is no folder nowhere. Make a workspace with: quarterdeck init nowhere --from FOLDER",
        ),
        (["check", "."], "has no quarterdeck.yaml"),
        (["init", "new", "--from", "nowhere"], "There is no folder nowhere"),
        (["simulate", "new", "--kind", "bakery"], "bakery"),
        (["run", ".", "--fail-on", "disaster"], "disaster"),
    ],
)
def test_a_wrong_call_exits_with_2_and_says_the_remedy(words: list[str], said: str, tmp_path: Path) -> None:
    result = process(*words, cwd=tmp_path)
    assert result.returncode == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["check", "--as-of", "1.10.2017"], "--as-of '1.10.2017' is no day"),
        (["show", "dealz"], "There is no table 'dealz'"),
        (["show", "opportunities", "--where", "statsu=won"], "did you mean 'status'?"),
        (["show", "opportunities", "--where", "status"], "--where status=won"),
        (["show", "opportunities", "--where", "amount=much"], "'much' is no amount"),
        (["forecast", "--node", "region:Est", "--as-of", "2017-06-01"], "did you mean 'region:East'?"),
        (["export", "opportunities", "--to", "x.doc"], "known: csv, parquet, xlsx"),
        (["explain", "metrics.win_rat"], "did you mean 'win_rate'?"),
        (
            ["override", "weather", "x", "--period", "2017-07", "--value", "1", "--who", "A", "--reason", "B"],
            "'weather'",
        ),
        (["override", "demand", "all", "--value", "1", "--who", "A", "--reason", "B"], "Missing option '--period'"),
        (["measure", "--metric", "win_rat", "--as-of", "2017-06-01"], "did you mean 'win_rate'?"),
        (["measure", "--grain", "quater", "--as-of", "2017-06-01"], "did you mean 'quarter'?"),
        (["measure", "--by", "regon", "--as-of", "2017-06-01"], "did you mean 'region'?"),
        (["explain", "metrics.win_rate", "--period", "2017Q1", "--by", "region", "--member", "Est"], "mean 'East'?"),
        (["explain", "demand.bookings", "--period", "2017-07", "--by", "region", "--member", "Est"], "region:East'?"),
        (["explain", "pay"], "pay."),
        (["export", "opportunities", "--to", "x.csv", "--where", "statsu=won"], "did you mean 'status'?"),
        (["withdraw", "override-99", "--who", "A", "--reason", "B"], "'override-99'"),
        (["run", "--set", "demand.horizn=3"], "horizn"),
    ],
)
def test_a_wrong_word_exits_with_2_and_says_the_right_one(words: list[str], said: str, company: Path) -> None:
    result = quarterdeck(words[0], company, *words[1:])
    assert result.returncode == 2, result.stderr
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_several_faults_are_told_at_once(company: Path) -> None:
    result = quarterdeck("run", company, "--set", "horizon", "--set", "demand.horizon=[", "--set", "x")
    assert result.returncode == 2
    assert "3 faults" in result.stderr
    assert len([line for line in result.stderr.splitlines() if line.startswith("  - --set")]) == 3


def test_init_shows_what_each_column_becomes_and_what_to_do_next(tmp_path: Path) -> None:
    write_export(tmp_path / "exports")
    result = quarterdeck("init", "new", "--from", "exports", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    line = next(line for line in result.stdout.splitlines() if "close_value" in line)
    assert "opportunities.amount" in line
    assert re.search(r"\d+%", line)
    assert "quarterdeck run new" in result.stdout
    again = quarterdeck("init", "new", "--from", "exports", cwd=tmp_path)
    assert again.returncode == 2
    assert "quarterdeck sync new" in again.stderr


def test_show_json_gives_every_row_with_exact_money(company: Path) -> None:
    result = quarterdeck("show", company, "opportunities", "--json")
    rows = json.loads(result.stdout, parse_float=Decimal)
    given = {row["opportunity_id"]: row for row in export_rows(company)}
    assert len(rows) == len(given) == 150
    assert {row["id"] for row in rows} == set(given)
    for row in rows:
        value = given[row["id"]]["close_value"]
        assert row["amount"] == (Decimal(value) if value else None)


def test_show_as_of_a_day_does_not_know_what_came_later(company: Path) -> None:
    rows = json.loads(quarterdeck("show", company, "opportunities", "--json", "--as-of", "2017-03-01").stdout)
    given = [row for row in export_rows(company) if row["engage_date"] < "2017-03-01"]
    assert len(rows) == len(given) == 59
    closed = sum(bool(row["close_date"]) and row["close_date"] < "2017-03-01" for row in given)
    assert sum(row["status"] != "open" for row in rows) == closed


def test_show_filters_by_text_money_and_emptiness(company: Path) -> None:
    def ids(*words: str) -> set[str]:
        rows = json.loads(quarterdeck("show", company, "opportunities", "--json", *words).stdout)
        return {row["id"] for row in rows}

    given = export_rows(company)
    assert ids("--where", "status=won") == {row["opportunity_id"] for row in given if row["deal_stage"] == "Won"}
    assert ids("--where", "closed_at=") == {row["opportunity_id"] for row in given if not row["close_date"]}
    wanted = given[1]["close_value"]
    assert ids("--where", f"amount={wanted}") == {
        row["opportunity_id"] for row in given if row["close_value"] == wanted
    }
    assert ids("--where", "status=won", "--limit", "2") <= ids("--where", "status=won")


def test_run_ends_with_the_findings_that_matter_and_the_report(company: Path) -> None:
    result = process("run", company, "--as-of", "2017-06-01")
    assert result.returncode == 0, result.stderr
    assert re.search(r"findings? that matters? most", result.stdout)
    assert result.stdout.count("→") <= 3
    path = Path(result.stdout.rsplit("Report: ", 1)[1].strip())
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    steps = [line for line in result.stderr.splitlines() if re.match(r"\s*\d+/\d+  ", line)]
    assert len(steps) == int(steps[0].split("/")[1].split()[0])
    assert all("reused" in line for line in steps), "a second run computes nothing"
    first = result.stdout.splitlines()[0]
    assert first.startswith("As of 2017-06-01 (run 2017-06-01-base-")
    assert f": {len(steps)} steps, {len(steps)} reused" in first


def test_a_run_without_a_day_stands_where_the_records_end_and_says_so(tmp_path: Path) -> None:
    write_export(tmp_path / "exports")
    quarterdeck("init", "acme", "--from", "exports", cwd=tmp_path)
    result = quarterdeck("run", "acme", cwd=tmp_path)
    newest = max(row["close_date"] for row in export_rows(tmp_path / "acme"))
    assert result.returncode == 0, result.stderr
    assert f"The newest record is of {newest}" in result.stdout


def test_run_json_is_one_object(company: Path) -> None:
    result = quarterdeck("run", company, "--as-of", "2017-06-01", "--json")
    found = json.loads(result.stdout)
    assert found["as_of"] == "2017-06-01T00:00:00Z"
    shown = json.loads(quarterdeck("steps", "--json").stdout)
    assert found["reused"] == found["steps"] == len(shown)
    assert found["is_published"] is False
    assert len(found["plan_hash"]) == 64


def test_fail_on_makes_findings_an_exit_code(company: Path) -> None:
    found = json.loads(quarterdeck("check", company, "--as-of", "2017-06-01", "--json").stdout)
    severities = {row["severity"] for row in found}
    assert "notice" in severities, "the export has no activities, so there is a notice"
    assert quarterdeck("check", company, "--as-of", "2017-06-01").returncode == 0
    assert quarterdeck("check", company, "--as-of", "2017-06-01", "--fail-on", "notice").returncode == 1
    expected = 1 if "error" in severities else 0
    assert quarterdeck("check", company, "--as-of", "2017-06-01", "--fail-on", "error").returncode == expected


@pytest.mark.parametrize(
    ("words", "table"),
    [
        (["measure", "--grain", "all"], "metric_values"),
        (["score"], "scores"),
        (["forecast"], "demand_lines"),
        (["supply"], "supply_lines"),
        (["review"], "variances"),
    ],
)
def test_a_room_prints_its_table_and_the_same_as_json(words: list[str], table: str, company: Path) -> None:
    result = quarterdeck(words[0], company, *words[1:], "--as-of", "2017-06-01", "--limit", "0")
    assert result.returncode == 0, result.stderr
    assert "As of 2017-06-01" in result.stdout or "as of 2017-06-01" in result.stdout
    rows = json.loads(quarterdeck(words[0], company, *words[1:], "--as-of", "2017-06-01", "--json").stdout)
    assert rows


def test_measure_says_the_win_rate_of_the_records(company: Path) -> None:
    result = quarterdeck(
        "measure", company, "--metric", "win_rate", "--grain", "all", "--as-of", "2017-06-01", "--json"
    )
    (row,) = json.loads(result.stdout)
    closed = [r["deal_stage"] for r in export_rows(company) if r["close_date"] and r["close_date"] < "2017-06-01"]
    assert row["n"] == len(closed)
    assert row["value"] == pytest.approx(closed.count("Won") / len(closed))


def test_a_plan_is_a_draft_until_its_hash_is_approved(tmp_path: Path) -> None:
    write_export(tmp_path / "exports")
    quarterdeck("init", "acme", "--from", "exports", cwd=tmp_path)
    drafted = quarterdeck("plan", "acme", "--as-of", "2017-06-01", cwd=tmp_path)
    assert "DRAFT" in drafted.stdout, drafted.stderr
    plan_hash = re.search(r"Hash (\w{64})", drafted.stdout)
    assert plan_hash
    signed = ("--who", "Kim Mina", "--reason", "Agreed in the meeting")
    wrong = quarterdeck("approve", "acme", *signed, "--hash", "0" * 64, cwd=tmp_path)
    assert wrong.returncode == 2
    approved = quarterdeck("approve", "acme", *signed, "--hash", plan_hash[1], cwd=tmp_path)
    assert approved.returncode == 0, approved.stderr
    assert f"PUBLISHED {plan_hash[1]}" in approved.stdout
    assert "--as-of 2017-06-01" in drafted.stdout.splitlines()[-1]
    assert approved.stdout.startswith("As of 2017-06-01")
    assert "lready" not in approved.stdout
    again = quarterdeck("approve", "acme", "--who", "Lee", "--reason", "I too", cwd=tmp_path)
    assert re.search(
        r"Already approved by Kim Mina on \d{4}-\d\d-\d\d \(Agreed in the meeting\); nothing was written", again.stdout
    )
    assert len(json.loads(quarterdeck("show", "acme", "publications", "--json", cwd=tmp_path).stdout)) == 1
    assert quarterdeck("approve", "acme", "--who", "Kim Mina", cwd=tmp_path).returncode == 2


def test_an_override_names_the_day_of_the_next_run_and_holds_until_it_is_withdrawn(tmp_path: Path) -> None:
    write_export(tmp_path / "exports")
    quarterdeck("init", "acme", "--from", "exports", cwd=tmp_path)
    quarterdeck("forecast", "acme", "--as-of", "2017-06-01", cwd=tmp_path)
    signed = ("--who", "Kim", "--reason", "fair")
    words = ("override", "acme", "demand", "all", "--period", "2017-07", "--value", "9000", *signed)
    made = quarterdeck(*words, cwd=tmp_path)
    assert made.stdout.splitlines()[-1].strip() == "quarterdeck run acme --as-of 2017-06-01"
    key = re.search(r"override-\d+", made.stdout)
    assert key

    def holding() -> list[tuple[str, str, float]]:
        rows = json.loads(quarterdeck("show", "acme", "overrides", "--json", cwd=tmp_path).stdout)
        return [(row["id"], row["period_start"], row["value"]) for row in rows]

    assert holding() == [(key[0], "2017-07-01", 9000)]
    gone = quarterdeck("withdraw", "acme", key[0], *signed, cwd=tmp_path)
    assert gone.returncode == 0, gone.stderr
    assert gone.stdout.splitlines()[-1].strip() == "quarterdeck run acme --as-of 2017-06-01"
    assert holding() == []


@pytest.mark.parametrize(
    "words",
    [
        ["check"],
        ["measure"],
        ["score"],
        ["forecast"],
        ["supply"],
        ["review", "--as-of", "2017-06-01"],
        ["report", "--as-of", "2017-06-01"],
        ["plan"],
        ["doctor"],
        ["show", "scores"],
        ["show", "opportunities", "--as-of", "2017-06-01"],
        ["explain", "plan.gap"],
    ],
)
def test_the_first_line_names_the_day_and_a_part_stands_where_the_last_run_stood(
    words: list[str], company: Path
) -> None:
    result = quarterdeck(words[0], company, *words[1:])
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("As of 2017-06-01")


def test_records_without_a_day_say_that_they_are_as_known_today(company: Path, tmp_path: Path) -> None:
    said = "As known today; --as-of shows another day"
    assert quarterdeck("show", company, "opportunities").stdout.startswith(said)
    assert quarterdeck("export", company, "opportunities", "--to", tmp_path / "x.csv").stdout.startswith(said)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("run", "now, or the day after the newest record when that is long ago"),
        ("report", "now, or the day after the newest record when that is long ago"),
        ("measure", "where the last run stood"),
        ("show", "all that is known today"),
        ("export", "all that is known today"),
    ],
)
def test_the_help_tells_which_day_is_the_default(name: str, said: str) -> None:
    assert said in " ".join(CliRunner().invoke(app, [name, "--help"]).output.split())


def test_the_help_of_explain_names_every_kind_of_figure() -> None:
    from quarterdeck.workspace.explain import EXPLAINERS

    told = CliRunner().invoke(app, ["explain", "--help"]).output
    arguments, examples = told.split("Examples:")
    for room in EXPLAINERS:
        assert f"{room}." in arguments
        assert f"explain acme {room}." in examples


def test_a_day_begins_in_the_zone_of_the_company(tmp_path: Path) -> None:
    write_export(tmp_path / "exports")
    quarterdeck("init", "acme", "--from", "exports", cwd=tmp_path)
    path = tmp_path / "acme" / "quarterdeck.yaml"
    path.write_text(re.sub(r"timezone: .*", "timezone: Asia/Seoul", path.read_text()))
    assert "Asia/Seoul" in path.read_text()
    result = quarterdeck("check", "acme", "--as-of", "2017-06-01", cwd=tmp_path)
    assert result.stdout.startswith("As of 2017-06-01 "), result.stderr


def test_records_behind_pay_are_in_major_units(company: Path) -> None:
    path = company.parent / "pay.csv"
    quarterdeck("export", company, "pay_lines", "--to", path)
    with path.open(encoding="utf-8") as file:
        row = next(row for row in csv.DictReader(file) if Decimal(row["base"]) % 1)
    words = ("explain", company, f"pay.{row['person_id']}", "--limit", "0")
    (found,) = [
        record
        for record in json.loads(quarterdeck(*words, "--json").stdout, parse_float=Decimal)["records"]
        if record["id"] == row["id"]
    ]
    assert found["base"] == Decimal(row["base"])
    assert f"{Decimal(row['base']):,.2f} USD" in quarterdeck(*words).stdout


def test_members_of_the_newest_period_come_first_the_highest_before_the_others(company: Path) -> None:
    words = ("measure", company, "--metric", "win_rate", "--by", "owner", "--as-of", "2017-06-01")
    rows = json.loads(quarterdeck(*words, "--json").stdout)
    starts = [row["period_start"] for row in rows]
    assert starts == sorted(starts, reverse=True)
    newest = [row["value"] for row in rows if row["period_start"] == starts[0] and row["value"] is not None]
    assert len(newest) > 1
    assert newest == sorted(newest, reverse=True)
    assert f"{newest[0]:.1%}" in quarterdeck(*words).stdout


def test_show_lists_the_likeliest_deals_first_with_reasons_in_words(company: Path) -> None:
    rows = json.loads(quarterdeck("show", company, "scores", "--json").stdout)
    odds = [row["probability"] for row in rows]
    assert odds == sorted(odds, reverse=True)
    assert {"text", "effect"} <= set(rows[0]["reasons"][0])
    assert "effect" not in quarterdeck("show", company, "scores").stdout


def test_export_takes_the_same_filter_as_show(company: Path, tmp_path: Path) -> None:
    path = tmp_path / "won.csv"
    quarterdeck("export", company, "opportunities", "--where", "status=won", "--to", path)
    with path.open(encoding="utf-8") as file:
        ids = {row["id"] for row in csv.DictReader(file)}
    assert ids == {row["opportunity_id"] for row in export_rows(company) if row["deal_stage"] == "Won"}


def test_explain_leads_to_the_definition_and_the_records(company: Path) -> None:
    words = ("explain", company, "metrics.won_deals", "--period", "2017-03", "--as-of", "2017-06-01")
    result = quarterdeck(*words)
    assert result.returncode == 0, result.stderr
    won = [
        row for row in export_rows(company) if row["deal_stage"] == "Won" and row["close_date"].startswith("2017-03")
    ]
    first, second, *_ = result.stdout.splitlines()
    assert first.startswith("As of 2017-06-01")
    assert second == f"Won deals: {len(won)}"
    for heading in ("Definition", "Inputs", f"Records behind it: {len(won)}", "Run", "Decisions that touched it"):
        assert heading in result.stdout
    found = json.loads(quarterdeck(*words, "--json", "--limit", "0").stdout)
    assert {row["id"] for row in found["records"]} == {row["opportunity_id"] for row in won}


def test_doctor_lists_what_is_missing(company: Path) -> None:
    quarterdeck("run", company, "--as-of", "2017-06-01")
    found = json.loads(quarterdeck("doctor", company, "--json").stdout)
    assert any("activities" in (row["code"] + row["message"]) for row in found)
    assert all(row["fix"] for row in found)


def test_every_fault_of_the_configuration_is_told_with_its_place(tmp_path: Path) -> None:
    write_export(tmp_path / "exports")
    quarterdeck("init", "acme", "--from", "exports", cwd=tmp_path)
    path = tmp_path / "acme" / "quarterdeck.yaml"
    path.write_text(path.read_text().replace("currency: USD", "currency: dollars") + "\ndemnd:\n  horizon: 3\n")
    result = quarterdeck("run", "acme", cwd=tmp_path)
    assert result.returncode == 2
    assert "2 faults" in result.stderr
    assert "demnd" in result.stderr
    assert "currency" in result.stderr
    assert result.stderr.count("quarterdeck.yaml:") == 2


def test_show_lists_runs_and_derived_tables_of_a_day(company: Path) -> None:
    runs = json.loads(quarterdeck("show", company, "runs", "--json").stdout)
    assert {row["as_of"] for row in runs} == {"2017-06-01T00:00:00Z"}
    assert json.loads(quarterdeck("show", company, "publications", "--json").stdout) == []
    assert json.loads(quarterdeck("show", company, "scores", "--json", "--as-of", "2017-06-01").stdout)
    missing = quarterdeck("show", company, "scores", "--as-of", "2016-06-01")
    assert missing.returncode == 2
    assert "--as-of 2016-06-01" in missing.stderr


@pytest.mark.parametrize("form", ["csv", "parquet", "xlsx"])
def test_export_writes_the_whole_table(form: str, company: Path, tmp_path: Path) -> None:
    result = quarterdeck("export", company, "opportunities", "--to", tmp_path / f"deals.{form}")
    assert result.returncode == 0, result.stderr
    assert "150 rows" in result.stdout
    assert [path.name for path in tmp_path.iterdir()] == [f"deals.{form}"]


def test_report_goes_where_it_is_asked_to(company: Path, tmp_path: Path) -> None:
    result = quarterdeck("report", company, "--as-of", "2017-06-01", "--to", tmp_path / "deep" / "page.html")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "deep" / "page.html").is_file()


def test_ctrl_c_leaves_nothing_half_written_and_the_next_run_goes_on(tmp_path: Path) -> None:
    write_export(tmp_path / "exports")
    assert quarterdeck("init", "acme", "--from", "exports", cwd=tmp_path).returncode == 0
    running = subprocess.Popen(
        [str(QUARTERDECK), "run", "acme", "--as-of", "2017-06-01"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    assert running.stderr
    running.stderr.readline()
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=120)
    assert running.returncode == 130, said
    assert "nothing is half-written" in said
    assert "Traceback" not in said
    assert list((tmp_path / "acme").rglob("*.html")) == []
    again = quarterdeck("run", "acme", "--as-of", "2017-06-01", cwd=tmp_path)
    assert again.returncode == 0, again.stderr


def test_a_reader_that_leaves_early_is_no_error(company: Path) -> None:
    command = f"{QUARTERDECK} show {company} opportunities --json | head -1"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "["
    assert result.stderr == ""


def test_the_map_is_printed_as_table_json_and_picture() -> None:
    assert "demand.simulate" in quarterdeck("steps").stdout
    names = [step["name"] for step in json.loads(quarterdeck("steps", "--json").stdout)]
    assert names[:2] == ["records.view", "quality.check"]
    picture = quarterdeck("steps", "--mermaid").stdout
    assert picture.startswith("flowchart TD")
    assert 'demand_simulate -- "demand_draws" --> reconcile_frame' in picture


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2017-10-01", "2017-10-01"),
        ("2017-10-01T09:00", "2017-10-01 09:00:00"),
        ("2017-10-01T09:00+09:00", "2017-10-01 00:00:00"),
    ],
)
def test_a_moment_is_a_day_or_an_instant_in_utc(text: str, expected: str) -> None:
    assert str(moment(text, "--as-of")) == expected


def test_settings_for_one_run_are_yaml_values() -> None:
    assert overlay(["demand.horizon=3", "metrics.dimensions=[region, owner]", "company.name=A=B"]) == {
        "demand.horizon": 3,
        "metrics.dimensions": ["region", "owner"],
        "company.name": "A=B",
    }
    with pytest.raises(ConfigurationError) as raised:
        overlay(["horizon=3", "demand.horizon"])
    assert len(raised.value.faults) == 2
