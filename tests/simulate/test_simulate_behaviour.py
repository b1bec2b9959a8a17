"""What drives the world shows in its records: skill, season, price, drift, shocks, another nature of buyers."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from quarterdeck.simulate import PRESETS, Shock, World, WorldSpec
from quarterdeck.simulate.kinds import KINDS
from quarterdeck.simulate.noise import Noise

Frames = dict[str, pl.DataFrame]


def deals_of(spec: WorldSpec) -> tuple[pl.DataFrame, World]:
    """All deals of a world in their last state."""
    world, found = World(spec), []
    for _ in range(spec.months):
        final, live = world.advance()
        found += [final["opportunities"]] if "opportunities" in final else []
    return pl.concat([*found, live["opportunities"]]), world


def spec(**given: object) -> WorldSpec:
    base = {
        "opportunities": 2500,
        "months": 24,
        "start": date(2024, 7, 1),
        "seed": 31,
        "detail": 0.0,
        "faults": 0.0,
        "shocks": (),
    }
    return WorldSpec.model_validate(base | given)


def win_rate(deals: pl.DataFrame) -> float:
    closed = deals.filter(pl.col("status") != "open", kind="new")
    return float(closed["status"].eq("won").mean())  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def plain() -> tuple[pl.DataFrame, World]:
    return deals_of(spec())


def test_able_sellers_win_more(plain: tuple[pl.DataFrame, World]) -> None:
    deals, world = plain
    closed = deals.filter(pl.col("status") != "open", kind="new").join(
        world.truth()["people"], left_on="owner_id", right_on="id"
    )
    able, weak = closed.filter(pl.col("skill") > 0.15), closed.filter(pl.col("skill") < -0.15)
    assert able.height > 100
    assert weak.height > 100
    assert win_rate(able) > win_rate(weak) + 0.14


def test_well_suited_customers_buy_more(plain: tuple[pl.DataFrame, World]) -> None:
    deals, world = plain
    closed = deals.join(world.truth()["accounts"], left_on="account_id", right_on="id")
    middle = closed["fit"].median()
    assert win_rate(closed.filter(pl.col("fit") > middle)) > win_rate(closed.filter(pl.col("fit") < middle)) + 0.05


def test_leads_follow_the_season() -> None:
    world, months = World(spec(months=24, opportunities=4000)), dict[int, int]()
    for month in range(24):
        before = world.state.scene.serials.get("leads", 0)
        world.advance(with_open=False)
        number = (month + 6) % 12 + 1
        months[number] = months.get(number, 0) + world.state.scene.serials["leads"] - before
    season = KINDS["software"].season
    assert np.corrcoef([months[number] for number in range(1, 13)], season)[0, 1] > 0.8
    assert months[3] > months[8] * 1.1


def test_repeat_orders_show_the_price_response_that_the_truth_names() -> None:
    of = spec(kind="manufacturer", opportunities=6000, months=24)
    world = World(of)
    rows: list[dict[str, float]] = []
    for month in range(24):
        customers = np.bincount(world.state.delivery.customers["product"], minlength=4)
        orders = world.step()["orders"].filter(
            pl.col("opportunity_id").is_null(),
            pl.col("ordered_at") >= date(2024 + (month + 6) // 12, (month + 6) % 12 + 1, 1),
        )
        tick = next(iter(world.state.scene.ticks(month)))
        season = KINDS["manufacturer"].season[tick.calendar_month - 1] ** 1.5
        for product in range(4):
            count = orders.filter(product_id=f"R{product:07d}").height
            price = world.state.scene.price_factor[product] / 1.03 ** (month // 12)
            rows.append({"price": np.log(price), "count": count, "base": customers[product] * season})
    frame = pl.DataFrame(rows).filter(pl.col("base") > 50)
    cheap, usual = frame.filter(pl.col("price") < -0.05), frame.filter(pl.col("price").abs() < 0.01)
    rate = [part["count"].sum() / part["base"].sum() for part in (cheap, usual)]
    shown = np.log(rate[0] / rate[1]) / cheap["price"].mean()  # type: ignore[operator]
    elasticity = world.truth()["parameters"].filter(name="elasticity")["value"][0]
    assert shown == pytest.approx(-elasticity, abs=0.8)


def test_drift_makes_the_market_harder() -> None:
    still, drifting = (deals_of(spec(drift=drift, opportunities=1500))[0] for drift in (0.0, 4.0))
    late = pl.col("created_at") >= date(2025, 7, 1)
    assert win_rate(drifting.filter(late)) < win_rate(still.filter(late)) - 0.03


@pytest.mark.parametrize(("kind", "sign"), [("competitor", -1), ("competitor_lost", 1), ("recession", -1)])
def test_a_shock_moves_the_win_rate_while_it_lasts(plain: tuple[pl.DataFrame, World], kind: str, sign: int) -> None:
    shocked, world = deals_of(spec(shocks=(Shock(month=12, kind=kind, months=5, strength=1.5),)))  # type: ignore[arg-type]
    during = pl.col("closed_at").is_between(date(2025, 7, 15), date(2025, 12, 1))
    assert sign * (win_rate(shocked.filter(during)) - win_rate(plain[0].filter(during))) > 0.02
    before = pl.col("closed_at") < date(2025, 7, 1)
    assert shocked.filter(before).equals(plain[0].filter(before))
    assert world.truth()["shocks"]["kind"].to_list() == [kind]


def test_the_strange_world_decides_at_the_quarters_end(plain: tuple[pl.DataFrame, World]) -> None:
    strange = deals_of(spec(misspecified=True))[0]

    def share(deals: pl.DataFrame) -> float:
        won = deals.filter(status="won")["closed_at"].dt
        last = (won.month().is_in([3, 6, 9, 12])) & (won.day() >= 15)
        return float(last.mean())  # type: ignore[arg-type]

    assert share(strange) > share(plain[0]) + 0.02


def test_the_demonstration_companys_crew_gets_short_while_nobody_is_hired() -> None:
    demo = PRESETS["demo"].model_copy(update={"detail": 0.0})
    world = World(demo)
    for _ in range(demo.months):
        world.advance(with_open=False)
    delivery = world.state.delivery
    crew = delivery.capacity(world.state.scene, demo.months)
    assert np.mean(delivery.loads[-3:]) > crew
    assert np.mean(delivery.loads[-18:-12]) < crew


def test_futures_agree_with_what_then_came() -> None:
    of = spec(opportunities=1500, months=15)
    world = World(of)
    for _ in range(of.months):
        frames = world.step()
    truth = world.truth(replicas=8, horizon=4)
    odds = truth["odds"]
    assert set(odds["id"]) == set(frames["opportunities"].filter(status="open")["id"])
    assert odds.select(((pl.col("won_rate") + pl.col("lost_rate")).is_between(0, 1)).all()).item()
    booked, ended = 0.0, pl.DataFrame()
    for _ in range(4):
        final, _ = world.advance()
        closed = final["opportunities"]
        booked += float(closed.filter(status="won")["amount"].cast(pl.Float64).sum())
        ended = pl.concat([ended, closed.select("id", "status")])
    joined = odds.join(ended, on="id", how="left").with_columns(won=(pl.col("status") == "won").fill_null(False))
    assert joined["won"].sum() == pytest.approx(joined["won_rate"].sum(), rel=0.35)
    assert joined.filter("won")["won_rate"].mean() > joined.filter(~pl.col("won"))["won_rate"].mean() + 0.1  # type: ignore[operator]
    spread = np.sqrt((truth["bookings"]["standard_deviation"] ** 2).sum())
    assert abs(booked - truth["bookings"]["mean"].sum()) < 4 * spread


def test_asking_for_the_truth_does_not_change_the_world() -> None:
    of = spec(opportunities=300, months=6)
    asked, left = World(of), World(of)
    for month in range(6):
        one, two = asked.step(), left.step()
        assert all(frame.equals(two[name]) for name, frame in one.items()), month
        asked.truth(replicas=1, horizon=2)


def test_memory_holds_open_records_only() -> None:
    """What is over leaves the world: it holds no more after five years than after two."""
    world, sizes = World(spec(opportunities=900, months=60, start=date(2021, 7, 1))), []
    pools = world.state.deals.pool, world.state.leads.pool, world.state.delivery.orders, world.state.delivery.invoices
    for _ in range(60):
        world.advance(with_open=False)
        sizes.append(sum(len(pool) for pool in pools))
        assert world.state.scene.recorder.take() == {}
    serials = world.state.scene.serials
    growth = np.exp(KINDS["software"].growth * 3)
    assert max(sizes[-12:]) < 2 * growth * max(sizes[12:24])
    assert max(sizes) < 0.2 * (serials["opportunities"] + serials["leads"] + serials["orders"] + serials["invoices"])


def test_noise_depends_on_its_keys_alone() -> None:
    noise = Noise(5)
    numbers = np.arange(20_000)
    chance = noise.uniform("thing", numbers, 3)
    assert noise.uniform("thing", numbers[500:600], 3).tolist() == chance[500:600].tolist()
    assert abs(chance.mean() - 0.5) < 0.01
    assert abs(np.corrcoef(chance, noise.uniform("other", numbers, 3))[0, 1]) < 0.03
    assert abs(np.corrcoef(chance[1:], chance[:-1])[0, 1]) < 0.03
    normal = noise.normal("bell", numbers)
    assert abs(normal.mean()) < 0.03
    assert abs(normal.std() - 1) < 0.03
    assert abs(noise.exponential("wait", numbers).mean() - 1) < 0.03
    assert noise.whole("count", np.full(20_000, 2.3), numbers).mean() == pytest.approx(2.3, abs=0.02)


def test_every_preset_ends_on_the_same_day() -> None:
    assert {preset.end - timedelta(1) for preset in PRESETS.values()} == {date(2026, 6, 30)}
