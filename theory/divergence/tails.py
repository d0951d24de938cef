r"""When is the chi-square divergence between Gaussian mixtures finite?

For P = sum a_i N(m_i, S_i) and Q = sum b_j N(n_j, T_j), all weights positive (derived):

1. p² lies between sum a_i² p_i² and a constant times it; q between max_j b_j q_j and a
   constant times it. So chi2(P || Q) is finite iff for every i the integral of
   exp(-max_j E_j) is, where E_j = 2 * (energy of p_i) - (energy of q_j) has the Hessian
   :math:`M_j = 2S_i^{-1}-T_j^{-1}`.
2. Some convex combination of the M_j is positive definite: finite, since the maximum
   exceeds any average. (With at most two covariances this is also necessary off the
   boundary, by convexity of the joint range of two quadratic forms.)
3. Some direction u has u'M_j u < 0 for all j: infinite, on an open cone.
4. Let one covariance T* dominate the others (T* - T_j >= 0; always so in 1-D, and when
   all T_j are equal). Then M* >= M_j and the smallest eigenvalue of M* decides, but for
   the boundary value 0. There, with N = ker M*, E_j grows linearly along u in N with
   slope :math:`u^\top T_*^{-1}(n_j-m_i)`: finite if every u in N has a positive slope
   among the components of covariance T*, i.e. if 0 is interior to the hull of the
   projected :math:`T_*^{-1}(n_j-m_i)`. If some u has none, and every other M_j is
   negative definite on N, all E_j stay bounded above on a tube around u: infinite.

What none of these settles is `UNDECIDED`, never guessed; in 1-D nothing is left open.
"""

from enum import StrEnum
from typing import NamedTuple

import numpy as np

from theory.mixtures import GaussianMixture
from theory.validation import require

__all__ = ["Finiteness", "chi2_finiteness"]

BOUNDARY = 1e-12
"""Eigenvalues of M_j, in units where S_i = I, this close to zero count as zero."""

LP_MARGIN = 1e-6
"""Hull weights the linear program cannot tell from zero."""

GAME_ROUNDS = 300


class Finiteness(StrEnum):
    """Whether an integral is finite."""

    FINITE = "finite"
    INFINITE = "infinite"
    UNDECIDED = "undecided"


class Envelope(NamedTuple):
    """A Gaussian shape that dominates p_i²/q up to a constant."""

    centre: np.ndarray
    covariance: np.ndarray


def chi2_finiteness(p: GaussianMixture, q: GaussianMixture) -> Finiteness:
    """Whether chi2(P || Q) is finite, for mixtures of any dimension (no `jit`)."""
    found = {state for state, _ in component_tails(p, q)}
    for state in (Finiteness.INFINITE, Finiteness.UNDECIDED):
        if state in found:
            return state
    return Finiteness.FINITE


def component_tails(
    p: GaussianMixture, q: GaussianMixture
) -> list[tuple[Finiteness, Envelope | None]]:
    """Finiteness of each component of P, with an envelope where step 2 gives one."""
    require(p.dim == q.dim, "q", f"a law in dimension {p.dim}", q.dim)
    p_means, p_covariances = active_moments(p)
    q_means, q_covariances = active_moments(q)
    precisions = np.linalg.inv(q_covariances)
    tails = []
    for m, S in zip(p_means, p_covariances, strict=True):
        L = np.linalg.cholesky(S)  # x = m + L y makes p_i standard
        B = _symmetric(L.T @ precisions @ L)
        n = np.linalg.solve(L, (q_means - m).T).T
        state, weights = _decide(B, n)
        envelope = None
        if weights is not None:
            spread = np.linalg.inv(2.0 * np.eye(p.dim) - np.tensordot(weights, B, 1))
            y = -spread @ np.einsum("j,jab,jb->a", weights, B, n)
            envelope = Envelope(m + L @ y, L @ spread @ L.T)
        tails.append((state, envelope))
    return tails


