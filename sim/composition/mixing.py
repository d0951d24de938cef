r"""Real data and the data of past models, in shares that a schedule sets.

Generation s trains on :math:`n_s` points of
:math:`p_s = \alpha_s\,p_0 + \sum_j\beta_s^j\,\hat p_j`, drawn by one of four protocols
(`theory.mixing`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float

from sim.composition.datasets import Counts, Dataset, Points
from sim.composition.policy import At, Real, State
from sim.laws import counts, mixture
from theory.mixing import Schedule, require_protocol
from theory.validation import require

__all__ = ["Mixing", "scheduled"]

_BEFORE = 1 << 20  # keys of what is drawn before generation 0, apart from the stages'


@dataclass(frozen=True)
class Mixing:
    """A mixture of real data and the last `reach` models.

    Of the loop's parameters it reads "alpha", the real share, and where they are given
    "shares" (reach,), those of the past models, the latest first; "size", the number of
    training points; "stock", how many real points are reused. Without them: the latest
    model has all the rest, there are as many points as rows, all real points are reused.

    Its memory: the laws of older models, and the data that are used again.
    """

    data: Dataset
    protocol: str = "fresh"
    reach: int = 1
    knows_law: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse unknown protocols."""
        require_protocol(self.protocol)
        require(self.reach >= 1, "reach", ">= 1", self.reach)

    @property
    def _reuses(self) -> bool:
        return self.protocol in ("reused", "accumulate-reused")

    @property
    def _accumulates(self) -> bool:
        return self.protocol == "accumulate-reused"

    def parameters(self, replicas: int, generations: int) -> dict[str, Any]:
        """None of its own."""
        return {}

    def start(self, keys, at: At, real: Real, samples: Array, law: Any) -> Any:
        """No older model, and the real points that will be used again."""
        older = None
        if self.reach > 1 and not (self._accumulates and law is None):
            require(law is not None, "reach", "1 where laws are not known", self.reach)
            older = jax.tree.map(lambda leaf: jnp.stack([leaf] * (self.reach - 1)), law)
        if not self._reuses:
            return older, None
        return older, self._original(keys, real, samples, self._stock(at), "kept")

    def first(self, keys, at: At, real: Real, samples: Array) -> Any:
        """All real points of the first generation."""
        return self._original(keys, real, samples, self._size(at), "shape")

    def _original(self, keys, real: Real, samples, count: Array, use: str) -> Any:
        if isinstance(self.data, Points):
            return samples
        key = jr.fold_in(keys[1], _BEFORE + ("kept", "shape").index(use))
        return self.data.real(real, key, count)

    def compose(self, keys, at: At, real: Real, state: State) -> tuple[Any, Any]:
        """Batches of real and of generated points, joined up to the counts."""
        key_fresh, key = keys
        if self.protocol == "iid" and isinstance(self.data, Counts):  # of p_s itself
            law = self.law(at, real, state)
            return self.data.draw(law, key, self._size(at)), state.memory
        upto = self._upto(jr.fold_in(key, self.reach), at)
        older, kept = state.memory
        batch = (
            kept
            if self._accumulates
            else self._real(key_fresh, upto[0], at, real, kept)
        )

        def add(batch, part):
            model, age, low, high = part
            new = self.data.draw(model, jr.fold_in(key, age), high - low)
            return self.data.join(batch, low, new), None

        k = jnp.arange(len(upto) - 1)
        parts = (self._models(state, len(k)), k, upto[:-1], upto[1:])
        batch, _ = jax.lax.scan(add, batch, parts)
        kept = batch if self._accumulates else kept
        whole = self.data.complete(batch, upto[-1]) if "size" in at else batch
        return whole, (older, kept)

    def law(self, at: At, real: Real, state: State) -> Any:
        """p_s itself, where all its parts are known."""
        if real.law is None or state.law is None:
            return None
        models = _stacked(state.law, state.memory[0])
        return mixture(real.law, at["alpha"], self._shares(at), models)

    def after(self, at: At, memory: Any, state: State, law: Any) -> Any:
        """The models one generation older."""
        older, kept = memory
        if older is not None:
            models = _stacked(state.law, older)
            older = jax.tree.map(lambda leaf: leaf[:-1], models)
        return older, kept

    def _shares(self, at: At) -> Float[Array, " reach"]:
        return at["shares"] if "shares" in at else 1.0 - at["alpha"][None]

    def _size(self, at: At) -> Array:
        if "size" in at:
            return at["size"]
        grows = self._accumulates
        require(not grows, "size", "given where data accumulate", "no size")
        require(isinstance(self.data, Points), "size", "given", "no size")
        return jnp.asarray(self.data.n, jnp.float64)

    def _stock(self, at: At) -> Array:
        return at["stock"] if "stock" in at else self._size(at)

    def _upto(self, key: Array, at: At) -> Float[Array, " origins"]:
        """Real points, then those up to each past model, the latest first."""
        size, shares = self._size(at), self._shares(at)
        if self.protocol == "iid":
            all_shares = jnp.concatenate([at["alpha"][None], shares])
            return jnp.cumsum(counts(key, size, all_shares))
        if self._accumulates:  # all that is kept, then the new batch
            return jnp.stack([size - jnp.round(shares[0] * size), size])
        sums = jnp.cumsum(jnp.concatenate([at["alpha"][None], shares]))
        return jnp.round(sums * size).at[-1].set(size)

    def _real(self, key: Array, count: Array, at: At, real: Real, stock: Any) -> Any:
        if not self._reuses:
            return self.data.real(real, key, count)
        held = jnp.minimum(self._stock(at), count)
        extra = self.data.real(real, key, count - held)
        return self.data.join(stock, held, extra)

    def _models(self, state: State, origins: int) -> Any:
        """The past models' laws, the latest first; its samples where those will do."""
        drawn = self.reach == 1 or self._accumulates
        if drawn and isinstance(self.data, Points):
            return state.samples[None]
        models = _stacked(state.law, state.memory[0])
        return jax.tree.map(lambda leaf: leaf[:origins], models)


