"""Predictions for self-consuming loops at the command line, and schedules from files."""

import csv
import json

import numpy as np
import pytest
from scipy.optimize import brentq


def table(lines: list[str]) -> list[dict]:
    return list(csv.DictReader(lines))


def column(rows: list[dict], name: str) -> list[float]:
    return [float(row[name]) for row in rows]


def predict(driftlab, *arguments):
    status, lines, err = driftlab("predict", *arguments, "--format", "csv")
    assert (status, err) == (0, "")
    return table(lines)


def unrolled(alpha, beta, errors):
    """Weights of the last model, lengths and bounds by dense linear algebra."""
    solved = np.linalg.inv(np.eye(len(alpha)) - beta)
    return solved[-1], solved @ np.ones(len(alpha)), solved @ errors


def latest(stages, share):
    """beta of the latest model alone."""
    return np.diag(np.full(stages - 1, share), -1)


S = 6
STAGE = np.arange(S)


def past(share):
    """beta of equal shares for all past models."""
    return np.tril(np.broadcast_to(np.asarray(share)[:, None], (S, S)), -1)


SCHEMES = {
    "fully-synthetic": ((), np.full(S, 100.0), latest(S, 1.0)),
    "latest": (("--alpha", 0.2), np.full(S, 100.0), latest(S, 0.8)),
    "accumulate": ((), np.full(S, 100.0), past(1 / (STAGE + 1))),
    "accumulate-full": ((), 100.0 * (STAGE + 1), past(1 / (STAGE + 1))),
    "batches": (
        ("--real", 40, "--synthetic", 10),
        40.0 + 10 * STAGE,
        past(10 / (40 + 10 * STAGE)),
    ),
    "uniform-past": (
        ("--share", 0.6),
        np.full(S, 100.0),
        past(0.6 / np.maximum(STAGE, 1)),
    ),
    "fixed": (
        ("--real", 50, "--synthetic", 150, "--first", "V2"),
        np.where(STAGE == 0, 50.0, 200.0),
        latest(S, 0.75),
    ),
}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_weights_lengths_and_bounds_of_the_schemes(driftlab, scheme):
    options, sizes, beta = SCHEMES[scheme]
    rows = predict(
        driftlab,
        *("mixing", "--scheme", scheme, "--stages", S, "--rate", 0.4, "--constant", 2),
        *options,
    )
    alpha = 1.0 - beta.sum(axis=1)
    weights, lengths, bounds = unrolled(alpha, beta, 2.0 * sizes**-0.4)
    assert column(rows, "model") == list(STAGE + 1)
    for name, expected in (
        ("size", sizes),
        ("alpha", alpha),
        ("weight", weights),
        ("lineage", lengths),
        ("bound", bounds),
    ):
        np.testing.assert_allclose(column(rows, name), expected, rtol=1e-12, atol=1e-15)


def test_a_log_factor_multiplies_the_errors(driftlab):
    rows = predict(
        driftlab, "mixing", "--scheme", "fully-synthetic", "--stages", 2, "--dim", 3
    )
    error = 100**-0.25 * np.sqrt(3 * np.log(3 * 100 / 0.05))
    np.testing.assert_allclose(column(rows, "bound"), [error, 2 * error], rtol=1e-12)


# ---- schedules from files

OWN = np.array(
    [[1.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0], [0.25, 0.5, 0.25, 0.0]]
)  # S = 3: alpha, then shares of models 1, 2 and (always 0) 3


def write(path, array):
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".npz":
        np.savez(path, schedule=array, note=np.zeros(2))
    else:
        np.savetxt(path, array, delimiter=",")
    return path


@pytest.mark.parametrize("kind", [".npy", ".npz", ".csv"])
def test_a_schedule_of_ones_own(driftlab, tmp_path, kind):
    path = write(tmp_path / f"own{kind}", OWN)
    rows = predict(driftlab, "mixing", "--schedule", path, "--size", 16)
    weights, lengths, bounds = unrolled(OWN[:, 0], OWN[:, 1:], np.full(3, 0.5))
    np.testing.assert_allclose(column(rows, "weight"), weights, rtol=1e-12)
    np.testing.assert_allclose(column(rows, "lineage"), lengths, rtol=1e-12)
    np.testing.assert_allclose(column(rows, "bound"), bounds, rtol=1e-12)
    rows = predict(driftlab, "sample-size", "--schedule", path, "--target", 0.2)
    assert column(rows, "factor") == pytest.approx([weights.sum()])
    expected = (weights.sum() / 0.2) ** 4
    assert column(rows, "points") == [np.ceil(expected)]


