r"""What the protocols of `theory.mixing` share out: four experiments with one mean.

Sources are numbered 0 (the real law) and j = 1, 2, ... (model j); stage s takes
:math:`c_{s,0}=[\alpha_s n_s]` real points and :math:`c_{s,j}=[\beta_s^j n_s]` of model j. Points
that are reused are one list, of which stage s uses the first :math:`c_{s,r}`.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.mixing import Schedule, require_protocol
from theory.validation import require, require_positive

__all__ = ["per_stage", "sharing", "source_shares", "training_counts"]


def per_stage(name: str, value, stages: int) -> Float[Array, " stages"]:
    """A positive number for each stage, from one number or (stages,)."""
    require_positive(name, value)
    v = jnp.asarray(value, jnp.float64)
    require(v.shape in ((), (stages,)), name, f"a number or ({stages},)", v.shape)
    return jnp.broadcast_to(v, (stages,))


def training_counts(schedule: Schedule) -> Float[Array, "stages sources"]:
    """Points from each source at each stage, whole numbers; (S, S), zero above the diagonal.

    Row s holds the real points and those of models 1 ... s.
    """
    return jnp.round(_shares(schedule) * schedule.sizes[:, None])


def source_shares(schedule: Schedule, protocol: str) -> Float[Array, "stages sources"]:
    """Weight of each source in the empirical measure of a stage; rows sum to 1.

    Raises:
        InputError: on an unknown protocol, or a stage whose counts all round to zero.
    """
    require_protocol(protocol)
    if protocol == "iid":
        return _shares(schedule)
    counts = training_counts(schedule)
    total = jnp.sum(counts, axis=1)
    require_positive("points of each stage", total)
    return counts / total[:, None]


def sharing(schedule: Schedule, protocol: str) -> Float[Array, "sources stages stages"]:
    r"""Entry (r, s, t): covariance of the averages that stages s and t take over source r.

    In units of the covariance of one draw: 1/c for s = t; for s != t
    :math:`1/\max(c_{s,r}, c_{t,r})` where the points are kept, else 0. Unused: 0.
    """
    require_protocol(protocol)
    S = schedule.stages
    counts = training_counts(schedule).T
    larger = jnp.maximum(counts[:, :, None], counts[:, None, :])
    used = (counts[:, :, None] > 0) & (counts[:, None, :] > 0)
    kept = {"fresh": 0, "reused": 1, "accumulate-reused": S}[protocol]
    shared = (jnp.arange(S) < kept)[:, None, None] | jnp.eye(S, dtype=bool)[None]
    return jnp.where(used & shared, 1.0 / jnp.where(used, larger, 1.0), 0.0)


def _shares(schedule: Schedule) -> Array:
    return jnp.concatenate([schedule.alpha[:, None], schedule.beta[:, :-1]], axis=1)
