r"""Total variation of a self-consuming loop in its synthetic amount, for four learners.

n real points and m = lambda n of the latest model: n + m independent draws at every stage
(V1), or fixed counts, where model 1 sees the n real points alone (V2). The bound on model
G is C n^-r times a shape in lambda (after Fu et al.); what each learner does is predicted
without a free constant (derived).

Every loop has `MOST` models: model G of it is that of a loop of G.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from figures.self_consuming.loops import standard
from figures.self_consuming.protocols import vertex
from theory.mixing import Schedule, fixed_mixture
from theory.self_consuming import gaussian_mle
from theory.self_consuming.categorical import category_moments, small_noise_deviation
from theory.self_consuming.kernel_density.bandwidth import ROUNDED_REFERENCE
from theory.self_consuming.kernel_density.grid import REACH, Grid
from theory.self_consuming.kernel_density.latest import latest_kernel_loop
from theory.self_consuming.kernel_density.total_variation import (
    TvPrediction,
    predicted_tv,
)
from theory.self_consuming.phase_transition import (
    shape_v1,
    shape_v2,
    threshold_v1,
    threshold_v2,
)
from theory.self_consuming.weights import accumulated_bound
from theory.validation import require, require_in

__all__ = ["LEARNERS", "MOST", "PROTOCOLS", "QUARTER", "SIZES", "AMOUNTS"]
__all__ += ["EVERY", "Learner", "Settings", "Theory", "stacked", "theory"]

MOST = 20
"""Models that every loop trains."""
SIZES = (25, 50, 100, 200)
"""Real points that can be set."""
AMOUNTS = (8, 16, 32, 64, 128)
"""Largest synthetic amounts m/n that can be set."""
INTERVALS = 32
"""Between the amounts at which theory is evaluated."""
EVERY = 4
"""One in so many of these amounts is simulated."""
QUARTER = 0.25
"""Rate of a diffusion model's error, as recalled of Fu et al."""
NOTABLE = 0.02
"""Of the TV without synthetic data: what turns by less is not called a turn."""
POINTS = 1024
"""Of the grid on which moments of kernel densities are tabulated."""
PROTOCOLS = {
    "iid": "independent draws of the mixture",
    "fresh": "fixed counts, new real points at every stage",
    "reused": "fixed counts, the same real points at every stage",
}


@dataclass(frozen=True)
class Learner:
    """A kind of model."""

    said: str
    rate: float
    """r of its error n^-r"""
    protocols: tuple[str, ...] = tuple(PROTOCOLS)
    """under which its total variation is predicted"""
    probability: float = 0.0
    """true one of the first of two categories"""


LEARNERS = {
    "kernel": Learner("Gaussian kernel density", 0.4),
    "gaussian": Learner("Gaussian by maximum likelihood", 0.5),
    "frequencies": Learner("frequencies of two categories", 0.5, ("iid",), 0.3),
    "minimax": Learner("minimax frequencies of two categories", 0.5, ("iid",), 0.05),
}


@dataclass(frozen=True)
class Settings:
    """What the sliders set."""

    learner: str = "kernel"
    """one of `LEARNERS`"""
    protocol: str = "iid"
    """how points are drawn, one of `PROTOCOLS`"""
    n: int = 100
    """real points, one of `SIZES`"""
    most: int = 64
    """largest synthetic over real points m/n, one of `AMOUNTS`"""
    models: int = 12
    """G in [2, MOST], models trained one after the other; the last is looked at"""

    def __post_init__(self) -> None:
        """Refuse what no slider can set."""
        for name, known in (("learner", LEARNERS), ("n", SIZES), ("most", AMOUNTS)):
            value = getattr(self, name)
            require(value in known, name, f"one of {', '.join(map(str, known))}", value)
        known = LEARNERS[self.learner].protocols
        allowed = f"one of {', '.join(known)} for this learner"
        require(self.protocol in known, "protocol", allowed, self.protocol)
        require_in("models", self.models, 2, MOST)

    @property
    def first(self) -> str:
        """What model 1 sees: "V1", n + m real points; "V2", the n real points."""
        return "V1" if self.protocol == "iid" else "V2"

    @property
    def synthetic(self) -> Float[np.ndarray, " amounts"]:
        """Synthetic points m, whole and rising from 0, about even in log(1 + m/n)."""
        even = np.linspace(0.0, np.log1p(self.most), INTERVALS + 1)
        return np.round(self.n * np.expm1(even))

    @property
    def schedules(self) -> list[Schedule]:
        """One for each amount."""
        return [fixed_mixture(self.n, m, MOST, self.first) for m in self.synthetic]

    def bandwidths(self, schedules: Schedule) -> Float[np.ndarray, "k stages"]:
        """1.06 N^(-1/5) with the N points of each stage."""
        return ROUNDED_REFERENCE * schedules.sizes**-0.2

    def pseudo_counts(self, schedules: Schedule) -> Float[np.ndarray, "k stages"]:
        """sqrt(N)/2 of each of two categories, the minimax choice; or none."""
        return 0.5 * np.sqrt(schedules.sizes) * (self.learner == "minimax")


