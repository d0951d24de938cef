"""Settings that cannot be meant: one line, exit code 2, nothing written."""

import pytest

from figures.cli import main

CASES = {
    "alphas above 1": (
        "ep7",
        "--alphas",
        "0.5,1.5",
        "alphas must be in [0, 1], got 1.5",
    ),
    "alphas NaN": ("ep1", "--alphas", "nan", "alphas must be in [0, 1], got nan"),
    "no points": ("ep1", "--n", "0", "n must be >= 1, got 0"),
    "no bandwidth": ("ep1", "--bandwidth", "0", "bandwidth must be positive"),
    "bandwidth NaN": ("ep1", "--bandwidth", "nan", "bandwidth must be positive"),
    "t0 beyond T": ("ep1", "--t0", "5", "t0 must be < T = 4, got 5"),
    "negative t0": ("ep1", "--t0", "-1", "t0 must be in [0, inf], got -1"),
    "no seeds": ("ep1", "--seeds", "0", "seeds must be >= 1, got 0"),
    "no generations": ("ep8", "--generations", "0", "generations must be >= 1, got 0"),
    "no steps": ("ep6", "--steps", "0", "steps must be >= 1, got 0"),
    "unknown figure": ("ep9", "--n", "5", "figure must be a known one"),
    "unknown field": ("ep1", "--band", "5", "setting must be a known one"),
    "not a number": ("ep1", "--n", "many", "n must be"),
}


@pytest.mark.parametrize("case", CASES)
def test_refused_in_one_line(case, tmp_path, capsys):
    figure, option, value, says = CASES[case]
    out = tmp_path / "out"
    command = ["figures", figure, "--preset", "smoke", "--out", str(out), option, value]
    assert main(command) == 2
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if line]
    assert len(lines) == 1
    assert says in lines[0]
    assert "Traceback" not in captured.err
    assert not out.exists()


def test_an_output_path_that_cannot_be_written(tmp_path, capsys):
    file = tmp_path / "file"
    file.write_text("not a folder")
    assert main(["figures", "ep1", "--preset", "smoke", "--out", str(file)]) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert file.read_text() == "not a folder"
