"""ae3: the smoke preset end to end, its judgement on doctored results, images of files."""

import dataclasses

import jax.random as jr
import numpy as np
import pytest

from figures import catalogue, style
from figures.autoencoder import images
from figures.autoencoder.spectra import as_source, pictures
from figures.export import plotted
from figures.pipeline import compute
from figures.progress import SILENT
from sim.learners.autoencoder.realisation import realise
from theory.claims import Outcome, decide
from theory.validation import InputError

FIGURE = catalogue.figures()["ae3"]
SETTINGS = FIGURE.presets["smoke"]


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    return compute(FIGURE, "smoke", SETTINGS, tmp_path_factory.mktemp("ae3"), SILENT)


def outcomes(trace, curves, settings=SETTINGS) -> dict[str, Outcome]:
    evidence = images.judge(settings, trace, curves)
    return {v.claim: v.outcome for v in decide(evidence, catalogue.claims())}


def test_smoke_preset_surprises_nobody(smoke):
    judged = decide(smoke.evidence, catalogue.claims())
    assert {v.claim for v in judged} == set(FIGURE.claims)
    assert all(v.as_expected for v in judged)


@pytest.mark.parametrize(
    ("claim", "name", "doctor"),
    [
        ("ae-projection", "x", lambda x: 1.3 * x),
        ("ae-projection-w1", "x", lambda x: x + 1.0),
        ("ae-bulk", "bulk", lambda s2: 1.05 * s2),
        ("ae-images-overlaps", "Q", lambda Q: Q + 0.35),
    ],
)
def test_doctored_results_are_rejected(smoke, claim, name, doctor):
    trace = smoke.trace.assign({name: doctor(smoke.trace[name])})
    curves = images.predict(SETTINGS, trace)
    assert outcomes(trace, curves)[claim] is Outcome.VIOLATED


def test_the_band_is_claimed_of_the_preset_only(smoke):
    other = dataclasses.replace(SETTINGS, classes=(1,))
    found = outcomes(smoke.trace, smoke.curves, other)
    assert found["ae-images-overlaps"] is Outcome.HYPOTHESES_NOT_MET


def test_draws_the_spectrum_above_the_images(smoke):
    with style.applied():
        rows = plotted(images.draw(SETTINGS, smoke.trace, smoke.curves))
    assert len({r.panel for r in rows}) == 2 * len(SETTINGS.times)
    assert "183 images of 64 pixels" in images.caption(SETTINGS, smoke.trace)


@pytest.mark.parametrize("clusters", [False, True])
def test_images_have_the_moments_the_theory_takes(clusters):
    settings = dataclasses.replace(SETTINGS, classes=(0, 1, 7), clusters=clusters)
    of, x = pictures(settings)
    law = of.law
    assert of.variances[0] == pytest.approx(SETTINGS.leading)
    latents, weights = np.asarray(law.latents), np.asarray(law.weights)
    means = latents @ of.directions
    np.testing.assert_allclose(weights @ means, x.mean(axis=0), atol=1e-12)
    within = np.diag(of.variances)
    between = np.einsum("k,ki,kj->ij", weights, means, means)
    np.testing.assert_allclose(within + between, x.T @ x / len(x), atol=1e-10)
    realised = realise(law, x.shape[1])
    drawn = as_source(of, x, realised).draw(jr.key(0), 4_000)
    along = np.asarray(realised.project(drawn))
    expected = x @ of.directions.T
    tolerance = 5 * expected.std(axis=0) / 60
    assert np.all(abs(along.mean(axis=0) - expected.mean(axis=0)) <= tolerance + 1e-6)
    if clusters:  # the images' own third moments survive the realisation's signs
        skew = lambda a: np.mean(a[:, 0] ** 2 * a[:, -1])
        assert skew(along) == pytest.approx(skew(expected), rel=0.25)


def test_images_of_a_file(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (40, 3, 3))
    np.savez(tmp_path / "own.npz", images=x, labels=np.arange(40) % 2)
    np.save(tmp_path / "bare.npy", x)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "bare.npy").read_bytes()[:200])
    own = dataclasses.replace(SETTINGS, images=str(tmp_path / "own.npz"), classes=(1,))
    of, chosen = pictures(own)
    assert chosen.shape == (20, 9)
    assert of.plane.shape == (2, 3)
    bare = dataclasses.replace(SETTINGS, images=str(tmp_path / "bare.npy"))
    assert len(pictures(bare)[1]) == 40
    cut = dataclasses.replace(SETTINGS, images=str(tmp_path / "cut.npy"))
    with pytest.raises(InputError, match="must be a whole"):
        pictures(cut)
    with pytest.raises(InputError, match="images must be the path of a file"):
        dataclasses.replace(SETTINGS, images=str(tmp_path / "none.npy"))
    with pytest.raises(InputError, match="classes must be among"):
        pictures(dataclasses.replace(own, classes=(5,)))


@pytest.mark.parametrize("bad", [{"classes": (1, 1)}, {"copies": 0}, {"leading": 0.0}])
def test_impossible_settings_are_refused(bad):
    with pytest.raises(InputError, match=next(iter(bad))):
        dataclasses.replace(SETTINGS, **bad)
