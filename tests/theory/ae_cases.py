"""Cases that several tests of the solvable denoiser share."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from theory.denoiser import Overlaps, Training, initial_overlaps, training
from theory.structured import StructuredMixture, structured_mixture


def reference_case(case: dict):
    """Data, training and start of a row of the reference file."""
    data = structured_mixture(
        case["pi"], case["mu_blocks"], case["eigenvalues"], case["block_masses"]
    )
    means, start = (np.array(case[k], float) for k in ("mu_blocks", "W0_blocks"))
    pairs = zip(means, start, strict=True)
    C = np.stack([np.linalg.lstsq(mu.T, w.T, rcond=None)[0].T for mu, w in pairs])
    protocol = training(
        case["alpha"], case["beta"], case["eta"], case["kappa"],
        case["weight_decay_lambda"], case["activation"],
    )  # fmt: skip
    return data, protocol, initial_overlaps(data, C, case["sig0"])


def official():
    """The notebook's three modes, two units started along the first two."""
    data = structured_mixture(np.full(3, 1 / 3), [[3.0, 0], [0, -3], [-3, 0]])
    return data, training(), initial_overlaps(data, 0.1 * np.eye(3)[:2])


@dataclass(frozen=True)
class Realised:
    """Means, block of each coordinate and weights W in d coordinates."""

    means: np.ndarray
    block: np.ndarray
    W: np.ndarray
    b: np.ndarray
    data: StructuredMixture

    @property
    def overlaps(self) -> Overlaps:
        """Measured, not planned: exact for this W."""
        w = self.W / np.sqrt(self.W.shape[1])
        parts = [np.flatnonzero(self.block == s) for s in np.unique(self.block)]
        m = np.stack([self.means[:, p] @ w[:, p].T for p in parts])
        q = np.stack([w[:, p] @ w[:, p].T for p in parts])
        return Overlaps(jnp.asarray(m), jnp.asarray(q), jnp.asarray(self.b))

    def sample(self, key, n: int):
        """(x0, x1), each (n, d)."""
        k0, k1, kc = jr.split(key, 3)
        d = self.W.shape[1]
        c = jr.choice(kc, len(self.means), (n,), p=self.data.weights)
        scale = jnp.sqrt(self.data.variances)[c][:, self.block]
        x1 = jnp.asarray(self.means)[c] + scale * jr.normal(k1, (n, d))
        return jr.normal(k0, (n, d)), x1


def realised(d: int, b, seed: int = 0) -> Realised:
    """Two eigenvalues, two clusters off centre, two units with a random part."""
    rng = np.random.default_rng(seed)
    block = (np.arange(d) >= 0.4 * d).astype(int)
    means = np.zeros((2, 2, 2))
    means[0], means[1] = [[2.0, 0.0], [-1.0, 0.5]], [[0.0, 1.0], [0.5, -1.0]]
    data = structured_mixture([0.6, 0.4], means, [0.4, 1.2], [0.4, 0.6])
    full = np.zeros((2, d))
    first = int(np.argmax(block))
    full[:, :2], full[:, first : first + 2] = means
    C = np.array([[0.5, -0.1], [0.1, 0.4]])
    W = np.sqrt(d) * C @ full + 0.6 * rng.normal(size=(2, d))
    return Realised(full, block, W, np.atleast_1d(np.asarray(b, float)), data)


def losses(net: Realised, protocol: Training, W, b, x0, x1):
    """|f(x) - x1|^2 of one sample at every level."""
    d = W.shape[1]
    b = jnp.broadcast_to(b, protocol.alpha.shape)

    def at_level(alpha, beta, b):
        x = alpha * x0 + beta * x1
        act = protocol.activation.value(W @ x / jnp.sqrt(d))
        return jnp.sum((b * x + W.T @ act / jnp.sqrt(d) - x1) ** 2)

    return jax.vmap(at_level)(protocol.alpha, protocol.beta, b)


def one_step(net: Realised, protocol: Training, n: int, seed: int = 1):
    r"""Mean and standard error of d/(2 eta) times the change of the overlaps in one step.

    A random level is averaged over exactly, so that all samples serve every level.
    """
    d, eta = net.W.shape[1], protocol.rate
    W, b = jnp.asarray(net.W), jnp.asarray(net.b)
    masks = jnp.asarray(net.block == np.unique(net.block)[:, None], float)
    v = jnp.asarray(net.means)

    def change(gradient_W, gradient_b):
        dW = -eta * gradient_W - eta * protocol.decay / d * W
        block = lambda A, B: jnp.einsum("sd,id,jd->sij", masks, A, B)
        m = block(v, dW) / jnp.sqrt(d)
        q = (block(W, dW) + block(dW, W) + block(dW, dW)) / d
        parts = (m, q, -protocol.skip_ratio * eta / d**2 * gradient_b)
        return jax.tree.map(lambda x: d / (2 * eta) * x, parts)

    def of_sample(x0, x1):
        each = lambda W, b: losses(net, protocol, W, b, x0, x1)
        if protocol.levels == "together":
            total = lambda W, b: jnp.sum(each(W, b))
            return change(*jax.grad(total, argnums=(0, 1))(W, b))
        by_level = jax.vmap(change)(*jax.jacrev(each, argnums=(0, 1))(W, b))
        mean = lambda x: jnp.tensordot(protocol.level_weights, x, axes=1)
        return jax.tree.map(mean, by_level)

    @jax.jit
    def batch(key):
        values = jax.vmap(of_sample)(*net.sample(key, 200))
        return jax.tree.map(lambda x: (x.sum(0), (x**2).sum(0)), values)

    keys = jr.split(jr.key(seed), n // 200)
    sums = jax.tree.map(lambda x: x.sum(0), jax.lax.map(batch, keys))
    means = [first / n for first, _ in sums]
    errors = [
        jnp.sqrt(jnp.maximum(second / n - (first / n) ** 2, 0.0) / n)
        for first, second in sums
    ]
    return Overlaps(*means), Overlaps(*errors)
