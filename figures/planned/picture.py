"""All answers to one question as one picture: the quantity against the unknown."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import style
from figures.export import save
from figures.planned.verify import Verified
from theory.claims import Kind
from theory.planning.answers import Answers
from theory.planning.inverse import Plan
from theory.planning.variables import QUANTITIES, VARIABLES

__all__ = ["draw", "picture"]

DASHES = {Kind.GUARANTEE: "-", Kind.EXACT: "--", Kind.RATE: ":"}


def draw(found: Answers, checked: Mapping[str, Verified | None], root: Path) -> Path:
    """Write the picture as .png, .pdf and .csv under `root`; the path of the .png."""
    first = found.plans[0]
    quantity = first.relation.quantity
    folder = Path(root) / "plans"
    folder.mkdir(parents=True, exist_ok=True)
    with style.applied():
        fig = picture(found, checked)
        name = f"{quantity}-{first.target:g}-{first.unknown}"
        return save(fig, folder / name)["png"]


def picture(found: Answers, checked: Mapping[str, Verified | None]) -> Figure:
    """A curve for each relation, thick where it meets the target."""
    first = found.plans[0]
    quantity, unknown = QUANTITIES[first.relation.quantity], VARIABLES[first.unknown]
    fig, axes = style.panels(1, 1, height=3.2)
    ax = axes[0, 0]
    label = f"{unknown.says} ${unknown.symbol}$"
    log = "xy" if quantity.wanted == "low" else "x"
    style.panel(ax, "", label, f"${quantity.symbol}$", log=log)
    if unknown.scale == "linear":
        ax.set_xscale("linear")
    for k, plan in enumerate(found.plans):
        _curve(ax, plan, style.SERIES[k % len(style.SERIES)], checked)
    ax.axhline(first.target, color="black", linewidth=0.8, label="target")
    ax.set_ylim(*_range(found, first.target, quantity.wanted))
    fig.legend(loc="outside lower center", ncols=2, fontsize="small")
    return fig


def _curve(ax: Axes, plan: Plan, colour: str, checked) -> None:
    relation = plan.relation
    x = plan.tried
    kept = np.isfinite(plan.values) & ((x > 0) | (ax.get_xscale() == "linear"))
    ax.plot(
        x[kept], plan.values[kept], color=colour, linestyle=DASHES[relation.kind],
        label=f"{relation.id} ({relation.kind})",
    )  # fmt: skip
    if plan.found:
        ax.plot(plan.value, plan.reached, "o", color=colour, label="_answer")
    verified = checked.get(relation.id)
    if verified:
        low, high = verified.interval
        ax.errorbar(
            [plan.value], [verified.mean], [[verified.mean - low], [high - verified.mean]],
            fmt="s", color=colour, markerfacecolor="white", label="_simulated",
        )  # fmt: skip


def _range(found: Answers, target: float, wanted: str) -> tuple[float, float]:
    if wanted == "high":
        return -0.02, 1.02
    values = np.concatenate([p.values[np.isfinite(p.values)] for p in found.plans])
    low = float(values[values > 0].min()) if (values > 0).any() else target
    return max(low / 2, target / 100), min(float(values.max()) * 2, target * 100)
