r"""How near to the real law a model can be, from the very errors that bound it (derived).

With :math:`U` the bound of `weights.accumulated_bound` and :math:`p_s-p_0 =
\sum_j\beta_s^j(\hat p_j-p_0)`, the triangle inequality says from below

.. math:: TV(p_s,p_0) \ge l_s = \max_j\Big(\beta_s^jL_j-\sum_{k\ne j}\beta_s^kU_k\Big),\qquad
    L_{s+1} = \max\Big(\varepsilon_s-\sum_j\beta_s^jU_j,\ l_s-\varepsilon_s,\ 0\Big)

for every realisation, protocol and learner. It is the bound itself for model 1 and says
nothing once past errors could cancel the new one.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.mixing import Schedule

__all__ = ["accumulated_floor"]


@jax.jit
def accumulated_floor(schedule: Schedule, errors: Float[Array, " stages"]) -> Array:
    r"""Lower bounds on :math:`D_1 \dots D_S` from one-step errors, all models at once.

    Args:
        schedule: which data each stage sees.
        errors: :math:`\varepsilon_s = TV(\hat p_{s+1}, p_s)`, (stages,), in [0, 1].
    """
    errors = jnp.asarray(errors, jnp.float64)

    def stage(bounds, s):
        low, high = bounds
        above, parts = schedule.beta[s] @ high, schedule.beta[s] * (low + high)
        below = jnp.max(parts) - above
        least = jnp.maximum(jnp.maximum(errors[s] - above, below - errors[s]), 0.0)
        return (low.at[s].set(least), high.at[s].set(errors[s] + above)), None

    nothing = jnp.zeros_like(errors)
    stages = jnp.arange(schedule.stages)
    return jax.lax.scan(stage, (nothing, nothing), stages)[0][0]
