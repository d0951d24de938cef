"""A theory's word on a loop: what it bounds, when it speaks, and its curve.

A statement is one row of the table that all theories share. Its curve is in its own quantity;
where a standard inequality leads from there to total variation, that is the common currency.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr

from figures.error_propagation.evidence import RESOLUTION
from figures.together.cases import Case
from theory.claims import Kind
from theory.divergence import largest_tv
from theory.self_consuming.weights import accumulated_bound

__all__ = [
    "CURRENCIES",
    "QUANTITIES",
    "Check",
    "Side",
    "Statement",
    "always",
    "history",
    "in_each_run",
]


class Side(StrEnum):
    """On which side of the measured value a statement's curve lies."""

    UPPER = "upper"
    LOWER = "lower"
    VALUE = "value"


class Check(NamedTuple):
    """A hypothesis, as far as a run can tell."""

    name: str
    met: bool | None
    """None: it cannot be checked, and is assumed."""
    detail: str


QUANTITIES = {
    "TV": "drift_tv",
    "D": "D",
    "I": "chi2_step",
    "KL of a step": "kl_step",
    "entropy": "law_entropy",
    "lines": "lines",
    "shared ancestor": "shared_ancestor",
    "score": "score",
    "log score": "score_log",
}
"""What is bounded, and the measured variable that it is set against."""


def _same(values: xr.DataArray, case: Case, trace: xr.Dataset) -> xr.DataArray:
    return values


def _nothing(values: xr.DataArray, case: Case, trace: xr.Dataset) -> xr.DataArray:
    return values * np.nan


def _chi2(values: xr.DataArray, case: Case, trace: xr.Dataset) -> xr.DataArray:
    return values.copy(data=np.asarray(largest_tv(values.values)))


def _of_steps(values: xr.DataArray, case: Case, trace: xr.Dataset) -> xr.DataArray:
    # a chain in steps is judged against the ideal chain, which ends near q_i only
    errors = _chi2(values, case, trace) + trace["step_tv"]
    return in_each_run(accumulated_bound, case.schedule, errors)


CURRENCIES: dict[str, Callable[[xr.DataArray, Case, xr.Dataset], xr.DataArray]] = {
    "": _nothing,
    "itself": _same,
    "largest TV at that chi-square": _chi2,
    "largest TV at each step's chi-square, summed with A_s": _of_steps,
}
"""Standard inequalities from a statement's quantity to total variation; none without one."""


def always(case: Case) -> str:
    """Speaks of every loop."""
    return ""


@dataclass(frozen=True)
class Statement:
    """A bound or prediction."""

    id: str
    label: str
    """in pictures"""
    paper: str
    """id of the section of the catalogue that its theory has"""
    reference: str
    provenance: str
    """"paper" or "derived" """
    kind: Kind
    quantity: str
    """one of `QUANTITIES`"""
    side: Side
    curve: Callable[[Case, xr.Dataset], xr.DataArray]
    """in that quantity, over (generation,) or (seed, generation)"""
    silent: Callable[[Case], str] = always
    """why it does not speak of a loop, "" if it does"""
    checks: Callable[[Case, xr.Dataset], tuple[Check, ...]] = lambda case, trace: ()
    """its hypotheses on the run"""
    every_run: bool = True
    """whether it is about every run, or about the mean over runs"""
    currency: str = ""
    """one of `CURRENCIES`"""
    margin: float = 0.0
    """of an exact prediction: differences up to this are called none"""
    relative: bool = True
    """whether the margin is relative to the prediction"""
    resolution: float = RESOLUTION
    """relative accuracy of what the curve is made of"""


def history(values) -> xr.DataArray:
    """Values over (generation,), the same in every run."""
    return xr.DataArray(np.asarray(values), dims="generation")


def in_each_run(function: Callable, shared: Any, *histories) -> xr.DataArray:
    """A JAX function of what all runs share and of histories, mapped over the runs.

    Args:
        function: ``function(shared, *histories)``, (generation,) -> (generation,); one that
            a module names, so that it is compiled once for all loops.
        shared: a pytree of arrays, the fresh fractions or the schedule.
        histories: over (seed, generation).
    """
    order = ("seed", "generation")
    histories = [h.transpose(*order) for h in histories]
    found = _mapped(function)(shared, tuple(h.values for h in histories))
    return histories[0].copy(data=np.asarray(found))


@functools.cache
def _mapped(function: Callable) -> Callable:
    of_run = lambda shared, histories: function(shared, *histories)
    return jax.jit(jax.vmap(of_run, in_axes=(None, 0)))
