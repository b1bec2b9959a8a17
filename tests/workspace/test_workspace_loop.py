"""One way through all rooms: what is computed, what is reused, what a decision touches."""

from __future__ import annotations

import json
import shutil
from datetime import date, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest

from quarterdeck.base.errors import ConfigurationError, QuarterdeckError
from quarterdeck.base.schema import table, tables
from quarterdeck.base.step import Step
from quarterdeck.flow import STEPS
from quarterdeck.workspace import Run, Workspace

NOW = datetime(2026, 7, 1, 9, 0)
AS_OF = date(2026, 7, 1)


def computed(run: Run) -> set[str]:
    return {step.name for step in run.steps if not step.reused}


def test_every_table_a_step_reads_is_a_fact_a_decision_or_written_before_by_one_step() -> None:
    written: dict[str, str] = {}
    for step in STEPS:
        for name in step.reads:
            assert table(name).kind != "derived" or name in written, f"{step.name} reads {name} before it is written"
        for name in step.writes:
            assert name not in written, f"{name} is written by {written.get(name)} and {step.name}"
            written[name] = step.name
    derived = {name for name, entry in tables().items() if entry.kind == "derived"}
    assert derived - {"findings"} == set(written)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_step_declares_no_table_that_its_room_never_names(step: Step) -> None:
    spec = find_spec(step.function.partition(":")[0])
    assert spec is not None
    assert spec.origin is not None
    source = "".join(path.read_text() for path in Path(spec.origin).parent.rglob("*.py"))
    # Rates of exchange are read by the base for every room that converts money.
    source += '"fx_rates"' if "base import exchange" in source else ""
    assert [name for name in step.reads if f'"{name}"' not in source] == []


def test_a_run_fills_every_derived_table(workspace: Workspace, run: Run) -> None:
    assert {step.name for step in run.steps} >= {step.name for step in STEPS}
    empty = [name for step in STEPS for name in step.writes if workspace.table(name, run=run).is_empty()]
    assert empty == []
    assert workspace.findings(run).height > 0


def test_a_rerun_with_nothing_new_computes_nothing_and_is_the_same_run(workspace: Workspace, run: Run) -> None:
    again = workspace.run(now=NOW + timedelta(hours=1), as_of=AS_OF)
    assert computed(again) == set()
    assert (again.id, again.plan_hash) == (run.id, run.plan_hash)


def test_a_fresh_run_computes_the_same_plan(workspace: Workspace, run: Run) -> None:
    shutil.rmtree(workspace.root / "runs" / "steps")
    fresh = workspace.run(now=NOW, as_of=AS_OF)
    assert computed(fresh) == {step.name for step in fresh.steps}
    assert fresh.plan_hash == run.plan_hash


def test_an_override_computes_only_what_it_touches_and_is_met(workspace: Workspace, run: Run) -> None:
    period = date(2026, 8, 1)
    workspace.override("demand", "all", 750_000, reason="signed frame contract", who="Kim", now=NOW, period="2026-08")
    changed = workspace.run(now=NOW, as_of=AS_OF)
    untouched = {
        "quality.check",
        "metrics.measure",
        "scoring.score",
        "demand.fit",
        "demand.backtest",
        "supply.capacity",
    }
    assert computed(changed) & untouched == set()
    assert {"demand.simulate", "reconcile.plan"} <= computed(changed)
    line = workspace.table("demand_lines", run=changed).filter(
        (pl.col("node_id") == "all") & (pl.col("measure") == "amount") & (pl.col("period_start") == period)
    )
    assert line["mean"].to_list() == pytest.approx([750_000], rel=1e-4)
    assert changed.plan_hash != run.plan_hash


def test_an_override_that_was_withdrawn_does_not_hold_and_the_plan_is_the_old_one(
    workspace: Workspace, run: Run
) -> None:
    key = workspace.override("demand", "all", 5, reason="typing error", who="Kim", now=NOW, period="2026-08")
    assert workspace.overrides()["id"].to_list() == [key]
    assert workspace.run(now=NOW, as_of=AS_OF).plan_hash != run.plan_hash
    workspace.withdraw(key, who="Kim", reason="it was wrong", now=NOW)
    assert workspace.overrides().is_empty()
    assert workspace.run(now=NOW, as_of=AS_OF).plan_hash == run.plan_hash
    with pytest.raises(QuarterdeckError, match="No override"):
        workspace.withdraw(key, who="Kim", reason="again", now=NOW)


