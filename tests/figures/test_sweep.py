"""Sweeps: which points, that they are ordinary runs, what is written down."""

import dataclasses
import importlib
import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from figures import catalogue
from figures.commands.arguments import OWN_OPTIONS
from figures.pipeline import judged
from figures.sweep import design, sweep, swept_tree, verdict_map, write_files
from figures.sweep.picture import _cell, headlines
from sim.store import Run
from theory.validation import InputError


def values(field, given, **more):
    (axis,) = design("walk", {field: given}, **more).axes
    return axis.values


# ---- which points


@pytest.mark.parametrize(
    ("field", "given", "found"),
    [
        ("step", "0.1,.5", (0.1, 0.5)),
        ("step", "0.5:1:6", (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)),
        ("step", "1:0.5:3", (1.0, 0.75, 0.5)),
        ("step", "0.01:100:5log", (0.01, 0.1, 1.0, 10.0, 100.0)),
        ("step", "1:10:3log", (1.0, 3.162, 10.0)),
        ("step", "7,0.5:1:2", (7.0, 0.5, 1.0)),
        ("generations", "100:1000:4log", (100, 215, 464, 1000)),
        ("generations", "2:6:3", (2, 4, 6)),
        ("generations", "9007199254740993", (2**53 + 1,)),
        ("marks", "1,2/3", ((1, 2), (3,))),
        ("marks", "1:3:3", ((1,), (2,), (3,))),
        ("tilted", "yes,no", (True, False)),
        ("label", "a:b:3,c/d", ("a:b:3", "c/d")),
        ("step", np.array([0.1, 0.2]), (0.1, 0.2)),
        ("step", [1, np.float32(0.1)], (1.0, 0.1)),
        ("marks", [(1, 2), [3]], ((1, 2), (3,))),
        ("tilted", [True], (True,)),
    ],
)
def test_values_are_lists_ranges_or_objects_of_the_fields_type(
    toy, field, given, found
):
    assert values(field, given) == found
    assert list(map(type, values(field, given))) == list(map(type, found))


def test_a_grid_runs_over_its_last_field_fastest_and_lists_go_side_by_side(toy):
    over = {"step": "0.1,0.2", "generations": "2,3"}
    grid = design("walk", over, preset="smoke", fixed={"bias": 1})
    assert grid.sizes == {"step": 2, "generations": 2}
    assert [p.label for p in grid.points] == [
        "step=0.1, generations=2",
        "step=0.1, generations=3",
        "step=0.2, generations=2",
        "step=0.2, generations=3",
    ]
    assert grid.points[1].settings == toy.Walk(
        seeds=2, generations=3, step=0.1, bias=1.0
    )
    pairs = design("walk", over, zipped=True)
    assert pairs.sizes == {"point": 2}
    assert [(p.settings.step, p.settings.generations) for p in pairs.points] == [
        (0.1, 2),
        (0.2, 3),
    ]


def test_a_sweep_is_named_by_what_it_asks_but_for_seeds(toy):
    def name(over, **fixed):
        return design("walk", {"step": over}, fixed=fixed).name

    assert name("0.1,0.2") == name([0.1, 0.2]) == name("0.1:0.2:2", seeds=9)
    assert name("0.1,0.2").startswith("walk-quick-step-")
    others = {name("0.1,0.3"), name("0.2,0.1"), name("0.1,0.2", bias=1)}
    assert len(others | {name("0.1,0.2")}) == 4


