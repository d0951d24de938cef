"""The command line as a user meets it."""

import contextlib
import csv
import io
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from figures.commands import COMMANDS
from figures.commands.arguments import OWN_OPTIONS, WITH_SETTINGS
from figures.progress import SILENT, Bars, Lines, duration, progress
from sim.store import Run

REPO = Path(__file__).resolve().parents[2]


def files(root: Path) -> dict[str, bytes]:
    """All that must not depend on time or on the state of the source folder."""
    volatile = {"timing.json", "lock", "report.html"}
    found = {
        str(f.relative_to(root)): f.read_bytes()
        for f in sorted(root.rglob("*"))
        if f.is_file() and f.name not in volatile
    }
    for name in (n for n in found if n.endswith(".json")):
        content = json.loads(found[name])
        content.pop("provenance", None)
        found[name] = json.dumps(content).encode()
    return found


# ---- before anything is computed


def test_help_imports_nothing_heavy_and_is_fast():
    code = """
import sys, time
from figures.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
heavy = {"jax", "numpy", "scipy", "xarray", "matplotlib", "sympy", "pandas"}
print(time.process_time(), *heavy & set(sys.modules))
"""
    for arguments in (
        ["--help"],
        ["figures", "--help"],
        ["sweep", "--help"],
        ["predict", "kde", "--help"],
    ):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=REPO,
            capture_output=True,
            text=True,
            check=True,
        )
        *_, last = done.stdout.splitlines()
        seconds, *imported = last.split()
        assert imported == []
        assert float(seconds) < 0.5


def test_every_option_of_the_commands_with_settings_is_known(driftlab):
    for command in WITH_SETTINGS:
        _, lines, _ = driftlab(command, "--help")
        named = {word.strip("[],") for line in lines for word in line.split()}
        options = {w for w in named if w.startswith("--") and w != "--"}
        examples = {"--seed", "--seeds", "--alpha", "--widths", "--field"}
        examples |= {"--learner", "--target", "--n", "--generations"}
        assert options - examples <= OWN_OPTIONS
    assert len(COMMANDS) == 12


def test_list_tells_what_there_is(driftlab):
    status, lines, _ = driftlab("list")
    text = "\n".join(lines)
    assert status == 0
    for part in (
        "How far does a walk",
        "walk-again",
        "quick 8.0 s",
        "expected: violated",
    ):
        assert part in text
    _, lines, _ = driftlab("list", "walk")
    text = "\n".join(lines)
    assert "--generations" in text
    assert "steps of each walk" in text
    assert "smoke: 2  quick: 5  paper: 5" in text
    _, lines, _ = driftlab("list", "--json")
    listed = json.loads("\n".join(lines))
    assert [f["id"] for f in listed["figures"]] == ["walk", "walk-again"]
    assert listed["figures"][0]["presets"]["smoke"]["marks"] == [1, 2]
    assert listed["claims"][1]["expected"] == ["violated"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["figures", "wlak"], "figure must be a known one (walk, walk-again)"),
        (["figures", "--generation", "3"], "known one (generations), got 'generation'"),
        (["figures", "--step", "-1"], "step must be > 0, got -1."),
        (["figures", "--step"], "step must be followed by a value"),
        (["figures", "--preset", "quik"], "preset of walk must be a known one (quick)"),
        (["check", "--seeds", "0"], "seeds must be >= 1, got 0."),
        (["report", "no-such-figure"], "figure must be a known one"),
        (["report"], "holds no finished result to report on"),
        (["runs", "remove", "walk"], "run must be a known one"),
    ],
)
def test_what_can_be_mended_is_one_line_and_exit_status_2(
    driftlab, tmp_path, arguments, message
):
    status, _, err = driftlab(*arguments, "--out", tmp_path)
    assert status == 2
    assert message in err
    assert err.startswith("driftlab: ")
    assert err.count("\n") == 1
    assert list(tmp_path.rglob("*.npz")) == []


