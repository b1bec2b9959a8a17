"""Large groups of sellers cut into teams, so that the search's work grows with the company, not with its square.

Members stay in their seller's team while the team's load fits; what is too much, and what nobody looks after, goes to
the team with the most room, the largest first (longest processing time first: Graham 1969).
"""

from __future__ import annotations

import heapq

import numpy as np
import polars as pl

from quarterdeck.execute.territory.assignment import Floats, Indices


def teams_of(sellers: pl.DataFrame, size: int) -> Indices:
    """The team of each seller (`id, team`): the people's own teams kept together, none larger than `size`."""
    count = -(-sellers.height // size)
    order = sellers.with_row_index("place").sort(pl.col("team").fill_null(""), "id")["place"].to_numpy()
    teams = np.empty(sellers.height, dtype=np.int64)
    teams[order] = np.arange(sellers.height) * count // max(sellers.height, 1)
    return teams


def deal_out(load: Floats, start: Indices, fair: Floats, tolerance: float) -> Indices:
    """The team of each member: `start` where it has one (-1: none) and fits, else where there is room.

    `load` is a member's, `fair` each team's fair part of all load.
    """
    order = np.argsort(-load, kind="stable")
    held = np.zeros(fair.size)
    chosen = np.full(load.size, -1, dtype=np.int64)
    most = fair * (1 + tolerance)
    for member in order[start[order] >= 0].tolist():
        team = int(start[member])
        if held[team] + load[member] <= most[team]:
            chosen[member] = team
            held[team] += load[member]
    room = [(float(-(fair[team] - held[team])), team) for team in range(fair.size)]
    heapq.heapify(room)
    for member in order[chosen[order] < 0].tolist():
        left, team = heapq.heappop(room)
        chosen[member] = team
        heapq.heappush(room, (left + float(load[member]), team))
    return chosen