@dataclass(frozen=True)
class Theory:
    """Curves in the synthetic amount."""

    lam: Float[np.ndarray, " amounts"]
    """m/n"""
    tv: Float[np.ndarray, " amounts"]
    """mean total variation of model G, predicted"""
    lower: Float[np.ndarray, " amounts"]
    """rigorously below it; NaN where no such bound is known"""
    upper: Float[np.ndarray, " amounts"]
    shapes: dict[float, Float[np.ndarray, " amounts"]]
    """by rate r: the bound over the error C n^-r of one step"""
    thresholds: dict[float, float]
    """by rate r: m/n at which that shape turns"""

    @property
    def turn(self) -> tuple[str, float]:
        """Whether TV is "highest" or else "lowest" inside the range, and at which m/n."""
        for word, values in (("highest", self.tv), ("lowest", -self.tv)):
            least = max(values[0], values[-1]) + NOTABLE * self.tv[0]
            if values.max() > least:
                return word, vertex(self.lam, values)
        return "", float("nan")


def stacked(schedules: Sequence[Schedule]) -> Schedule:
    """Schedules of equally many stages as one, with a leading axis; NumPy arrays."""
    return jax.tree.map(lambda *leaves: np.stack(leaves), *schedules)


def theory(settings: Settings) -> Theory:
    """What is predicted of the model, and of the bound on it."""
    schedules = stacked(settings.schedules)
    lam = settings.synthetic / settings.n
    predict = {"kernel": _kernel, "gaussian": _gaussian}.get(
        settings.learner, _category
    )
    tv, lower, upper = predict(settings, schedules)
    V1 = settings.first == "V1"
    shape, threshold = (shape_v1, threshold_v1) if V1 else (shape_v2, threshold_v2)
    G, rates = settings.models, (LEARNERS[settings.learner].rate, QUARTER)
    return Theory(
        lam, tv, lower, upper,
        {r: np.asarray(shape(lam, G, r)) for r in rates},
        {r: threshold(G, r) for r in rates},
    )  # fmt: skip


def _kernel(settings: Settings, schedules: Schedule):
    """Prediction, and rigorous companions on both sides."""
    h, model = settings.bandwidths(schedules), settings.models - 1
    found = _kernel_tv(schedules, h, model, settings.protocol)
    return tuple(map(np.asarray, (found.prediction, found.lower, found.upper)))


@partial(jax.jit, static_argnames="protocol")
def _kernel_tv(schedules: Schedule, h, model, protocol: str) -> TvPrediction:
    """At every amount, on a grid of its own: one program for all settings."""

    def one(schedule: Schedule, h: Float[Array, " stages"]) -> TvPrediction:
        added = 2.0 * jnp.max(accumulated_bound(schedule, h**2))
        reach = REACH * jnp.sqrt(1.0 + added)
        grid = Grid(-reach, 2.0 * reach / POINTS, POINTS)
        mean, variance = latest_kernel_loop(
            schedule, h, standard(), grid, protocol, model[None]
        )
        return predicted_tv(mean[0], variance[0], standard(), grid)

    return jax.vmap(one)(schedules, h)


def _gaussian(settings: Settings, schedules: Schedule):
    """From the exact E mu^2, to first order in the error of the fit."""
    if settings.protocol == "iid":
        squares = _of_schedules(schedules)
    else:
        squares = _of_counts(settings.n, settings.synthetic, settings.protocol)
    return _alone(gaussian_mle.predicted_tv(squares[:, settings.models - 1]))


_of_schedules = jax.jit(jax.vmap(gaussian_mle.mean_square_iid))


@partial(jax.jit, static_argnames="protocol")
def _of_counts(n, synthetic, protocol: str) -> Float[Array, "amounts models"]:
    square = gaussian_mle.mean_square_fixed_mixture
    return jax.vmap(lambda m: square(n, m, MOST, protocol))(synthetic)


def _category(settings: Settings, schedules: Schedule):
    """From the exact mean and variance of the frequency, its error taken as Gaussian."""
    p = LEARNERS[settings.learner].probability
    kappa = settings.pseudo_counts(schedules)
    mean, variance = (m[:, settings.models - 1] for m in _moments(p, schedules, kappa))
    return _alone(small_noise_deviation(mean - p, variance))


_moments = jax.jit(jax.vmap(category_moments, in_axes=(None, 0, 0)))


def _alone(tv: Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A prediction without companions."""
    unknown = np.full(tv.shape, np.nan)
    return np.asarray(tv), unknown, unknown
