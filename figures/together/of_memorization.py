"""What is said of a loop around Shi et al. (2025): copies, their score, entropy (all derived)."""

from functools import partial

import numpy as np
import xarray as xr

from figures.together.cases import Case
from figures.together.of_self_consuming import data_entropy
from figures.together.statements import Side, Statement, history
from theory.claims import Kind
from theory.memorization.gaussian_refit import refit_entropy
from theory.memorization.genealogy import distinct_lines
from theory.memorization.generalising_line import mean_log_distance
from theory.memorization.memoriser import memoriser_score
from theory.symbolic import statement

__all__ = ["STATEMENTS"]

PAPER = "shi2025"


def _lines(case: Case, trace: xr.Dataset) -> xr.DataArray:
    """Lines in the training set of each model: all of them in that of model 1."""
    later = distinct_lines(case.settings.n, case.alpha[1:])
    return history(np.append(1.0, np.asarray(later)))


def _ancestors(case: Case, trace: xr.Dataset) -> xr.DataArray:
    step, found = statement("memorization.shared_ancestor_step"), [0.0]
    for both_copied in (1.0 - case.alpha[1:]) ** 2:
        found.append(float(step(found[-1], float(case.settings.n), both_copied)))
    return history(found)


def _copy_score(case: Case, trace: xr.Dataset) -> xr.DataArray:
    score = float(memoriser_score(case.bandwidth, 1))
    return history(np.full(case.settings.generations, score))


def _refit(case: Case, trace: xr.Dataset) -> xr.DataArray:
    """The chain of refits, whose covariance divides by N - 1, with maximum likelihood's N."""
    n, G = case.settings.n, case.settings.generations
    chain = np.asarray(refit_entropy(data_entropy(case), 1, float(n), G))[1:]
    models = 1.0 + np.arange(G)
    return history(chain + 0.5 * models * np.log1p(-1.0 / n))


def _line(case: Case, trace: xr.Dataset) -> xr.DataArray:
    entropy = trace["law_entropy"].mean("seed")
    found = mean_log_distance(entropy.values, float(case.settings.n), 1.0)
    return entropy.copy(data=np.asarray(found))


def _of_copies(case: Case) -> str:
    speaks = case.learner == "kernel"
    return "" if speaks else "speaks of points that descend from training points only"


def _of_refits(case: Case) -> str:
    if case.learner != "gaussian":
        return "speaks of a Gaussian refitted to its own samples only"
    if case.misfits:
        return "the data are no Gaussian"
    if case.alpha[1:].any():
        return "holds without fresh data (alpha = 0)"
    return ""


def _of_one_density(case: Case) -> str:
    if not case.estimates:
        return "a distance between samples: this loop draws none"
    if case.learner == "kernel":
        return "needs generated points independent of the training set, not descended from it"
    return "the data are no Gaussian: two densities" if case.misfits else ""


exact = partial(
    Statement,
    paper=PAPER,
    provenance="derived",
    kind=Kind.EXACT,
    side=Side.VALUE,
    every_run=False,
)

STATEMENTS = (
    exact(
        "lines",
        "lines of copies",
        reference="genealogy of copies",
        quantity="lines",
        curve=_lines,
        silent=_of_copies,
        margin=0.02,
    ),
    exact(
        "ancestor",
        "shared ancestor",
        reference="genealogy of copies",
        quantity="shared ancestor",
        curve=_ancestors,
        silent=_of_copies,
        margin=0.1,
    ),
    exact(
        "copy-score",
        "length of the noise",
        reference="memoriser of fixed bandwidth",
        kind=Kind.GUARANTEE,
        quantity="score",
        side=Side.UPPER,
        curve=_copy_score,
        silent=_of_copies,
    ),
    exact(
        "refit",
        "refitted Gaussian",
        reference="a model that cannot memorise",
        quantity="entropy",
        curve=_refit,
        silent=_of_refits,
        margin=0.01,
        relative=False,
    ),
    exact(
        "line",
        "generalising line",
        reference="entropy against distance",
        quantity="log score",
        curve=_line,
        silent=_of_one_density,
        margin=0.05,
        relative=False,
    ),
)
