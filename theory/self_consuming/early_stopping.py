r"""When to stop training in a loop: by the bound, and in truth (Sec. 8).

One stage, n points, training time tau:

.. math:: \mathrm{KL}(\tau) = C_1\tau^a n^{-b} + \frac{C_2}{\tau},\qquad
    \tau^\ast = \Big(\frac{C_2 n^b}{aC_1}\Big)^{1/(1+a)},\qquad
    \mathrm{KL}^\ast\sim n^{-b/(1+a)} .

In the bound :math:`\sum_s A_s\varepsilon_s` the weights do not interact with the times:
:math:`\tau^\ast(n_s)` is best in every stage of any loop. In truth biases add coherently and
noises in quadrature (`loop_error`): while the biases are small the loop's optimum trains
longer. But later stages filter the earlier noise, and a filter saturates (`spectral_risk`):
modes that one stage does not learn cannot get worse, the noise of learned ones does, and
the optimum may be shorter.
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.optimize import minimize_scalar

from theory.mixing import Schedule
from theory.self_consuming.spectral_filter import contraction, gradient_flow_loss
from theory.self_consuming.statements import (
    loop_time_factor,
    stopped_kl,
    stopped_kl_best,
    stopping_time,
)
from theory.self_consuming.weights import stage_weights
from theory.validation import require, require_in, require_positive

__all__ = [
    "StoppedError",
    "loop_error",
    "loop_time",
    "loop_times",
    "spectral_risk",
    "spectral_time",
    "stopped_bound",
]


@dataclass(frozen=True)
class StoppedError:
    r""":math:`\mathrm{KL}(\tau) = C_1\tau^a n^{-b} + C_2/\tau`, nats.

    (a, b) = (4, 2): rate 2/5 of random features (Li et al. 2023, as recalled), tau ~ n^{2/5};
    (1, 1): rate 1/2, tau ~ sqrt(n).
    """

    a: float = 1.0
    b: float = 1.0
    C_1: float = 1.0
    C_2: float = 1.0

    def __post_init__(self) -> None:
        for name in ("a", "b", "C_1", "C_2"):
            require_positive(name, getattr(self, name))

    def kl(self, time, size) -> Array:
        """Error at `time` > 0 with `size` > 0 points."""
        time, size = jnp.asarray(time, jnp.float64), jnp.asarray(size, jnp.float64)
        return stopped_kl(time, size, self.a, self.b, self.C_1, self.C_2)

    def time(self, size) -> Array:
        """Best time of one stage; for a schedule's sizes, best in the bound."""
        size = jnp.asarray(size, jnp.float64)
        return stopping_time(size, self.a, self.b, self.C_1, self.C_2)

    def best_kl(self, size) -> Array:
        """Error at the best time."""
        size = jnp.asarray(size, jnp.float64)
        return stopped_kl_best(size, self.a, self.b, self.C_1, self.C_2)

    @property
    def kl_rate(self) -> float:
        """Exponent of n in the best KL; by Pinsker half of it in total variation."""
        return self.b / (1.0 + self.a)


def stopped_bound(error: StoppedError, schedule: Schedule, times) -> Array:
    r"""Bound :math:`\sum_s A_s\sqrt{\mathrm{KL}_s(\tau_s)/2}` on TV (Pinsker); may exceed 1.

    Args:
        error: of one stage.
        schedule: S stages.
        times: > 0, a number or (S,).
    """
    require_positive("times", times)
    return stage_weights(schedule) @ jnp.sqrt(0.5 * error.kl(times, schedule.sizes))


def loop_error(error: StoppedError, schedule: Schedule, times) -> Array:
    r"""Squared error of the last model, biases coherent and noises in quadrature.

    .. math:: \Big(\sum_s A_s\sqrt{C_2/\tau_s}\Big)^2
        + \sum_s A_s^2\,C_1\tau_s^a n_s^{-b}

    The two terms of the one-stage error read as squared bias and as variance.
    """
    require_positive("times", times)
    A, tau = stage_weights(schedule), jnp.asarray(times, jnp.float64)
    tau = jnp.broadcast_to(tau, A.shape)
    noise = error.C_1 * tau**error.a * schedule.sizes**-error.b
    return (A @ jnp.sqrt(error.C_2 / tau)) ** 2 + A**2 @ noise