@pytest.mark.parametrize("command", ["figures", "check"])
def test_an_output_folder_that_cannot_be_written_is_refused_first(
    driftlab, toy, tmp_path, command
):
    (tmp_path / "file").write_text("mine")
    status, _, err = driftlab(command, "--out", tmp_path / "file" / "sub")
    assert status == 2
    assert "cannot be written" in err
    assert toy.CALLS == []
    assert (tmp_path / "file").read_text() == "mine"


def test_no_jobs_are_refused_before_anything_is_done(driftlab, toy, tmp_path):
    status, _, err = driftlab("figures", "--jobs", 0, "--out", tmp_path)
    assert (status, err) == (2, "driftlab: jobs must be >= 1, got 0.\n")
    assert toy.CALLS == []


def test_a_dry_run_writes_nothing(driftlab, toy, tmp_path):
    status, lines, _ = driftlab("figures", "--dry-run", "--out", tmp_path, "--seeds", 8)
    assert status == 0
    assert "0/8 seeds stored; expected 16 s, 300 MB memory" in lines[0]
    assert "the rest comes with walk" in lines[1]
    assert lines[-1] == "Expected in all: 16 s."
    assert toy.CALLS == []
    assert list(tmp_path.iterdir()) == []


# ---- figures, check, report


@pytest.fixture(scope="module")
def made(toy, tmp_path_factory):
    """A folder in which `driftlab figures` was run, and what it printed."""
    from figures.cli import main

    root = tmp_path_factory.mktemp("made")
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        status = main(["figures", "--quiet", "--out", str(root)])
    return root, status, out.getvalue().splitlines()


def test_figures_makes_everything_and_ends_with_the_report(made):
    root, status, lines = made
    assert status == 0
    assert lines[-1] == f"Report: {root / 'report.html'}"
    assert "6 of 6 verdicts as expected." in lines
    beside = {f.name for f in (root / "figures").iterdir()}
    kinds = ("pdf", "png", "csv", "json")
    assert beside == {f"{id}.{kind}" for id in ("walk", "walk-again") for kind in kinds}
    assert len(Run.all(root)) == 1  # the second figure looks at the first one's run
    settings = json.loads((root / "figures" / "walk.json").read_text())
    assert settings["settings"]["seeds"] == 4
    assert settings["provenance"]["versions"]["jax"]


def test_plotted_numbers_are_those_of_the_run(made):
    root, _, _ = made
    with (root / "figures" / "walk.csv").open() as file:
        rows = [r for r in csv.DictReader(file) if r["series"] == "simulated"]
    expected = Run.all(root)[0].trace()["x"].mean("seed").values
    np.testing.assert_array_equal([float(r["y"]) for r in rows], expected)


def test_report_redraws_without_simulating(driftlab, toy, made):
    root, _, _ = made
    before = files(root)
    status, lines, _ = driftlab("report", "--out", root)
    assert (status, toy.CALLS) == (0, [])
    assert lines[-1] == f"Report: {root / 'report.html'}"
    assert files(root) == before
    status, _, err = driftlab("report", "--out", root, "--preset", "paper")
    assert (status, "no finished result" in err) == (2, True)


def test_check_reads_what_is_stored(driftlab, toy, made):
    root, _, _ = made
    status, lines, _ = driftlab("check", "walk", "--quiet", "--json", "--out", root)
    assert (status, toy.CALLS) == (0, [])
    verdicts = json.loads("\n".join(lines))
    assert [v["outcome"] for v in verdicts] == ["holds", "violated", "holds"]
    assert {v["figure"] for v in verdicts} == {"walk"}
    _, lines, _ = driftlab("check", "walk", "--quiet", "--out", root)
    assert lines[-1] == "3 verdicts, 0 against expectation."


