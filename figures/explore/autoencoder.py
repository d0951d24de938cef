r"""The solvable autoencoder: what it learns, generates, and becomes when retrained.

K modes of equal weight stand on a circle in a plane; the other coordinates have variances
:math:`s^{-a}` in blocks s = 1, 2, ... (the modes' plane in the first), all 1 at a = 0. One
pass of online learning, d to infinity (Cui, Pehlevan, Lu; equations derived here); then
each generation learns, from the same start, what the one before it generates.

`MOST_MODES` modes and `MOST` generations are carried whatever is asked for: absent modes
have weight 0, later generations are neither trained nor shown.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from figures.autoencoder.chains import QUICK_TO_COMPILE
from theory.autoencoder.averages import (
    Averages,
    Fields,
    Nodes,
    by_quadrature,
    midpoint,
    normal_sobol,
    sobol,
)
from theory.autoencoder.bulk import critical_at_noise_level
from theory.autoencoder.learning import followed_curve
from theory.autoencoder.modes import survival
from theory.autoencoder.retraining import Generation, Rules, product_rules, retrain
from theory.autoencoder.risk import excess_risk, mse_per_dim
from theory.autoencoder.sampling import (
    LatentLaw,
    Projection,
    latent_law,
    projection,
    start_nodes,
)
from theory.denoiser import (
    Activation,
    Overlaps,
    Training,
    at_noise_level,
    spanned_overlaps,
)
from theory.processes import EulerGrid, euler_grid
from theory.structured import Family, StructuredMixture
from theory.validation import require, require_in

__all__ = ["ACTIVATIONS", "DIM", "MOST", "MOST_MODES", "PIECE", "RADIUS", "SKIP_RATIO"]
__all__ += ["Settings", "Theory", "theory"]

ACTIVATIONS = {"tanh": "tanh", "erf": "error function", "relu": "ReLU"}
ODD = ("tanh", "erf")
"""Of these the generated law has two modes along a unit where an index is positive."""
MOST_MODES = 5
MOST_UNITS = 3
MOST = 3
"""Generations after the first."""
RADIUS = 3.0
"""Distance of every mode from the centre."""
WARM = 0.1
"""Length of each unit at the start, over `RADIUS`."""
BLOCKS = 8
"""Of coordinates, where their variances differ."""
SKIP_RATIO, DECAY = 1.0, 0.1
DIM = 200
"""Dimension of the networks that are simulated."""
PIECE = 100
"""Their steps between two looks: training lasts a whole number of pieces."""
POINTS = 16
"""Drawn intervals of the first learning curve."""


@dataclass(frozen=True)
class Settings:
    """What the sliders set."""

    modes: int = 3
    """K in [1, MOST_MODES]"""
    width: int = 2
    """units r in [1, MOST_UNITS]"""
    activation: str = "tanh"
    """one of `ACTIVATIONS`"""
    t: float = 0.7
    """noise level of training, in [0.1, 0.95]; 0 is noise, 1 is data"""
    rate: float = 0.1
    """learning rate eta, in [0.1, 0.5]"""
    decay: float = 0.0
    """a >= 0 of the spectrum s^-a, at most 2; 0 is flat"""
    tau: float = 2.0
    """training time 2 eta n/d of every generation, in [0.5, 4]"""
    generations: int = 2
    """retrained after generation 0, in [0, MOST]"""
    real_fraction: float = 0.0
    """of real data while retraining, in [0, 1]; its theory needs a flat spectrum"""

    def __post_init__(self) -> None:
        """Refuse what no slider can set."""
        for name, (low, high) in {
            "modes": (1, MOST_MODES), "width": (1, MOST_UNITS), "t": (0.1, 0.95),
            "rate": (0.1, 0.5), "decay": (0.0, 2.0), "tau": (0.5, 4.0),
            "generations": (0, MOST), "real_fraction": (0.0, 1.0),
        }.items():  # fmt: skip
            require_in(name, getattr(self, name), low, high)
        known = self.activation in ACTIVATIONS
        allowed = f"one of {', '.join(ACTIVATIONS)}"
        require(known, "activation", allowed, self.activation)
        ok = self.real_fraction == 0 or self.decay == 0
        require(
            ok, "real_fraction", "0 unless the spectrum is flat", self.real_fraction
        )

    @property
    def pieces(self) -> int:
        """Of training, the nearest whole number to tau."""
        return max(1, round(self.tau / self.piece))

    @property
    def piece(self) -> float:
        """Training time of one of them."""
        return 2.0 * self.rate * PIECE / DIM

    @property
    def points(self) -> Float[np.ndarray, "k 2"]:
        """The modes in their plane."""
        angle = 2.0 * np.pi * np.arange(self.modes) / self.modes
        return RADIUS * np.stack([np.cos(angle), np.sin(angle)], axis=1)

    @property
    def law(self) -> StructuredMixture:
        """The data; its tracked directions are unit axes of the modes' plane."""
        blocks, absent = 1 if self.decay == 0 else BLOCKS, MOST_MODES - self.modes
        points = np.pad(self.points, ((0, absent), (0, 0)))
        weights = np.pad(np.full(self.modes, 1.0 / self.modes), (0, absent))
        variances = (1.0 + np.arange(blocks)) ** -self.decay
        gram = np.zeros((blocks, 2, 2))
        gram[0] = np.eye(2)
        as64 = lambda v: jnp.asarray(v, jnp.float64)
        family = Family(as64(weights), as64(points), as64(variances))
        masses = np.full(blocks, 1.0 / blocks)
        return StructuredMixture((family,), as64(gram), as64(masses))

    @property
    def training(self) -> Training:
        """One noise level, online."""
        return at_noise_level(
            self.t,
            rate=self.rate,
            skip_ratio=SKIP_RATIO,
            decay=DECAY,
            activation=self.activation,
        )

    @property
    def start(self) -> Float[np.ndarray, "r 2"]:
        """Each unit along an axis of the modes' plane, a third one between them."""
        axes = np.array([[1.0, 0.0], [0.0, 1.0], [0.5**0.5, 0.5**0.5]])
        return WARM * RADIUS * axes[: self.width]


