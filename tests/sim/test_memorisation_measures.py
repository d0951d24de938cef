"""The measures of a loop that remembers, on stand-in scenes with known answers."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from point_sets import TRIG
from scipy.spatial.distance import cdist

from sim.measures.entropy import entropy, entropy_of_neighbours
from sim.measures.memorisation import Copying, Fidelity, Spacing, Twin
from sim.measures.neighbours import nearest_distances
from theory.validation import InputError

KEY = jr.key(0)


def normal(seed, n, d=5):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def scene(**parts):
    whole = {
        "data": normal(0, 60),
        "samples": normal(1, 80),
        "reference": normal(2, 90),
        "twin": normal(3, 40),
    }
    parts = {
        k: None if v is None else jnp.asarray(v) for k, v in (whole | parts).items()
    }
    return SimpleNamespace(**parts)


def distances(a, b):
    """All pairs in double precision."""
    return cdist(np.asarray(a, np.float64), np.asarray(b, np.float64))


def own_spacing(x, k=1):
    return np.sort(distances(x, x), axis=1)[:, k]


def test_spacing_of_both_sets():
    s = scene()
    found = Spacing()(KEY, s)
    for name, x in (("data", s.data), ("generated", s.samples)):
        np.testing.assert_allclose(
            found[f"{name}_spacing"], own_spacing(x)[:, None], rtol=1e-12
        )
        trace = np.trace(np.cov(np.asarray(x, np.float64).T))
        assert float(found[f"{name}_trace"]) == pytest.approx(trace, rel=1e-12)
        H = entropy(own_spacing(x), 5).value
        np.testing.assert_allclose(found[f"{name}_entropy"], [H], rtol=1e-12)
    assert found["data_spacing"].shape == (60, 1)
    assert found["generated_spacing"].shape == (80, 1)


def test_spacing_to_several_neighbours_on_a_manifold():
    angle = np.random.default_rng(4).uniform(0.0, 2.0 * np.pi, 60)
    circle = np.stack([np.cos(angle), np.sin(angle), 0.0 * angle], axis=1)
    found = Spacing(ks=(3, 1), intrinsic_dim=1)(KEY, scene(data=circle))
    for column, k in enumerate((3, 1)):
        eps = own_spacing(circle, k)
        np.testing.assert_allclose(
            found["data_spacing"][:, column], eps, rtol=1e-7, atol=1e-9
        )
        H = float(entropy(eps, 1, k).value)
        assert float(found["data_entropy"][column]) == pytest.approx(H, rel=1e-7)
    neighbours = nearest_distances(circle, circle, 4, exclude_self=True)
    se = float(entropy_of_neighbours(neighbours, 1, 3).standard_error)
    assert float(found["data_entropy_se"][0]) == pytest.approx(se, rel=1e-9)


def test_copying_finds_rows_over_the_whole_of_the_data():
    data = normal(0, 70)
    chosen = np.array([69, 3, 3, 41])
    found = Copying()(KEY, scene(data=data, samples=data[chosen]))
    np.testing.assert_array_equal(found["nearest_index"], chosen)
    assert not np.any(found["nearest"])
    np.testing.assert_allclose(found["second"], own_spacing(data)[chosen], rtol=1e-12)
    far = Copying()(KEY, scene(data=data))
    both = np.sort(distances(scene().samples, data), axis=1)
    np.testing.assert_allclose(far["nearest"], both[:, 0], rtol=1e-12)
    np.testing.assert_allclose(far["second"], both[:, 1], rtol=1e-12)


def test_fidelity_is_measured_against_the_reference():
    s = scene()
    found = Fidelity()(KEY, s)
    near = distances(s.samples, s.reference).min(axis=1)
    assert float(found["distance_to_real"]) == pytest.approx(near.mean(), rel=1e-12)
    error = near.std(ddof=1) / np.sqrt(80)
    assert float(found["distance_to_real_se"]) == pytest.approx(error, rel=1e-9)
    same = Fidelity()(KEY, scene(samples=s.reference))
    assert float(same["distance_to_real"]) == 0.0
    assert float(same["frechet"]) < 1e-12 < float(found["frechet"])
    shifted = Fidelity()(KEY, scene(samples=s.reference + 2.0))
    assert float(shifted["frechet"]) == pytest.approx(5 * 4.0, rel=1e-6)


def test_twin_is_set_against_as_many_points_of_the_data():
    s = scene()
    found = Twin()(KEY, s)
    a = distances(s.samples, s.data[:40]).min(axis=1)
    b = distances(s.samples, s.twin).min(axis=1)
    assert float(found["twin_ratio"]) == pytest.approx(a.mean() / b.mean(), rel=1e-12)
    assert float(found["closer"]) == pytest.approx(np.mean(a < b), rel=1e-12)
    whole = distances(s.samples, s.data).min(
        axis=1
    )  # more data lie nearer: the control
    assert whole.mean() / b.mean() < float(found["twin_ratio"]) - 0.01


def test_twin_tells_copies_from_fresh_points():
    s = scene()
    copies = Twin()(KEY, scene(samples=s.data[:40] + 1e-3))
    assert float(copies["twin_ratio"]) < 0.01
    assert float(copies["closer"]) == 1.0
    swapped = scene(samples=s.data[:40] + 1e-3, data=s.twin, twin=s.data[:40])
    assert float(Twin()(KEY, swapped)["twin_ratio"]) > 100.0
    assert float(Twin()(KEY, swapped)["closer"]) == 0.0


def test_a_scene_without_a_twin_has_nothing_to_say():
    assert Twin()(KEY, scene(twin=None)) == {}


def test_a_twin_larger_than_the_data_is_refused():
    with pytest.raises(
        InputError, match="twin must be of at most the data's 60 points"
    ):
        Twin()(KEY, scene(twin=normal(3, 61)))


@pytest.mark.parametrize("change", [{"ks": ()}, {"ks": (0, 1)}, {"intrinsic_dim": 0}])
def test_impossible_settings_are_refused(change):
    with pytest.raises(InputError, match=f"{next(iter(change))} must be"):
        Spacing(**change)


def test_one_point_has_no_spacing():
    with pytest.raises(InputError, match="pool must be at least"):
        Spacing()(KEY, scene(data=TRIG[:1]))


MEASURES = {
    type(m).__name__: m for m in (Spacing(ks=(1, 3)), Copying(), Fidelity(), Twin())
}


@pytest.mark.parametrize("measure", MEASURES.values(), ids=list(MEASURES))
def test_records_are_named_in_double_precision_and_map_over_replicas(measure):
    def record(key, data, samples, reference, twin):
        parts = {"data": data, "samples": samples, "reference": reference, "twin": twin}
        return measure(key, SimpleNamespace(**parts))

    keys = jr.split(jr.key(1), 3)
    parts = [
        jnp.stack([jnp.asarray(normal(10 * r + i, n)) for r in range(3)])
        for i, n in enumerate((50, 40, 45, 30))
    ]
    parts[0] = parts[0].at[1, 20:40].set(parts[0][1, :20])  # one replica has duplicates
    found = jax.jit(jax.vmap(record))(keys, *parts)
    assert {name.removesuffix("_se") for name in found} == set(measure.names)
    for name, values in found.items():
        whole = name == "nearest_index"
        assert values.dtype == (jnp.int32 if whole else jnp.float64)
    for r in range(3):
        alone = record(KEY, *(part[r] for part in parts))
        for name, value in alone.items():
            np.testing.assert_allclose(found[name][r], value, rtol=1e-10, atol=1e-12)
    assert measure.needs == "samples"
