"""Frames, arrays and files of stored runs: nothing added, nothing lost."""

import json
import math

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from figures.catalogue import figures
from figures.netcdf import write_netcdf
from figures.overrides import override
from figures.pipeline import compute, judged, load
from figures.progress import SILENT
from figures.results import CELLS, tree, value_frame, varied, verdict_frame
from sim.store import Run


def walked(root, **fields):
    walk = figures()["walk"]
    settings = override([walk], "smoke", {k: str(v) for k, v in fields.items()})
    return compute(walk, "smoke", settings["walk"], root, SILENT)


@pytest.fixture(scope="module")
def pair(toy, tmp_path_factory):
    root = tmp_path_factory.mktemp("pair")
    return [walked(root, step=step, seeds=3) for step in (0.1, 0.2)]


def test_a_row_of_the_verdict_frame_is_a_verdict(pair):
    frame = verdict_frame(pair)
    assert varied(pair) == ("step",)
    assert frame["step"].tolist() == [0.1] * 3 + [0.2] * 3
    assert frame["run"].tolist() == [r.run.id for r in pair for _ in range(3)]
    for row, found in zip(frame.to_dict("records"), judged(pair), strict=True):
        v = found.verdict
        assert (row["claim"], row["setting"], row["outcome"]) == (
            v.claim,
            v.setting,
            v.outcome,
        )
        assert (row["slack"], row["low"], row["high"]) == (v.slack, *v.interval)
        assert row["expected"] == " or ".join(v.expected)
        assert (row["intervals"], row["confidence"]) == (2, 0.95)
        assert row["n_seeds"] == 3
    assert frame["n_samples"].tolist() == [pd.NA, pd.NA, 3] * 2
    assert frame["reference"].tolist() == ["Prop 1", "Prop 2", "Lemma 3"] * 2


def test_a_row_of_the_value_frame_is_a_mean_over_seeds_or_a_value_with_its_error(pair):
    frame = value_frame(pair, fields=())
    for result in pair:
        x = result.trace["x"].transpose("generation", "seed").values[-1]
        of_run = frame[frame["run"] == result.run.id]
        row = of_run[of_run["variable"] == "x"].iloc[0]
        assert row["value"] == pytest.approx(np.mean(x), rel=1e-14)
        error = np.std(x, ddof=1) / math.sqrt(3)
        assert row["standard_error"] == pytest.approx(error, rel=1e-14)
        assert (row["generation"], row["at"], row["n_seeds"]) == (1, "", 3)
        marked = of_run[of_run["variable"] == "marked"]
        assert marked["at"].tolist() == ["mark=1", "mark=2"]
        assert marked["value"].tolist() == result.curves["marked"].values.tolist()
        assert marked["standard_error"].tolist() == [0.1, 0.2]  # what marked_se says
        assert marked["n_seeds"].isna().all()
    assert set(frame["variable"]) == {"x", "spread", "marked", "step"}


def test_a_replica_that_diverged_is_left_out_of_the_mean_and_counted(toy, tmp_path):
    result = walked(tmp_path, seeds=3)
    result.trace["x"][{"seed": 1}] = np.inf
    row = value_frame([result]).iloc[0]
    kept = result.trace["x"].isel(generation=-1, seed=[0, 2]).values
    assert row["value"] == pytest.approx(kept.mean(), rel=1e-14)
    assert row["n_seeds"] == 2


def test_clouds_and_text_are_no_rows(toy, tmp_path):
    result = walked(tmp_path)
    result.curves["cloud"] = ("point", np.zeros(CELLS + 1))
    result.curves["name"] = ("mark", ["a", "b"])
    result.curves["flag"] = ("mark", [True, False])
    found = value_frame([result])
    assert not {"cloud", "name"} & set(found["variable"])
    assert found[found["variable"] == "flag"]["value"].tolist() == [1.0, 0.0]


def test_the_tree_of_a_run_says_where_it_comes_from(pair):
    found = tree(pair[0])
    assert found["trace"].to_dataset().identical(pair[0].trace)
    assert found["curves"].to_dataset().identical(pair[0].curves)
    stored = pair[0].run.provenance()
    assert found.attrs["commit"] == stored["commit"]
    assert found.attrs["run"] == pair[0].run.id
    assert json.loads(found.attrs["settings"])["step"] == 0.1