@pytest.mark.parametrize(
    ("room", "target", "period", "told"),
    [
        ("demand", "region:Eastt", "2026-08", "did you mean 'region:East'"),
        ("reconcile", "all", "2026-08", "did you mean 'all:all'"),
        ("demand", "all", "2026-02", "begins with 2026-07"),
        ("reconcile", "all:all", "2026Q3", "one for each month"),
    ],
)
def test_an_override_that_could_not_hold_is_refused(
    workspace: Workspace, room: str, target: str, period: str, told: str
) -> None:
    with pytest.raises(QuarterdeckError, match=told):
        workspace.override(room, target, 1000, reason="r", who="w", now=NOW, period=period)
    assert workspace.overrides().is_empty()


def test_a_scenario_shares_every_step_that_its_settings_do_not_touch(workspace: Workspace) -> None:
    run = workspace.run(now=NOW, as_of=AS_OF, scenario="bold", overlay={"reconcile.growth": 0.3})
    assert computed(run) <= {
        name
        for name in (step.name for step in STEPS)
        if not name.startswith(("quality", "metrics", "scoring", "demand"))
    }
    assert run.scenario == "bold"


def test_records_of_the_future_recompute_nothing_at_an_earlier_moment(workspace: Workspace) -> None:
    early = date(2026, 3, 1)
    before = workspace.run(now=NOW, as_of=early)
    path = workspace.root / "export" / "opportunities.parquet"
    deals = pl.read_parquet(path)
    late = deals.filter(pl.col("created_at").is_not_null()).tail(5)
    late = late.with_columns(
        pl.col("id") + "-late",
        pl.lit(datetime(2026, 6, 20)).cast(deals.schema["created_at"]).alias("created_at"),
        closed_at=pl.lit(None, dtype=deals.schema["closed_at"]),
    )
    pl.concat([deals, late]).write_parquet(path)
    after = workspace.run(now=NOW + timedelta(days=1), as_of=early)
    assert after.sequence > before.sequence
    # Views are keyed by the lake's batches, so they are written anew; their content is the same and no step runs.
    assert {name for name in computed(after) if not name.startswith("view.")} == set()
    assert after.plan_hash == before.plan_hash


def test_what_was_believed_on_a_day_can_be_asked_again(workspace: Workspace) -> None:
    before = workspace.table("people").height
    path = workspace.root / "export" / "people.parquet"
    pl.read_parquet(path).head(before - 2).write_parquet(path)
    workspace.sync(now=NOW + timedelta(days=1))
    assert workspace.table("people").height == before - 2
    assert workspace.table("people", known_at=NOW).height == before


def test_a_file_that_is_gone_deletes_nothing_and_says_so(workspace: Workspace) -> None:
    before = workspace.table("leads").height
    (workspace.root / "export" / "leads.parquet").unlink()
    report = workspace.sync(now=NOW + timedelta(days=1))
    assert workspace.table("leads").height == before > 0
    assert report.findings.filter(pl.col("table") == "leads").height >= 1


def test_a_file_that_no_mapping_names_is_told_and_read_once_it_is_drafted(workspace: Workspace) -> None:
    extra = workspace.root / "export" / "plan.csv"
    extra.write_text(
        "period_start,grain,level,member,amount\n2026-07-01,month,all,all,900000\n2026-08-01,month,all,all,950000\n"
    )
    report = workspace.sync(now=NOW + timedelta(days=1))
    told = report.findings.filter(pl.col("code") == "records.unmapped_file")
    assert told["message"].to_list()[0].startswith("plan.csv")


def test_a_what_if_is_not_approved(workspace: Workspace) -> None:
    what_if = workspace.run(now=NOW, as_of=AS_OF, scenario="bold", overlay={"reconcile.growth": 0.3})
    with pytest.raises(QuarterdeckError, match=r"what-if with reconcile\.growth"):
        workspace.approve(what_if, who="Lee", reason="board", now=NOW)


def test_a_folder_without_a_table_makes_no_workspace_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "deals.xlsx").write_bytes(b"PK")
    with pytest.raises(QuarterdeckError, match=r"(?s)no CSV or Parquet file.*deals\.xlsx"):
        Workspace.create(tmp_path / "acme", tmp_path / "export", now=NOW)
    assert not (tmp_path / "acme").exists()


