"""Every kind of decision has its effect: two worlds with the same accidents, of which one decides."""

from __future__ import annotations

import copy
from datetime import date

import polars as pl
import pytest

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.simulate import Decisions, Hire, SupplierOrder, World, WorldSpec

Frames = dict[str, pl.DataFrame]


def spec(**given: object) -> WorldSpec:
    base = {
        "opportunities": 600,
        "months": 12,
        "start": date(2025, 7, 1),
        "seed": 21,
        "detail": 0.0,
        "faults": 0.0,
        "shocks": (),
    }
    return WorldSpec.model_validate(base | given)


def play(world: World, decisions: Decisions, months: int = 6) -> Frames:
    """The records of so many months, in their last state; the decisions are of the first of them."""
    found: dict[str, list[pl.DataFrame]] = {}
    for month in range(months):
        for name, frame in world.step(decisions if month == 0 else Decisions()).items():
            found.setdefault(name, []).append(frame)
    return {name: pl.concat(frames).unique("id", keep="last") for name, frames in found.items()}


def after(of: WorldSpec, decisions: Decisions, months: int = 6) -> tuple[Frames, Frames]:
    """The months after the spec's last one, without and with decisions."""
    world = World(of)
    for _ in range(of.months):
        world.step()
    other = copy.deepcopy(world)
    return play(other, Decisions(), months), play(world, decisions, months)


def new_wins(frames: Frames) -> int:
    return frames["opportunities"].filter(status="won", kind="new").height


def days_of_waiting(frames: Frames) -> float:
    """Mean days from an order that needs delivery to its delivery, the last day for those that still wait."""
    orders = frames["orders"].filter((pl.col("promised_on") - pl.col("ordered_at").dt.date()).dt.total_days() > 10)
    until = orders["shipped_at"].fill_null(orders["ordered_at"].max())
    return float((until - orders["ordered_at"]).dt.total_hours().mean()) / 24  # type: ignore[arg-type]


def test_without_decisions_two_worlds_are_the_same() -> None:
    idle, same = after(spec(), Decisions(), months=2)
    for name, frame in idle.items():
        assert frame.sort("id").equals(same[name].sort("id")), name


def test_more_sellers_win_more_deals_and_stand_in_the_records() -> None:
    hires = tuple(Hire("seller", region, date(2026, 7, 1), 1) for region in ("West", "Central", "East", "Europe"))
    idle, hired = after(spec(opportunities=1000), Decisions(hires=hires), months=12)
    assert hired["people"].filter(pl.col("hired_on") == date(2026, 7, 1)).height == 4
    newcomers = hired["people"].filter(pl.col("hired_on") == date(2026, 7, 1))["id"].to_list()
    assert set(newcomers) <= set(hired["training"]["person_id"])
    assert len(set(newcomers) & set(hired["opportunities"]["owner_id"])) >= 3
    assert new_wins(hired) > 1.03 * new_wins(idle)


def test_delivery_people_shorten_the_wait() -> None:
    of = spec(opportunities=900)
    idle, hired = after(of, Decisions(hires=(Hire("delivery", None, date(2026, 7, 1), 6),)), months=6)
    assert days_of_waiting(hired) < 0.9 * days_of_waiting(idle)
    assert (
        hired["resources"].filter(role="delivery")["count"][0]
        >= idle["resources"].filter(role="delivery")["count"][0] + 5
    )


def test_sales_development_people_answer_leads_sooner() -> None:
    idle, hired = after(spec(), Decisions(hires=(Hire("sdr", "West", date(2026, 7, 1), 4),)), months=3)

    def hours(frames: Frames) -> float:
        leads = frames["leads"].filter(pl.col("created_at") >= date(2026, 7, 1))
        return float((leads["responded_at"] - leads["created_at"]).dt.total_minutes().mean())  # type: ignore[arg-type]

    assert hours(hired) < 0.8 * hours(idle)


def test_a_hire_for_a_later_month_starts_then() -> None:
    world = World(spec(months=6))
    start = date(2025, 9, 1)
    frames = play(world, Decisions(hires=(Hire("seller", "East", start),)), months=4)
    assert start in frames["people"].filter(region="East", role="seller")["hired_on"].to_list()


def test_a_higher_price_raises_what_a_unit_brings_and_lowers_what_is_sold() -> None:
    prices = tuple((f"R{number:07d}", 1.35) for number in range(4))
    of = spec(kind="manufacturer", opportunities=2500)
    idle, dear = after(of, Decisions(prices=prices), months=6)

    def again(frames: Frames) -> pl.DataFrame:
        late = pl.col("ordered_at") >= date(2026, 7, 1)
        return frames["orders"].filter(late, pl.col("opportunity_id").is_null())

    assert again(dear).height < 0.8 * again(idle).height
    common = again(idle).join(again(dear), on=["account_id", "product_id", "ordered_at"], suffix="_dear")
    ratio = common["unit_price_dear"].cast(pl.Float64) / common["unit_price"].cast(pl.Float64)
    assert ratio.median() == pytest.approx(1.35, abs=0.01)
    won = [
        frames["opportunities"].filter(pl.col("status") != "open", kind="new")["status"].eq("won").mean()
        for frames in (idle, dear)
    ]
    assert won[1] < won[0]  # type: ignore[operator]


def test_a_cheaper_price_sells_more() -> None:
    prices = tuple((f"R{number:07d}", 0.75) for number in range(4))
    idle, cheap = after(spec(kind="manufacturer", opportunities=1500), Decisions(prices=prices), months=4)
    assert cheap["orders"].height > idle["orders"].height