def test_more_seeds_extend_and_fewer_select(driftlab, toy, tmp_path):
    arguments = ("check", "walk", "--quiet", "--preset", "smoke", "--out", tmp_path)
    driftlab(*arguments)
    first = files(tmp_path)
    assert toy.CALLS == ["0-2"]
    status, lines, _ = driftlab(*arguments, "--seeds", 5)
    assert (status, toy.CALLS) == (0, ["0-2", "2-5"])  # 0-2 is read, see the files
    kept = {k: v for k, v in files(tmp_path).items() if "seeds-00000-00002" in k}
    assert kept == {k: v for k, v in first.items() if "seeds-00000-00002" in k}
    driftlab(*arguments, "--seeds", 3)
    run = Run.all(tmp_path)[0]
    assert run.completed_seeds == 3
    assert list(run.trace()["seed"]) == [0, 1, 2]
    _, lines, _ = driftlab("figures", *arguments[1:], "--seeds", 6, "--dry-run")
    assert "3/6 seeds stored" in lines[0]
    assert "(measured)" in lines[0]
    assert lines[2].strip() == "on disk: seeds 2 to 4: 2 records"


def test_a_verdict_against_expectation_is_exit_status_1(driftlab, tmp_path):
    arguments = ("walk", "--quiet", "--preset", "smoke", "--bias", 9, "--out", tmp_path)
    status, lines, _ = driftlab("figures", *arguments)
    assert status == 1
    assert any(line.startswith("NOT EXPECTED in walk: toy.bound") for line in lines)
    assert lines[-1].startswith("Report: ")
    assert "not expected" in (tmp_path / "report.html").read_text()
    status, lines, _ = driftlab("check", *arguments)
    assert status == 1
    assert any("violated (!)" in line for line in lines)


def test_results_of_another_version_are_left_out_and_named(
    driftlab, toy, made, monkeypatch
):
    import dataclasses

    from figures import catalogue

    root, _, _ = made
    changed = dataclasses.replace(toy.FIGURES[0], version=2)
    monkeypatch.setitem(catalogue._known.figures, "walk", changed)
    _, lines, _ = driftlab("report", "--out", root)
    assert any("computed by another version of walk" in line for line in lines)


def test_a_damaged_result_is_named(driftlab, tmp_path):
    arguments = ("walk", "--quiet", "--preset", "smoke", "--out", tmp_path)
    driftlab("check", *arguments)
    trace = Run.all(tmp_path)[0].path / "trace.npz"
    trace.write_bytes(trace.read_bytes()[:100])
    status, _, err = driftlab("check", *arguments)
    assert status == 2
    assert str(trace) in err
    assert err.count("\n") == 1


def test_runs_are_listed_compared_and_removed(driftlab, tmp_path):
    for step in (0.1, 0.2):
        driftlab(
            "check",
            "walk",
            "--quiet",
            "--preset=smoke",
            "--step",
            step,
            "--out",
            tmp_path,
        )
    _, lines, _ = driftlab("runs", "list", "--json", "--out", tmp_path)
    listed = json.loads("\n".join(lines))
    assert [r["complete_seeds"] for r in listed] == [2, 2]
    a, b = (r["id"] for r in listed)
    _, lines, _ = driftlab("runs", "list", "--out", tmp_path)
    assert a in lines[1]
    assert "complete" in lines[1]
    _, lines, _ = driftlab("runs", "compare", a, b, "--out", tmp_path)
    assert len(lines) == 1
    assert sorted(lines[0].split()) == sorted(["step", "0.1", "->", "0.2"])
    status, _, err = driftlab("runs", "compare", "smoke", b, "--out", tmp_path)
    assert (status, "run must be one of" in err) == (2, True)
    status, _, err = driftlab("runs", "remove", a, "--out", tmp_path)
    assert (status, "--yes must be given" in err) == (2, True)
    assert len(Run.all(tmp_path)) == 2
    driftlab("runs", "remove", a, "--yes", "--out", tmp_path)
    assert [run.id for run in Run.all(tmp_path)] == [b]