@pytest.mark.parametrize(
    ("over", "message"),
    [
        (["stp=1,2"], "setting must be a known one (step)"),
        (["step"], "over must be FIELD=VALUES, got 'step'"),
        ([], "over must be given"),
        (["step="], "step must be swept over at least one value, got 'none'"),
        (["step=1,x"], "step must be a number, got 'x'"),
        (["generations=2.5"], "generations must be a whole number"),
        (["step=1,2,1"], "step must be swept over values that differ, got '1.0 twice'"),
        (["generations=1:2:3"], "generations must be swept over values that differ"),
        (["step=1:2"], "step must be a range start:stop:count"),
        (["step=1:2:1"], "step must be a range of two values or more, got '1:2:1'"),
        (["step=0:1:3log"], "step must be positive in a logarithmic range"),
        (["step=1:inf:3"], "step must be a range between finite ends"),
        (["marks=1,2"], "marks must be swept over values separated by slashes"),
        (["step=1,-1"], "step must be > 0, got -1."),
        (["step=1,2", "step=3"], "step must be swept once, got 'twice'"),
        (["seed=1,2"], "seed must be either swept or set, got 'both'"),
        (["step=1", "marks=1/2", "--zip"], "zip must be given for fields with equally"),
        (["step=1", "--name=a/b"], "name must be a name for files"),
        (["step=1", "--jobs=0"], "jobs must be >= 1, got 0"),
        (["step=1", "--bias"], "bias must be followed by a value"),
    ],
)
def test_what_can_be_mended_is_said_before_anything_is_run(
    driftlab, toy, tmp_path, over, message
):
    given = [
        word
        for text in over
        for word in ("--over " * (text[:2] != "--") + text).split(" ")
    ]
    status, _, err = driftlab("sweep", "walk", *given, "--seed", 5, "--out", tmp_path)
    assert (status, toy.CALLS) == (2, [])
    assert message in err
    assert err.count("\n") == 1
    assert list(tmp_path.rglob("*.npz")) == []


def test_a_dry_run_lists_the_points_with_their_cost(driftlab, toy, tmp_path):
    status, lines, _ = driftlab(
        *("sweep", "walk", "--over", "step=1,2", "--over", "generations=2,3"),
        *("--seeds", 8, "--dry-run", "--out", tmp_path),
    )
    assert (status, toy.CALLS, list(tmp_path.iterdir())) == (0, [], [])
    assert lines[0].startswith(
        "step=1.0, generations=2  quick  0/8 seeds stored; expec"
    )
    assert lines[4] == "Expected in all: 32 s, 2 at a time."
    assert "whatever the values" in lines[5]


# ---- points are ordinary runs


def stored(root):
    return {
        str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*.npz"))
    }


def test_points_are_stored_reused_and_extended_like_any_run(driftlab, toy, tmp_path):
    def go(*more):
        common = ("--preset", "smoke", "--quiet", "--out", tmp_path / "a")
        driftlab("sweep", "walk", "--over", "step=0.1,0.2", *common, *more)
        return toy.CALLS

    assert go() == ["0-2", "0-2"]
    assert go() == []
    assert go("--seeds", 3) == ["0-2", "2-3"] * 2  # 0-2 is read
    for step in (0.1, 0.2):
        arguments = ("--preset", "smoke", "--seeds", 3, "--step", step, "--quiet")
        driftlab("check", "walk", *arguments, "--out", tmp_path / "a")
        assert toy.CALLS == []
        driftlab("check", "walk", *arguments, "--seeds", 2, "--out", tmp_path / "b")
        driftlab("check", "walk", *arguments, "--out", tmp_path / "b")
    assert stored(tmp_path / "a") == stored(tmp_path / "b") != {}


