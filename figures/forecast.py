"""What a command would compute, and what that would cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from figures.catalogue import Figure
from figures.pipeline import find, seeds_of
from figures.progress import duration
from sim.store import Group, Run
from theory.validation import require

__all__ = ["Cost", "Forecast", "forecasts", "table"]


@dataclass(frozen=True)
class Cost:
    """Of simulating some seeds; None where nothing is known."""

    seconds: float | None
    memory: float | None
    """Peak, bytes."""
    disk: float | None
    """Bytes."""
    source: str
    """"measured" on an earlier run here, or "catalogue"."""


@dataclass(frozen=True)
class Forecast:
    """One figure's share of a command."""

    figure: str
    preset: str
    seeds: int
    """Asked for."""
    stored: int
    """Of these, complete on disk."""
    groups: tuple[str, ...]
    """What lies on disk, group by group."""
    cost: Cost
    shares_with: str = ""
    """Id of the figure of the same command whose simulation it looks at."""


def forecasts(
    chosen: Sequence[Figure], preset: str, settings: Mapping[str, Any], root: Path
) -> list[Forecast]:
    """Compare what is asked for with what is stored; nothing is written.

    Cost grows in proportion to the number of seeds. It is taken from this run if it was
    finished with fewer seeds, else from the last finished run of the same preset, else
    from the catalogue.
    """
    found, planned = [], {}
    for figure in chosen:
        run = find(figure, preset, settings[figure.id], root)
        seeds = seeds_of(settings[figure.id])
        stored = min(run.completed_seeds, seeds) if run else 0
        key = (figure.run_id, settings[figure.id])
        found.append(
            Forecast(
                figure=figure.id,
                preset=preset,
                seeds=seeds,
                stored=stored,
                groups=tuple(map(_contents, run.stored_groups() if run else ())),
                cost=_cost(run, figure, preset, seeds - stored, root),
                shares_with=planned.setdefault(key, figure.id),
            )
        )
    return found


def table(found: Sequence[Forecast], jobs: int = 1) -> str:
    """The forecasts as lines for people, and how long all take, `jobs` at a time."""
    require(jobs >= 1, "jobs", ">= 1", jobs)
    width = max(len(plan.figure) for plan in found)
    lines, seconds, unknown = [], [], False
    for plan in found:
        line = f"{plan.figure:{width}}  {plan.preset}  {plan.stored}/{plan.seeds} seeds"
        if plan.stored == plan.seeds:
            lines.append(f"{line} stored")
        elif plan.shares_with != plan.figure:
            lines.append(f"{line} stored, the rest comes with {plan.shares_with}")
        else:
            lines.append(f"{line} stored; {_words(plan.cost)}")
            lines += [f"{'':{width}}  on disk: {group}" for group in plan.groups]
            seconds.append(plan.cost.seconds or 0.0)
            unknown |= plan.cost.seconds is None
    if all(plan.stored == plan.seeds for plan in found):
        return "\n".join([*lines, "Nothing to simulate."])
    more = " and what is not known" if unknown else ""
    jobs = min(jobs, len(seconds))
    together = f", {jobs} at a time" if jobs > 1 else ""
    all_of_it = max(sum(seconds) / jobs, *seconds)
    return "\n".join(
        [*lines, f"Expected in all: {duration(all_of_it)}{more}{together}."]
    )


def _cost(
    run: Run | None, figure: Figure, preset: str, missing: int, root: Path
) -> Cost:
    peer = _measured(run, figure, preset, root)
    if peer:
        share = missing / peer.completed_seeds
        peak = max(s["peak_memory_bytes"] for s in peer.timing()["sessions"])
        disk = peer.size_bytes() * share
        return Cost(peer.seconds() * share, peak, disk, "measured")
    share = missing / seeds_of(figure.presets[preset])
    megabytes, disk = (
        known.get(preset) for known in (figure.megabytes, figure.disk_megabytes)
    )
    seconds = figure.seconds.get(preset)
    return Cost(
        None if seconds is None else seconds * share,
        None if megabytes is None else megabytes * 1e6,
        None if disk is None else disk * 1e6 * share,
        "catalogue",
    )


def _measured(run: Run | None, figure: Figure, preset: str, root: Path) -> Run | None:
    if run and run.completed_seeds:
        return run
    peers = [
        peer
        for peer in Run.all(root)
        if (peer.figure, peer.preset) == (figure.run_id, preset)
        and peer.completed_seeds
    ]
    return max(peers, key=Run.last_used, default=None)


def _words(cost: Cost) -> str:
    time = "time not known" if cost.seconds is None else f"{duration(cost.seconds)}"
    sizes = [
        f"{what} not known" if value is None else f"{value / 1e6:.0f} MB {what}"
        for what, value in (("memory", cost.memory), ("disk", cost.disk))
    ]
    return f"expected {', '.join([time, *sizes])} ({cost.source})"


def _contents(group: Group) -> str:
    first, last = group.seeds.start, group.seeds.stop - 1
    return f"seeds {first} to {last}: {group.done} records"