def test_netcdf_gives_back_every_kind_of_value_exactly(tmp_path):
    kinds = {
        "double": np.array([0.1, -0.0, np.nan, np.inf, 5e-324]),
        "single": np.array([0.1, 1e-45, np.nan, -np.inf, 3e38], np.float32),
        "large": np.array([2**62 + 1, -(2**63), 0, 1, 2], np.int64),
        "unsigned": np.array([2**32 - 1, 0, 1, 2, 3], np.uint32),
        "truth": np.array([True, False, True, True, False]),
        "text": np.array(["α ≤ 1", "", "a b", "é", "long " * 20]),
    }
    dataset = xr.Dataset(
        {name: ("entry", values, {"known": True}) for name, values in kinds.items()}
        | {"alone": ((), 3.5), "none": (("entry", "empty"), np.zeros((5, 0)))},
        {"entry": ["a", "b", "c", "d", "e"]},
        {
            "barred": {"eps": "why"},
            "list": ["a", 1],
            "number": np.float64(0.1),
            "array": np.arange(2),
            "nothing": None,
        },
    )
    write_netcdf(tmp_path / "x.nc", xr.DataTree.from_dict({"/a": dataset}))
    read = xr.open_datatree(tmp_path / "x.nc")["a"].to_dataset()
    for name, values in kinds.items():
        back = read[name].values
        if name != "text":
            assert back.dtype == values.dtype
            assert back.tobytes() == values.tobytes()
        assert back.tolist() == values.tolist() or name in ("double", "single")
    assert read["entry"].values.tolist() == ["a", "b", "c", "d", "e"]
    assert read["none"].shape == (5, 0)
    assert json.loads(read.attrs["barred"]) == {"eps": "why"}
    assert json.loads(read.attrs["list"]) == ["a", 1]
    assert json.loads(read.attrs["array"]) == [0, 1]
    assert read.attrs["number"] == 0.1
    assert read.attrs["nothing"] == read["truth"].attrs["known"].replace("true", "null")


# ---- driftlab export


@pytest.fixture(scope="module")
def root(pair):
    return pair[0].run.root


def written(lines):
    return [line.removeprefix("Written: ") for line in lines if "Written: " in line]


def test_export_writes_the_last_used_run_of_a_figure(driftlab, toy, root, pair):
    pair[0].run.note_time(0.0, "reused")
    status, lines, _ = driftlab("export", "walk", "--out", root, "--variable", "x")
    assert (status, toy.CALLS) == (0, [])
    names = [path.split("/")[-1] for path in written(lines)]
    expected = ["verdicts.csv", "values.csv", f"walk-{pair[0].run.path.name}.nc"]
    assert names == [*expected, "verdicts.tex", "x.tex"]
    arrays = xr.open_datatree(root / "exports" / expected[2])
    assert arrays["trace"].to_dataset().equals(pair[0].trace)
    assert arrays["curves"].to_dataset().equals(pair[0].curves)
    verdicts = pd.read_csv(root / "exports" / "verdicts.csv")
    assert verdicts["slack"].tolist() == verdict_frame(pair[:1])["slack"].tolist()


def test_export_takes_runs_by_part_of_their_id_and_tells_them_apart(
    driftlab, root, pair
):
    _, lines, _ = driftlab("export", "walk/smoke", "--format", "csv", "--out", root)
    assert len(written(lines)) == 2
    verdicts = pd.read_csv(root / "exports" / "verdicts.csv")
    assert sorted(set(verdicts["step"])) == [0.1, 0.2]
    assert set(verdicts["intervals"]) == {2}
    run = pair[1].run
    _, lines, _ = driftlab(
        *("export", run.id, "walk/smoke", run.fingerprint, "--format", "nc"),
        *("--format", "latex", "--out", root),
    )
    assert len(written(lines)) == 3  # two runs once each, and the table
    table = (root / "exports" / "verdicts.tex").read_text()
    assert "claim & step = 0.2 & step = 0.1" in table  # as they were asked for


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["wlak"], "figure or run must be a known one (walk"),
        (["--preset", "paper"], "holds no finished result to export"),
        (["--variable", "xx"], "variable must be a known one (x"),
    ],
)
def test_what_cannot_be_exported_is_one_line(driftlab, root, arguments, message):
    status, _, err = driftlab("export", *arguments, "--out", root)
    assert (status, err.count("\n")) == (2, 1)
    assert message in err


def test_a_run_of_another_version_is_named_and_left_out(
    driftlab, toy, root, pair, monkeypatch
):
    import dataclasses

    from figures import catalogue

    changed = dataclasses.replace(toy.FIGURES[0], version=2)
    monkeypatch.setitem(catalogue._known.figures, "walk", changed)
    _, lines, err = driftlab("export", pair[0].run.id, "--out", root)
    assert lines[0].startswith(f"note: {pair[0].run.id} is left out: ")
    assert "no finished result" in err


def test_a_loaded_run_is_what_was_computed(pair):
    again = load(pair[0].figure, Run.at(pair[0].run.path))
    assert again.settings == pair[0].settings
    assert again.trace.identical(pair[0].trace)
