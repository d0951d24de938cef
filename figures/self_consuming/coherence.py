r"""How far a loop's errors add up coherently: estimated from one simulation (derived).

With the weights A of a model and the mean one-step errors :math:`E\varepsilon_s` of the runs,

.. math:: C = \sum_s A_s\,E\varepsilon_s,\qquad
    Q = \sqrt{\textstyle\sum_s A_s^2\,(E\varepsilon_s)^2},\qquad
    \text{position} = \frac{E\,TV-Q}{C-Q} .

Biases of one sign add up to C, which is the bound; centred noises to Q. A kernel smooths
away part of the earlier noise, so its position may be negative.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from theory.mixing import Schedule
from theory.self_consuming.accumulation_modes import all_weights

__all__ = ["coherent", "exponent", "position", "quadrature"]

Array = np.ndarray


def coherent(
    schedules: Sequence[Schedule], errors: Float[Array, "*b schedules models"]
) -> Float[Array, "*b schedules models"]:
    """C of every model, from the mean one-step errors of every schedule."""
    return np.einsum("kgs,...ks->...kg", _weights(schedules), errors)


def quadrature(
    schedules: Sequence[Schedule], errors: Float[Array, "*b schedules models"]
) -> Float[Array, "*b schedules models"]:
    """Q of every model."""
    squares = np.einsum("kgs,...ks->...kg", _weights(schedules) ** 2, errors**2)
    return np.sqrt(squares)


def position(schedules: Sequence[Schedule], tv, errors):
    """0 where errors add up in quadrature, 1 where coherently; NaN where those agree."""
    C, Q = coherent(schedules, errors), quadrature(schedules, errors)
    apart = C - Q > 1e-9 * C
    return np.where(apart, (tv - Q) / np.where(apart, C - Q, 1.0), np.nan)


def exponent(
    tv: Float[Array, "*b models"], upto: int | None = None
) -> Float[Array, "*b"]:
    """Least-squares slope of log TV against the logarithm of the number of models."""
    y = np.log(tv[..., :upto])
    x = np.log(np.arange(1.0, y.shape[-1] + 1.0))
    x = x - x.mean()
    return y @ x / (x @ x)


def _weights(schedules: Sequence[Schedule]) -> Float[Array, "schedules models stages"]:
    return np.stack([np.asarray(all_weights(s)) for s in schedules])
