"""What the loop asks of a learner, of a fitted score and of a target.

Any object with these members will do; nothing needs to be registered or inherited. (The
protocol of a measure stands beside what it sees, in `sim.measures.scene`.) A learner of
your own, in a file of your own, that fits one Gaussian to the data::

    @jax.tree_util.register_dataclass
    @dataclass(frozen=True)
    class GaussianScore:
        mean: Array
        covariance: Array
        process: OU

        def score(self, x, t):
            a, v = self.process.mean_factor(t), self.process.variance(t)
            eye = jnp.eye(x.shape[-1], dtype=x.dtype)
            y = x - a * self.mean[None, :]
            return -jnp.linalg.solve(a**2 * self.covariance + v * eye, y.T).T

    @dataclass(frozen=True)
    class OneGaussian:
        segments: int = 0  # closed form: no call of advance

        def init(self, key, data, law, process):
            covariance = jnp.atleast_2d(jnp.cov(data.T))
            return GaussianScore(jnp.mean(data, axis=0), covariance, process)

        def advance(self, key, state, data, process):
            return state

        def finish(self, state):
            return state

Give the loop ``lambda parameters: OneGaussian()`` as its learner and it runs like any
other; the parameters are those of one replica at one generation.
"""

from typing import Any, Protocol

from jaxtyping import Array, Float

from theory.processes import OU

__all__ = ["Fitted", "Learner", "Target"]


class Fitted(Protocol):
    """A learned score, as a pytree of arrays.

    It may carry ``finite``, a boolean scalar, False when training diverged: the replica
    is then kept, marked and counted.
    """

    def score(self, x: Float[Array, "n d"], t: Float[Array, ""]) -> Float[Array, "n d"]:
        """Learned score at noise time t, at each row of `x` and in its dtype."""
        ...


class Learner(Protocol):
    """Samples in, a score out. Pure, jit- and vmap-able, written for one replica.

    The loop calls `init` once, `advance` `segments` times, each time with a new key,
    then `finish`; progress ticks at every `advance`.
    """

    @property
    def segments(self) -> int:
        """Calls of `advance` that one fit takes; 0 for a closed form."""
        ...

    def init(self, key: Array, data: Float[Array, "n d"], law: Any, process: OU) -> Any:
        """State before training: a pytree of arrays.

        Args:
            key: typed key.
            data: float32 training samples of q_i.
            law: q_i itself where it is known (`sim.laws.known_as`), else None.
            process: noising process; the score is asked for on [t0, T].
        """
        ...

    def advance(
        self, key: Array, state: Any, data: Float[Array, "n d"], process: OU
    ) -> Any:
        """One segment of training: the same pytree, further on."""
        ...

    def finish(self, state: Any) -> Fitted:
        """The learned score."""
        ...


class Target(Protocol):
    """The data law p.

    A target that holds points out offers ``reference(key, n)``, draws of those, and
    ``spare``, how many there are; the loop then compares with all of them.
    """

    @property
    def dim(self) -> int:
        """Dimension d."""
        ...

    @property
    def law(self) -> Any:
        """The law with its density and score (`theory.mixtures`); None if not known."""
        ...

    def sample(self, key: Array, n: int) -> Float[Array, "n d"]:
        """`n` draws from p in float32; `n` is static under jit."""
        ...
