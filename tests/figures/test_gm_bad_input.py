"""Bad input to the figures of memorisation: one clear line each, exit code 2."""

import gzip
import hashlib

import numpy as np
import pytest

from figures.cli import main
from sim.store import Run

SMALL = ("--width", "8", "--depth", "1", "--steps", "10", "--generations", "2",
         "--levels", "3", "--components", "4")  # fmt: skip


def refused(capsys, *arguments) -> str:
    status = main(["figures", *arguments, "--preset", "smoke", "--jobs", "1"])
    lines = capsys.readouterr().err.strip().splitlines()
    assert status == 2
    line = lines[-1]
    assert line.startswith("driftlab: ")
    assert "Traceback" not in "".join(lines)
    return line


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("gm1", "--data", "nothing"), "data must be one of digits"),
        (("gm1", "--sizes", "64,32"), "sizes must be at least two, rising"),
        (("gm1", "--sizes", "4,8"), "sizes must be >= 8, got 4"),
        (("gm1", "--keep", "100"), "keep must be <= the least size, 32"),
        (("gm1", "--components", "2"), "components must be >= 3: gm2 draws"),
        (("gm1", "--steps", "15"), "steps must be a multiple of 10, got 15"),
        (("gm1", "--generations", "1"), "generations must be >= 2"),
        (("gm1", "--channels", "12"), "channels must be 0 or a multiple of 8, got 12"),
        (("gm7", "--decay", "1.5"), "decay must be in (0, 1)"),
        (("gm10", "--decays", "0.5,0"), "decays must be in (0, 1)"),
        (("gm13", "--families", "32,7"), "families must be divisors of n = 32"),
        (("gm13", "--families", "8,32"), "families must be falling"),
        (("gm11", "--fresh", "1"), "fresh must be in (0, 1)"),
        (("gm12", "--sizes", "64,16"), "sizes must be at least two, rising"),
        (("gm12", "--looks", "7"), "steps must be a multiple of looks = 7, got 200"),
        (("gm1", "--components", "65"), "components must be in [1, 64], got 65"),
        (("gm1", "--sizes", "32,1790"), "images in data must be >= 1854"),
        (
            ("gm1", "--data", "sphere", "--channels", "8"),
            "channels must be 0 for points",
        ),
    ],
)
def test_settings_out_of_range(capsys, tmp_path, arguments, says):
    line = refused(capsys, *arguments, "--out", str(tmp_path))
    assert says in line


def images(n=1100, side=8):
    return np.random.default_rng(0).integers(0, 256, (n, side, side), np.uint8)


def broken(kind, path):
    """A file of images that cannot be used, and what is said of it."""
    x = images()
    if kind == "truncated":
        np.savez(path / "x.npz", images=x)
        whole = (path / "x.npz").read_bytes()
        (path / "x.npz").write_bytes(whole[: len(whole) // 2])
        return path / "x.npz", "must be a whole .npy, .npz or IDX file"
    if kind == "cut gzip":
        header = bytes([0, 0, 8, 3]) + np.array(x.shape, ">u4").tobytes()
        whole = gzip.compress(header + x.tobytes())
        (path / "x.gz").write_bytes(whole[:-200])
        return path / "x.gz", "must be a whole .npy, .npz or IDX file"
    if kind == "text":
        np.save(path / "x.npy", x.astype(str))
        return path / "x.npy", "must be numbers"
    if kind == "not finite":
        np.save(path / "x.npy", np.where(x > 100, np.nan, 1.0))
        return path / "x.npy", "must be finite"
    if kind == "few":
        np.save(path / "x.npy", x[:200])
        return path / "x.npy", "images in data must be >= 1088"
    if kind == "equal":
        np.save(path / "x.npy", np.ones((1100, 8, 8)))
        return path / "x.npy", "images must be different from each other"
    np.save(path / "x.npy", images(1100, 1).reshape(1100, 1)[:, [0, 0, 0, 0, 0]])
    return path / "x.npy", "pixels of images in data must be a square number, got 5"


@pytest.mark.parametrize(
    "kind", ["truncated", "cut gzip", "text", "not finite", "few", "equal", "oblong"]
)
def test_files_that_hold_no_images(capsys, tmp_path, kind):
    file, says = broken(kind, tmp_path)
    channels = ("--channels", "8") if kind == "oblong" else ()
    out = ("--out", str(tmp_path / "out"))
    line = refused(capsys, "gm1", *SMALL, *channels, "--data", str(file), *out)
    assert says in line


def test_images_of_a_file_are_learned_and_their_checksum_is_held_to(capsys, tmp_path):
    x = images(1797)  # the smoke preset's programs serve: as many as the digits
    np.savez(tmp_path / "x.npz", images=x)
    out = tmp_path / "out"
    arguments = ("gm1", "gm6", "--data", str(tmp_path / "x.npz"), "--out", str(out))
    line = refused(capsys, *arguments, "--sha256", "0" * 64)
    assert "must have the SHA-256 000" in line
    line = refused(capsys, *arguments, "--sha256", "0" * 63)
    assert "sha256 must be 64 hexadecimal digits" in line
    right = hashlib.sha256((tmp_path / "x.npz").read_bytes()).hexdigest()
    status = main(
        ["figures", *arguments, "--preset", "smoke", "--jobs", "1", "--sha256", right]
    )
    assert status in (0, 1)  # noise is learned: what is claimed of it is another matter
    assert "Traceback" not in capsys.readouterr().err
    report = (out / "report.html").read_text(encoding="utf-8")
    assert f"x.npz (SHA-256 {right[:12]}) in 16 principal components" in report
    (stored,) = [run for run in Run.all(out) if run.completed_seeds]
    trace = stored.trace()
    rows = x.reshape(len(x), -1)[np.random.default_rng(0).permutation(len(x))]
    np.testing.assert_allclose(trace["frame_mean"], rows[:1_024].mean(axis=0))
    np.testing.assert_array_equal(trace["frame_ends"], [0, 255])
    assert np.isfinite(trace["score"]).all()