def _decide(B: np.ndarray, n: np.ndarray) -> tuple[Finiteness, np.ndarray | None]:
    """Finiteness for a standard p_i, and weights of a positive definite combination."""
    M = 2.0 * np.eye(B.shape[-1]) - B
    lowest = np.linalg.eigvalsh(M)[:, 0]
    if lowest.max() > BOUNDARY:  # step 2 with a single component
        return Finiteness.FINITE, np.eye(len(B))[lowest.argmax()]
    widest = np.trace(B, axis1=1, axis2=2).argmin()
    excess = np.linalg.eigvalsh(_symmetric(B - B[widest]))
    if excess.min() >= -BOUNDARY:  # step 4
        return _dominated(M[widest], M, B, n, shared=excess[:, -1] <= BOUNDARY), None
    return _play(M)


def _dominated(M_top, M, B, n, shared) -> Finiteness:
    """Step 4: one covariance of Q dominates; `M_top` is its M."""
    values, vectors = np.linalg.eigh(M_top)
    if values[0] < -BOUNDARY:
        return Finiteness.INFINITE
    N = vectors[:, values <= BOUNDARY]
    slopes = np.einsum("ak,jab,jb->jk", N, B[shared], n[shared])
    surrounded = _surrounds_origin(slopes)
    if surrounded:
        return Finiteness.FINITE
    rest = N.T @ M[~shared] @ N
    rest_falls = len(rest) == 0 or np.linalg.eigvalsh(rest).max() < -BOUNDARY
    if surrounded is False and rest_falls:
        return Finiteness.INFINITE
    return Finiteness.UNDECIDED


def _play(M: np.ndarray) -> tuple[Finiteness, np.ndarray | None]:
    """Steps 2 and 3 as a game, combinations against directions, by weights updates."""
    scale = np.abs(M).max()
    score = np.zeros(len(M))
    played = np.empty((GAME_ROUNDS, M.shape[-1]))
    for k in range(1, GAME_ROUNDS + 1):
        weights = np.exp(np.sqrt(np.log(len(M)) / k) * (score - score.max()))
        weights /= weights.sum()
        values, vectors = np.linalg.eigh(np.tensordot(weights, M, 1))
        if values[0] > BOUNDARY:
            return Finiteness.FINITE, weights
        played[k - 1] = u = vectors[:, 0]
        score += np.einsum("a,jab,b->j", u, M, u) / scale
    # the best answer to a weighting may mix the directions played: try mixtures of them
    mixed = np.random.default_rng(0).standard_normal((1000, GAME_ROUNDS)) @ played
    directions = np.concatenate([played, mixed])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    along = np.einsum("na,jab,nb->nj", directions, M, directions)
    if along.max(axis=1).min() < -BOUNDARY:
        return Finiteness.INFINITE, None
    return Finiteness.UNDECIDED, None


def _surrounds_origin(points: np.ndarray) -> bool | None:
    """Whether 0 is interior to the hull of the rows; None when too close to call."""
    length = np.linalg.norm(points, axis=1, keepdims=True)
    kept = length[:, 0] > BOUNDARY
    g = points[kept] / length[kept]
    k = points.shape[1]
    if len(g) <= k or np.linalg.matrix_rank(g) < k:
        return False
    if k == 1:
        return bool(g.min() < 0 < g.max())
    from scipy.optimize import linprog

    # interior iff the origin is a combination of all points with all weights positive:
    # maximise the smallest weight t
    m = len(g)
    found = linprog(
        c=np.r_[np.zeros(m), -1.0],
        A_ub=np.c_[-np.eye(m), np.ones(m)],
        b_ub=np.zeros(m),
        A_eq=np.r_[np.c_[g.T, np.zeros(k)], [np.r_[np.ones(m), 0.0]]],
        b_eq=np.r_[np.zeros(k), 1.0],
        bounds=[(0.0, None)] * (m + 1),
    )
    if not found.success:
        return False
    return True if found.x[-1] > LP_MARGIN else None


def active_moments(law: GaussianMixture) -> tuple[np.ndarray, np.ndarray]:
    """Means (k, d) and covariances (k, d, d) of the components of positive weight."""
    kept = np.asarray(law.weights) > 0
    return np.asarray(law.means)[kept], np.asarray(law.covariances)[kept]


def _symmetric(M: np.ndarray) -> np.ndarray:
    return 0.5 * (M + np.swapaxes(M, -1, -2))
