"""Over many loops of known kind: how often it is named, and what intervals hold."""

from pathlib import Path

import numpy as np
import pytest
from audit_loops import refitted

from figures.audit.clouds import clouds
from figures.audit.composition import composition
from figures.audit.drift import energy_drift, moment_drift
from figures.audit.drift_laws import laws_of_drift
from figures.audit.fitting import Fits
from figures.audit.growth import growth
from figures.audit.reading import Loop, Setup
from figures.audit.regime import errors_of

GENERATIONS, HELD_BACK, RUNS = 12, 3, 20
KINDS = {
    "unbiased": ({"n": 300, "dim": 8}, "unbiased errors", "fresh_unbiased"),
    "aligned": ({"n": 1000, "bias": 0.08}, "systematic errors", "fresh_aligned"),
    "aligned, fresh data": (
        {"n": 1000, "bias": 0.15, "alpha": 0.3},
        "systematic errors",
        "fresh_aligned",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_errors_are_named_and_intervals_cover(kind):
    sizes, right, fraction = KINDS[kind]
    alpha, dim = sizes.get("alpha", 0.0), sizes.get("dim", 3)
    rng = np.random.default_rng(7)
    inside, named, known = {}, [], []
    for _ in range(RUNS):
        samples = refitted(rng, generations=GENERATIONS, **sizes)[1]
        real, held_out = rng.standard_normal((2, 700, dim))
        files = (Path("s"),) * GENERATIONS
        setup = Setup(Path("r"), files, alpha=alpha, unseen=True, n=sizes["n"])
        loop = Loop(real, tuple(samples), held_out=held_out)
        shares = composition(setup, loop)
        points = clouds(setup, loop, shares)
        drifts = {
            "energy": energy_drift(points, shares),
            "moments": moment_drift(points, shares),
        }
        first = GENERATIONS - HELD_BACK
        for law in laws_of_drift(drifts["energy"], shares):
            ends = law.predict(first, HELD_BACK)
            last = np.asarray(drifts["energy"].distance.value)[-HELD_BACK:]
            held = (ends.low <= last) & (last <= ends.high)
            inside.setdefault(law.name, []).append(held)
        grown = growth(drifts, shares)
        fits = Fits(grown.fits, grown)
        named.append(errors_of(drifts, fits).answer)
        likely = fits[fraction]
        known.append(likely.low - 1e-9 <= alpha <= likely.high + 1e-9)
    share = {name: np.mean(held) for name, held in inside.items()}
    answer = kind.split(",")[0]
    assert named.count(answer) > 0.75 * RUNS
    assert named.count(answer) + named.count("undecided") >= RUNS - 1
    assert share[right] > 0.85
    assert share["triangle inequality"] > 0.95  # it never asks for more
    assert np.mean(known) > 0.75
    if kind == "aligned":
        assert share["unbiased errors"] < 0.85  # a law that is false