def loop_time(error: StoppedError, schedule: Schedule) -> float:
    r"""The one time for all stages that minimises `loop_error`.

    At constant n :math:`\tau^\ast(S^2/V)^{1/(1+a)}` with :math:`S=\sum A_s, V=\sum A_s^2`: never
    shorter than one stage's, as :math:`S^2\ge V`.
    """
    A, a = stage_weights(schedule), error.a
    # one n for which the noises are those of the schedule
    V = jnp.sum(A**2)
    size = (A**2 @ schedule.sizes**-error.b / V) ** (-1.0 / error.b)
    return float(error.time(size) * loop_time_factor(jnp.sum(A), V, a))


def loop_times(error: StoppedError, schedule: Schedule) -> Float[Array, " stages"]:
    r"""The times of all stages that minimise `loop_error` together.

    In :math:`z_s=\tau_s^{-1/2}` it is convex, and stationary where, with the coherent sum B,

    .. math:: \tau_s^{a+1/2} = \frac{B\sqrt{C_2}\,n_s^b}{A_s\,a\,C_1} .

    Put back into B this is one power of B. A stage that no lineage visits gets inf.
    """
    A, a = stage_weights(schedule), error.a
    visited = A > 0
    weight = jnp.where(visited, A, 1.0)
    power = 1.0 / (a + 0.5)
    unit = jnp.sqrt(error.C_2) * schedule.sizes**error.b / (weight * a * error.C_1)
    unit = unit**power  # times at B = 1
    sum_ = jnp.sum(jnp.where(visited, A * jnp.sqrt(error.C_2 / unit), 0.0))
    B = sum_ ** (1.0 / (1.0 + 0.5 * power))
    return jnp.where(visited, unit * B**power, jnp.inf)


def spectral_risk(
    time,
    signal: Float[Array, " modes"],
    eigenvalues: Float[Array, " modes"],
    noise: Float[Array, " modes"],
    beta: float,
    models: int,
) -> Array:
    r"""Exact squared error of model G when gradient flow learns each mode, latest model.

    A stage sees the mode of its data's law plus noise of variance :math:`\nu` and keeps
    :math:`f = 1-e^{-\lambda\tau}` of both, so that older noises are filtered again:

    .. math:: \sum_\lambda \theta_\lambda^2\,\delta_G^2
        + \nu_\lambda f^2\,\frac{1-(f\beta)^{2G}}{1-(f\beta)^2}

    Args:
        time: tau > 0.
        signal: true modes theta.
        eigenvalues: > 0.
        noise: variances of a stage's modes (1/N for iid data of unit variance), >= 0.
        beta: synthetic fraction.
        models: G >= 1; 1 is the one-stage risk.
    """
    require(models >= 1, "models", ">= 1", models)
    require_in("beta", beta, 0.0, 1.0)
    loss = gradient_flow_loss(jnp.asarray(eigenvalues, jnp.float64), time)
    f = 1.0 - loss
    passed = ((1.0 - beta) + beta * loss) * (1.0 + f * beta)  # 1 - (f beta)^2
    still = passed > 0
    safe = jnp.where(still, passed, 0.5)
    sums = jnp.where(still, -jnp.expm1(models * jnp.log1p(-safe)) / safe, models)
    delta = contraction(loss, beta, models)
    return jnp.sum((jnp.asarray(signal) * delta) ** 2 + noise * f**2 * sums)


def spectral_time(signal, eigenvalues, noise, beta: float, models: int) -> float:
    r"""Time that minimises `spectral_risk`, by a scan of log tau and refinement.

    Searched where the fastest mode is at 1e-3 to where the slowest has learned e^-30.
    """
    require_positive("eigenvalues", eigenvalues)
    ev = jnp.asarray(eigenvalues, jnp.float64)
    risk = jax.jit(lambda x: spectral_risk(jnp.exp(x), signal, ev, noise, beta, models))
    grid = np.linspace(
        np.log(1e-3 / float(ev.max())), np.log(30.0 / float(ev.min())), 200
    )
    best = int(np.argmin([float(risk(x)) for x in grid]))
    ends = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found: Any = minimize_scalar(
        lambda x: float(risk(x)), bounds=ends, method="bounded", options={"xatol": 1e-9}
    )
    return float(np.exp(found.x))