def changed(row, column_, value):
    array = OWN.copy()
    array[row, column_] = value
    return array


BAD = {
    "nan.npy": (changed(1, 0, np.nan), "alpha must be finite, got nan at index"),
    "inf.npy": (changed(1, 1, np.inf), "beta must be finite, got inf at index"),
    "negative.npy": (changed(2, 1, -0.5), r"beta must be in [0, 1], got -0.5 at index"),
    "sum.npy": (changed(2, 1, 0.4), "shares of stage 2 must be summing to 1 within"),
    "first.npy": (changed(0, 0, 0.5), "shares of stage 0 must be summing to 1"),
    "future.npy": (changed(1, 2, 0.5), "beta must be zero on and above the diagonal"),
    "square.npy": (OWN[:, :3], "must be a matrix (S, S + 1), one row a stage: alpha"),
    "vector.npy": (OWN[0], "must be a matrix (S, S + 1)"),
    "empty.npy": (np.zeros((0, 1)), "must be a matrix (S, S + 1)"),
    "text.npy": (np.array([["a"]]), "must be real numbers, got 'str"),
    "complex.npy": (OWN.astype(complex), "must be real numbers, got 'complex128'"),
    "several.npz": (None, "must be one array, or one named 'schedule', got"),
    "objects.npy": (np.array([{}]), "must be a whole file of numbers"),
    "cut.npy": (None, "must be a whole file of numbers"),
    "cut.npz": (None, "must be a whole file of numbers"),
    "cut.csv": ("1,0,0\n0.5,0.5", "must be a whole file of numbers"),
    "words.csv": ("alpha,beta\n1,0\n", "must be a whole file of numbers"),
    "empty.csv": ("", "must be a matrix (S, S + 1)"),
    "binary.csv": (b"\xff\xfe\x00", "must be a whole file of numbers"),
    "missing.npy": (None, "must be a file with a schedule, got nothing there"),
    "schedule.txt": ("1,0\n", "must be one of .npy, .npz, .csv, got '.txt'"),
}


def spoil(path, content):
    if isinstance(content, np.ndarray):
        np.save(path, content, allow_pickle=True)
    elif isinstance(content, str):
        path.write_text(content)
    elif isinstance(content, bytes):
        path.write_bytes(content)
    elif path.name == "several.npz":
        np.savez(path, a=OWN, b=OWN)
    elif path.name.startswith("cut"):
        whole = write(path.with_name(f"whole{path.suffix}"), OWN)
        path.write_bytes(whole.read_bytes()[:150])


@pytest.mark.filterwarnings("ignore:loadtxt")
@pytest.mark.parametrize("name", BAD)
def test_files_that_hold_no_schedule_are_refused_in_one_line(driftlab, tmp_path, name):
    content, message = BAD[name]
    spoil(tmp_path / name, content)
    for mode in (("mixing",), ("sample-size", "--target", 0.1)):
        status, lines, err = driftlab("predict", *mode, "--schedule", tmp_path / name)
        assert (status, lines) == (2, [])
        assert err.startswith(f"driftlab: {tmp_path / name}")
        assert message in err
        assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mixing", "--stages", 0), "stages must be in [1, 4096], got 0."),
        (("mixing", "--stages", 5000), "stages must be in [1, 4096], got 5000."),
        (("mixing", "--alpha", 1.5), "alpha must be in [0, 1], got 1.5"),
        (("mixing", "--size", -1), "sizes must be positive and finite, got -1"),
        (("mixing", "--size", 0.5), "points of each stage must be >= 1, got "),
        (("mixing", "--rate", 1), "rate must be in (0, 1), got 1."),
        (("mixing", "--rate", "nan"), "rate must be in (0, 1), got nan."),
        (("mixing", "--constant", 0), "constant must be positive and finite, got 0."),
        (("mixing", "--dim", 0), "dim must be in [1, 1e+09], got 0."),
        (("mixing", "--dim", 1, "--delta", 1), "delta must be in (0, 1), got 1."),
        (("mixing", "--scheme", "batches", "--real", 0), "n must be positive"),
        (("mixing", "--scheme", "fixed", "--synthetic", -1), "m must be in [0, "),
        (
            ("mixing", "--scheme", "latest", "--schedule", "x.csv"),
            "scheme must be left out where --schedule is given, got 'latest'.",
        ),
        (("phase-transition", "--models", 1), "models must be in [2, 1000000], got 1."),
        (("phase-transition", "--rate", 0), "rate must be in (0, 1), got 0."),
        (("phase-transition", "--lams", "1,-1"), "lams must be in [0, "),
        (("sample-size", "--target", 0), "target must be positive and finite, got 0."),
        (("sample-size", "--target", 1, "--ratio", 0), "ratio must be positive"),
        (("sample-size", "--target", 1, "--models", 0), "models must be in [1, "),
    ],
)
def test_what_cannot_be_predicted_is_refused_in_one_line(driftlab, arguments, message):
    status, lines, err = driftlab("predict", *arguments)
    assert (status, lines) == (2, [])
    assert message in err
    assert err.startswith("driftlab: ")
    assert err.count("\n") == 1


