r"""ep2: which score errors show in the generated law, by family of error and target.

Observability eta is estimated by branching, which regresses nothing on the endpoint. On
N(0, I) every affine error has an exact value; in the five-mode mixture so have the errors
that live in its inert coordinates, where the data are N(0, sigma² I).
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import xarray as xr
from jaxtyping import Array
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import style
from figures.error_propagation.branched import per_seed, pooled
from figures.error_propagation.presets import Families
from figures.replication import over_seeds
from sim.learners.perturbed import (
    Linear,
    ScoreScaling,
    Shift,
    Tanh,
    aligned,
    constant,
    orthogonal_time_only,
    random_direction,
    rotation,
)
from sim.measures.branching import branching_over_devices
from sim.store import Group, Run
from sim.targets import digits, five_modes
from theory.claims import Evidence
from theory.error_propagation.isotropic import isotropic_observability
from theory.mixtures import gaussian_mixture, kernel_density
from theory.processes import OU, ou

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

DIM = 10
SIGMA = 0.6  # of the modes of the mixture: Khelifa et al., Sec. 5
TIME_ONLY = ("constant", "orthogonal")
LABELS = {
    "aligned": "aligned\n$wx$",
    "random": "random\ndirection\n$wRx$",
    "scaling": "score\nscaling\n$\\lambda\\,\\nabla\\log q_t$",
    "tanh": "bounded\n$a\\,\\tanh x$",
    "shift": "consistent\nshift",
    "rotation": "rotation\n$wJx$",
    "constant": "constant\n$b$",
    "orthogonal": "growing\ncosine\n$b\\,c(t)$",
}
TARGETS = {
    "gaussian": "$N(0, I)$, 10-D",
    "five-modes": "five modes, 10-D",
    "digits": "digits, {} components",
}
# Where the exact value is known, and the variance of the data there.
AFFINE = tuple(name for name in LABELS if name != "tanh")
INERT = ("shift", "rotation", "constant", "orthogonal")
VARIANCE = {"gaussian": 1.0, "five-modes": SIGMA**2}
KNOWN = {"gaussian": AFFINE, "five-modes": INERT}

MARGIN = 0.05  # values of eta closer than this are called equal
IDENTITY_MARGIN = 0.1  # the same for the two Girsanov identities, whose values are 1


def errors(size: float, dim: int, process: OU) -> dict:
    """The families at one size; on N(0, I) those linear in x or constant share an energy.

    Errors with a direction act on the last coordinate, or turn the last two: in the
    mixture these are inert, that is, Gaussian and independent of the others.
    """
    length = size * np.sqrt(dim)
    last = length * jnp.eye(dim, dtype=jnp.float64)[-1]
    turn = rotation(length / np.sqrt(2.0), 2).matrix
    return {
        "aligned": aligned(size, dim),
        "random": random_direction(size, dim, jr.key(1)),
        "scaling": ScoreScaling(jnp.asarray(-size, jnp.float64)),
        "tanh": Tanh(jnp.asarray(size, jnp.float64)),
        "shift": Shift(last),
        "rotation": Linear(jnp.zeros((dim, dim), jnp.float64).at[-2:, -2:].set(turn)),
        "constant": constant(last, process),
        "orthogonal": orthogonal_time_only(last, process),
    }


def laws(settings: Families) -> dict:
    """The targets, as laws with an exact score."""
    pixels = digits(settings.digits_dim).images.astype(jnp.float64)
    scaled = pixels / jnp.sqrt(jnp.mean(jnp.var(pixels, axis=0)))
    return {
        "gaussian": gaussian_mixture([1.0], np.zeros((1, DIM)), 1.0),
        "five-modes": five_modes(SIGMA, dim=DIM).law,
        "digits": kernel_density(scaled, settings.digits_bandwidth),
    }


def simulate(settings: Families, run: Run, progress) -> xr.Dataset:
    """Branching estimates of every (seed, target, family)."""
    process = ou(settings.T, settings.t0)

    def one_group(group: Group) -> xr.Dataset:
        parts = []
        for k, (name, law) in enumerate(laws(settings).items()):
            families = errors(settings.size, law.dim, process)
            # a kernel density meets all of its centres at once: smaller blocks of points
            n, block = (
                (settings.n_digits, 256) if name == "digits" else (settings.n, 1024)
            )
            estimator = branching_over_devices(
                law, tuple(families.values()), process, n, settings.steps, block
            )
            coords, seed = {"family": list(families)}, settings.seed
            part = group.part(name)
            parts.append(per_seed(part, estimator, seed, coords, progress, condition=k))
        return xr.concat(parts, "target").assign_coords(target=list(TARGETS))

    return over_seeds(run, settings.seeds, one_group)


def predict(settings: Families, trace: xr.Dataset) -> xr.Dataset:
    """Exact observability wherever an affine error meets isotropic Gaussian data."""
    process = ou(settings.T, settings.t0)
    families = errors(settings.size, DIM, process)
    known = [(target, name) for target, names in KNOWN.items() for name in names]
    values = jax.jit(
        lambda: [
            _exact_eta(families[name], VARIANCE[at], process) for at, name in known
        ]
    )()
    eta = xr.DataArray(
        np.full((len(TARGETS), len(LABELS)), np.nan),
        {"target": list(TARGETS), "family": list(LABELS)},
    )
    for at, value in zip(known, values, strict=True):
        eta.loc[at] = float(value)
    return xr.Dataset({"observability": eta})


def _exact_eta(error: Callable, variance: float, process: OU) -> Array:
    """Eta of an affine error on N(0, variance I)."""
    zero, eye = jnp.zeros(DIM, jnp.float64), jnp.eye(DIM, dtype=jnp.float64)

    def at(x: Array, t: Array) -> Array:
        v_t = process.mean_factor(t) ** 2 * variance + process.variance(t)
        return error(x, t, lambda y: -y / v_t)

    def b(t: Array) -> Array:
        return at(zero[None], t)[0]

    def W(t: Array) -> Array:
        # an affine map is known from the unit vectors: row j of e(I) is b + W e_j
        return (at(eye, t) - b(t)[None]).T

    return isotropic_observability(W, b, variance, process)


def draw(settings: Families, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """One column per family, one colour per target; exact values as short lines."""
    fig, axes = style.panels(height=3.3)
    ax = axes[0, 0]
    style.panel(
        ax, "Observability by family of score errors", "", r"observability $\eta$"
    )
    _shade_time_only(ax)
    style.reference(ax, 0.0)
    style.reference(ax, 1.0)
    eta, error = pooled(trace, "observability")
    columns = np.arange(len(LABELS))
    for k, (target, label) in enumerate(_labels(settings).items()):
        at, colour = columns + 0.22 * (k - 1), style.SERIES[k]
        middle, half = eta.sel(target=target), 1.96 * error.sel(target=target)
        low, high = middle - half, middle + half
        style.simulation(ax, at, middle, label, low=low, high=high, colour=colour)
        exact = curves["observability"].sel(target=target)
        _exact_marks(ax, at, exact, f"exact, {label}", colour)
    style.theory(ax, [], [], "exact", style.SERIES[-1])
    ax.set_xticks(columns, LABELS.values())
    ax.set_xlim(-0.5, len(LABELS) - 0.5)
    ax.set_ylim(-0.08, 1.16)
    ax.tick_params(axis="x", length=0)
    ax.grid(visible=False, axis="x")
    marks = [*_labels(settings).values(), "exact"]
    style.legend(ax, marks, loc="upper left", bbox_to_anchor=(0.0, 0.87))
    return fig


def _labels(settings: Families) -> dict[str, str]:
    return {name: text.format(settings.digits_dim) for name, text in TARGETS.items()}


def _shade_time_only(ax: Axes) -> None:
    low, high = len(LABELS) - len(TIME_ONLY) - 0.5, len(LABELS) - 0.5
    ax.axvspan(low, high, color="#f2f2f2", zorder=0, gid=style.DECORATION)
    text = r"time only: said to have $\eta = 0$"
    ax.text((low + high) / 2, 1.075, text, ha="center", fontsize=8.5)


def _exact_marks(
    ax: Axes, x: np.ndarray, eta: xr.DataArray, label: str, colour: str
) -> None:
    """A short solid line, theory's mark, across each point whose value is known."""
    for at, value in zip(x, eta.values, strict=True):
        if np.isfinite(value):
            ends = [at - 0.1, at + 0.1]
            style.theory(ax, ends, [value, value], label, colour, zorder=2)


