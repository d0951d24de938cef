import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theory.validation import (
    InputError,
    require,
    require_finite,
    require_in,
    require_positive,
)


def refusal(check, *arguments) -> str:
    with pytest.raises(InputError) as error:
        check(*arguments)
    return str(error.value)


def test_the_line_names_argument_range_and_value():
    assert refusal(require, False, "alpha", "in [0, 1]", 1.5) == (
        "alpha must be in [0, 1], got 1.5."
    )
    require(True, "alpha", "in [0, 1]", 0.5)
    assert issubclass(InputError, ValueError)


@pytest.mark.parametrize(
    ("check", "bad", "line"),
    [
        ((require_finite,), np.nan, "x must be finite, got nan."),
        ((require_finite,), -np.inf, "x must be finite, got -inf."),
        (
            (require_finite,),
            [[1.0, 2.0], [3.0, np.inf]],
            "x must be finite, got inf at index (1, 1).",
        ),
        ((require_in, 0.0, 1.0), -0.1, "x must be in [0, 1], got -0.1."),
        ((require_in, 0.0, 1.0), np.nan, "x must be in [0, 1], got nan."),
        ((require_positive,), 0, "x must be positive and finite, got 0."),
        ((require_positive,), np.inf, "x must be positive and finite, got inf."),
        ((require_finite,), "four", "x must be numeric, got 'four'."),
        ((require_positive,), None, "x must be positive and finite, got nan."),
    ],
)
def test_each_check_refuses_in_one_line(check, bad, line):
    assert refusal(check[0], "x", bad, *check[1:]) == line


def test_boundaries_of_a_closed_interval_are_inside():
    require_in("x", [0.0, 1.0], 0.0, 1.0)
    require_in("x", 0, 0.0, 1.0)
    require_in("x", 5.0, 0.0, np.inf)


def test_what_is_fine_passes_in_every_form():
    for value in (1, 1.5, np.float32(2.0), [1.0, 2.0], np.ones((2, 2)), jnp.ones(3)):
        require_finite("x", value)
        require_positive("x", value)
    require_finite("x", [])


def test_one_bad_entry_refuses_the_array():
    assert "x must be in [0, 1]" in refusal(require_in, "x", [0.5, 2.0], 0.0, 1.0)
    assert "x must be positive" in refusal(require_positive, "x", [1.0, -1.0])


def test_long_values_stay_on_one_short_line():
    line = refusal(require, False, "x", "short", np.arange(400.0).reshape(20, 20))
    assert "\n" not in line
    assert len(line) < 150
    assert line.endswith("....")


def test_tracers_pass_for_they_have_no_value_yet():
    @jax.jit
    def f(x):
        require_finite("x", x)
        require_in("x", [x, 3.0], 0.0, 1.0)
        require_positive("x", x)
        return x

    assert float(f(-1.0)) == -1.0
    jax.vmap(f)(jnp.zeros(2))
    assert float(jax.grad(f)(2.0)) == 1.0