# ---- the bound's phase transition


@pytest.mark.parametrize(("models", "rate"), [(2, 0.25), (10, 0.4), (20, 0.5)])
def test_thresholds_of_the_bound(driftlab, models, rate):
    """Against slopes by differences of the shapes, written out."""
    beta = lambda lam: lam / (1 + lam)
    first = lambda lam: (1 + lam) ** (1 - rate) * (1 - beta(lam) ** models)
    second = lambda lam: (
        (1 + lam) ** (1 - rate) * (1 - beta(lam) ** (models - 1))
        + beta(lam) ** (models - 1)
    )
    slope = lambda f: lambda lam: (f(lam * (1 + 1e-5)) - f(lam * (1 - 1e-5))) / lam
    rows = predict(
        driftlab,
        *("phase-transition", "--models", models, "--rate", rate, "--lams", "0,2.5"),
    )
    at = {row["point"]: row for row in rows}
    for name, f in (("V1", first), ("V2", second)):
        found = at[f"threshold {name}"]
        root = brentq(slope(f), 0.1, 1e3)
        assert float(found["lam"]) == pytest.approx(root, rel=1e-4)
        assert float(found[name]) == pytest.approx(f(root), rel=1e-8)
        assert column(rows[-2:], name) == pytest.approx([1.0, f(2.5)])
    if models == 2:
        assert float(at["threshold V1"]["lam"]) == pytest.approx(1.5)
    assert float(at["break-even V1"]["V1"]) == pytest.approx(1.0)
    assert float(at["break-even V1"]["lam"]) > float(at["threshold V1"]["lam"])
    gap = float(at["asymptotic V1"]["lam"]) - float(at["threshold V1"]["lam"])
    assert abs(gap) < 1.0 / models


def test_an_asymptote_below_zero_has_no_shape(driftlab):
    status, lines, _ = driftlab(
        *("predict", "phase-transition", "--models", 2, "--rate", 0.9),
        *("--format", "json"),
    )
    rows = json.loads("\n".join(lines))
    assert status == 0
    assert rows[1]["lam"] < 0
    assert rows[1]["V1"] is None


# ---- sample sizes


def test_sample_sizes_keep_the_bound_at_the_target(driftlab):
    """The bound of `predict mixing`, with those points, is the target and no more."""
    target, G = 0.3, 4
    options = ("--alpha", 0.25, "--share", 0.75, "--rate", 0.5)
    rows = predict(
        driftlab,
        *("sample-size", "--target", target, "--models", G, "--ratio", 2, *options),
    )
    points = {row["scheme"]: float(row["points"]) for row in rows}
    assert points["fully-synthetic"] == np.ceil((G / target) ** 2)
    assert float(rows[0]["limit"]) == np.inf
    for scheme, n in points.items():
        if scheme == "growing":  # not a scheme of `mixing`
            continue
        for size, below in ((n, True), (n - 1, False)):
            found = predict(
                driftlab,
                *("mixing", "--scheme", scheme, "--stages", G, "--size", size),
                *("--real", size, "--synthetic", 2 * size, *options),
            )
            assert (column(found, "bound")[-1] <= target * (1 + 1e-12)) == below