def test_a_korean_export_makes_a_korean_company_and_says_why(tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    rows = ["거래번호,거래명,단계,금액,담당자,생성일,종료일"]
    rows += [
        f"D{n},거래 {n},{'성사' if n % 3 else '실패'},{1000 + n}000,김{n % 4},2026-0{1 + n % 5}-1{n % 9},2026-06-1{n % 9}"
        for n in range(30)
    ]
    (folder / "deals.csv").write_text("\n".join(rows), encoding="utf-8")
    with Workspace.create(tmp_path / "acme", folder, now=NOW) as workspace:
        assert (workspace.settings.company.currency, workspace.settings.company.language) == ("KRW", "ko")
        text = (tmp_path / "acme" / "quarterdeck.yaml").read_text(encoding="utf-8")
        assert "  # " in text.split("currency")[0]
        assert workspace.table("opportunities")["amount"].sum() == sum((1000 + n) * 1000 for n in range(30))


def test_a_step_sees_only_the_tables_that_it_declared(workspace: Workspace, run: Run) -> None:
    from quarterdeck.base.tables import DeclaredTables

    given = DeclaredTables(workspace.tables_of(run), ("people",), "a.step")
    assert given["people"].height
    with pytest.raises(QuarterdeckError, match="without declaring it"):
        given["opportunities"]


def test_an_approval_binds_the_plan_of_its_hash_and_publishes_it_once(workspace: Workspace, run: Run) -> None:
    assert run.plan_hash is not None
    with pytest.raises(QuarterdeckError, match="not the one that was asked about"):
        workspace.approve(run, who="Lee", reason="board of July", now=NOW, plan_hash="0000")
    first = workspace.approve(run, who="Lee", reason="board of July", now=NOW, plan_hash=run.plan_hash[:12])
    again = workspace.approve(run, who="Kim", reason="twice", now=NOW + timedelta(hours=1))
    assert first == again
    assert len(workspace.publications()) == 1
    reopened = workspace.run_by_id(run.id)
    assert reopened.is_published
    assert workspace.ledger.verify() == []


def test_a_plan_whose_files_were_changed_is_not_approved(workspace: Workspace, run: Run) -> None:
    quotas = pl.read_parquet(run.paths["quotas"])
    quotas.with_columns(pl.col("amount") + 1).write_parquet(run.paths["quotas"])
    with pytest.raises(QuarterdeckError, match="not the one that was asked about"):
        workspace.approve(run, who="Lee", reason="board", now=NOW)


def test_without_a_date_a_run_of_old_records_stands_on_the_day_after_the_newest(workspace: Workspace) -> None:
    late = NOW + timedelta(days=200)
    run = workspace.run(now=late)
    assert run.as_of <= NOW
    assert "The newest record is of 2026-06-30" in run.note
    workspace.run(now=late + timedelta(hours=1), as_of=date(2026, 5, 1), until="quality")
    part = workspace.run(now=late + timedelta(hours=2), until="metrics")
    assert part.as_of == datetime(2026, 5, 1)
    assert part.plan_hash is None


def test_a_run_without_plan_lines_cannot_be_approved(workspace: Workspace) -> None:
    part = workspace.run(now=NOW, as_of=AS_OF, until="metrics")
    with pytest.raises(QuarterdeckError, match="no plan with lines"):
        workspace.approve(part, who="Lee", reason="board", now=NOW)


def test_a_decision_needs_a_name_and_a_reason(workspace: Workspace, run: Run) -> None:
    with pytest.raises(QuarterdeckError, match="--who"):
        workspace.approve(run, who=" ", reason="board", now=NOW)
    with pytest.raises(QuarterdeckError, match="did you mean 'demand'"):
        workspace.override("demnd", "all", 1, reason="r", who="w", now=NOW, period="2026-08")


def test_the_next_cycle_holds_the_publication_against_what_came(workspace: Workspace) -> None:
    april = workspace.run(now=NOW, as_of=date(2026, 4, 1))
    drafted = workspace.run(now=NOW, as_of=AS_OF)
    assert set(workspace.table("variances", run=drafted)["label"]) == {"draft"}
    publication = workspace.approve(april, who="Lee", reason="board of April", now=NOW)
    july = workspace.run(now=NOW, as_of=AS_OF)
    rows = workspace.table("variances", run=july)
    assert set(rows["label"]) == {"publication"}
    assert set(rows["reference"]) == {publication.id}
    done = rows.filter((pl.col("level") == "all") & (pl.col("period_start") == date(2026, 5, 1)))
    won = workspace.table("opportunities", run=july).filter(
        (pl.col("status") == "won") & (pl.col("closed_at").dt.strftime("%Y-%m") == "2026-05")
    )
    assert done["actual"].to_list() == pytest.approx([won["amount"].sum() / 100])
    assert done["is_complete"].to_list() == [True]


def test_quotas_add_up_to_the_target_to_the_cent(workspace: Workspace, run: Run) -> None:
    quotas = (
        workspace.table("quotas", run=run).group_by("period_start").agg(pl.col("amount").sum()).sort("period_start")
    )
    targets = workspace.table("plan_targets", run=run).filter(pl.col("level") == "all").sort("period_start")
    assert quotas["amount"].to_list() == targets["amount"].to_list()


def test_a_figure_is_explained_down_to_its_records(workspace: Workspace, run: Run) -> None:
    told = workspace.explain("metrics.won_value", period="2026Q2")
    assert told.value == pytest.approx(told.records.filter(pl.col("status") == "won")["amount"].sum() / 100)
    assert told.run_id == run.id
    demand = workspace.explain("demand.bookings", period="2026-07")
    parts = [float(line.split(": ")[1].replace(",", "")) for line in demand.inputs if line.startswith("from ")]
    assert demand.value == pytest.approx(sum(parts), abs=len(parts))
    assert any(line.startswith("demand.simulate") for line in demand.trail)
    with pytest.raises(QuarterdeckError, match="did you mean 'win_rate'"):
        workspace.explain("metrics.win_rat")


def test_every_line_of_the_plan_is_explained_with_the_lines_beside_it(workspace: Workspace, run: Run) -> None:
    from quarterdeck.reconcile.definitions import LINES

    lines = workspace.table("plan_lines", run=run).filter((pl.col("scenario") == "base") & (pl.col("level") == "all"))
    assert set(lines["line"]) <= set(LINES)
    for line in lines["line"].unique():
        told = workspace.explain(f"plan.{line}")
        assert told.definition == LINES[line]
        assert told.records.height > 0
    gap = workspace.explain("plan.gap", period="2026-08")
    bookings = workspace.explain("plan.bookings", period="2026-08")
    target = workspace.explain("plan.target", period="2026-08")
    assert gap.value == pytest.approx(bookings.value - target.value)
    assert [line.split(":")[0] for line in gap.inputs][:2] == ["bookings", "target"]
    person = workspace.table("quotas", run=run)["person_id"][0]
    quota = workspace.explain(f"quota.{person}", period="2026-08")
    assert quota.value == pytest.approx(quota.records["amount"].sum() / 100)


def test_pay_is_explained_with_what_was_closed_and_what_is_expected(workspace: Workspace, run: Run) -> None:
    lines = workspace.table("pay_lines", run=run)
    paid = lines.filter((pl.col("scenario") == "paid") & (pl.col("period_start") == date(2026, 6, 1)))
    person = paid["person_id"][0]
    mine = paid.filter(pl.col("person_id") == person)
    told = workspace.explain(f"pay.{person}", period="2026-06")
    assert told.value == pytest.approx(mine["amount"].sum() / 100)
    assert told.records.height == mine.height > 0


def test_what_a_check_found_is_told_after_a_run_of_another_part_too(workspace: Workspace, run: Run) -> None:
    code = workspace.findings(run).filter(pl.col("code").str.starts_with("quality."))["code"][0]
    before = workspace.explain(code).value
    workspace.run(now=NOW + timedelta(hours=1), as_of=AS_OF, until="metrics")
    assert workspace.findings().height == workspace.findings(run).height
    assert workspace.explain(code).value == before


def test_a_figure_nobody_has_is_answered_with_the_nearest(workspace: Workspace) -> None:
    for name, member, told in (
        ("quota", "all", "Which one"),
        ("metrics.win_rate", "Eastt", "did you mean 'East'"),
        ("plan.bookings", "Eastt", "did you mean 'East'"),
    ):
        with pytest.raises(QuarterdeckError, match=told):
            workspace.explain(name, dimension="all" if member == "all" else "region", member=member)


def test_a_metric_without_a_period_is_told_for_the_last_whole_month(workspace: Workspace) -> None:
    assert (
        workspace.explain("metrics.won_value").value == workspace.explain("metrics.won_value", period="2026-06").value
    )


def test_a_moment_before_the_first_record_is_refused_with_the_first(workspace: Workspace) -> None:
    with pytest.raises(QuarterdeckError, match="Nothing was known before 2010-01-01"):
        workspace.run(now=NOW, as_of=date(2010, 1, 1))


def test_a_fault_in_an_overlay_is_the_calls_and_not_the_files(workspace: Workspace) -> None:
    with pytest.raises(ConfigurationError, match=r"^--set demand.horizn: .*did you mean 'horizon'"):
        workspace.run(now=NOW, as_of=AS_OF, overlay={"demand.horizn": 3})


def test_all_faults_of_the_settings_are_told_at_once_with_line_and_remedy(workspace: Workspace) -> None:
    path = workspace.root / "quarterdeck.yaml"
    path.write_text(path.read_text() + "demand:\n  horizn: 3\nscorin: {}\nseed: many\n")
    with pytest.raises(ConfigurationError) as caught:
        Workspace.open(workspace.root)
    told = "\n".join(caught.value.faults)
    assert "did you mean 'horizon'" in told
    assert "did you mean 'scoring'" in told
    assert "seed" in told
    lines = path.read_text().splitlines()
    assert f"quarterdeck.yaml:{lines.index('  horizn: 3') + 1}:" in told


def test_a_folder_that_is_no_workspace_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(QuarterdeckError, match="quarterdeck init"):
        Workspace.open(tmp_path)


def test_a_run_file_points_to_files_that_exist(workspace: Workspace, run: Run) -> None:
    value = json.loads((workspace.root / "runs" / f"{run.id}.json").read_text())
    assert all((workspace.root / path).is_file() for path in value["tables"].values())


@pytest.mark.postgresql
def test_a_team_keeps_its_decisions_on_postgresql(made: Path, tmp_path: Path, postgresql_url: str) -> None:
    shutil.copytree(made, tmp_path / "acme", copy_function=shutil.copy2)
    path = tmp_path / "acme" / "quarterdeck.yaml"
    path.write_text(path.read_text() + f"ledger: {postgresql_url}\n")
    with Workspace.open(tmp_path / "acme") as ours, Workspace.open(tmp_path / "acme") as theirs:
        ours.override("demand", "all", 500_000, reason="contract", who="Kim", now=NOW, period="2026-09")
        run = theirs.run(now=NOW, as_of=AS_OF)
        assert run.paths["overrides"].is_file()
        assert theirs.table("overrides", run=run)["value"].to_list() == [500_000]
        publication = theirs.approve(run, who="Lee", reason="board", now=NOW)
        assert ours.publications() == [publication]
        assert ours.ledger.verify() == []


@pytest.mark.shared_data
def test_the_public_export_gives_its_published_totals_at_both_dates(shared_data: Path, tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "acme", shared_data / "crm_sales_opportunities", now=NOW) as workspace:
        whole = workspace.table("opportunities", as_of=date(2018, 1, 1))
        won = whole.filter(pl.col("status") == "won")
        assert (whole.height, won.height, whole.filter(pl.col("status") == "lost").height) == (8800, 4238, 2473)
        assert won["amount"].sum() == 10_005_534_00
        then = workspace.table("opportunities", as_of=date(2017, 10, 1))
        won = then.filter(pl.col("status") == "won")
        dated = then.filter((pl.col("status") == "open") & pl.col("created_at").is_not_null())
        assert (won.height, then.filter(pl.col("status") == "lost").height, dated.height) == (3042, 1684, 2409)
        assert won["amount"].sum() == 7_203_038_00
        run = workspace.run(now=NOW, as_of=date(2017, 10, 1))
        empty = {name for step in STEPS for name in step.writes if workspace.table(name, run=run).is_empty()}
        # the accounts' names differ, and the inputs that the others lack are named
        assert empty == {"links", "error_effects", "target_lines", "engagement"}
        told = set(workspace.findings(run)["code"])
        assert told >= {"quality.no_opportunity_history", "quality.no_targets", "scoring.no_engagement"}
        rate = workspace.explain("metrics.win_rate", period="2017Q3")
        assert rate.records.height == rate.records.filter(pl.col("status").is_in(["won", "lost"])).height > 0
