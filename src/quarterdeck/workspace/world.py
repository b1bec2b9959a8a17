"""A simulated company as a workspace: an export with known truth beside it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Literal, get_args

from quarterdeck.base.config import Company
from quarterdeck.base.errors import QuarterdeckError, did_you_mean
from quarterdeck.workspace.facade import Workspace

Kind = Literal["software", "agency", "manufacturer"]
KINDS: tuple[Kind, ...] = get_args(Kind)


def simulate_company(
    root: Path | str,
    *,
    kind: Kind = "software",
    opportunities: int = 3000,
    seed: int = 1,
    now: datetime,
    progress: Callable[[int, int], None] | None = None,
) -> Workspace:
    """Make a company of a kind, write its export below `root/world/export` and open a workspace on it.

    `progress` is called with the months played and their number.
    """
    from quarterdeck import simulate

    root = Path(root)
    if kind not in KINDS:
        raise QuarterdeckError(f"There is no company of kind {kind!r}; {did_you_mean(kind, KINDS)}")
    if (root / "quarterdeck.yaml").exists():
        raise QuarterdeckError(f"{root} is a workspace already; choose another name.")
    spec = simulate.WorldSpec(kind=kind, opportunities=opportunities, seed=seed)
    simulate.write(spec, root / "world", progress)
    company = Company(name=f"{root.resolve().name.replace('_', ' ').title()}", currency=spec.currency)
    return Workspace.create(root, root / "world" / "export", company=company, now=now)