def judge(settings: Families, trace: xr.Dataset, curves: xr.Dataset) -> list[Evidence]:
    """Exact values, invisibility of two kinds of errors, and the Girsanov identities."""
    found = []
    for target, label in _labels(settings).items():
        at = {"target": target}
        label = label.replace("$", "")
        n = settings.n_digits if target == "digits" else settings.n
        exact = curves["observability"].sel(at)
        found += _of_eta(trace.sel(at), exact.dropna("family"), label, n)
        found.append(_girsanov(trace.sel(at), label, n))
    return found


def _of_eta(
    trace: xr.Dataset, exact: xr.DataArray, label: str, n: int
) -> list[Evidence]:
    """What is claimed of eta on one target, as equalities up to `MARGIN`."""
    eta, error = pooled(trace, "observability")
    bias, _ = pooled(trace, "observability_step_bias")

    def equal(claim: str, families: Sequence[str], value=0.0, **more) -> Evidence:
        at = {"family": list(families)}
        return Evidence(
            claim=claim,
            setting=f"{label}: {', '.join(families)}",
            relation="==",
            slack=eta.sel(at) - value,
            standard_error=error.sel(at),
            resolution=abs(bias.sel(at)),
            margin=MARGIN,
            seeds=trace.sizes["seed"],
            n=n,
            **more,
        )

    found = [equal("time-only-invisible", TIME_ONLY)]
    if exact.size:
        found.append(equal("observability-exact", exact["family"].values, exact))
    if "rotation" in exact["family"]:
        isotropic = "isotropic Gaussian marginal in the rotated coordinates"
        met = ((isotropic, True, "the last two coordinates"),)
        found.append(equal("solenoidal-invisible", ["rotation"], hypotheses=met))
    return found


