"""The reduced flow, its nodes, and projections; reference rows of what is generated."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theory.autoencoder.averages import normal_sobol, square_root
from theory.autoencoder.sampling import (
    LatentLaw,
    Projection,
    amplitude,
    bulk_variance,
    continuous_flow,
    flow,
    latent_law,
    projection,
    reduced_sde,
    start_nodes,
)
from theory.denoiser import activation
from theory.processes import euler_grid, linear, trigonometric
from theory.validation import InputError

TANH = activation("tanh")
GRID = euler_grid()


@pytest.fixture(scope="session")
def rows(spec_dir):
    path = spec_dir / "autoencoder_reference.json"
    if not path.is_file():
        pytest.skip(f"no {path.name} in the folder of reference numbers")
    learning = json.loads(path.read_text(encoding="utf-8"))["learning"]
    return [
        (activation(named["case"]["activation"]), row)
        for named in learning.values()
        for time, row in named["values"].items()
        if time.startswith("tau")
    ]


def second_moments(law: LatentLaw) -> np.ndarray:
    return np.asarray(law.mean(lambda z: z[:, :, None] * z[:, None, :]))


def by_uniform_grid(q: float, b: float, sigma, n: int = 1_000_000) -> np.ndarray:
    """E Z^2 and E|Z| along one axis, by a rule that has nothing to do with ours."""
    x = (2 * np.arange(n) + 1) / n * 7.5 - 7.5
    w = np.exp(-(x**2) / 2)
    z = flow(jnp.array([[q]]), b, GRID, sigma, jnp.asarray(np.sqrt(q) * x)[:, None])
    z = np.asarray(z)[:, 0]
    return np.array([w @ z**2, w @ abs(z)]) / w.sum()


def test_bulk_of_every_reference_row(rows):
    for _, row in rows:
        b, bulk = row["b"], row["generated"]
        assert bulk_variance(b, GRID) == pytest.approx(bulk["bulk_variance"], rel=1e-12)
        assert amplitude(b, GRID) == pytest.approx(bulk["bulk_amplitude"], rel=1e-12)


def test_second_moments_of_the_reference_rows_where_they_are_right(rows):
    """Rows at b < 1 with a steep flow carry the quadrature error of a coarse rule.

    They are 3e-3 off; a uniform grid of a million nodes sides with ours (next test).
    """
    errors = []
    for sigma, row in rows:
        Q = jnp.array(row["Q"])
        size = 4000 if len(Q) == 1 else 500**2
        ours = second_moments(
            latent_law(Q, row["b"], GRID, sigma, start_nodes(len(Q), size))
        )
        reference = np.array(row["generated"]["EZZ"])
        errors.append(np.abs(ours - reference).max() / np.abs(reference).max())
    assert max(errors) < 3e-3
    assert sum(e < 2e-8 for e in errors) >= 4


@pytest.mark.parametrize("axis", [0, 1])
def test_where_the_reference_differs_a_fine_uniform_grid_sides_with_us(rows, axis):
    sigma, row = rows[0]  # official, tau = 1: Q diagonal, so each axis is a line
    q, b = row["Q"][axis][axis], row["b"]
    law = latent_law(jnp.array([[q]]), b, GRID, sigma, start_nodes(1, 4000))
    ours = np.array([second_moments(law)[0, 0], law.mean(jnp.abs)[0]])
    fine = by_uniform_grid(q, b, sigma)
    np.testing.assert_allclose(ours, fine, rtol=2e-8)
    reference = row["generated"]
    theirs = np.array([reference["EZZ"][axis][axis], reference["EabsZ"][axis]])
    assert np.abs(theirs / fine - 1).max() > 5e-4


def test_a_uniform_line_is_too_coarse_near_zero():
    q, b = jnp.array([[1.8]]), 0.53
    fine = latent_law(q, b, GRID, TANH, start_nodes(1, 4000)).mean(jnp.abs)
    n = 400
    x = (2 * np.arange(n) + 1) / n * 7.5 - 7.5
    w = np.exp(-(x**2) / 2)
    coarse = LatentLaw(jnp.asarray(x)[:, None], jnp.asarray(w / w.sum()))
    graded = latent_law(q, b, GRID, TANH, start_nodes(1, n)).mean(jnp.abs)
    assert abs(latent_law(q, b, GRID, TANH, coarse).mean(jnp.abs) - fine) > 1e-4
    assert abs(graded - fine) < 1e-4


def test_product_nodes_agree_with_scrambled_ones():
    Q, b = jnp.array([[1.0, 0.3], [0.3, 0.6]]), 0.9
    product = second_moments(latent_law(Q, b, GRID, TANH, start_nodes(2, 300**2)))
    points = jnp.asarray(normal_sobol(2, 2**14))
    equal = LatentLaw(points, jnp.full((2**14,), 2.0**-14))
    np.testing.assert_allclose(
        second_moments(latent_law(Q, b, GRID, TANH, equal)), product, rtol=2e-3
    )


def test_euler_converges_to_the_continuum_at_first_order():
    Q, b = jnp.array([[0.7]]), 0.95
    start = jnp.linspace(-1.5, 1.5, 7)[:, None]
    exact, scale = continuous_flow(Q, b, TANH, start, t_end=0.5)
    assert scale == pytest.approx(0.5 ** (1 - b), rel=1e-8)
    gaps = []
    for of in (200, 400):
        grid = euler_grid(steps=of // 2, of=of)
        gaps.append(np.abs(flow(Q, b, grid, TANH, start) - exact).max())
        assert amplitude(b, grid) == pytest.approx(float(scale), rel=2.0 / of)
    assert gaps[0] / gaps[1] == pytest.approx(2.0, rel=0.05)


def test_the_continuum_of_another_path():
    """Without units and with b = 1 the trigonometric flow is a pure scaling."""
    Q, b = jnp.array([[0.0]]), 0.0
    _, scale = continuous_flow(Q, b, TANH, jnp.ones((1, 1)), 0.5, trigonometric())
    assert scale == pytest.approx(float(trigonometric().alpha(0.5)), rel=1e-8)


def test_a_vanishing_diffusion_is_the_flow_and_noise_adds_its_variance():
    Q, b = jnp.array([[0.8]]), 0.9
    start = jnp.asarray(normal_sobol(1, 2**12))
    normals = jnp.zeros((99, 2**12, 1))
    np.testing.assert_allclose(
        reduced_sde(Q, b, GRID, TANH, start, normals), flow(Q, b, GRID, TANH, start)
    )
    grid = euler_grid(diffusion=0.5)
    linear_unit = activation("relu")  # with Q = 0 nothing passes through it
    zero = jnp.zeros((1, 1))
    points = jnp.asarray(normal_sobol(100, 2**12))
    none = reduced_sde(zero, b, grid, linear_unit, points[:, :1], points.T[1:, :, None])
    scale = amplitude(b, grid)
    np.testing.assert_allclose(none, scale * points[:, :1], rtol=1e-12)
    assert bulk_variance(b, grid) > scale**2


def test_projection_against_samples_in_many_dimensions():
    """E'x for explicit W and E that is not orthonormal: mean, covariance, cdf."""
    rng = np.random.default_rng(0)
    d, n, b = 60, 40_000, 0.9
    W, E = rng.standard_normal((2, d)), rng.standard_normal((d, 2)) / np.sqrt(d)
    w = W / np.sqrt(d)
    Q = w @ w.T
    x = jnp.asarray(rng.standard_normal((n, d)))

    def step(x, k):
        f = b * x + jnp.tanh(x @ w.T) @ w
        return x + k.h * (k.contraction * x + k.gain * f), None

    x = np.asarray(jax.lax.scan(step, x, GRID)[0] @ E)
    latents = latent_law(jnp.asarray(Q), b, GRID, TANH, start_nodes(2, 200**2))
    s2 = bulk_variance(b, GRID)
    law = projection(
        jnp.asarray(Q), jnp.asarray((w @ E).T), jnp.asarray(E.T @ E), latents, s2
    )
    se = np.sqrt(2.0 / n) * np.asarray(law.variance())
    assert (np.abs(np.cov(x.T) - law.variance()) < 5 * np.abs(np.diag(se)).max()).all()
    at = jnp.array([-0.5, 0.0, 0.7])
    empirical = (x[:, :1] <= np.asarray(at)[None]).mean(axis=0)
    assert np.abs(law.cdf(0, at) - empirical).max() < 4 * 0.5 / np.sqrt(n)
    wrong = projection(
        jnp.asarray(Q), jnp.asarray((w @ E).T), jnp.asarray(E.T @ E), latents, 3.0 * s2
    )
    assert np.abs(np.cov(x.T) - wrong.variance()).max() > 5 * np.abs(np.diag(se)).max()


