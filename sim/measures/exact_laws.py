r"""Energies and divergences by Monte Carlo where densities and scores are known exactly."""

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array

from sim.laws import Knowledge, draw
from sim.measures.estimate import Estimate, mean_estimate
from sim.measures.scene import Scene
from theory.processes import OU

__all__ = ["ConsistentEnergies", "EndpointDivergences", "path_energy"]


def path_energy(
    along, q, fitted, process: OU, key: Array, n: int, strata: int
) -> Estimate:
    r"""Energy of the score error along the marginals of a law.

    .. math:: \int_{t_0}^T E\,|\hat s - \nabla\log q_t|^2\,dt

    Along the marginals of q itself it is :math:`\varepsilon_*^2`.
    Times :math:`t = t_0 + (T-t_0)u^2`, two uniform u per stratum, because errors act
    mostly near t0. Unbiased, and so is the variance from the differences within strata.

    Args:
        along: law whose OU marginals weight the error.
        q: law of the training data.
        fitted: learned score.
        process: noising process.
        key: randomness.
        n: points per stratum, even: half of them at each of its two times.
        strata: number of time strata.
    """
    span = process.T - process.t0

    def half_stratum(j):
        key_t, key_x = jr.split(jr.fold_in(key, j))
        u = (j // 2 + jr.uniform(key_t, (), jnp.float64)) / strata
        t = process.t0 + span * u**2
        x = draw(along.noised(process, t), key_x, n // 2, jnp.float64)
        e = fitted.score(x, t) - q.noised(process, t).score(x)
        return 2.0 * span * u * jnp.mean(jnp.sum(e**2, axis=-1))

    halves = jax.lax.map(half_stratum, jnp.arange(2 * strata)).reshape(strata, 2)
    of_stratum = (halves[:, 0] - halves[:, 1]) ** 2 / 4.0  # variance of its mean
    return Estimate(jnp.mean(halves), jnp.sqrt(jnp.mean(of_stratum) / strata))


@dataclass(frozen=True)
class ConsistentEnergies:
    r"""Both energies of a learned score that is itself the score of an OU-evolved law p'.

    That is what the kernel learner, variant A, gives; what bounds KL is then all known.
    The learned path then has the marginals of p', so :math:`\hat\varepsilon^2` needs no
    reverse run, and KL(phat || q_{t0}) = KL(p'_T || q_T) + eps_hat^2/2 holds with equality.
    """

    n: int = 256
    """points per time stratum, even"""
    strata: int = 32
    """time strata"""
    needs: ClassVar[Knowledge] = "exact"
    names: ClassVar[tuple[str, ...]] = ("eps_star2", "eps_hat2", "start_kl")

    def __call__(self, key: Array, scene: Scene) -> dict[str, Array]:
        """Energies with standard errors; `start_kl` = KL(p'_T || q_T)."""
        keys = jr.split(key, 3)
        process, learned = scene.process, scene.fitted.density
        star = path_energy(
            scene.q, scene.q, scene.fitted, process, keys[0], self.n, self.strata
        )
        hat = path_energy(
            learned, scene.q, scene.fitted, process, keys[1], self.n, self.strata
        )
        late = learned.noised(process, process.T)
        x = draw(late, keys[2], 4 * self.n, jnp.float64)
        start = mean_estimate(
            late.log_density(x) - scene.q.noised(process, process.T).log_density(x)
        )
        return {
            "eps_star2": star.value,
            "eps_star2_se": star.standard_error,
            "eps_hat2": hat.value,
            "eps_hat2_se": hat.standard_error,
            "start_kl": start.value,
            "start_kl_se": start.standard_error,
        }


@dataclass(frozen=True)
class EndpointDivergences:
    r"""KL(phat || q_{t0}), chi2(phat || q_{t0}) and KL(phat || p) from exact densities.

    With R = phat/q, chi2 is the mean of :math:`2(R-1)^2/(1+R)` over draws from q and as many
    from phat: small where R is near 1, and linear, not quadratic, where R is large. A
    sample mean is finite even where chi-square is infinite, so the largest share of one
    draw in the sum goes with it: a large share says not to trust the value.
    """

    n: int = 4096
    """draws from phat and from q"""
    needs: ClassVar[Knowledge] = "exact"
    names: ClassVar[tuple[str, ...]] = ("kl", "chi2", "drift_kl")

    def __call__(self, key: Array, scene: Scene) -> dict[str, Array]:
        """Divergences with standard errors."""
        key_after, key_q = jr.split(key)
        q = scene.q.noised(scene.process, scene.process.t0)
        target = scene.target.noised(scene.process, scene.process.t0)
        x = draw(scene.after, key_after, self.n, jnp.float64)
        log_after = scene.after.log_density(x)
        log_q = q.log_density(x)
        kl = mean_estimate(log_after - log_q)
        drift = mean_estimate(log_after - target.log_density(x))
        y = draw(q, key_q, self.n, jnp.float64)
        log_R = jnp.stack(
            [log_after - log_q, scene.after.log_density(y) - q.log_density(y)]
        )
        parts = (
            2.0 * jnp.expm1(log_R) * jnp.tanh(0.5 * log_R)
        )  # without R^2: no overflow
        chi2 = mean_estimate(parts.T)  # one for each law drawn from
        return {
            "kl": kl.value,
            "kl_se": kl.standard_error,
            "drift_kl": drift.value,
            "drift_kl_se": drift.standard_error,
            "chi2": jnp.mean(chi2.value),
            "chi2_se": 0.5 * jnp.linalg.norm(chi2.standard_error),
            "chi2_largest_share": jnp.max(parts) / jnp.sum(parts),
        }
