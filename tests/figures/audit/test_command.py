"""`driftlab audit` as a user meets it."""

import json
import re

import numpy as np
import pytest

from figures.audit.audited import audit
from figures.audit.numbers import interval, with_error
from figures.audit.reading import Setup
from figures.cli import main


@pytest.fixture
def driftlab(capsys):
    """Run a command: (exit status, stdout, stderr)."""

    def run(*arguments) -> tuple[int, str, str]:
        try:
            status = main(list(map(str, arguments)))
        except SystemExit as e:  # argparse
            status = e.code
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def files(tmp_path):
    """Real data with a constant coordinate, and six generations that shift."""
    rng = np.random.default_rng(0)
    flat = lambda x: np.column_stack([x, np.zeros(len(x))])
    np.save(tmp_path / "real.npy", flat(rng.standard_normal((300, 2))))
    names = [tmp_path / f"g{g}.npy" for g in range(1, 7)]
    for g, name in enumerate(names, 1):
        np.save(name, flat(rng.standard_normal((160, 2)) + 0.3 * g))
    return tmp_path / "real.npy", names


def test_the_page_is_named_in_the_last_line_and_needs_no_network(
    driftlab, files, tmp_path
):
    real, samples = files
    out = tmp_path / "out"
    status, text, _ = driftlab(
        "audit", real, *samples, "--alpha", 0, "--components", 2, "--out", out
    )
    assert status == 0
    page = out / "audit.html"
    assert text.splitlines()[-1] == f"Page: {page}"
    for part in (
        "REGIME: drifting",
        "MEASURED",
        "FITTED",
        "BOUNDS",
        "NEXT GENERATIONS",
    ):
        assert part in text
    assert "checked on generations 5 to 6" in text
    assert not re.findall(r"\b(?:nan|inf)\b", text)
    html = page.read_text(encoding="utf-8")
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', html)
    assert "data:image/png;base64," in html
    for name in re.findall(r'href="([^"#]+)"', html):
        assert (out / name).is_file()
    rows = (out / "audit.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) > 50
    assert json.loads((out / "audit.json").read_text())["regime"]["title"] in text


def test_json_is_json_alone(driftlab, files, tmp_path):
    real, samples = files
    status, text, errors = driftlab(
        "audit", real, *samples[:2], "--json", "--out", tmp_path / "out"
    )
    found = json.loads(text)
    assert status == 0
    assert "Page: " in errors
    assert found["points"] == 140
    assert "singular" in found["measures"]["moments"]["missing"]
    assert found["measures"]["energy"]["value"][2] > 0.05
    assert len(found["measures"]["p"]["value"]) == 3
    assert {p["kind"] for p in found["predictions"]} >= {"guarantee", "rate"}


def test_the_same_seed_gives_the_same_numbers(files):
    real, samples = files
    run = lambda seed: audit(Setup(real, (samples[0],), seed=seed)).to_json()
    first = run(0)
    assert first == run(0)
    assert first["measures"] != run(1)["measures"]


def test_bad_input_gets_one_line_and_leaves_nothing(driftlab, files, tmp_path):
    real, samples = files
    out = tmp_path / "out"
    for arguments, message in (
        ((real, tmp_path / "no.npy"), "must be a file of images, got nothing there"),
        ((real, samples[0], "--alpha", 2), "--alpha must be in [0, 1], got 2"),
        (
            (real, samples[0], "--components", 9),
            "--components must be in [1, 3], got 9",
        ),
        ((real, samples[0], "--train", real, real), "--train must be none or one"),
    ):
        status, text, errors = driftlab("audit", *arguments, "--out", out)
        assert status == 2
        assert text == ""
        assert errors.count("\n") == 1
        assert message in errors
    assert not list(out.glob("*")) if out.exists() else True
    status, _, errors = driftlab("audit", real)
    assert status == 2
    assert "SAMPLES" in errors


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.0123, 0.0014, "0.0123(14)"),
        (-3.456, 0.2, "-3.46(20)"),
        (1234.0, 56.0, "1234(56)"),
        (45_678.0, 1234.0, "45700(1200)"),
        (0.5, 0.0996, "0.50(10)"),
        (2.6e-6, 3.7e-6, "2.6(37)e-6"),
        (0.0, 0.0, "0"),
        (7.0, float("nan"), "7"),
        (float("nan"), 1.0, "-"),
    ],
)
def test_errors_are_in_the_last_digits(value, error, text):
    assert with_error(value, error) == text


def test_intervals():
    assert interval(1.0, 0.5, 2.0) == "1 [0.5, 2]"
    assert interval(1.0, -np.inf, 2.0) == "<= 2"
    assert interval(np.nan, 0.5, 2.0) == "0.5 to 2"
    assert interval(np.nan, np.nan, np.nan) == "-"