def scheduled(
    schedules: Sequence[Schedule], protocol: str, rows: int | None = None
) -> tuple[dict[str, np.ndarray], int]:
    """The loop's parameters for schedules of equally many stages, one a condition.

    Args:
        schedules: mixing schedules.
        protocol: how points are drawn.
        rows: for data held as points, their number of rows: sizes must divide it.

    Returns:
        "alpha" and "size" (conditions, stages), "shares" (conditions, stages, reach),
        "stock" (conditions, stages); and the reach.

    Raises:
        InputError: sizes, or with fixed counts the numbers of real and generated points,
            that are not whole; reused real points whose number changes; kept data sets
            whose sizes do.
    """
    require_protocol(protocol)
    stages = {s.stages for s in schedules}
    require(len(stages) == 1, "schedules", "of equally many stages", stages)
    parts = [_counted(s, protocol, rows) for s in schedules]
    S = stages.pop()
    beta = np.stack([np.asarray(s.beta) for s in schedules])
    by_age = np.zeros((len(schedules), S, max(S - 1, 1)))
    for s in range(1, S):
        by_age[:, s, :s] = beta[:, s, s - 1 :: -1]
    used = np.flatnonzero(by_age.any(axis=(0, 1)))
    reach = int(used[-1]) + 1 if len(used) else 1
    return {
        "alpha": np.stack([np.asarray(s.alpha) for s in schedules]),
        "size": np.stack([np.asarray(s.sizes) for s in schedules]),
        "shares": by_age[:, :, :reach],
        "stock": np.stack(parts),
    }, reach


def _counted(schedule: Schedule, protocol: str, rows: int | None) -> np.ndarray:
    """How many real points are reused, at each stage; refuses what cannot be counted."""
    n = np.asarray(schedule.sizes)
    _whole("sizes", n)
    if rows is not None:
        ok = bool((rows % n == 0).all())
        require(ok, "sizes", f"divisors of the {rows} rows of points", n)
    if protocol == "iid":
        return np.zeros_like(n)
    real = np.asarray(schedule.alpha) * n
    generated = np.asarray(schedule.beta) * n[:, None]
    _whole("real points (alpha times size)", real)
    _whole("generated points (beta times size)", generated)
    later = np.round(real[1:])
    stock = later[0] if len(later) else np.round(real[0])
    if protocol != "fresh":
        ok = bool((later == stock).all())
        require(ok, "reused real points", "equally many at every stage", real)
        first = bool(np.round(real[0]) >= stock)
        allowed = "no more than the first stage has"
        require(first, "reused real points", allowed, real)
    if protocol == "accumulate-reused":
        ok = real[0] == stock and all(
            len(set(np.round(column[t + 1 :]))) <= 1
            for t, column in enumerate(generated.T)
        )
        require(ok, "kept data sets", "of a size that does not change", generated)
    return np.full_like(n, stock)


def _whole(name: str, values: np.ndarray) -> None:
    bad = np.abs(values - np.round(values)) > 1e-6 * np.maximum(1.0, values)
    first = values[bad][0] if bad.any() else 0
    require(not bad.any(), name, "whole numbers", first)


def _stacked(law: Any, older: Any) -> Any:
    """Laws of past models along a leading axis, the latest first."""
    if older is None:
        return jax.tree.map(lambda leaf: leaf[None], law)
    join = lambda new, old: jnp.concatenate([new[None], old])
    return jax.tree.map(join, law, older)
