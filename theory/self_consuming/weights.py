r"""How much the error of each stage weighs in a later model (derived; after Fu et al. 2024).

TV is convex and obeys the triangle inequality, so for every realisation, protocol and
learner, with :math:`\varepsilon_s = TV(\hat p_{s+1}, p_s)`,

.. math:: D_{s+1} \le \varepsilon_s + \sum_{j=1}^s \beta_s^j D_j
    \quad\Longrightarrow\quad D_{i+1} \le \sum_{s=0}^i A_s\,\varepsilon_s,\qquad
    A_s = \sum_{t=s+1}^i A_t\,\beta_t^{s+1},\ A_i = 1 .

:math:`A_s` is the probability that the lineage of a point of stage i, traced back until it is
real, visits stage s; their sum is the expected length of the lineage.
"""

import jax
import jax.numpy as jnp
from jax.scipy.special import digamma, gammaln
from jaxtyping import Array, Float

from theory.mixing import Schedule

__all__ = [
    "accumulate_batches_length",
    "accumulate_batches_weights",
    "accumulate_weights",
    "accumulated_bound",
    "latest_weights",
    "rate_errors",
    "stage_weights",
    "uniform_past_weights",
]


@jax.jit  # outside jit the scan would take beta for a constant and copy it
def stage_weights(schedule: Schedule) -> Float[Array, " stages"]:
    r"""Weights :math:`A_0 \dots A_i` for the last model, by back-substitution.

    :math:`(I-B)^\top A = e_i`; one pass over the rows of B, nothing of their size is kept.
    """
    S = schedule.stages
    last = jnp.zeros((S,), schedule.beta.dtype).at[S - 1].set(1.0)

    def row(A, t):
        return A + A[t] * schedule.beta[t], None

    return jax.lax.scan(row, last, jnp.arange(S - 1, -1, -1))[0]


@jax.jit
def accumulated_bound(schedule: Schedule, errors: Float[Array, " stages"]) -> Array:
    r"""Bounds on :math:`D_1 \dots D_S` from one-step errors, all models at once.

    The recursion itself, :math:`(I-B)D = \varepsilon`; its last entry is
    :math:`\sum_s A_s\varepsilon_s`.
    """

    def row(D, s):
        return D.at[s].set(errors[s] + schedule.beta[s] @ D), None

    start = jnp.zeros_like(jnp.asarray(errors, jnp.float64))
    return jax.lax.scan(row, start, jnp.arange(schedule.stages))[0]


def rate_errors(
    sizes: Float[Array, " stages"],
    rate: float,
    constant: float = 1.0,
    mismatch: float = 0.0,
    dim: float | None = None,
    delta: float = 0.05,
) -> Float[Array, " stages"]:
    r"""One-step errors :math:`C\,n_s^{-r}L_s + \kappa_T` of a rate.

    r = 1/4 for diffusion (as recalled of Fu et al.), 2/(4+d) for kernel densities, 1/2 for
    regular parametric models. With ``dim`` given :math:`L_s=\sqrt{d\log(dn_s/\delta)}`, else 1.
    """
    n = jnp.asarray(sizes, jnp.float64)
    log_factor = 1.0 if dim is None else jnp.sqrt(dim * jnp.log(dim * n / delta))
    return constant * n**-rate * log_factor + mismatch


def latest_weights(beta: float, stages: int) -> Float[Array, " stages"]:
    r"""Latest model with a constant synthetic share: :math:`A_s = \beta^{i-s}`."""
    return jnp.asarray(beta, jnp.float64) ** jnp.arange(stages - 1, -1, -1)


def accumulate_weights(stages: int) -> Float[Array, " stages"]:
    r"""Equal shares: :math:`A_s = 1/(s+2)` for s < i; their sum is :math:`H_{i+1}`."""
    return (1.0 / (jnp.arange(stages, dtype=jnp.float64) + 2.0)).at[stages - 1].set(1.0)


def accumulate_batches_weights(n: float, m: float, stages: int) -> Array:
    r"""n real and m from every past model: :math:`A_s = m/(n+(s+1)m)` for s < i.

    Their sum is :math:`1+\psi(i+1+n/m)-\psi(1+n/m)` (`digamma`).
    """
    s = jnp.arange(stages, dtype=jnp.float64)
    return (m / (n + (s + 1.0) * m)).at[stages - 1].set(1.0)


def accumulate_batches_length(n: float, m: float, stages: int) -> Array:
    """Expected lineage length of `accumulate_batches_weights`, m > 0."""
    return 1.0 + digamma(stages + n / m) - digamma(1.0 + n / m)


def uniform_past_weights(synthetic: float, stages: int) -> Array:
    r"""Uniform over past models; for s < i this is the ratio below.

    .. math:: A_s = \frac{b\,\Gamma(i+b)\,\Gamma(s+1)}{\Gamma(i+1)\,\Gamma(s+1+b)} .
    """
    b, i = jnp.asarray(synthetic, jnp.float64), stages - 1
    s = jnp.arange(stages, dtype=jnp.float64)
    log_ratio = (
        gammaln(i + b) - gammaln(i + 1.0) + gammaln(s + 1.0) - gammaln(s + 1.0 + b)
    )
    return (b * jnp.exp(log_ratio)).at[stages - 1].set(1.0)
