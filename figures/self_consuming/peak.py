r"""Where a simulated curve in the synthetic amount peaks, and what its means say of it."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from theory.claims import Evidence

__all__ = ["curve_of", "higher_at", "peak", "rise_and_fall", "threshold_is"]

NEAR = 3.0
"""Amounts within this factor of a predicted threshold are used to find it."""
DEGREE = 3


def curve_of(parts: Sequence[xr.DataArray]) -> xr.Dataset:
    """Mean, standard error and degrees of freedom over seeds, along "lam"; parts joined."""
    rows = []
    for values in parts:
        n = values.sizes["seed"]
        error = values.std("seed", ddof=1) / np.sqrt(n)
        row = {"mean": values.mean("seed"), "error": error}
        row["dof"] = xr.full_like(row["mean"], n - 1.0)
        rows.append(xr.Dataset(row))
    return xr.concat(rows, "lam", coords="minimal", compat="override")


def higher_at(
    claim: str, setting: str, curve: xr.Dataset, at, others, sign: float = 1.0, **more
) -> Evidence:
    """Mean at one amount is at least (sign -1: at most) each mean at `others`."""
    top, rest = _nearest(curve, at), curve.sel(lam=np.asarray(others, float))
    slack = sign * (float(top["mean"]) - rest["mean"].values)
    return Evidence(
        claim,
        setting,
        "<=",
        slack,
        standard_error=np.hypot(float(top["error"]), rest["error"].values),
        dof=np.minimum(float(top["dof"]), rest["dof"].values),
        scale=float(top["mean"]),
        **more,
    )


def rise_and_fall(
    claim: str, setting: str, curve: xr.Dataset, at: float, errors: float, **more
) -> Evidence:
    """Differences of the mean at `at` from both ends, less so many standard errors each.

    A statement on this run: the errors stand in the slack, which is exact.
    """
    top, ends = _nearest(curve, at), curve.isel(lam=[0, -1])
    gap = float(top["mean"]) - ends["mean"].values
    needed = errors * np.hypot(float(top["error"]), ends["error"].values)
    return Evidence(claim, setting, "<=", gap - needed, scale=gap, **more)


def peak(curve: xr.Dataset, expected: float) -> tuple[float, float]:
    r"""Amount of the largest mean and its standard error; NaN if the points do not tell.

    Root of the derivative of a cubic in :math:`\log(1+\lambda)`, least squares in units of
    the standard errors, through the amounts within a factor `NEAR` of `expected`.
    """
    lam = curve["lam"].values
    near = (lam >= expected / NEAR) & (lam <= expected * NEAR)
    if near.sum() <= DEGREE:
        return np.nan, np.nan
    u, y, s = (a[near] for a in (np.log1p(lam), curve["mean"], curve["error"]))
    centre = np.log1p(expected)
    X = np.vander(u - centre, DEGREE + 1, increasing=True) / np.asarray(s)[:, None]
    covariance = np.linalg.inv(X.T @ X)
    cubic = np.polynomial.Polynomial(covariance @ X.T @ (np.asarray(y) / np.asarray(s)))
    slope, curvature = cubic.deriv(), cubic.deriv(2)
    roots = slope.roots()
    real = roots.real[np.abs(roots.imag) < 1e-12]
    inside = [
        r for r in real if u[0] <= r + centre <= u[-1] and curvature(r) < 0
    ]  # a cubic has one maximum at most
    if not inside:
        return np.nan, np.nan
    x = inside[0]
    k = np.arange(1, DEGREE + 1)
    gradient = np.concatenate([[0.0], k * x ** (k - 1)])
    error = np.sqrt(gradient @ covariance @ gradient) / abs(curvature(x))
    amount = float(np.expm1(x + centre))
    return amount, float((1.0 + amount) * error)


def threshold_is(
    claim: str,
    setting: str,
    found: tuple[float, float],
    expected: float,
    tolerance: float,
    **more,
) -> Evidence:
    """A peak that was found is the expected one, to a share `tolerance` of it."""
    amount, error = found
    return Evidence(
        claim,
        setting,
        "==",
        amount - expected,
        standard_error=error,
        margin=tolerance * expected,
        scale=expected,
        **more,
    )


def _nearest(curve: xr.Dataset, amount: float) -> xr.Dataset:
    """The simulated amount nearest to another, in ratios of 1 + lambda."""
    distance = abs(np.log1p(curve["lam"].values) - np.log1p(amount))
    return curve.isel(lam=int(np.argmin(distance)))