def test_singular_overlaps_drop_out():
    Q = jnp.array([[1.0, 1.0], [1.0, 1.0]])  # two equal units
    root, inverse = square_root(Q)
    np.testing.assert_allclose(root @ root, Q, atol=1e-12)
    np.testing.assert_allclose(Q @ inverse @ Q, Q, atol=1e-12)
    latents = latent_law(Q, 0.9, GRID, TANH, start_nodes(2, 50**2))
    gram, overlap = jnp.array([[4.0]]), jnp.array([[1.5, 1.5]])
    law = projection(Q, overlap, gram, latents, jnp.array(0.5))
    assert np.isfinite(np.asarray(law.variance())).all()
    assert law.covariance[0, 0] == pytest.approx(0.5 * (4.0 - 1.5**2))


def test_draws_have_the_moments_of_their_law():
    law = Projection(
        jnp.asarray(normal_sobol(1, 2**10)),
        jnp.full((2**10,), 2.0**-10),
        0.3 * jnp.eye(1),
    )
    joint = normal_sobol(2, 2**10)
    law = Projection(jnp.asarray(joint[:, :1]), law.weights, law.covariance)
    points = law.draws(jnp.asarray(joint[:, 1:]))
    assert float(jnp.var(points)) == pytest.approx(1.3, rel=5e-3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: euler_grid(steps=100, of=100), "t_end = steps/of must be < 1, got 1"),
        (lambda: euler_grid(steps=0), "steps must be >= 1, got 0"),
        (lambda: euler_grid(diffusion=-1.0), r"diffusion must be in \[0, 2\], got -1"),
        (lambda: start_nodes(0), "width r must be >= 1, got 0"),
        (
            lambda: start_nodes(3, 1000),
            "Sobol size must be a power of two, >= 2, got 1000",
        ),
        (
            lambda: continuous_flow(
                jnp.eye(1), 1.0, TANH, jnp.ones((1, 1)), 1.0, linear()
            ),
            r"t_end must be in \[1e-06, 1\], got 1",
        ),
    ],
)
def test_bad_input_is_refused_in_one_line(call, message):
    with pytest.raises(InputError, match=message) as refused:
        call()
    assert "\n" not in str(refused.value)