def start(*arguments, pause: float = 0.0) -> subprocess.Popen:
    # what a shell starts in the background ignores Ctrl-C, and so does all that starts
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    code += "import sys; from figures import catalogue; catalogue.BUILT_IN = ();"
    code += "from figures.cli import main; sys.exit(main(sys.argv[1:]))"
    toy = {"DRIFTLAB_CATALOGUE": "toy_catalogue", "TOY_PAUSE": str(pause)}
    path = f"{REPO}:{Path(__file__).parent}"
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=os.environ | toy | {"PYTHONPATH": path},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )


def interrupt(process: subprocess.Popen) -> str:
    """Ctrl-C, and again after 5 s: Python may drop one in a finaliser. What was said."""
    for patience in (5, 60):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=patience)[1]
    raise AssertionError("not stopped by Ctrl-C")


def test_ctrl_c_says_that_the_same_command_resumes_and_it_does(driftlab, tmp_path):
    arguments = (
        "check",
        "walk",
        "--quiet",
        "--generations",
        40,
        "--out",
        tmp_path / "a",
    )
    process = start(*arguments, pause=0.3)
    deadline = time.monotonic() + 120
    while not list(tmp_path.rglob("gen-00001.npz")) and time.monotonic() < deadline:
        time.sleep(0.02)
    err = interrupt(process)
    assert process.returncode == 130
    assert "the same command resumes" in err
    assert "Traceback" not in err
    run = Run.all(tmp_path / "a")[0]
    assert 2 <= run.stored_groups()[0].done < 40
    assert run.timing()["sessions"][0]["what"] == "interrupted"
    assert list(tmp_path.rglob("*.tmp")) == []
    driftlab(*arguments)
    driftlab(*arguments[:-1], tmp_path / "b")
    assert files(tmp_path / "a") == files(tmp_path / "b")


# ---- predict


def table(lines: list[str]) -> list[dict]:
    return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(lines)]


def test_predicted_bounds_are_those_of_constant_innovations(driftlab):
    _, lines, _ = driftlab(
        *(
            "predict",
            "bounds",
            "--alpha",
            0.5,
            "--energies",
            0.02,
            "--observability",
            0.5,
        ),
        *("--generations", 3, "--format", "csv"),
    )
    rows = table(lines)
    root = sum(0.1 * 0.5**m for m in range(3))  # sqrt J = 0.1
    assert rows[3]["U1"] == pytest.approx(root**2)
    assert rows[3]["U2"] == pytest.approx(0.02 * (1 + 0.5 + 0.25))
    assert rows[3]["unbiased_mean"] == pytest.approx(0.01 * (1 + 0.25 + 0.0625))
    assert rows[3]["tv_bound"] == pytest.approx(math.sqrt(0.02) / 2 * 1.75)


def test_predicted_recursion_and_moments(driftlab):
    _, lines, _ = driftlab(
        *("predict", "recursion", "--shifts", 0.1, "--alpha", 0, "--generations", 2),
        *("--format", "json"),
    )
    rows = json.loads("\n".join(lines))
    assert rows[0]["J"] is None
    assert rows[2]["D"] == pytest.approx(math.expm1(0.04))  # N(0.2, 1) from N(0, 1)
    _, lines, _ = driftlab("predict", "kde", "--generations", 20, "--format", "csv")
    assert table(lines)[20]["relative_drift"] == pytest.approx(1.08298769, abs=1e-8)


@pytest.mark.slow
def test_predicted_generation_of_a_gaussian(driftlab):
    _, lines, _ = driftlab("predict", "linear-gaussian", "--b", 0.2)
    found = dict(line.split() for line in lines[1:])
    S = 3.98
    assert float(found["eps_star2"]) == pytest.approx(0.04 * S)
    assert float(found["eta"]) == pytest.approx(4 * (1 - math.exp(-S / 2)) ** 2 / S)


@pytest.mark.slow
def test_predicted_generation_of_a_mixture(driftlab):
    _, lines, _ = driftlab(
        *("predict", "mixture", "--means", "0,0", "--amplitude", 0, "--fast")
    )
    found = dict(line.split() for line in lines[1:])
    assert float(found["KL"]) == 0.0