def test_a_supplier_order_fills_the_stock_and_ships_what_waits() -> None:
    of = spec(kind="manufacturer", opportunities=1500)
    idle, supplied = after(of, Decisions(supplier_orders=(SupplierOrder("U0000002", 5000.0),)), months=3)

    def waiting(frames: Frames) -> int:
        return frames["orders"].filter(product_id="R0000003")["shipped_at"].null_count()

    assert waiting(supplied) < waiting(idle)
    counted = [float(frames["stock"].filter(product_id="R0000003")["quantity"][0]) for frames in (idle, supplied)]
    assert counted[1] > counted[0]


def test_hours_from_a_partner_shorten_the_wait() -> None:
    of = spec(opportunities=900)
    idle, helped = after(of, Decisions(supplier_orders=(SupplierOrder("U0000002", 2000.0),)), months=3)
    assert days_of_waiting(helped) < 0.9 * days_of_waiting(idle)


def test_a_territory_moves_the_account_and_its_open_deals() -> None:
    world = World(spec())
    before = [world.step() for _ in range(12)][-1]
    people = before["opportunities"].filter(status="open")["owner_id"].unique().sort().to_list()
    account = before["opportunities"].filter(status="open", owner_id=people[0])["account_id"][0]
    now = play(world, Decisions(territories=((account, people[1]),)), months=1)
    assert now["accounts"].filter(id=account)["owner_id"].to_list() == [people[1]]
    deals = now["opportunities"].filter(account_id=account)
    assert set(deals["owner_id"]) == {people[1]}
    moved = now["opportunity_history"].filter(pl.col("opportunity_id").is_in(deals["id"].to_list()))
    assert moved.sort("changed_at")["owner_id"][0] == people[1]


def test_accounts_given_to_able_sellers_bring_more_than_given_to_weak_ones() -> None:
    of = spec(opportunities=1500, drift=0.0)
    rates = []
    start = World(of)
    frames = [start.step() for _ in range(of.months)][-1]
    for best in (True, False):
        world = copy.deepcopy(start)
        deals = frames["opportunities"].filter(status="open")
        truth = world.truth()["people"].filter(pl.col("id").is_in(deals["owner_id"].to_list()))
        order = truth.sort("skill", descending=best)["id"].to_list()[: truth.height // 2]
        accounts = deals["account_id"].unique().sort().to_list()[::2]
        given = tuple((account, order[place % len(order)]) for place, account in enumerate(accounts))
        after_it = play(world, Decisions(territories=given), months=6)["opportunities"]
        kept = after_it.filter(pl.col("account_id").is_in(accounts), pl.col("status") != "open")
        rates.append(float(kept["status"].eq("won").mean()))  # type: ignore[arg-type]
    assert rates[0] > rates[1] + 0.05


def test_a_lead_given_to_a_seller_is_answered_and_becomes_that_sellers_deal() -> None:
    of = spec(opportunities=1200)
    world = World(of)
    frames = [world.step() for _ in range(of.months)][-1]
    seller = frames["opportunities"].filter(status="open")["owner_id"].unique().sort()[0]
    waiting = frames["leads"].filter(pl.col("status").is_in(["new", "working"]))
    given = tuple((lead, seller) for lead in waiting["id"].to_list())
    after_it = play(world, Decisions(lead_owners=given), months=3)
    leads = after_it["leads"].filter(pl.col("id").is_in(waiting["id"].to_list()))
    assert set(leads["owner_id"]) == {seller}
    born = after_it["opportunities"].filter(pl.col("lead_id").is_in(leads["id"].to_list()))
    assert born.height > 0
    first = after_it["opportunity_history"].sort("changed_at").group_by("opportunity_id", maintain_order=True).first()
    assert set(first.filter(pl.col("opportunity_id").is_in(born["id"].to_list()))["owner_id"]) == {seller}
    asked_late = waiting.filter(status="new")["id"].to_list()
    answered = leads.filter(pl.col("id").is_in(asked_late))["responded_at"]
    assert answered.max() < pl.Series([date(2026, 7, 3)]).cast(pl.Datetime("us"))[0]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("wrong", "remedy"),
    [
        (Decisions(hires=(Hire("seller", "Wset"),)), "did you mean 'West'"),
        (Decisions(prices=(("R0000099", 1.1),)), "R0000099"),
        (Decisions(prices=(("R0000001", -1.0),)), "more than 0"),
        (Decisions(territories=(("A0000001", "nobody"),)), "nobody"),
        (Decisions(territories=(("A8888888", "P0000001"),)), "A8888888"),
        (Decisions(lead_owners=(("L0000001", "P0000001"),)), "L0000001"),
        (Decisions(supplier_orders=(SupplierOrder("U0000000", 50.0),)), "U0000002"),
        (Decisions(supplier_orders=(SupplierOrder("U0000002", -5.0),)), "more than 0"),
    ],
)
def test_a_decision_about_something_unknown_is_refused_with_a_remedy(wrong: Decisions, remedy: str) -> None:
    world = World(spec(months=3, opportunities=200))
    with pytest.raises(QuarterdeckError, match=remedy):
        world.step(wrong)
    assert world.month == 0
    world.step()


def test_a_duplicate_account_stands_for_its_original_in_a_decision() -> None:
    world = World(spec(months=3, opportunities=200))
    account = world.step()["opportunities"].filter(status="open")["account_id"][0]
    owner = world.roster()["people"].filter(role="seller")["id"][-1]
    frames = world.step(Decisions(territories=(("A8" + account[2:], owner),)))
    assert set(frames["opportunities"].filter(account_id=account, status="open")["owner_id"]) <= {owner}
    assert world.roster()["accounts"].filter(id=account)["owner_id"].to_list() == [owner]
