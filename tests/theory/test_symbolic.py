"""The registry of closed-form statements."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

from theory.symbolic import PROVENANCES, Statement, keys, register, statement
from theory.validation import InputError

statement("error_propagation.mixing")  # imports, and so registers, its package
KEYS = keys("error_propagation.")
x, y = sp.symbols("x y", positive=True)


def _statement(key, expression, arguments, **fields):
    fields = {
        "title": "T",
        "paper": "P",
        "reference": "R",
        "provenance": "derived",
    } | fields
    return Statement(key=key, expression=expression, arguments=arguments, **fields)


def test_function_takes_positions_and_names_and_goes_through_jax():
    s = _statement("test.product", x**2 * y, (x, y))
    assert s(3.0, 2.0) == s(y=2.0, x=3.0) == 18.0
    assert jax.grad(s.function)(3.0, 2.0) == 12.0
    np.testing.assert_allclose(
        jax.jit(jax.vmap(s.function))(jnp.arange(3.0), jnp.ones(3)), [0, 1, 4]
    )


def test_latex_writes_squares_through_their_root():
    eps2 = sp.Symbol("eps2", nonnegative=True)
    history = sp.IndexedBase("eps2_hist", nonnegative=True)
    i = sp.Symbol("i", integer=True)
    notation = ((eps2, r"\varepsilon^{2}"), (history.label, r"\varepsilon^{2}"))
    for expression, shown in (
        (sp.sqrt(eps2), r"\varepsilon"),
        (eps2**2, r"\varepsilon^{4}"),
        (sp.sqrt(history[i]), r"{\varepsilon}_{i}"),
    ):
        s = _statement("test.square", expression, (eps2,), notation=notation, left="a")
        assert s.latex == f"a = {shown}"


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("provenance", {"provenance": "folklore"}),
        ("arguments", {"arguments": (x,)}),
        ("key", {"key": "error_propagation.mixing"}),
    ],
)
def test_register_refuses(field, bad):
    good = {"key": "test.refused", "expression": x + y, "arguments": (x, y)}
    with pytest.raises(InputError, match=field):
        register(_statement(**(good | bad)))
    assert "test.refused" not in keys()


def test_unknown_keys_name_the_closest():
    with pytest.raises(InputError, match=r"error_propagation\.mixing"):
        statement("error_propagation.mixin")
    with pytest.raises(InputError, match="known statement"):
        statement("no such thing")


@pytest.mark.parametrize("key", KEYS)
def test_every_statement_is_complete(key):
    s = statement(key)
    assert s.provenance in PROVENANCES
    assert all((s.title, s.paper, s.reference, s.left, s.relation, s.holds))
    assert s.latex.count("{") == s.latex.count("}")
    assert "hist" not in s.latex  # no identifier leaks into the display
    assert "_{hat" not in s.latex


# Sums over histories are set against the unrolled curves in test_ep_accumulation.
CLOSED = [k for k in KEYS if not statement(k).expression.has(sp.Sum)]

# A target above the innovation, a Hoelder exponent above 1; all else in (0, 1).
INSIDE = {"target": 3.0, "a": 1.5, "n": 4.0, "dim": 2.0, "sigma2": 1.2}


@pytest.mark.parametrize("key", CLOSED)
def test_function_is_the_expression_with_finite_gradient_and_jits(key):
    s = statement(key)
    names = [str(a) for a in s.arguments]
    at = [jnp.float64(INSIDE.get(a, 0.3 + 0.01 * k)) for k, a in enumerate(names)]
    digits = {a: sp.Float(float(v), 30) for a, v in zip(s.arguments, at, strict=True)}
    value = s.function(*at)
    np.testing.assert_allclose(value, float(s.expression.subs(digits)), rtol=1e-12)
    np.testing.assert_allclose(jax.jit(s.function)(*at), value, rtol=1e-13)
    slopes = jax.grad(s.function, argnums=tuple(range(len(at))))(*at)
    assert all(jnp.isfinite(slope) for slope in slopes)


def test_paper_is_the_source_only_of_what_it_states():
    paper = {k.partition(".")[2] for k in KEYS if statement(k).provenance == "paper"}
    assert paper == {
        "kl_girsanov",
        "chi2_lower",
        "chi2_lower_clean",
        "clean_regime",
        "chi2_upper",
        "mixing",
        "paper_step_lower",
        "innovation_lower",
        "displayed_right",
        "floor_paper",
        "rate_factor",
        "score_energy",
    }
