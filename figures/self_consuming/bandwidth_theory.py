r"""What is known of kernel loops with one bandwidth or another, for sc5.

Rules: "one-sample", :math:`cN^{-1/5}`; "loop", the AMISE bandwidth times the factor with which
the exact error of the last model is least, under the loop's own protocol. Schemes: fully
synthetic and mixed with independent draws; fixed counts with fresh or reused real data, model
1 from the real points alone (V2).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from scipy.optimize import minimize_scalar

from figures.self_consuming.kernel_theory import predictions
from figures.self_consuming.loops import standard
from figures.self_consuming.presets.coherence import Bandwidth
from theory.mixing import Schedule, fixed_mixture, fully_synthetic, latest
from theory.self_consuming.kernel_density.bandwidth import (
    amise_bandwidth,
    data_driven_moments,
    loop_factors,
    loop_optimal,
)
from theory.self_consuming.kernel_density.grid import Grid, fitted_grid
from theory.self_consuming.kernel_density.mise import (
    fixed_mixture_mise,
    fully_synthetic_mise,
    latest_mise,
)
from theory.self_consuming.weights import accumulated_bound

__all__ = [
    "DRIVEN",
    "RULES",
    "asymptotics",
    "bandwidths",
    "best_synthetic",
    "driven_moments",
    "exact_curves",
    "loop_of",
]

RULES = ("one-sample", "loop")
SCHEMES = ("synthetic", "mixed", "fresh", "reused")
FACTORS = (0.1, 2.0)
"""Where a best factor is looked for."""
DRIVEN = ("synthetic", "mixed")
"""Schemes with a data-driven bandwidth."""


def loop_of(settings: Bandwidth, scheme: str) -> tuple[str, Schedule]:
    """Protocol and schedule of a scheme."""
    G = settings.models
    if scheme == "synthetic":
        return "iid", fully_synthetic(G, float(settings.n_synthetic))
    if scheme == "mixed":
        return "iid", latest(settings.alpha, G, float(settings.n_mixed))
    return scheme, fixed_mixture(settings.n, settings.m, G, "V2")


def bandwidths(settings: Bandwidth) -> xr.DataArray:
    """(scheme, rule, generation)."""
    rows = {}
    for scheme in SCHEMES:
        protocol, schedule = loop_of(settings, scheme)
        plain = settings.constant * np.asarray(schedule.sizes) ** -0.2
        if protocol == "iid":
            best = loop_optimal(schedule, standard()).bandwidths
        else:
            best = _best_of_counts(settings, protocol, schedule)
        rows[scheme] = np.stack([plain, np.asarray(best)])
    axes = {"scheme": list(SCHEMES), "rule": list(RULES)}
    return xr.DataArray(
        np.stack(list(rows.values())), axes, ["scheme", "rule", "generation"]
    )


def _best_of_counts(settings: Bandwidth, protocol: str, schedule: Schedule):
    """The best common factor times AMISE's bandwidths, for fixed counts."""
    h = np.asarray(amise_bandwidth(standard(), schedule.sizes))
    low, high = FACTORS
    grid = fitted_grid(standard(), low * h.min(), high**2 * float(np.sum(h**2)))

    def error(x: float) -> float:
        rows = np.exp(x) * h
        found = fixed_mixture_mise(
            settings.n, settings.m, rows, standard(), grid, protocol
        )
        return float(found.total[-1])

    return np.exp(_least(error, 1e-3)) * h


def _least(error: Callable[[float], float], accuracy: float) -> float:
    """Logarithm of the best factor."""
    options = {"xatol": accuracy}
    return minimize_scalar(
        error, bounds=np.log(FACTORS), method="bounded", options=options
    ).x


def exact_curves(settings: Bandwidth, h: xr.DataArray) -> xr.Dataset:
    """`mise`, `second_moment` and predicted TV, (scheme, rule, generation)."""
    found = []
    for scheme in SCHEMES:
        protocol, schedule = loop_of(settings, scheme)
        rows = h.sel(scheme=scheme).transpose("rule", "generation").values
        tv = predictions([schedule] * len(RULES), rows, protocol)
        tv = tv.rename(schedule="rule")
        added = [np.asarray(accumulated_bound(schedule, row**2)) for row in rows]
        tv["second_moment"] = (("rule", "generation"), 1.0 + np.stack(added))
        tv["mise"] = (("rule", "generation"), _mise(settings, protocol, schedule, rows))
        found.append(tv)
    curves = xr.concat(found, "scheme", join="exact")
    return curves.assign_coords(scheme=list(SCHEMES), rule=list(RULES))


def _mise(settings, protocol: str, schedule: Schedule, rows: np.ndarray) -> np.ndarray:
    total = float(np.max(np.sum(rows**2, axis=1)))
    grid: Grid = fitted_grid(standard(), float(rows.min()), total)
    if protocol == "iid":
        path = jax.jit(lambda h: latest_mise(schedule, h, standard(), grid).total)
    else:
        path = lambda h: (
            fixed_mixture_mise(
                settings.n, settings.m, h, standard(), grid, protocol
            ).total
        )
    return np.stack([np.asarray(path(jnp.asarray(row))) for row in rows])


def driven_moments(settings: Bandwidth) -> xr.DataArray:
    """Mean second moment with a data-driven bandwidth, exact: (driven, generation)."""
    rows = [
        sum(data_driven_moments(loop_of(settings, scheme)[1], settings.constant))
        for scheme in DRIVEN
    ]
    axes = {"driven": list(DRIVEN)}
    return xr.DataArray(np.stack(rows), axes, ["driven", "generation"])


def asymptotics(settings: Bandwidth) -> xr.Dataset:
    """Fully synthetic: best over AMISE bandwidth, errors over one model's; and leading order.

    `factor`, `best`, `one_sample` (size, depth) exact; `leading_` of each (depth).
    """
    exact = np.array(
        [[best_synthetic(N, i) for i in settings.depths] for N in settings.sizes]
    )
    alone = [fully_synthetic_mise(N, amise(N), 1) for N in settings.sizes]
    exact[..., 1:] /= np.array(alone)[:, None, None]
    leading = [loop_factors(fully_synthetic(i, 1.0)) for i in settings.depths]
    names = ("factor", "best", "one_sample")
    found = {n: (("size", "depth"), exact[..., k]) for k, n in enumerate(names)}
    of = ("bandwidth", "mise", "mise_amise")
    for name, key in zip(names, of, strict=True):
        found[f"leading_{name}"] = ("depth", [getattr(f, key) for f in leading])
    axes = {"size": list(settings.sizes), "depth": list(settings.depths)}
    return xr.Dataset(found, axes)


def amise(size: float) -> float:
    """The best bandwidth for one sample of N(0, 1), to leading order."""
    return float(amise_bandwidth(standard(), size))


def best_synthetic(size: float, models: int) -> tuple[float, float, float]:
    """Best bandwidth over AMISE's, its exact error, and that of the AMISE bandwidth."""
    h = amise(size)
    error = jax.jit(lambda x: fully_synthetic_mise(size, h * jnp.exp(x), models))
    x = _least(lambda x: float(jnp.log(error(x))), 1e-7)
    return float(np.exp(x)), float(error(x)), float(error(0.0))
