"""Large groups of sellers are cut into teams, and every member finds one."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.execute.territory.teams import deal_out, teams_of


def test_teams_are_even_no_larger_than_asked_and_keep_people_of_a_team_together() -> None:
    sellers = pl.DataFrame({"id": [f"s{n:02}" for n in range(10)], "team": ["red", "blue"] * 5})
    teams = teams_of(sellers, 5)
    assert np.bincount(teams).tolist() == [5, 5]
    assert {tuple(sellers.filter(teams == number)["team"].unique()) for number in (0, 1)} == {("red",), ("blue",)}
    assert np.bincount(teams_of(sellers, 4)).max() <= 4


def test_members_stay_while_their_team_has_room_and_the_rest_goes_where_there_is_most() -> None:
    load, fair = np.array([5.0, 4.0, 3.0, 2.0, 1.0]), np.array([7.5, 7.5])
    start = np.array([0, 0, 0, -1, 1])
    chosen = deal_out(load, start, fair, 0.2)
    # 5 and 4 fill team 0 to its limit of 9; 3 must leave; 2 had nobody and goes where 7.5 - 1 - 3 are left.
    assert chosen.tolist() == [0, 0, 1, 1, 1]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0, 10), min_size=1, max_size=60), st.integers(1, 5), st.data())
def test_everyone_is_placed_and_no_team_is_over_full_by_more_than_one_member(
    loads: list[float], teams: int, data: st.DataObject
) -> None:
    load = np.array(loads)
    start = np.array(data.draw(st.lists(st.integers(-1, teams - 1), min_size=load.size, max_size=load.size)))
    fair = np.full(teams, load.sum() / teams)
    chosen = deal_out(load, start, fair, 0.1)
    assert set(chosen.tolist()) <= set(range(teams))
    held = np.bincount(chosen, weights=load, minlength=teams)
    assert (held <= fair * 1.1 + load.max() + 1e-9).all()
