"""A recursion of one's own without a folder for it, and the picture of a first result."""

import contextlib
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures import style
from figures.explore.page import Number, Shown, numbers, picture
from figures.progress import SILENT
from figures.replication import replica_keys
from sim.recursion import Recursion, run
from sim.store import Group
from theory.claims import Verdict
from theory.error_propagation.accumulation import DriftBounds

__all__ = ["bounded_picture", "recursed", "verdict_table"]


def recursed(
    recursion: Recursion,
    parameters: Mapping[str, np.ndarray],
    axes: Mapping[str, np.ndarray],
    seed: int = 0,
) -> xr.Dataset:
    """The records of a recursion, run in a temporary folder.

    Args:
        recursion: what is run.
        parameters: "alpha" and what the learner asks for, (replicas, generations) each.
        axes: labels of the replicas; their product is the replica axis.
        seed: key of all random numbers.
    """
    replicas = int(np.prod([len(labels) for labels in axes.values()]))
    keys = replica_keys(seed, range(1), replicas)
    with tempfile.TemporaryDirectory(prefix="driftlab-") as folder:
        group = Group.create(Path(folder), range(1), contextlib.nullcontext)
        return run(recursion, keys, parameters, axes, group, SILENT)


def bounded_picture(trace: xr.Dataset, bounds: DriftBounds, alpha: float) -> Shown:
    """Simulated drift of one fresh fraction under the bounds on it."""
    D, root = trace["D"].sel(alpha=alpha).values, np.asarray(bounds.root)[1:]
    laws = np.arange(1, len(D) + 1)

    def drawn() -> Figure:
        fig, ((ax,),) = style.panels(width=5.2, height=2.8)
        drift = r"$D_N = \chi^2(\hat p^N \| p)$"
        title = rf"Drift at $\alpha$ = {alpha:g}"
        style.panel(ax, title, "generation $N$", drift, log="y", whole="x")
        style.bound(ax, laws, root, "(U1): bound", forbids="above")
        style.simulation(ax, laws, D, "simulated")
        ax.legend(loc="lower right")
        return fig

    return picture(
        drawn,
        f"Simulated drift over {len(D)} generations at fresh fraction {alpha:g}: it "
        f"ends at {D[-1]:.3g}, below its bound of {root[-1]:.3g}.",
    )


def verdict_table(verdicts: list[Verdict]) -> Shown:
    """What was decided, and by how much."""
    rows = [
        Number(v.claim, f"{v.claim}, {v.setting}", v.outcome.value, v.reason)
        for v in verdicts
    ]
    return numbers(rows, "Verdicts")