def test_predicted_plan_and_formula(driftlab):
    _, lines, _ = driftlab(
        *("predict", "plan", "--target", "0.04,0.01", "--innovation", 0.0004),
        *("--format", "csv"),
    )
    assert [r["alpha_aligned"] for r in table(lines)] == pytest.approx([0.1, 0.2])
    key = "error_propagation.stationary_aligned"
    _, lines, _ = driftlab("predict", "formula", key, "alpha=0.1", "J=0.01")
    assert float(lines[1].split()[-1]) == pytest.approx(1.0)
    status, _, err = driftlab("predict", "formula", key, "alpha=0.1")
    assert status == 2
    assert "NAME=VALUE for each of" in err
    _, lines, _ = driftlab("predict", "formula")
    assert any(line.startswith(key) for line in lines)


def test_predicted_learning_of_the_denoiser(driftlab):
    _, lines, _ = driftlab(
        *("predict", "denoiser", "--means", "2;-2", "--width", 1, "--warm", 0.05),
        *("--tau", 1, "--points", 2, "--tolerance", 1e-4, "--format", "csv"),
    )
    rows = table(lines)
    assert [row["samples_per_dim"] for row in rows] == [0.0, 2.5, 5.0]
    assert rows[2]["b"] == pytest.approx(0.53115714, abs=1e-4)  # autonomous
    assert rows[0]["splitting1"] < 0 < rows[1]["splitting1"]  # splits at tau = .459
    status, _, err = driftlab("predict", "denoiser", "--t", 1)
    assert (status, err) == (2, "driftlab: t must be in (0, 1), got 1.\n")
    status, _, err = driftlab("predict", "denoiser", "--means", "1,2;3")
    assert status == 2
    assert "means must be vectors of one length" in err


def test_predicted_retraining_of_the_denoiser(driftlab):
    _, lines, _ = driftlab(
        *("predict", "retraining", "--means", "2;-2", "--width", 1),
        *("--generations", 1, "--format", "csv"),
    )
    rows = table(lines)
    assert [row["generated_bulk"] for row in rows] == pytest.approx(
        [2.0845473605, 11.4555759068]
    )
    _, lines, _ = driftlab("predict", "critical-time", "--t", "0.4,0.7")
    assert lines[1].split()[1] == "-"
    assert float(lines[2].split()[1]) == pytest.approx(3.04066999)


def test_histories_must_fit_the_generations(driftlab):
    status, _, err = driftlab("predict", "bounds", "--alpha", "0.1,0.2")
    assert status == 2
    assert "alpha must be one value or 10, separated by commas" in err


# ---- progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def show(shown) -> None:
    with shown.stage("figure"), shown.stage("generations", 2) as outer:
        for _ in range(2):
            with shown.stage("training", 3) as inner:
                inner.tick(3)
            outer.tick()


def test_progress_suits_where_it_goes():
    lines, terminal = io.StringIO(), Terminal()
    assert isinstance(progress(lines), Lines)
    assert isinstance(progress(terminal), Bars)
    assert progress(lines, quiet=True) is SILENT
    show(progress(lines))
    text = lines.getvalue().splitlines()
    assert [line.split(":")[0] for line in text] == ["  generations", "figure"]
    assert all("done in" in line for line in text)
    show(progress(terminal))
    assert "training" in terminal.getvalue()
    assert terminal.getvalue().endswith("figure: 00:00\n")  # what stays on the screen
    with pytest.raises(KeyboardInterrupt), progress(lines).stage("cut"):
        raise KeyboardInterrupt
    assert "cut: stopped after" in lines.getvalue()


def test_durations_read_well():
    assert [duration(s) for s in (0.04, 9.96, 59.6, 200, 7500)] == [
        "0.0 s",
        "10.0 s",
        "1 min 00 s",
        "3 min 20 s",
        "2 h 05 min",
    ]