def _girsanov(trace: xr.Dataset, label: str, n: int) -> Evidence:
    """E* e^Z and Var* M / eps*^2, both 1, of every family."""
    names = ("martingale", "variance_ratio")
    means, deviations = zip(*(pooled(trace, name) for name in names), strict=True)
    return Evidence(
        claim="girsanov",
        setting=f"{label}: all families",
        relation="==",
        slack=np.stack(means) - 1.0,
        standard_error=np.stack(deviations),
        margin=IDENTITY_MARGIN,
        seeds=trace.sizes["seed"],
        n=n,
    )


def caption(settings: Families, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    return (
        "Observability eta of eight families of score errors: the share of a score error's "
        "energy that shows in the generated law. Points: branching estimates with 95 % "
        f"intervals, {settings.n} endpoints ({settings.n_digits} for the digits) times "
        f"{trace.sizes['seed']} seeds, two forward branches of {settings.steps} graded steps "
        "each, the step bias removed to second order; short lines: exact values. Of the five "
        "modes, errors with a direction act on inert coordinates, where the data are "
        f"N(0, {SIGMA**2:g}); the digits are the kernel density (bandwidth "
        f"{settings.digits_bandwidth:g}) of {settings.digits_dim} principal components, scaled "
        "to unit variance on average. An error that depends on time alone can be the most "
        "visible of all (constant) or nearly invisible (a growing cosine, whose effects cancel "
        "exactly on N(0, I)); a rotation depends on x and is invisible wherever the data are "
        "isotropic in its plane. R is a fixed random rotation. "
        f"T = {settings.T:g}, t0 = {settings.t0:g}."
    )
