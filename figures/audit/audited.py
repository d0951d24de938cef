"""An audit from files to findings."""

from dataclasses import dataclass

from figures.audit.bounds import bounds
from figures.audit.clouds import Clouds, clouds
from figures.audit.composition import Composition, composition
from figures.audit.drift import Drift, energy_drift, moment_drift
from figures.audit.fitting import Fits, fits
from figures.audit.forecasts import forecasts
from figures.audit.measuring import measure
from figures.audit.reading import Loop, Setup, read
from figures.audit.records import Bound, Prediction, Series, plain
from figures.audit.regime import Named, name

__all__ = ["Audit", "audit", "audited"]


@dataclass(frozen=True)
class Audit:
    """Everything that was found."""

    setup: Setup
    clouds: Clouds
    composition: Composition
    drifts: dict[str, Drift]
    series: dict[str, Series]
    fits: Fits
    bounds: tuple[Bound, ...]
    predictions: tuple[Prediction, ...]
    regime: Named

    def to_json(self) -> dict:
        """All of it but the points."""
        steps = {
            geometry: {
                "step": drift.step._asdict(),
                "inherited": drift.inherited._asdict(),
                "overlap": drift.overlap._asdict(),
                "hidden": drift.hidden,
                "cosine": drift.cosine._asdict(),
            }
            for geometry, drift in self.drifts.items()
        }
        return plain(
            {
                "settings": self.setup,
                "space": self.clouds.space.name,
                "points": self.clouds.points,
                "notes": self.clouds.notes,
                "alpha": self.composition.schedule.alpha,
                "sizes": self.composition.schedule.sizes,
                "regime": {"title": self.regime.title, **plain(self.regime)},
                "measures": self.series,
                "steps": steps,
                "fits": self.fits.fits,
                "bounds": self.bounds,
                "predictions": [
                    {**plain(p), "check": p.check} for p in self.predictions
                ],
            }
        )


def audit(setup: Setup) -> Audit:
    """Read the files and find out.

    Raises:
        InputError: on files or settings that allow no audit.
    """
    return audited(setup, read(setup))


def audited(setup: Setup, loop: Loop) -> Audit:
    """The same of points in memory."""
    shares = composition(setup, loop)
    points = clouds(setup, loop, shares)
    drifts = {"energy": energy_drift(points, shares)}
    if points.space.regular:
        drifts["moments"] = moment_drift(points, shares)
    series = measure(loop, points, drifts, setup.seed)
    fitted = fits(points, shares, drifts, series, setup.rate)
    return Audit(
        setup,
        points,
        shares,
        drifts,
        series,
        fitted,
        tuple(bounds(points, shares, drifts, series, fitted)),
        tuple(forecasts(points, shares, drifts, series, fitted, setup.ahead)),
        name(drifts, series, fitted, bool(shares.alpha_from)),
    )