class Theory(NamedTuple):
    """All that is predicted."""

    tau: Float[np.ndarray, " p"]
    """training times"""
    curve: Overlaps
    """order parameters of the first generation at these times"""
    generations: Generation
    """order parameters of each generation at the end of its training"""
    index: Float[np.ndarray, "g r"] | None
    """bimodality along each unit, two modes where positive; None unless sigma is odd"""
    law: Projection
    """what the last generation generates, in the modes' plane"""
    mse: float
    """of denoising at the end of training, per coordinate"""
    excess: float
    """what the units add to d times that"""
    critical: float
    """training time beyond which the bulk explodes (flat spectrum); NaN for none"""


def theory(settings: Settings) -> Theory:
    """Learning curve, retraining, and what is generated in the end."""
    flat = settings.decay == 0
    tau = settings.pieces * settings.piece
    values = _theory(
        settings.law,
        settings.training,
        jnp.asarray(settings.start),
        tau,
        settings.generations,
        settings.real_fraction if flat else None,
        _rules(settings.width),
        _fine(settings.width),
        _sampler(),
    )
    curve, generations, index, generated, risk = jax.tree.map(np.asarray, values)
    shown = lambda a: a[: settings.generations + 1]
    critical, _ = critical_at_noise_level(settings.t, SKIP_RATIO, settings.rate)
    return Theory(
        np.linspace(0.0, tau, POINTS + 1),
        curve,
        jax.tree.map(shown, generations),
        None if index is None else shown(index),
        generated,
        *map(float, risk),
        float(critical) if flat else float("nan"),
    )


@partial(jax.jit, compiler_options=QUICK_TO_COMPILE)
def _theory(
    law: StructuredMixture,
    training: Training,
    C: Float[Array, "r 2"],
    tau: Array,
    generations: Array,
    share: Array | None,
    rules: Rules,
    fine: LatentLaw,
    grid: EulerGrid,
):
    start = spanned_overlaps(law, C, 0.0, jnp.zeros((1,), jnp.float64))
    curve = followed_curve(law, training, start, tau, rules.real, POINTS)
    end = jax.tree.map(lambda a: a[-1], curve)
    share = 0.0 if share is None else share
    chain = retrain(
        law,
        training,
        grid,
        C,
        tau,
        MOST,
        replace(rules, real=_where_present(rules.real)),
        real_fraction=share,
        steps=None,
        trained=end,
        needed=generations,
    )
    sigma = training.activation
    index = survival(chain, grid, sigma) if sigma.name in ODD else None

    Q, b, M, s2, _ = jax.tree.map(lambda a: a[generations], chain)
    latents = latent_law(Q, b[0], grid, sigma, fine)
    generated = projection(Q, M, jnp.eye(2), latents, s2)
    risk = mse_per_dim(law, training, end), excess_risk(law, training, end, rules.real)
    return curve, chain, index, generated, risk


def _where_present(nodes: Nodes) -> Callable[..., Averages]:
    """The rule of averaging, which takes no time for a family without mass."""

    def rule(family: Family, f: Fields, activation: Activation) -> Averages:
        average = lambda: by_quadrature(family, f, activation, nodes)
        nothing = lambda: jax.tree.map(jnp.zeros_like, jax.eval_shape(average))
        return jax.lax.cond(jnp.sum(family.weights) > 0, average, nothing)

    return rule


@cache
def _sampler() -> EulerGrid:
    """Its noise levels, in one program."""
    return jax.jit(euler_grid)()


@cache
def _rules(width: int) -> Rules:
    """Averages: Q to 1e-3 of itself at first, to 4 % in the third retrained generation."""
    if width == 1:
        return product_rules(1, 100, 24)
    size = 2**10
    points = jnp.asarray(normal_sobol(2 * width, size))
    equal = jnp.full((size,), 1.0 / size, jnp.float64)
    own = Nodes(points[:, None, width:], jnp.ones(1, jnp.float64))
    real = midpoint(2, 20) if width == 2 else sobol(width, size)
    return Rules(real, LatentLaw(points[:, :width], equal), own)


@cache
def _fine(width: int) -> LatentLaw:
    """Nodes of the laws that are drawn."""
    if width == 1:
        return start_nodes(1, 1000)
    size = 2**10
    points = jnp.asarray(normal_sobol(width, size))
    return LatentLaw(points, jnp.full((size,), 1.0 / size, jnp.float64))
