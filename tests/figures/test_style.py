"""What is drawn is what the table says, and equal figures are equal files."""

import csv
import io
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from figures import style
from figures.export import Row, plotted, save
from theory.claims import Outcome

X = np.array([0.0, 1.0, 2.0])


@pytest.fixture(autouse=True)
def workbench():
    with style.applied():
        yield


def rows(draw) -> list[Row]:
    fig, axes = style.panels()
    style.panel(axes[0, 0], "P", "$x$", "$y$")
    draw(axes[0, 0])
    return plotted(fig)


def same(row: Row, **expected) -> bool:
    wanted = Row(**{"panel": "P", "series": "a", "x": np.nan, "y": np.nan} | expected)
    return row[:2] == wanted[:2] and np.allclose(
        row[2:], wanted[2:], rtol=1e-12, atol=0, equal_nan=True
    )


def test_theory_is_a_solid_line_in_the_table():
    found = rows(lambda ax: style.theory(ax, X, X**2, "a"))
    assert len(found) == 3
    assert all(same(r, x=x, y=x * x) for r, x in zip(found, X, strict=True))


def test_simulated_intervals_are_in_the_table():
    low, high = np.array([0.5, np.nan, 1.0]), np.array([1.5, np.nan, 4.0])
    found = rows(lambda ax: style.simulation(ax, X, X + 1, "a", low=low, high=high))
    for k, row in enumerate(found):
        assert same(row, x=X[k], y=X[k] + 1, y_low=low[k], y_high=high[k])
    assert len(found) == 3  # neither bars nor caps are listed a second time


def test_points_without_intervals():
    found = rows(lambda ax: style.simulation(ax, X, X + 1, "a"))
    assert [tuple(r[2:4]) for r in found] == [(0, 1), (1, 2), (2, 3)]


@pytest.mark.parametrize("forbids", ["above", "below"])
def test_a_bound_is_listed_once_whatever_its_shade(forbids):
    found = rows(lambda ax: style.bound(ax, X, X + 1, "a", forbids=forbids))
    assert [tuple(r[2:4]) for r in found] == [(0, 1), (1, 2), (2, 3)]
    with pytest.raises(ValueError, match="forbids must be"):
        rows(lambda ax: style.bound(ax, X, X, "a", forbids="left"))


@pytest.mark.parametrize(("forbids", "sign"), [("above", 1), ("below", -1)])
def test_a_bound_is_shaded_on_the_side_it_forbids(forbids, sign):
    fig, axes = style.panels()
    style.panel(axes[0, 0], "P", "x", "y", log="y")
    style.bound(axes[0, 0], [0, 1], [1.0, 1.0], "a", forbids=forbids)
    edge, *shade = axes[0, 0].lines
    height = [s.get_transform().transform((0.5, 1.0))[1] for s in shade]
    assert (sign * (height - edge.get_transform().transform((0.5, 1.0))[1]) > 0).all()


def test_band_bars_steps_and_references():
    band = rows(lambda ax: style.spread(ax, X, X, X + 2, "a", "C0"))
    assert same(band[1], x=1, y_low=1, y_high=3)
    bars = rows(lambda ax: ax.bar(X, X + 1, label="a"))
    assert same(bars[2], x=2, y=3, y_low=0, y_high=3)
    steps = rows(lambda ax: ax.stairs([3, 4], [0, 1, 2], label="a"))
    assert same(steps[1], x=1.5, y=4)
    assert same(*rows(lambda ax: style.reference(ax, 0.3, "a")), y=0.3)
    assert same(*rows(lambda ax: style.reference(ax, 0.3, "a", axis="x")), x=0.3)


def test_clouds_and_heat_maps():
    points = np.array([[0.0, 1.0], [2.0, 3.0]])
    cloud = rows(lambda ax: style.cloud(ax, points, "a", "C0"))
    assert [tuple(r[2:4]) for r in cloud] == [(0, 1), (2, 3)]
    values = np.arange(6.0).reshape(2, 3)
    heat = rows(lambda ax: style.heat(ax, X, [10.0, 20.0], values, "a"))
    assert len(heat) == 6
    assert same(heat[4], x=1, y=20, value=4)
    image = rows(lambda ax: ax.imshow(values, label="a"))
    assert same(image[4], x=1, y=1, value=4)


def test_counting_axes_have_whole_ticks():
    fig, axes = style.panels(1, 2)
    for ax, whole in zip(axes[0], ("xy", ""), strict=True):
        style.panel(ax, "P", "generation $i$", "seed", whole=whole)
        ax.plot([1, 2, 3], [1, 2, 3])
        for ticks in (ax.get_xticks(), ax.get_yticks()):
            assert (ticks == ticks.round()).all() == bool(whole)


