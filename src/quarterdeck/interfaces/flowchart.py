"""The flow as a picture: Mermaid text, a box a step, an arrow a table."""

from __future__ import annotations

from collections.abc import Sequence

from quarterdeck.base.schema import facts
from quarterdeck.base.step import Step


def flowchart(steps: Sequence[Step]) -> str:
    """Mermaid text of the steps. Facts are one box; an arrow carries the tables that go from one step to another."""
    lines = ["flowchart TD", '  facts[("facts")]']
    rooms: dict[str, list[Step]] = {}
    for step in steps:
        rooms.setdefault(step.room, []).append(step)
    for room, members in rooms.items():
        lines.append(f"  subgraph {room}")
        lines += [f'    {_node(step)}["{step.name}<br/>{step.title}"]' for step in members]
        lines.append("  end")
    writer = {table: step for step in steps for table in step.writes}
    known = set(facts()) | {"days"}
    for step in steps:
        if known & set(step.reads):
            lines.append(f"  facts --> {_node(step)}")
        carried: dict[str, list[str]] = {}
        for table in step.reads:
            if table in writer:
                carried.setdefault(_node(writer[table]), []).append(table)
        lines += [f'  {source} -- "{", ".join(tables)}" --> {_node(step)}' for source, tables in carried.items()]
    return "\n".join(lines)


def _node(step: Step) -> str:
    return step.name.replace(".", "_")