def test_a_stopped_sweep_goes_on_where_it_stopped(toy, tmp_path, monkeypatch):
    simulate = toy.simulate

    def stop_at_the_second(settings, run, progress):
        if settings.step == 0.2:
            raise KeyboardInterrupt
        return simulate(settings, run, progress)

    over = {"step": [0.1, 0.2, 0.3]}
    with monkeypatch.context() as patch:
        patch.setattr(toy, "simulate", stop_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            sweep("walk", over, preset="smoke", out=tmp_path)
    toy.CALLS.clear()
    found = sweep("walk", over, preset="smoke", out=tmp_path)
    assert len(toy.CALLS) == 2
    whole = sweep("walk", over, preset="smoke", out=tmp_path / "whole")
    for a, b in zip(found.results, whole.results, strict=True):
        assert a.trace.identical(b.trace)


def test_a_point_that_is_refused_on_the_way_does_not_lose_the_others(
    driftlab, tmp_path
):
    status, lines, _ = driftlab(
        *("sweep", "walk", "--over", "bias=0,500,1", "--preset", "smoke", "--quiet"),
        *("--name", "mine", "--out", tmp_path),
    )
    assert status == 2
    assert (
        "note: bias=500.0 is left out: bias must be < 100, as a run finds out, got 500."
        in lines
    )
    tree = xr.open_datatree(tmp_path / "sweeps" / "mine.nc")
    x = tree["trace"]["x"]
    assert x.dims == ("bias", "generation", "seed")
    assert np.isfinite(x.values).all(axis=(1, 2)).tolist() == [True, False, True]
    assert [bool(run) for run in tree["run"].values] == [True, False, True]
    assert list(json.loads(tree.attrs["refused"])) == ["bias=500.0"]
    frame = pd.read_csv(tmp_path / "sweeps" / "mine-verdicts.csv")
    assert sorted(set(frame["bias"])) == [0.0, 1.0]
    status, _, err = driftlab(
        *("sweep", "walk", "--over", "bias=500", "--quiet", "--out", tmp_path)
    )
    assert (status, "no point could be computed; the first: bias must" in err) == (
        2,
        True,
    )


def test_two_points_at_a_time_find_what_one_at_a_time_does(toy, tmp_path):
    over = {"bias": [0.0, 500.0, 1.0]}
    one = sweep("walk", over, preset="smoke", out=tmp_path / "one")
    two = sweep("walk", over, preset="smoke", out=tmp_path / "two", jobs=2)
    assert stored(tmp_path / "one") == stored(tmp_path / "two") != {}
    assert one.refusals == two.refusals
    pd.testing.assert_frame_equal(one.verdicts(), two.verdicts())
    pd.testing.assert_frame_equal(one.values(), two.values())


def test_seeds_can_be_swept_although_they_share_a_run(toy, tmp_path):
    found = sweep("walk", {"seeds": [3, 2, 5]}, out=tmp_path, jobs=2)
    assert len(Run.all(tmp_path)) == 1
    assert [r.trace.sizes["seed"] for r in found.results] == [3, 2, 5]
    assert list(found.values()["seeds"].unique()) == [3, 2, 5]


def test_all_points_share_one_error_rate(toy, tmp_path):
    found = sweep("walk", {"step": [0.1, 0.2, 0.3]}, preset="smoke", out=tmp_path)
    together = found.verdicts()
    assert set(together["intervals"]) == {3}  # toy.mean at three points
    alone = judged(found.results[:1])[2].verdict
    at_first = together[(together["point"] == 0) & (together["claim"] == "toy.mean")]
    low, high = at_first[["low", "high"]].to_numpy()[0]
    assert high - low > alone.interval[1] - alone.interval[0]
    assert [j.verdict.interval for j in found.judged()] == list(
        zip(together["low"], together["high"], strict=True)
    )
    assert found.judged()[3].figure == "walk (step=0.2)"


# ---- what is written down


BUILT_IN = catalogue.BUILT_IN  # before the toy catalogue takes its place


@pytest.fixture(scope="module")
def grid(toy, tmp_path_factory):
    over = {"step": "0.1,0.2", "marks": "1/4"}
    out = tmp_path_factory.mktemp("grid")
    return sweep("walk", over, preset="smoke", fixed={"seeds": 3}, out=out)


def test_no_field_of_any_figure_is_hidden_by_an_option_or_a_column(grid):
    modules = map(importlib.import_module, BUILT_IN)
    kinds = {figure.settings_type for module in modules for figure in module.FIGURES}
    names = {field.name for kind in kinds for field in dataclasses.fields(kind)}
    assert len(names) > 100
    assert not {f"--{name.replace('_', '-')}" for name in names} & OWN_OPTIONS
    columns = {*grid.verdicts().columns, *grid.values().columns} - {"step", "marks"}
    assert "low" in columns
    assert not names & (columns | set(swept_tree(grid)[0].data_vars))


def test_arrays_have_the_swept_fields_for_dimensions(grid):
    tree, left_out = swept_tree(grid)
    assert left_out == []
    assert tree["step"].values.tolist() == [0.1, 0.2]
    assert tree["marks"].values.tolist() == [1, 4]  # a tuple of one is its number
    x = tree["trace"]["x"]
    assert x.dims == ("step", "marks", "generation", "seed")
    for k, result in enumerate(grid.results):
        np.testing.assert_array_equal(x.values[divmod(k, 2)], result.trace["x"])
        assert tree["run"].values[divmod(k, 2)] == result.run.id
    curves = tree["curves"]
    assert curves["mark_values"].dims == ("step", "marks", "mark")
    assert curves["mark_values"].values[:, 1].tolist() == [[4], [4]]
    assert "curves_step" in curves  # a variable that is called like a swept field
    settings = json.loads(tree.attrs["settings"])
    assert settings["seeds"] == 3
    assert not {"step", "marks"} & set(settings)
    assert tree.attrs["figure"] == "walk"
    assert tree.attrs["driftlab_version"]
    assert tree["run_commit"].values[0, 0]


def test_what_points_do_not_share_in_shape_is_named_and_left_out(toy, tmp_path):
    over = {"generations": [2, 3]}
    found = sweep("walk", over, preset="smoke", out=tmp_path)
    tree, left_out = swept_tree(found)
    assert left_out == [
        "generation, x left out of the trace: not of one shape at all points.",
        "spread left out of the curves: not of one shape at all points.",
    ]
    assert set(tree["trace"].to_dataset(inherit=False).variables) == {"seed"}
    assert tree["curves"]["marked"].dims == ("generations", "mark")


def test_lists_side_by_side_have_one_dimension(toy, tmp_path):
    over = {"step": [0.1, 0.2], "marks": ["1,2", "3,4"]}
    found = sweep("walk", over, preset="smoke", zipped=True, out=tmp_path)
    tree, _ = swept_tree(found)
    assert tree["trace"]["x"].dims == ("point", "generation", "seed")
    assert tree["marks"].dims == ("point",)
    assert tree["marks"].values.tolist() == ["1,2", "3,4"]
    names = {path.name for path in write_files(found, tmp_path)[0]}
    assert len(names) == 6


def test_the_files_hold_what_the_sweep_found(grid, tmp_path):
    written, left_out = write_files(grid, tmp_path, ["x", "marked"], name="w")
    assert left_out == []
    assert {path.name for path in written} == {
        *("w.nc", "w-verdicts.csv", "w-values.csv", "w.pdf", "w.png"),
        *("w-verdicts.tex", "w-x.tex", "w-marked.tex"),
    }
    assert set((tmp_path / "sweeps").iterdir()) == set(written)
    tree = xr.open_datatree(tmp_path / "sweeps" / "w.nc")
    assert tree.equals(swept_tree(grid)[0])
    for kind, frame in (("verdicts", grid.verdicts()), ("values", grid.values())):
        read = pd.read_csv(tmp_path / "sweeps" / f"w-{kind}.csv")
        pd.testing.assert_frame_equal(
            read.replace({np.nan: None}),
            frame.astype(object).where(frame.notna() & (frame != ""), None),
            check_dtype=False,
            check_exact=True,
        )
    again, _ = write_files(grid, tmp_path / "again", ["x", "marked"], name="w")
    assert [p.read_bytes() for p in again] == [p.read_bytes() for p in written]
    with pytest.raises(InputError, match=r"variable must be a known one \(.*x"):
        write_files(grid, tmp_path / "none", ["xx"])
    assert not (tmp_path / "none").exists()


def test_the_table_of_a_variable_has_a_row_and_a_column_for_the_fields(grid, tmp_path):
    write_files(grid, tmp_path, ["x"], name="w")
    text = (tmp_path / "sweeps" / "w-x.tex").read_text()
    rows = [line.split(" & ") for line in text.splitlines() if " & " in line]
    assert rows[0] == ["step", "marks = 1", r"marks = 4 \\"]
    assert [row[0] for row in rows[1:]] == ["0.1", "0.2"]
    assert all("(" in cell for row in rows[1:] for cell in row[1:])
    assert "preset smoke, seeds = 3" in text


def test_the_map_shows_the_verdict_that_matters_most():
    def row(point, outcome, as_expected, slack):
        return {
            "claim": "c",
            "point": point,
            "outcome": outcome,
            "as_expected": as_expected,
            "relative_slack": slack,
        }

    rows = [
        row(0, "holds", True, 0.5),
        row(0, "holds", True, 0.1),
        row(1, "violated", True, -3.0),
        row(1, "holds", False, 0.2),
        row(2, "inconclusive", True, -0.1),
        row(2, "violated", True, -0.2),
        row(2, "vacuous", True, -9.0),
    ]
    top = headlines(pd.DataFrame(rows))
    assert top["relative_slack"].tolist() == [0.1, 0.2, -0.2]


def test_a_sweep_without_verdicts_still_has_its_numbers(
    driftlab, toy, tmp_path, monkeypatch
):
    monkeypatch.setattr(toy, "judge", lambda *_: [])
    arguments = ("--over", "step=1,2", "--preset", "smoke", "--quiet", "--name", "w")
    status, lines, _ = driftlab("sweep", "walk", *arguments, "--out", tmp_path)
    assert (status, "There are no verdicts." in lines) == (0, True)
    names = {path.name for path in (tmp_path / "sweeps").iterdir()}
    assert names == {"w.nc", "w-verdicts.csv", "w-values.csv"}
    assert driftlab("export", "walk", "--out", tmp_path)[0] == 0


@pytest.mark.parametrize(
    ("slack", "text"),
    [
        (0.1234, "✓ 0.12"),
        (-583.0, "✓ −580"),
        (4.3e-15, r"✓ 4.3$\times 10^{-15}$"),
        (0.0, "✓ 0"),
        (np.inf, "✓ inf"),
        (np.nan, "✓"),
    ],
)
def test_a_cell_has_the_sign_of_its_outcome_and_the_slack(slack, text):
    verdict = {"outcome": "holds", "as_expected": True, "relative_slack": slack}
    cell = _cell(verdict)
    assert cell.sign + cell.number == text


def test_the_map_has_a_cell_for_every_claim_and_point(grid, toy, tmp_path):
    fig = verdict_map(grid, grid.verdicts())
    assert [ax.get_title() for ax in fig.axes] == [
        "toy.bound",
        "toy.tight",
        "toy.mean",
    ]
    for ax in fig.axes:
        assert len(ax.texts) == 4
        assert [t.get_text() for t in ax.get_xticklabels()] == ["1", "4"]
    shown = fig.axes[1].texts[0].get_text()
    slack = grid.verdicts().query("claim == 'toy.tight'")["relative_slack"].iloc[0]
    assert shown == f"✗ {slack:.2g}".replace("-", "−")
    line = sweep("walk", {"bias": [0.0, 500.0]}, preset="smoke", out=tmp_path)
    fig = verdict_map(line, line.verdicts())
    (ax,) = fig.axes
    assert [t.get_text() for t in ax.get_yticklabels()] == [
        "toy.bound",
        "toy.tight",
        "toy.mean",
    ]
    assert sum(t.get_text() == "refused" for t in ax.texts) == 3
