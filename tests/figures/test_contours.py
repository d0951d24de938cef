"""Contours of noisy cells, their errors, and what is made of them."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure as Canvas

from figures.contours import contour, draw_contour, first_crossing, on_boundary
from figures.export import plotted
from figures.phases import draw_phases
from theory.claims import Claim, Outcome, decide

X = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
CLAIM = Claim("c", "p", "r", "derived", "s")


def cells(seeds: int, noise: float, power: float = 1.0) -> xr.DataArray:
    """Runs of (x / x0)^power with x0 = 3, 5 on two lines, log-normal with mean 1."""
    rng = np.random.default_rng(0)
    place = np.array([3.0, 5.0])[:, None]
    mean = (X[None] / place) ** power
    z = rng.standard_normal((seeds, *mean.shape))
    values = mean * np.exp(noise * z - 0.5 * noise**2)
    return xr.DataArray(
        values,
        {"seed": np.arange(seeds), "line": [0, 1], "x": X},
        ["seed", "line", "x"],
    )


def outcome(found, boundary, margin=0.05) -> Outcome:
    edge = xr.DataArray(boundary, {"line": [0, 1]}, ["line"])
    evidence = on_boundary("c", "here", found, edge, margin)
    return decide([evidence], {"c": CLAIM})[0].outcome


def test_crossings_are_linear_and_inside():
    place = np.array([0.0, 1.0, 3.0])
    rows = np.array(
        [[0.0, 2.0, 9.0], [0.0, 0.5, 2.5], [2.0, 3.0, 4.0], [0.0, 0.1, 0.2],
         [0.0, 2.0, 0.5]]
    )  # fmt: skip
    found = first_crossing(place, rows, 1.0)
    np.testing.assert_allclose(found, [0.5, 1.5, np.nan, np.nan, 0.5])
    back = first_crossing(place[::-1], rows[4:, ::-1], 1.0)
    np.testing.assert_allclose(back, [3.0 - 2.0 * 0.5 / 1.5])  # falls through 1 there


def test_a_power_law_is_followed_exactly_in_its_logarithm():
    for power, last in ((2.0, False), (-1.5, True)):
        found = contour(cells(4, 0.0, power), "x", 0.0, of=np.log, last=last)
        np.testing.assert_allclose(10.0 ** found["place"], [3.0, 5.0])
        np.testing.assert_allclose(found["error"], 0.0, atol=1e-12)


def test_standard_errors_are_those_of_the_scatter():
    values = cells(4_000, 0.3)
    parts = [values.isel(seed=slice(k, k + 40)) for k in range(0, 4_000, 40)]
    found = [contour(part, "x", 0.0, of=np.log) for part in parts]
    places = np.stack([f["place"] for f in found])
    stated = np.sqrt(np.mean([f["error"].values ** 2 for f in found], axis=0))
    np.testing.assert_allclose(places.std(axis=0, ddof=1), stated, rtol=0.25)
    assert (abs(places.mean(axis=0) - np.log10([3.0, 5.0])) < 0.01).all()


def test_what_is_divided_by_shares_the_runs():
    values = cells(200, 0.0)
    rng = np.random.default_rng(1)
    scale = xr.DataArray(rng.uniform(0.5, 2.0, 200), {"seed": values["seed"]}, ["seed"])
    alone = contour(values * scale, "x", 1.0)
    paired = contour(values * scale, "x", 1.0, over=scale)
    assert (alone["error"] > 0.005).all()
    np.testing.assert_allclose(paired["error"], 0.0, atol=1e-12)
    edge = [np.log10(2.0) + 0.5 * np.log10(2.0), np.log10(4.0) + 0.25 * np.log10(2.0)]
    np.testing.assert_allclose(paired["place"], edge)  # linear between the cells


def test_a_contour_is_on_its_boundary_and_off_another():
    found = contour(cells(400, 0.1), "x", 0.0, of=np.log)
    assert outcome(found, [3.0, 5.0]) is Outcome.HOLDS
    assert outcome(found, [3.0, 7.0]) is Outcome.VIOLATED
    assert outcome(found, [3.0, np.nan]) is Outcome.HOLDS  # one of them exists
    assert outcome(found, [np.inf, np.nan]) is Outcome.NOT_MEASURABLE
    outside = contour(cells(400, 0.1), "x", 5.0, of=np.log)
    assert outcome(outside, [3.0, 5.0]) is Outcome.NOT_MEASURABLE


def test_a_contour_that_some_resamples_lack_is_none():
    found = contour(cells(100, 0.3).isel(x=slice(0, 3)), "x", 0.0, of=np.log)
    assert np.isfinite(found["place"][0])
    assert np.isnan(found["place"][1])  # at 5, beyond the last cell at 4


def test_contours_are_drawn_as_simulation_with_intervals():
    found = contour(cells(50, 0.2), "x", 0.0, of=np.log)
    ax = Canvas().subplots()
    draw_contour(ax, [1.0, 2.0], found, "simulated")
    rows = [row for row in plotted(ax.figure) if row.series == "simulated"]
    assert [row.x for row in rows] == [1.0, 2.0]
    np.testing.assert_allclose([row.y for row in rows], 10.0 ** found["place"])
    assert all(row.y_low < row.y < row.y_high for row in rows)


@pytest.mark.parametrize("size", [20, 100])
def test_names_stand_inside_their_phases_and_slivers_have_none(size):
    x = np.linspace(0.0, 1.0, size)
    phase = np.where(x[None] + 0 * x[:, None] < 0.5, 0, 1)
    phase[-1] = 2  # one row of cells
    ax = Canvas().subplots()
    draw_phases(ax, x, x, phase, {0: "left", 1: "right", 2: "top"})
    written = {text.get_text(): text.get_position()[0] for text in ax.texts}
    assert set(written) == {"left", "right"}
    assert written["left"] < 0.5 < written["right"]


def test_a_name_that_does_not_fit_stands_beside_its_phase_with_a_line_to_it():
    x = np.linspace(0.0, 1.0, 100)
    phase = np.where(abs(x - 0.3) < 0.04, 0, 1) + np.zeros((100, 1), int)
    figure = Canvas(figsize=(3.0, 3.0))
    ax = figure.subplots()
    line = np.linspace(0.0, 1.0, 300), np.full(300, 0.5)
    draw_phases(ax, x, x, phase, {0: "narrow", 1: "wide"}, beside=[line])
    places = {text.get_text(): text.xyann for text in ax.texts}
    (targets,) = [t.xy for t in ax.texts if t.arrow_patch is not None]
    assert abs(targets[0] - 0.3) < 0.04
    assert abs(places["narrow"][0] - 0.3) > 0.04
    figure.draw_without_rendering()
    boxes = [
        t.get_window_extent().transformed(ax.transData.inverted()) for t in ax.texts
    ]
    assert not boxes[0].overlaps(boxes[1])
    assert not any(box.y0 < 0.5 < box.y1 for box in boxes)