def test_panels_are_named_by_title_or_number():
    fig, axes = style.panels(1, 2)
    style.panel(axes[0, 0], "(a) drift", "$i$", "$D_i$")
    for ax in axes.flat:
        ax.plot([0], [1], label="s")
        ax.plot([0], [1])
    names = [(r.panel, r.series) for r in plotted(fig)]
    assert names == [(p, s) for p in ("(a) drift", "panel 2") for s in ("s", "")]


def figure():
    fig, axes = style.panels(1, 2)
    ax = axes[0, 0]
    style.panel(ax, "P", r"$\epsilon_\star^2$", r"$\chi^2$", log="xy")
    style.theory(ax, X + 1, X + 1, r"$\eta\epsilon^2$")
    style.simulation(ax, X + 1, X + 2, "seen", low=X + 1.5, high=X + 2.5)
    style.bound(ax, X + 1, X + 4, "bound", forbids="above")
    style.legend(ax, ["bound", "seen"])
    style.cloud(axes[0, 1], np.stack([X, X], 1), "c", style.fresh_colour(0.5))
    return fig


def test_files_are_equal_for_equal_figures(tmp_path):
    first = save(figure(), tmp_path / "sub" / "a")
    second = save(figure(), tmp_path / "b")
    assert set(first) == {"pdf", "png", "csv"}
    for kind, path in first.items():
        assert path.read_bytes() == second[kind].read_bytes(), kind
    assert b"/FontFile2" in first["pdf"].read_bytes()  # TrueType, as journals ask
    table = list(csv.DictReader(io.StringIO(first["csv"].read_text())))
    assert list(table[0]) == list(Row._fields)
    seen = [(r["x"], r["y"], r["y_low"]) for r in table if r["series"] == "seen"]
    assert seen[1] == ("2.0", "3.0", "2.5")


def test_legend_keeps_the_order_asked_for():
    texts = figure().axes[0].get_legend().get_texts()
    assert [t.get_text() for t in texts] == ["bound", "seen"]


def luminance(colour) -> float:
    c = np.array(to_rgb(colour))
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
DEFICIENCIES = {
    "protan": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deutan": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritan": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


TO_XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]


def seen(colour, matrix) -> np.ndarray:
    """CIE L*a*b* of a colour as seen through a deficiency."""
    c = np.array(to_rgb(colour))
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    to_xyz = [
        [0.4124, 0.3576, 0.1805],
        [0.2126, 0.7152, 0.0722],
        [0.0193, 0.1192, 0.9505],
    ]
    xyz = np.array(to_xyz) @ np.clip(np.array(matrix) @ linear, 0, 1)
    f = xyz / [0.9505, 1.0, 1.089]
    f = np.where(f > 0.008856, np.cbrt(f), 7.787 * f + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
@pytest.mark.parametrize(
    "palette",
    [
        (style.THEORY, style.SIMULATION, style.BOUND),
        style.SERIES[:5],
        [style.fresh_colour(a) for a in (0.1, 0.5, 0.9)],
    ],
    ids=["roles", "series", "fresh fractions"],
)
def test_colours_stay_apart_under_colour_vision_deficiencies(deficiency, palette):
    lab = [seen(c, DEFICIENCIES[deficiency]) for c in palette]
    apart = [np.linalg.norm(a - b) for k, a in enumerate(lab) for b in lab[:k]]
    assert min(apart) > 15  # "just noticeable" is about 2.3


def test_fresh_colours_grow_lighter_and_stay_legible_on_white():
    light = [luminance(style.fresh_colour(a)) for a in np.linspace(0, 1, 11)]
    assert (np.diff(light) > 0).all()
    assert (1.05 / (max(light) + 0.05)) > 2.0


def test_style_applies_inside_its_block_only():
    assert mpl.rcParams["svg.hashsalt"] == "driftlab"
    outside = mpl.rcParamsDefault["svg.hashsalt"]
    with mpl.rc_context({"svg.hashsalt": outside}):
        with style.applied():
            assert mpl.rcParams["svg.hashsalt"] == "driftlab"
        assert mpl.rcParams["svg.hashsalt"] == outside


def test_every_outcome_looks_in_a_figure_as_it_does_in_the_report():
    report = Path(style.__file__).with_name("templates") / "style.css"
    colours = {mark.colour for mark in style.OUTCOMES.values()}
    assert list(style.OUTCOMES) == list(Outcome)
    assert all(f"{colour};" in report.read_text() for colour in colours)
