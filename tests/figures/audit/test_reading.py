"""Files of an audit: what is taken, what gets one line, what is noted."""

from pathlib import Path

import numpy as np
import pytest

from figures.audit.reading import Setup, read
from theory.validation import InputError


@pytest.fixture
def saved(tmp_path):
    """Save arrays, return their paths."""

    def save(**arrays) -> dict[str, Path]:
        paths = {}
        for name, x in arrays.items():
            paths[name] = tmp_path / f"{name}.npy"
            np.save(paths[name], x)
        return paths

    return save


def points(seed=0, n=130, dim=3):
    return np.random.default_rng(seed).standard_normal((n, dim))


def test_images_are_flattened_and_npz_is_read(saved, tmp_path):
    real = saved(real=points(dim=12).reshape(130, 3, 4))["real"]
    np.savez(tmp_path / "g1.npz", images=points(1, dim=12))
    loop = read(Setup(real, (tmp_path / "g1.npz",)))
    assert loop.real.shape == loop.samples[0].shape == (130, 12)
    assert loop.notes == ()


@pytest.mark.parametrize(
    ("name", "x", "message"),
    [
        ("nan", np.where(points() > 2, np.nan, points()), "nan.npy must be finite"),
        ("wide", points(dim=4), "wide.npy must be points in 3 coordinates.*got 4"),
        ("few", points(n=20), "few.npy must be at least 60 points, got 20"),
        ("flat", np.zeros(5), "flat.npy must be n images of pixels"),
    ],
)
def test_bad_samples_get_one_line(saved, name, x, message):
    paths = saved(real=points(), **{name: x})
    with pytest.raises(InputError, match=message):
        read(Setup(paths["real"], (paths[name],)))


def test_real_data_must_vary(saved):
    paths = saved(real=np.ones((130, 3)), one=points())
    with pytest.raises(InputError, match="real.npy must hold points that differ"):
        read(Setup(paths["real"], (paths["one"],)))
    paths = saved(real=points(n=100), one=points())
    with pytest.raises(InputError, match="real.npy must be 120 points"):
        read(Setup(paths["real"], (paths["one"],)))


def test_oddities_are_noted(saved):
    real, copied = points(), points(1)
    real[:, 1] = 2.0
    copied[:5] = copied[5:10]
    paths = saved(real=real, g10=points(2), g9=copied)
    notes = " ".join(read(Setup(paths["real"], (paths["g10"], paths["g9"]))).notes)
    assert "1 of 3 coordinates are constant" in notes
    assert "5 in generation 2" in notes
    assert "g10, g9" in notes  # an order that a shell may have made


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"alpha": 1.5}, "--alpha must be in"),
        ({"n": 1}, "--n must be >= 2"),
        ({"components": 0}, "--components must be >= 1"),
        ({"rate": 1.0}, "--rate must be in"),
        ({"ahead": 0}, "--ahead must be in"),
        ({"points": 10}, "--points must be >= 60"),
        ({"seed": -1}, "--seed must be >= 0"),
        ({"train": (Path("a"),)}, "--train must be none or one for each of the 2"),
    ],
)
def test_settings_out_of_range_get_one_line(settings, message):
    with pytest.raises(InputError, match=message):
        Setup(Path("real.npy"), (Path("a"), Path("b")), **settings)
