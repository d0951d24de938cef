import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from theory.processes import OU, ou
from theory.validation import InputError

TIMES = np.array([1e-14, 1e-6, 0.02, 1.0, 4.0, 40.0])


def test_the_marginal_solves_the_moment_equations_of_the_sde():
    # dX = -X/2 dt + dB: m' = -m/2, v' = -v + 1
    process = ou(4.0, 0.02)
    moments = solve_ivp(
        lambda t, y: [-0.5 * y[0], 1.0 - y[1]],
        (0, 4),
        [1.0, 0.0],
        rtol=1e-11,
        atol=1e-13,
    ).y[:, -1]
    assert float(process.mean_factor(4.0)) == pytest.approx(moments[0], rel=1e-9)
    assert float(process.variance(4.0)) == pytest.approx(moments[1], rel=1e-9)


def test_variance_is_preserved_and_exact_for_tiny_times():
    process = ou()
    for t in TIMES:
        kept = float(process.mean_factor(t)) ** 2 + float(process.variance(t))
        assert kept == pytest.approx(1.0, abs=1e-15)
    assert float(process.variance(1e-14)) == pytest.approx(1e-14, rel=1e-13)


def reversed_variance(sign: float) -> float:
    """Variance reached from v_T by dY = sign * (Y/2 - Y/v_{T-s}) ds + dB."""
    process, v0 = ou(4.0, 0.02), 0.36

    def v(t):
        return 1.0 + (v0 - 1.0) * np.exp(-t)

    def rate(s, V):
        slope = float(process.reverse_drift(1.0, -1.0 / v(4.0 - s)))
        return 2.0 * sign * slope * V + 1.0

    run = solve_ivp(rate, (0.0, 3.98), [v(4.0)], rtol=1e-10, atol=1e-12, method="LSODA")
    return run.y[0, -1] - v(0.02)


def test_the_reverse_drift_returns_to_the_data():
    assert abs(reversed_variance(+1.0)) < 1e-8


def test_the_decreasing_clock_drift_with_positive_steps_does_not():
    assert reversed_variance(-1.0) > 10.0  # the control


def test_it_is_a_pytree_that_batches():
    times = jnp.asarray(TIMES)
    one = ou(3.0, 0.1)
    assert jax.tree.leaves(one) == [3.0, 0.1]
    np.testing.assert_allclose(jax.vmap(one.variance)(times), -np.expm1(-TIMES))
    batch = OU(T=jnp.array([1.0, 2.0]), t0=jnp.array([0.0, 0.0]))
    ends = jax.jit(jax.vmap(lambda p: p.mean_factor(p.T)))(batch)
    np.testing.assert_allclose(ends, np.exp([-0.5, -1.0]))
    slope = jax.grad(lambda t: one.variance(t))(0.0)
    assert float(slope) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((4.0, -0.1), "t0 must be >= 0, got -0.1."),
        ((4.0, 4.0), "t0 must be < T = 4, got 4."),
        ((0.0, 0.0), "t0 must be < T = 0, got 0."),
        ((np.inf, 0.0), "T must be finite, got inf."),
        ((4.0, np.nan), "t0 must be finite, got nan."),
    ],
)
def test_bad_horizons_are_refused_in_one_line(arguments, message):
    with pytest.raises(InputError) as error:
        ou(*arguments)
    assert str(error.value) == message


def test_stopping_at_zero_is_allowed():
    assert ou(10.0, 0.0).t0 == 0.0
