r"""The solvable denoiser and how it is trained (Cui, Pehlevan, Lu, arXiv 2501.03937).

.. math:: f(x) = b\,x + \tfrac1{\sqrt d} W^\top \sigma(W x/\sqrt d),\qquad
    x = \alpha\,x_0 + \beta\,x_1,\quad x_0\sim N(0, I_d),\ x_1 \sim \text{data},

W of shape (r, d), tied; trained on :math:`|f(x)-x_1|^2` (no 1/2, no 1/d), one fresh
sample a step:

.. math:: W \leftarrow W - \eta\,\partial_W L - (\eta\lambda/d)\,W,\qquad
    b \leftarrow b - (\eta_b/d^2)\,\partial_b L .

Natural time is :math:`\tau = 2\eta n/d` after n steps. This module holds what theory and
simulation must agree on; neither's results are in it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erf
from jaxtyping import Array, Float

from theory.processes import Interpolant, linear
from theory.structured import StructuredMixture
from theory.validation import InputError, require, require_in, require_positive

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Overlaps",
    "Training",
    "activation",
    "at_noise_level",
    "custom_activation",
    "initial_overlaps",
    "spanned_overlaps",
    "steps_for",
    "training",
]

Scalar = Float[Array, ""] | float


@dataclass(frozen=True)
class Activation:
    r"""An elementwise :math:`\sigma` with the derivatives that the theory needs."""

    name: str
    value: Callable[[Array], Array]
    slope: Callable[[Array], Array]
    r""":math:`\sigma'`"""
    curvature: Callable[[Array], Array] | None
    r""":math:`\sigma''`; None where it is no function (a kink)"""
    erf_gain: float | None = None
    r"""g where :math:`\sigma(u)=\mathrm{erf}(g u/\sqrt2)`: Gaussian averages in closed form"""

    def series(self) -> tuple[Array, Array]:
        r""":math:`(\sigma'(0), \sigma'''(0))`; needs a smooth activation."""
        curvature = self.smooth("sigma'''(0)")
        at_zero = jnp.zeros((), jnp.float64)
        return self.slope(at_zero), jax.grad(curvature)(at_zero)

    def smooth(self, purpose: str) -> Callable[[Array], Array]:
        """Its second derivative; `InputError` naming the purpose where there is none."""
        if self.curvature is None:
            raise InputError(
                f"activation must have a second derivative for {purpose}, "
                f"got {self.name!r}."
            )
        return self.curvature


def _erf_like(name: str, gain: float) -> Activation:
    c = float(gain / np.sqrt(2.0))  # a Python float leaves float32 as it is
    peak = float(2.0 * c / np.sqrt(np.pi))
    slope = lambda u: peak * jnp.exp(-((c * u) ** 2))
    return Activation(
        name, lambda u: erf(c * u), slope, lambda u: -2.0 * c**2 * u * slope(u), gain
    )


def _tanh_slope(u: Array) -> Array:
    t = jnp.tanh(u)
    return 1.0 - t * t


def _tanh_curvature(u: Array) -> Array:
    t = jnp.tanh(u)
    return -2.0 * t * (1.0 - t * t)


def _derived(name: str, value: Callable) -> Activation:
    """Derivatives by automatic differentiation, elementwise."""

    def elementwise(fn):
        return lambda u: jax.vmap(jax.grad(fn))(jnp.ravel(u)).reshape(jnp.shape(u))

    slope = elementwise(value)
    return Activation(name, value, slope, elementwise(jax.grad(value)))


ACTIVATIONS = {
    a.name: a
    for a in (
        Activation("tanh", jnp.tanh, _tanh_slope, _tanh_curvature),
        _erf_like("erf", np.sqrt(2.0)),
        _erf_like("probit", 1.0),
        Activation(
            "relu", jax.nn.relu, lambda u: jnp.where(u > 0, 1.0, 0.0) + 0.0 * u, None
        ),
        _derived("softplus", jax.nn.softplus),
        _derived("silu", jax.nn.silu),
    )
}
r"""Known activations: tanh (official), erf(u), probit = :math:`2\Phi(u)-1`, relu, ..."""


def activation(name: str) -> Activation:
    """The activation of this name; `InputError` for an unknown one."""
    require(name in ACTIVATIONS, "activation", f"one of {list(ACTIVATIONS)}", name)
    return ACTIVATIONS[name]


def custom_activation(name: str, value: Callable) -> Activation:
    """An activation of one's own, a JAX function of a scalar, smooth; may be biased.

    Raises:
        InputError: where it or its first two derivatives are not finite on [-8, 8].
    """
    made = _derived(name, value)
    u = jnp.linspace(-8.0, 8.0, 33, dtype=jnp.float64)
    for what, fn in (("value", made.value), ("slope", made.slope)):
        fine = bool(jnp.all(jnp.isfinite(fn(u))))
        require(fine, f"activation {name!r}", f"finite, with finite {what}", "not so")
    if not bool(jnp.all(jnp.isfinite(made.curvature(u)))):
        return Activation(name, made.value, made.slope, None)
    return made


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Training:
    r"""Loss and step sizes; build with `training`, which validates.

    One noise level, or several (arrays over levels): ``levels="random"`` draws one a step
    with probability `level_weights`, ``"together"`` sums the losses of all on the same
    (x0, x1). The skip b is one number, or one a level (``skip="per-level"``).
    """

    alpha: Float[Array, " levels"]
    r"""noise coefficients :math:`\alpha_l`"""
    beta: Float[Array, " levels"]
    r"""data coefficients :math:`\beta_l`"""
    level_weights: Float[Array, " levels"]
    """probability of each level; ones when all are summed"""
    rate: Scalar
    r"""learning rate :math:`\eta \ge 0` of W"""
    skip_ratio: Scalar
    r""":math:`\kappa = \eta_b/\eta`"""
    decay: Scalar
    r"""weight decay :math:`\lambda`, in units of 1/d"""
    activation: Activation = field(metadata={"static": True})
    levels: str = field(default="random", metadata={"static": True})
    skip: str = field(default="shared", metadata={"static": True})

    @property
    def skips(self) -> int:
        """How many numbers b is."""
        return self.alpha.shape[-1] if self.skip == "per-level" else 1


def training(
    alpha=0.3,
    beta=0.7,
    rate=0.1,
    skip_ratio=1.0,
    decay=0.1,
    activation: str | Activation = "tanh",
    level_weights=None,
    levels: str = "random",
    skip: str = "shared",
) -> Training:
    """Validated `Training` in float64; the defaults are the official notebook's.

    Args:
        alpha: noise coefficient(s) > 0, a number or (levels,).
        beta: data coefficient(s) > 0, of the same shape.
        rate: eta >= 0; 0 is the gradient-flow limit of the theory.
        skip_ratio: kappa >= 0.
        decay: lambda >= 0.
        activation: a name among `ACTIVATIONS`, or an `Activation`.
        level_weights: probabilities of the levels, summing to 1; equal by default.
        levels: "random" or "together".
        skip: "shared" or "per-level".

    Raises:
        InputError: on NaN, wrong shapes or ranges.
    """
    require_positive("alpha", alpha)
    require_positive("beta", beta)
    a, b = (np.atleast_1d(np.asarray(v, dtype=np.float64)) for v in (alpha, beta))
    require(a.shape == b.shape, "beta", f"of alpha's shape {a.shape}", b.shape)
    require(a.ndim == 1, "alpha", "a number or a vector over levels", a.shape)
    for name, value in (("rate", rate), ("skip_ratio", skip_ratio), ("decay", decay)):
        require_in(name, value, 0.0, np.finfo(float).max)
    require(
        levels in ("random", "together"), "levels", "'random' or 'together'", levels
    )
    require(skip in ("shared", "per-level"), "skip", "'shared' or 'per-level'", skip)
    if level_weights is None:
        p = np.full(len(a), 1.0 if levels == "together" else 1.0 / len(a))
    else:
        require(
            levels == "random", "level_weights", "given for random levels only", levels
        )
        require_in("level_weights", level_weights, 0.0, 1.0)
        p = np.asarray(level_weights, dtype=np.float64)
        require(p.shape == a.shape, "level_weights", f"of shape {a.shape}", p.shape)
        total = float(p.sum())
        require(abs(total - 1) <= 1e-9, "sum of level_weights", "1 within 1e-9", total)
    sigma = _named(activation)
    as64 = lambda v: jnp.asarray(v, jnp.float64)
    return Training(
        as64(a), as64(b), as64(p), as64(rate), as64(skip_ratio), as64(decay),
        sigma, levels, skip,
    )  # fmt: skip


def _named(which: str | Activation) -> Activation:
    return activation(which) if isinstance(which, str) else which


def at_noise_level(t: float, path: Interpolant | None = None, **more) -> Training:
    """`training` at noise level t in (0, 1) of a path (linear): alpha(t), beta(t)."""
    require(bool(0.0 < t < 1.0), "t", "in (0, 1)", t)
    path = path or linear()
    return training(alpha=float(path.alpha(t)), beta=float(path.beta(t)), **more)


class Overlaps(NamedTuple):
    r"""Summary statistics of a network, all that the theory needs to know of it.

    Block sums, not divided by the block's mass (Sec. 1 of the specification): with
    superscript (s) for the restriction to block s, and tracked directions v_j,

    .. math:: m^s_{j\gamma} = v_j^{(s)}\cdot w_\gamma^{(s)}/\sqrt d,\qquad
        q^s_{\gamma\delta} = w_\gamma^{(s)}\cdot w_\delta^{(s)}/d .
    """

    m: Float[Array, "*batch s j r"]
    q: Float[Array, "*batch s r r"]
    b: Float[Array, "*batch skips"]

    @property
    def Q(self) -> Float[Array, "*batch r r"]:
        """Overlap matrix, the sum of q over blocks."""
        return jnp.sum(self.q, axis=-3)

    @property
    def M(self) -> Float[Array, "*batch j r"]:
        """Overlaps with the tracked directions, the sum of m over blocks."""
        return jnp.sum(self.m, axis=-3)


def initial_overlaps(
    data: StructuredMixture, coefficients, spread: float = 0.0, skip=0.0, skips: int = 1
) -> Overlaps:
    r"""Overlaps of :math:`w_\gamma/\sqrt d = \sum_j C_{\gamma j} v_j` + random entries.

    The random part has independent entries of standard deviation `spread` in w, which
    adds :math:`\phi_s\,\mathrm{spread}^2` to the diagonal of q.

    Args:
        data: the tracked directions.
        coefficients: C, (r, J), or (s, r, J) for coefficients of each block.
        spread: >= 0.
        skip: starting value(s) of b.
        skips: number of values of b (`Training.skips`).

    Raises:
        InputError: r of 0, a shape that does not fit, a negative or missing number.
    """
    require_in("spread", spread, 0.0, 1e6)
    C = np.asarray(coefficients, dtype=np.float64)
    require(bool(np.isfinite(C).all()), "coefficients", "finite", coefficients)
    S, J = data.gram.shape[-3:-1]
    ok = C.ndim in (2, 3) and C.shape[-1] == J and C.shape[:-2] in ((), (S,))
    require(ok, "coefficients", f"of shape (r, {J}) or ({S}, r, {J})", C.shape)
    require(C.shape[-2] >= 1, "width r", ">= 1", C.shape[-2])
    b = jnp.broadcast_to(jnp.asarray(skip, jnp.float64), (skips,))
    return spanned_overlaps(data, jnp.asarray(C), spread, b)


def spanned_overlaps(data: StructuredMixture, C: Array, spread, b: Array) -> Overlaps:
    """`initial_overlaps` without its checks, for use under `jit` and `vmap`."""
    C = jnp.broadcast_to(C, (data.gram.shape[0], *C.shape[-2:]))
    m = jnp.einsum("sjk,srk->sjr", data.gram, C)
    q = jnp.einsum("srj,sjt->srt", C, m)
    eye = jnp.eye(C.shape[-2], dtype=C.dtype)
    return Overlaps(m, q + data.masses[:, None, None] * spread**2 * eye[None], b)


def steps_for(tau: float, rate: float, dim: int) -> int:
    r"""Online steps n that reach natural time :math:`\tau = 2\eta n/d`, rounded."""
    require_positive("rate", rate)
    return round(float(tau) * dim / (2.0 * float(rate)))
