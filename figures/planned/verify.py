r"""A plan run in simulation: was the target met?

The last generation's quantity over seeds, with its 95 % t interval: the target is met where
the interval reaches it, since a plan puts the mean of a prediction right there. Loops
without chance are run once, and must meet it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from figures.planned.loops import LOOPS, WITHOUT_CHANCE, Simulated
from figures.replication import interval
from sim.store import Run
from theory.planning.inverse import Plan, meets
from theory.planning.variables import QUANTITIES

__all__ = ["Verified", "verify"]


@dataclass(frozen=True)
class Verification:
    """Settings of a stored run; the plan's variables as text, since they differ."""

    relation: str
    settled: str
    seeds: int = 20
    seed: int = 0


@dataclass(frozen=True)
class Verified:
    """What came out of a plan."""

    plan: Plan
    mean: float
    interval: tuple[float, float]
    seeds: int
    met: bool
    """within the interval"""
    loop: str
    hypotheses: Mapping[str, bool]

    @property
    def says(self) -> str:
        """One sentence."""
        q = QUANTITIES[self.plan.relation.quantity]
        low, high = self.interval
        sign = "at most" if q.wanted == "low" else "at least"
        off = [name for name, ok in self.hypotheses.items() if not ok]
        outcome = "met" if self.met else "NOT met"
        if off:
            outcome = f"hypotheses not met ({'; '.join(off)})"
        return (
            f"{outcome}: {self.mean:.4g} [{low:.4g}, {high:.4g}] over {self.seeds} runs, "
            f"asked {sign} {self.plan.target:g}; {self.loop}"
        )


def verify(
    plan: Plan, root: Path, progress: Any, seeds: int = 20, seed: int = 0
) -> Verified | None:
    """Run the plan's loop, resuming what is stored; None where there is none for it.

    Args:
        plan: one that was found.
        root: output folder; the run is stored there.
        progress: reports generations.
        seeds: independent runs.
        seed: key of all random numbers.
    """
    relation = plan.relation
    if not plan.found or relation.id not in LOOPS:
        return None
    seeds = 1 if relation.id in WITHOUT_CHANCE else seeds
    settled = plan.settled
    text = ", ".join(f"{k}={v!r}" for k, v in sorted(settled.items()))
    run = Run.open(
        root,
        f"plan-{relation.id}",
        "plan",
        Verification(relation.id, text, seeds, seed),
    )
    with progress.stage(relation.id), run.locked():
        parts = [
            LOOPS[relation.id](settled, g, seed, progress) for g in run.groups(seeds)
        ]
        if any(part is None for part in parts):
            return None
        found = _joined(parts, seeds)
        run.complete(seeds, xr.Dataset({"value": ("seed", found.values)}))
    return _judged(plan, found)


def _joined(parts: list[Simulated], seeds: int) -> Simulated:
    values = np.concatenate([part.values for part in parts])[:seeds]
    hypotheses = {k: ok for part in parts for k, ok in part.hypotheses.items()}
    return Simulated(values, parts[0].loop, hypotheses)


def _judged(plan: Plan, found: Simulated) -> Verified:
    quantity = QUANTITIES[plan.relation.quantity]
    values = xr.DataArray(np.asarray(found.values, dtype=float), dims="seed")
    mean, low, high = map(float, interval(values))
    whole = bool(np.isfinite(values).all())  # the interval is of finite runs alone
    reached = low if quantity.wanted == "low" else high
    met = whole and bool(meets(quantity, reached, plan.target))
    return Verified(
        plan, mean, (low, high), values.size, met, found.loop, found.hypotheses
    )
