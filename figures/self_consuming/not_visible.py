r"""sc4: the bound turns with the synthetic amount, the truth of an unbiased learner does not.

The bound adds up one-step errors as if all had one sign. Biases have; sampling noises are
martingale differences and add up in quadrature, with the squares of the weights. At rate
1/2 the sum of squares decreases with the synthetic amount (V1, independent draws).
"""

import xarray as xr
from matplotlib.figure import Figure

from figures.replication import over_seeds, with_error
from figures.self_consuming.coherence import coherent, exponent, position
from figures.self_consuming.evidence import pathwise
from figures.self_consuming.learners import (
    KERNELS,
    LEARNERS,
    UNBIASED,
    bandwidths,
    conditions,
    loops,
    predicted,
    schedules,
)
from figures.self_consuming.loops import simulate_lots
from figures.self_consuming.not_visible_evidence import (
    RATES,
    added_up,
    of_learner,
    predictions,
    rise,
    turns,
)
from figures.self_consuming.not_visible_picture import picture
from figures.self_consuming.presets.coherence import NotVisible
from sim.store import Group, Run
from theory.claims import Evidence

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

VMAPPED = ("gaussian", "categorical", "minimax")
RISE = 1.1
"""What is still called no rise of a well-tuned kernel."""


def simulate(settings: NotVisible, run: Run, progress) -> xr.Dataset:
    """TV and one-step errors over (seed, generation, learner, lam)."""
    h = bandwidths(settings)
    all_loops = loops(settings, h)
    lam = conditions(settings)

    def one_group(group: Group) -> xr.Dataset:
        return simulate_lots(
            all_loops, group, settings.seed, "learner", {"lam": lam}, progress, VMAPPED
        )

    trace = over_seeds(run, settings.seeds, one_group)
    trace = trace.sel(learner=list(LEARNERS))
    trace["bandwidth"] = xr.DataArray(
        h, {"kernel": list(KERNELS), "lam": lam}, ["kernel", "lam"]
    )
    return trace.transpose("seed", "generation", "learner", "lam", "kernel")


def predict(settings: NotVisible, trace: xr.Dataset) -> xr.Dataset:
    """Mean TV of every learner, condition and model without free parameter."""
    found = []
    for learner in LEARNERS:
        kernel = learner in KERNELS
        h = trace["bandwidth"].sel(kernel=learner).values if kernel else None
        rows = predicted(settings, learner, h)
        found.append(
            xr.Dataset({k: (("lam", "generation"), v) for k, v in rows.items()})
        )
    curves = xr.concat(found, "learner", join="exact", data_vars="all")
    along = {name: trace[name].values for name in ("learner", "lam", "generation")}
    return curves.assign_coords(along)


def draw(settings: NotVisible, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """TV and bound against the synthetic amount; how errors add up; growth."""
    sums = {}
    for learner in LEARNERS:
        all_of = schedules(settings, learner)
        tv, errors = of_learner(trace, learner)
        place, place_error = with_error(
            lambda t, e, all_of=all_of: position(all_of, t, e), tv, errors
        )
        early = lambda t: exponent(t, settings.early)
        slope, slope_error = with_error(early, tv.isel(lam=-1))
        sums[learner] = {
            "bound": coherent(all_of, errors.mean("seed").values),
            "position": place,
            "position_error": place_error,
            "slope": float(slope),
            "slope_error": float(slope_error),
        }
    return picture(settings, trace, curves, sums)


def judge(
    settings: NotVisible, trace: xr.Dataset, curves: xr.Dataset
) -> list[Evidence]:
    """Every run against the bound, means against predictions, and how errors add up."""
    found = []
    for learner in LEARNERS:
        one = trace.sel(learner=learner)
        all_of = schedules(settings, learner)
        found += pathwise(one, all_of, "lam", f"{learner}, iid")
        found += predictions(settings, learner, one, curves.sel(learner=learner))
        found += added_up(settings, learner, trace)
    for learner in UNBIASED:
        found.append(rise(settings, "sc-never-above", learner, trace))
    found.append(rise(settings, "sc-flat", "kernel-loop", trace, RISE))
    found.append(rise(settings, "sc-flat-plain", "kernel", trace, RISE))
    found += [turns(settings, learner, trace) for learner in RATES]
    return found


def caption(settings: NotVisible, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    return (
        f"Loops of {settings.models} models on n + m points drawn independently at every stage "
        f"(iid, V1): n = {settings.n} real points for Gaussian maximum likelihood and kernels, "
        f"{settings.n_categorical} for frequencies (probability {settings.probability:g}; "
        f"minimax: pseudo-counts sqrt(N)/2 each, probability {settings.rare:g}); "
        f"{trace.sizes['seed']} seeds, 95 % intervals. Top: TV of the last model against the "
        "synthetic amount. Lines are predictions without free parameter (a, b, c; b: the exact "
        "chain; a: first order in 1/n); shaded edges the bound sum_s A_s E eps_s with one-step "
        "errors eps_s measured in the same runs. Its threshold is not a threshold of these "
        "models. Kernels: bandwidth 1.06 N^(-1/5), best for one sample, or the one that is "
        "best for the whole loop. Bottom: where TV lies between the quadrature sum (0) and "
        "that bound (1), colours as in (f); below 0, later kernels have smoothed earlier "
        "noise. Fully synthetic "
        f"loops have {settings.n_synthetic} points a stage, the one that is twice too wide "
        f"{settings.n_smooth}; exponents are least-squares slopes of log TV. One-step "
        "rates r: 1/2 for Gaussian and frequencies, 2/5 for kernels."
    )
