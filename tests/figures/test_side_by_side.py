"""Figures computed several at a time: the same files, the same refusals."""

import dataclasses

import pytest

from figures.progress import SILENT
from figures.side_by_side import compute_all, default_jobs
from theory.validation import InputError


@pytest.fixture
def chosen(toy):
    walk, again = toy.FIGURES
    return [walk, again, dataclasses.replace(walk, id="other", seconds={"quick": 9.0})]


def go(chosen, root, jobs, **more):
    settings = {f.id: f.presets["quick"] for f in chosen}
    root.mkdir(exist_ok=True)
    return compute_all(chosen, "quick", settings, root, SILENT, jobs, "cpu", **more)


def stored(root):
    return {
        str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*.npz"))
    }


def test_two_at_a_time_store_what_one_at_a_time_does(chosen, tmp_path):
    one, drawn_one = go(chosen, tmp_path / "one", 1)
    two, drawn_two = go(chosen, tmp_path / "two", 2)
    assert [r.figure.id for r in two] == ["walk", "walk-again", "other"]
    assert stored(tmp_path / "one") == stored(tmp_path / "two") != {}
    for a, b in zip(one, two, strict=True):
        assert a.trace.identical(b.trace)
        assert a.curves.identical(b.curves)
        assert [e.claim for e in a.evidence] == [e.claim for e in b.evidence]
        assert all(
            (x.slack == y.slack).all()
            for x, y in zip(a.evidence, b.evidence, strict=True)
        )
    assert drawn_one == {}
    files = [path for of_figure in drawn_two.values() for path in of_figure.values()]
    assert len(files) == 9
    assert all(path.stat().st_size > 0 for path in files)
    assert len(two[0].run.timing()["sessions"]) == 2  # walk-again reused the run


def test_a_refusal_in_one_figure_is_the_refusal_of_all(chosen, tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "other").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written"):
        go(chosen, tmp_path, 2, draw=False)
    with pytest.raises(InputError, match="jobs must be >= 1, got 0"):
        go(chosen, tmp_path, 0)


def test_few_figures_start_no_processes(chosen):
    settings = {f.id: f.presets["quick"] for f in chosen}
    assert default_jobs(chosen, settings) == 1
    many = [dataclasses.replace(chosen[0], id=str(k)) for k in range(4)]
    settings = {f.id: f.presets["quick"] for f in many}
    assert default_jobs(many, settings) == 2
