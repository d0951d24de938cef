r"""Drift of a loop whose score errors have a size, a kind and an observability.

The data are N(0, 1). Generation i errs by

.. math:: a_i\big(\sqrt{\eta}\,e_{\text{shift}} + \sqrt{1-\eta}\,e_{\text{hidden}}\big),
    \qquad a_i = \pm 1 ,

the score of data that moved, and a drift that grows and turns so that nothing of it is
left at the end. In the energy of one generation the two are orthogonal (derived), so
:math:`\eta` is the observability, exactly for q_i = N(0, 1), and the first part alone
moves the law: its drift has an exact recursion (`shift_drift`).
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from sim.grid import GridLaw, on_grid, uniform_grid
from sim.learners.perturbed import PerturbedScore, Shift, orthogonal_time_only
from sim.measures.grid_paths import Accumulated, accumulated, grid_paths
from sim.sampling import ReverseSDE
from theory.error_propagation import schedules
from theory.error_propagation.accumulation import (
    DriftBounds,
    discounted_energy,
    drift_bounds,
)
from theory.error_propagation.kernel_recursion import shift_drift, shift_energy
from theory.error_propagation.regimes import classify, innovation_cosine
from theory.error_propagation.statements import (
    stationary_aligned,
    stationary_cancelling,
    stationary_unbiased,
)
from theory.mixtures import Blend, gaussian_mixture
from theory.processes import OU
from theory.validation import InputError, require, require_in

__all__ = [
    "GRID",
    "KINDS",
    "MOST",
    "PROCESS",
    "RUNS",
    "SCHEDULES",
    "SIGNS",
    "STEPS",
    "Settings",
    "Simulated",
    "Theory",
    "own_shares",
    "simulate",
    "theory",
]

MOST = 30
"""Generations that every program runs through; those asked for are the first of them."""
SIGNS = 32
"""Sequences of random signs averaged in the exact recursion."""
RUNS = 4
"""The first of these, which are simulated as well."""
KINDS = {
    "aligned": "always the same way",
    "unbiased": "a random way each time",
    "cancelling": "forth and back in turn",
}
SCHEDULES = {
    "constant": "the same share every time",
    "resets": "only fresh data now and then",
    "late": "only fresh data at the end",
    "own": "shares of one's own, repeated",
}
PROCESS = OU(T=3.0, t0=0.0)
STEPS = ReverseSDE(80)
GRID = uniform_grid(9.0, 85, 1, PROCESS.T / STEPS.steps)
TRUSTED = 1e-3
"""Share of a law, or of its drift, beyond what the grid can carry: more is not shown."""


@dataclass(frozen=True)
class Settings:
    """What the sliders set."""

    schedule: str = "constant"
    """when fresh data come, one of `SCHEDULES`; all but "own" spend about alpha N"""
    alpha: float = 0.2
    """fresh fraction, on average over the generations, in [0, 1]"""
    generations: int = 15
    """N in [1, MOST], models trained one after the other"""
    energy: float = 0.01
    """score-error energy eps*^2 of one generation, nats, in [0, 0.1]"""
    kind: str = "aligned"
    """how errors of successive generations relate, one of `KINDS`"""
    observability: float = 0.9
    """eta in [0, 1], the share of the energy that the generated law shows"""
    own: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0)
    """of the schedule "own": fresh fractions in [0, 1], repeated"""

    def __post_init__(self) -> None:
        """Refuse what no slider can set."""
        for name, known in (("schedule", SCHEDULES), ("kind", KINDS)):
            value = getattr(self, name)
            require(value in known, name, f"one of {', '.join(known)}", value)
        for name, top in (("alpha", 1.0), ("energy", 0.1), ("observability", 1.0)):
            require_in(name, getattr(self, name), 0.0, top)
        require_in("generations", self.generations, 1, MOST)
        require(len(self.own) > 0, "own", "one fresh fraction or more", "none")
        require_in("own", self.own, 0.0, 1.0)

    @property
    def fresh(self) -> Float[np.ndarray, " most"]:
        """Fresh fraction of each generation; 1 from the N-th on, which nobody sees."""
        N, alpha = self.generations, self.alpha
        if self.schedule == "constant":
            shares = schedules.constant(alpha, MOST)
        elif self.schedule == "resets":
            shares = schedules.periodic_resets(round(1 / max(alpha, 1 / MOST)), MOST)
        elif self.schedule == "own":
            shares = np.resize(self.own, MOST)
        else:  # the last N entries of the longest one are those of N generations
            shares = schedules.fresh_last(alpha * N, MOST)[MOST - N :]
        return np.pad(np.asarray(shares)[:N], (0, MOST - N), constant_values=1.0)

    @property
    def signs(self) -> Float[np.ndarray, "runs most"]:
        """Sign a_i of each error, one row per run."""
        if self.kind == "unbiased":
            return np.random.default_rng(0).choice([-1.0, 1.0], (SIGNS, MOST))
        turn = -1.0 if self.kind == "cancelling" else 1.0
        return np.tile(turn ** np.arange(MOST), (SIGNS, 1))


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Theory:
    """Curves of the first generations; D and bounds have one value for each law."""

    D: Float[np.ndarray, " n_plus_1"]
    """exact drift chi2(p_hat^i || p), its mean over signs"""
    of_runs: Float[np.ndarray, " n_plus_1"]
    """the same over the signs of the runs that are simulated"""
    low: Float[np.ndarray, " n_plus_1"]
    """its tenth percentile over signs"""
    high: Float[np.ndarray, " n_plus_1"]
    """its ninetieth"""
    J: Float[np.ndarray, " n"]
    """innovations"""
    cosine: Float[np.ndarray, " n"]
    """of the new error with the inherited drift; NaN where there is none of either"""
    inherited: Float[np.ndarray, " n"]
    """share of the drift that was inherited, before the two interfere"""
    bounds: DriftBounds
    displayed: Float[np.ndarray, " n_plus_1"]
    """right side of Thm 4.2 as displayed (Khelifa et al.), without constants"""
    regime: Int[np.ndarray, " n"]
    """`Regime` of each generation"""
    settled: Float[np.ndarray, " n"]
    """stationary drift of this kind at each innovation and fresh fraction"""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Simulated:
    """What the simulated chains did, generation by generation: mean over runs."""

    D: Float[np.ndarray, " n"]
    """drift of law i + 1; NaN where the grid cannot carry it"""
    error: Float[np.ndarray, " n"]
    """standard error of D over the runs; 0 where all are the same"""
    cosine: Float[np.ndarray, " n"]
    inherited: Float[np.ndarray, " n"]
    energy: Float[np.ndarray, " n"]
    """eps*^2 as measured, nats"""
    observability: Float[np.ndarray, " n"]
    """eta as measured"""


def own_shares(text: str) -> tuple[float, ...]:
    """Fresh fractions written with commas between them, as in "1, 0, 0.5".

    Raises:
        InputError: something that is no number in [0, 1].
    """
    allowed = "numbers in [0, 1] with commas between them"
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"own shares must be {allowed}, got {text!r}.") from error
    require(all(0.0 <= share <= 1.0 for share in found), "own shares", allowed, text)
    return found


def theory(settings: Settings) -> Theory:
    """The exact recursion, its bounds and its regime."""
    return _first(
        settings.generations,
        _theory(
            settings.fresh,
            settings.signs,
            settings.energy,
            settings.observability,
            list(KINDS).index(settings.kind),
        ),
    )


@jax.jit
def _theory(alpha, signs, energy, eta, kind) -> Theory:
    exact = jax.vmap(shift_drift, in_axes=(None, 0))(alpha, signs * _shift(energy, eta))
    D, J, C = (jnp.mean(values, axis=0) for values in (exact.D, exact.J, exact.C))
    kept = (1.0 - alpha) ** 2 * D[:-1]
    laws = (stationary_aligned, stationary_unbiased, stationary_cancelling)
    low, high = jnp.quantile(exact.D, jnp.array([0.1, 0.9]), axis=0)
    return Theory(
        D=D,
        of_runs=jnp.mean(exact.D[:RUNS], axis=0),
        low=low,
        high=high,
        J=J,
        cosine=innovation_cosine(D[:-1], J, C),
        inherited=_share(kept, J),
        bounds=drift_bounds(alpha, J),
        displayed=discounted_energy(alpha, energy + 0.0 * J),
        regime=classify(alpha, D[:-1], J, C),
        settled=jnp.stack([law(alpha, J) for law in laws])[kind],
    )


def simulate(settings: Settings) -> Simulated:
    """Carry the laws of the first runs through their generations on a grid."""
    values = _simulate(
        settings.fresh,
        settings.signs[:RUNS],
        settings.energy,
        settings.observability,
    )
    return _first(settings.generations, values)


@jax.jit
def _simulate(alpha, signs, energy, eta) -> Simulated:
    run = partial(_run, alpha, _shift(energy, eta), _hidden(energy, eta))
    paths, drift, lost = jax.vmap(run)(signs)
    trusted = (lost < TRUSTED) & (drift.tail_share < TRUSTED)
    D = jnp.where(jnp.all(trusted, axis=0), drift.D, jnp.nan)
    before, J, C = (jnp.mean(x, axis=0) for x in (drift.D_before, drift.J, drift.C))
    return Simulated(
        D=jnp.mean(D, axis=0),
        error=jnp.std(D, axis=0, ddof=1) / jnp.sqrt(RUNS),
        cosine=innovation_cosine(before, J, C),
        inherited=_share((1.0 - alpha) ** 2 * before, J),
        energy=jnp.mean(paths.eps_star2, axis=0),
        observability=jnp.mean(paths.observability, axis=0),
    )


def _run(alpha, shift, hidden, signs):
    """One run: functionals of the paths, the drift, and the mass that left the grid."""
    target = gaussian_mixture([1.0], [0.0], 1.0)
    p = on_grid(target, GRID)

    def generation(before: GridLaw, at):
        fresh, a, first = at
        q = Blend(jnp.where(first, 1.0, fresh), target, before)
        visible = Shift((a * shift)[None])
        invisible = orthogonal_time_only((a * hidden)[None], PROCESS)

        def error(x, t, score_at):
            return visible(x, t, score_at) + invisible(x, t, score_at)

        density = jnp.exp(q.log_density(GRID.points))
        fitted = PerturbedScore(q, error, PROCESS)
        paths, after, _ = grid_paths(q, density, fitted, PROCESS, GRID, STEPS)
        drift: Accumulated = accumulated(
            p.density, before.density, density, after.density, GRID.cell
        )
        return after, (paths, drift, jnp.abs(paths.mass_lost))

    _, records = jax.lax.scan(generation, p, (alpha, signs, jnp.arange(MOST) == 0))
    return records


def _shift(energy: Array, eta: Array) -> Array:
    r"""Shift of N(0, 1) whose score error has energy :math:`\eta\varepsilon_*^2`."""
    return jnp.sqrt(eta * energy / shift_energy(1.0, PROCESS))


def _hidden(energy: Array, eta: Array) -> Array:
    r"""Amplitude b of the hidden part, of energy :math:`(1-\eta)\varepsilon_*^2`.

    Derived: :math:`e = b\,e^{t/2}\cos(2\pi t/T)`, so the energy is
    :math:`b^2\,\tfrac12(e^T-1)\,[1+1/(1+(4\pi/T)^2)]`.
    """
    turn = 1.0 + 1.0 / (1.0 + (4.0 * jnp.pi / PROCESS.T) ** 2)
    return jnp.sqrt((1.0 - eta) * energy / (0.5 * jnp.expm1(PROCESS.T) * turn))


def _first(generations: int, curves):
    """The part of all curves that belongs to the first generations, as NumPy arrays."""
    return jax.tree.map(
        lambda curve: np.asarray(curve)[: generations + len(curve) - MOST], curves
    )


def _share(kept: Array, new: Array) -> Array:
    total = kept + new
    return jnp.where(total > 0, kept / jnp.where(total > 0, total, 1.0), 0.0)
