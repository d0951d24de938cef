r"""Which data each generation was trained on, as far as files tell.

The training set of generation g holds a real share :math:`\alpha_g` and a share
:math:`\beta_g^j` of the samples of generation j < g. Given the sets, shares are counted by
rows that are equal: a row comes from the latest generation that has it, else from the real
data that have it (a copier's samples equal real rows too). A row found nowhere is put down to
the generation before, unless the first set has such rows: then the files do not hold all
that was real, and shares cannot be counted.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from figures.audit.reading import Loop, Setup
from theory.mixing import Schedule, latest, schedule

__all__ = ["Composition", "composition"]


@dataclass(frozen=True)
class Composition:
    """Shares and sizes of the training sets, and which points were trained on."""

    schedule: Schedule
    """stage g - 1 trains generation g"""
    alpha_from: str
    """where the shares come from; empty where they are assumed"""
    size_from: str
    """the same of the sizes"""
    real_seen: Bool[np.ndarray, " n"] | None = None
    """real points in some training set; None where it is not known"""
    samples_seen: tuple[Bool[np.ndarray, " m"], ...] | None = None
    """samples in some training set; None where it is not known"""

    @property
    def alpha(self) -> float | None:
        """The fresh fraction after the first generation where it is known and constant."""
        shares = np.asarray(self.schedule.alpha)[1:]
        if not self.alpha_from or not self.latest_only or not len(shares):
            return None
        return float(np.mean(shares)) if np.ptp(shares) < 0.05 else None

    @property
    def size(self) -> float:
        """Training points of a generation, in the mean."""
        return float(np.mean(np.asarray(self.schedule.sizes)))

    @property
    def latest_only(self) -> bool:
        """Whether real data and the last generation are all that was trained on."""
        older = np.tril(np.asarray(self.schedule.beta), -2)
        return bool(np.all(older < 0.01))


def composition(setup: Setup, loop: Loop) -> Composition:
    """Shares from `--train`, else from `--alpha`, else those of a fully synthetic loop."""
    G = loop.generations
    sizes, size_from = _sizes(setup, loop)
    if not loop.train:
        alpha = 0.0 if setup.alpha is None else setup.alpha
        given = "" if setup.alpha is None else "--alpha"
        return Composition(latest(alpha, G, sizes), given, size_from)
    real, samples = _keys(loop.real), [_keys(x) for x in loop.samples]
    sets = [_keys(x) for x in loop.train]
    seen = _among(real, sets)
    of_samples = tuple(_among(x, sets[g + 1 :]) for g, x in enumerate(samples))
    if setup.alpha is not None:
        given = latest(setup.alpha, G, sizes)
        return Composition(given, "--alpha", size_from, seen, of_samples)
    counted = [_shares(rows, real, samples[:g]) for g, rows in enumerate(sets)]
    if counted[0][1] < 1.0:
        return Composition(latest(0.0, G, sizes), "", size_from, seen, of_samples)
    beta = np.zeros((G, G))
    for g, (of_generations, of_real) in enumerate(counted[1:], 1):
        beta[g, :g] = of_generations
        beta[g, g - 1] += 1.0 - of_real - np.sum(of_generations)
    beta = np.clip(beta, 0.0, 1.0)
    shares = schedule(1.0 - np.sum(beta, axis=1), beta, sizes)
    return Composition(shares, "--train", size_from, seen, of_samples)


def _shares(
    rows: list[bytes], real: list[bytes], samples: list[list[bytes]]
) -> tuple[Float[np.ndarray, " g"], float]:
    """Shares of each generation, and of the real data, that rows come from."""
    source = dict.fromkeys(real, -1)
    for g, generated in enumerate(samples):
        source |= dict.fromkeys(generated, g)
    found = np.array([source.get(row, -2) for row in rows])
    of_generations = np.array([np.mean(found == g) for g in range(len(samples))])
    return of_generations, float(np.mean(found == -1))


def _among(rows: list[bytes], sets: list[list[bytes]]) -> Bool[np.ndarray, " n"]:
    """Which rows are in one of the sets."""
    trained = set().union(*sets)
    return np.array([row in trained for row in rows])


def _sizes(setup: Setup, loop: Loop) -> tuple[Float[np.ndarray, " g"], str]:
    if setup.n is not None:
        return np.full(loop.generations, float(setup.n)), "--n"
    if loop.train:
        return np.array([float(len(x)) for x in loop.train]), "--train"
    before = [loop.real, *loop.samples[:-1]]
    return np.array([float(len(x)) for x in before]), ""


def _keys(x: Float[np.ndarray, "n d"]) -> list[bytes]:
    """Rows as bytes in single precision: files of one loop may differ in theirs."""
    rounded = np.ascontiguousarray(x.astype(np.float32) + np.float32(0.0))
    return [row.tobytes() for row in rounded]
