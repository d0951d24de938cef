r"""Relations of error propagation: drift under a constant fresh fraction.

Every generation adds the innovation J (or at most that). With :math:`\rho=1-\alpha`

.. math:: \sqrt{D_N}\le\sqrt J\,\frac{1-\rho^N}{1-\rho}\ \text{(U1)},\qquad
    E D_N = J\,\frac{1-\rho^{2N}}{1-\rho^2}\ \text{(X)},\qquad
    \mathrm{TV}_N\le\frac{\hat\varepsilon}2\,\frac{1-\rho^N}{1-\rho} .
"""

import numpy as np

from theory.claims import Kind
from theory.error_propagation.accumulation import drift_bounds, tv_bound
from theory.error_propagation.kernel_recursion import gaussian_kernel_drift
from theory.planning.relations import Relation

__all__ = ["RELATIONS"]

PAPER = "error_propagation"


def _root(generations, alpha, innovation):
    J = np.full(generations, float(innovation))
    return np.asarray(drift_bounds(alpha, J).root[1:])


def _unbiased(generations, alpha, innovation):
    J = np.full(generations, float(innovation))
    return np.asarray(drift_bounds(alpha, J).unbiased[1:])


def _small(generations, alpha, energy, observability):
    return _root(generations, alpha, observability * energy)


def _energy(generations, alpha, energy):
    return np.asarray(tv_bound(alpha, np.full(generations, float(energy)))[1:])


def _kernel(generations, alpha, bandwidth, dim):
    g = np.full(generations, float(bandwidth) ** 2)
    return np.asarray(gaussian_kernel_drift(alpha, g, float(dim)).D[1:])


RELATIONS = (
    Relation(
        "drift-root",
        PAPER,
        "derived (U1)",
        "drift",
        Kind.GUARANTEE,
        "however the errors of different generations combine",
        ("no generation's innovation exceeds J",),
        ("alpha", "innovation"),
        _root,
    ),
    Relation(
        "drift-unbiased",
        PAPER,
        "derived (X)",
        "drift",
        Kind.EXACT,
        "mean over runs, errors that are unbiased given the past",
        ("innovations have mean J and are unbiased given the past",),
        ("alpha", "innovation"),
        _unbiased,
    ),
    Relation(
        "drift-small",
        PAPER,
        "derived, leading order in the error",
        "drift",
        Kind.RATE,
        "aligned errors of small energy, J = eta eps*^2",
        (
            "the energy on the path of the data is small (below about 1)",
            "errors of all generations are aligned at worst",
        ),
        ("alpha", "energy", "observability"),
        _small,
    ),
    Relation(
        "drift-energy",
        PAPER,
        "derived, from Prop 3.1 and Pinsker",
        "tv",
        Kind.GUARANTEE,
        "from the energies on the learned paths alone, however errors combine",
        ("no generation's energy on its learned path exceeds eps^2",),
        ("alpha", "energy"),
        _energy,
    ),
    Relation(
        "drift-kernel",
        PAPER,
        "derived, closed loop of Gaussian kernels",
        "drift",
        Kind.EXACT,
        "the exact drift of infinitely many points, smoothed anew by every generation",
        (
            "Gaussian data, N(0, sigma^2 I_d)",
            "each generation convolves its data law with N(0, h^2 I_d); no sampling error",
        ),
        ("alpha", "bandwidth", "dim"),
        _kernel,
    ),
)
