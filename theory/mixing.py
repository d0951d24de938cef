r"""Mixing schedules: which data each model of a self-consuming loop is trained on.

Stage s = 0, 1, ... trains model s + 1 on :math:`n_s` points of

.. math:: p_s = \alpha_s\,p_0 + \sum_{j=1}^{s}\beta_s^j\,\hat p_j ,\qquad
    \alpha_s + \sum_j\beta_s^j = 1,\quad \alpha_0 = 1

(after Fu et al. 2024; index order as recalled). A schedule is that table as data; what is
predicted of it (`theory.self_consuming`) and what composes its data (`sim.composition`)
both read it.

Shares leave open how the points are drawn, and that is another experiment each time; with
[.] for rounding:

iid
    :math:`n_s` independent draws from p_s: counts of real and generated points are random.
fresh
    Fixed counts :math:`[\alpha_s n_s], [\beta_s^j n_s]`; all points new at every stage.
reused
    Fixed counts; the same real points at every stage, as practice does. Where the first
    stage has more of them, the extra ones are seen there alone.
accumulate-reused
    Likewise for every source: what a model generated is kept and trained on again.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.validation import require, require_finite, require_in, require_positive

__all__ = [
    "PROTOCOLS",
    "Schedule",
    "accumulate",
    "accumulate_batches",
    "fixed_mixture",
    "fully_synthetic",
    "latest",
    "require_protocol",
    "schedule",
    "uniform_past",
]

PROTOCOLS = ("iid", "fresh", "reused", "accumulate-reused")


def require_protocol(protocol: str) -> None:
    """Refuse an unknown protocol."""
    ok = protocol in PROTOCOLS
    require(ok, "protocol", f"one of {', '.join(PROTOCOLS)}", protocol)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Schedule:
    """A mixing schedule; build with `schedule` or one of the named schemes."""

    alpha: Float[Array, " stages"]
    """real fraction of each stage; 1 at stage 0"""
    beta: Float[Array, "stages stages"]
    r""":math:`\beta_s^{t+1}` in row s, column t: the share of the model of stage t < s"""
    sizes: Float[Array, " stages"]
    """training points n_s"""

    @property
    def stages(self) -> int:
        """How many models are trained."""
        return self.alpha.shape[-1]


def schedule(alpha, beta, sizes) -> Schedule:
    """Validated `Schedule` in float64.

    Args:
        alpha: (S,), in [0, 1], 1 at stage 0.
        beta: (S, S), in [0, 1], zero on and above the diagonal; rows complete alpha to 1
            within 1e-9.
        sizes: (S,) or one number, positive.

    Raises:
        InputError: on NaN, wrong shapes, shares that are negative or do not sum to 1.
    """
    for name, value in (("alpha", alpha), ("beta", beta)):
        require_finite(name, value)
        require_in(name, value, 0.0, 1.0)
    a, B = np.asarray(alpha, dtype=np.float64), np.asarray(beta, dtype=np.float64)
    require(a.ndim == 1 and a.size >= 1, "alpha", "of shape (S >= 1,)", a.shape)
    S = len(a)
    require(B.shape == (S, S), "beta", f"of shape ({S}, {S})", B.shape)
    above = bool(np.any(np.triu(B)))
    require(not above, "beta", "zero on and above the diagonal", "an entry that is not")
    total = a + B.sum(axis=1)
    worst = int(np.argmax(np.abs(total - 1.0)))
    ok = abs(total[worst] - 1.0) <= 1e-9
    require(ok, f"shares of stage {worst}", "summing to 1 within 1e-9", total[worst])
    return Schedule(jnp.asarray(a), jnp.asarray(B), _sizes(sizes, S))


def _sizes(sizes, stages: int) -> Array:
    require_positive("sizes", sizes)
    n = np.asarray(sizes, dtype=np.float64)
    require(n.shape in ((), (stages,)), "sizes", f"a number or ({stages},)", n.shape)
    return jnp.asarray(np.broadcast_to(n, (stages,)))


def _stages(stages: int) -> np.ndarray:
    whole = isinstance(stages, (int, np.integer)) and stages >= 1
    require(whole, "stages", "an integer >= 1", stages)
    return np.arange(stages)


def fully_synthetic(stages: int, sizes) -> Schedule:
    r"""Every model learns from the one before alone: :math:`\beta_s^s = 1`."""
    return latest(0.0, stages, sizes)


def latest(alpha, stages: int, sizes) -> Schedule:
    r"""Real data and the latest model: :math:`\beta_s^s = 1-\alpha_s`.

    Args:
        alpha: real fraction(s) in [0, 1], a number or (stages,); stage 0 is all real.
        stages: models trained.
        sizes: training points, a number or (stages,).
    """
    s = _stages(stages)
    require_in("alpha", alpha, 0.0, 1.0)
    a = np.array(np.broadcast_to(np.asarray(alpha, dtype=np.float64), (stages,)))
    a[0] = 1.0
    beta = np.zeros((stages, stages))
    beta[s[1:], s[1:] - 1] = 1.0 - a[1:]
    return schedule(a, beta, sizes)


def accumulate(stages: int, sizes) -> Schedule:
    r"""Equal shares of the real data and of every past model, :math:`1/(s+1)` each.

    ``sizes`` one number: a fixed number of points; ``n * (1 + np.arange(stages))``: all the
    data ever seen.
    """
    s = _stages(stages)
    a = 1.0 / (s + 1.0)
    return schedule(
        a, np.tril(np.broadcast_to(a[:, None], (stages, stages)), -1), sizes
    )


def accumulate_batches(n: float, m: float, stages: int) -> Schedule:
    r"""n real points and m from every past model: :math:`N_s = n + sm`."""
    s = _stages(stages)
    require_positive("n", n)
    require_in("m", m, 0.0, np.finfo(float).max)
    N = n + s * m
    share = np.tril(np.broadcast_to((m / N)[:, None], (stages, stages)), -1)
    return schedule(n / N, share, N)


def uniform_past(synthetic: float, stages: int, sizes) -> Schedule:
    r"""A fixed synthetic share b, uniform over past models: :math:`\beta_s^j = b/s`."""
    s = _stages(stages)
    require_in("synthetic", synthetic, 0.0, 1.0)
    a = np.where(s == 0, 1.0, 1.0 - synthetic)
    share = np.where(s == 0, 0.0, synthetic / np.maximum(s, 1))
    return schedule(
        a, np.tril(np.broadcast_to(share[:, None], (stages, stages)), -1), sizes
    )


def fixed_mixture(n: float, m: float, stages: int, first: str = "V1") -> Schedule:
    r"""n real points and m from the latest model, :math:`\lambda = m/n`.

    Args:
        n: real points > 0.
        m: synthetic points >= 0.
        stages: models trained.
        first: what model 1 sees: "V1", n + m real points; "V2", the n real points.
    """
    s = _stages(stages)
    require_positive("n", n)
    require_in("m", m, 0.0, np.finfo(float).max)
    require(first in ("V1", "V2"), "first", "'V1' or 'V2'", first)
    sizes = np.where((s == 0) & (first == "V2"), n, n + m)
    return latest(n / (n + m), stages, sizes.astype(np.float64))
