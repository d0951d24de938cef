"""The closed retraining recursion against reference numbers."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theory.autoencoder.retraining import (
    Restart,
    generated_data,
    joint_rules,
    product_rules,
    retrain,
)
from theory.denoiser import training
from theory.processes import euler_grid
from theory.structured import structured_mixture
from theory.validation import InputError

GRID, DATA = euler_grid(), structured_mixture([0.5, 0.5], [[2.0], [-2.0]])
START = np.array([[0.1, 0.0]])
FEW_NODES = product_rules(1, 60, 16)
ROUNDING = 1e-8
FEW = 5.0  # times the convergence error that the reference states


@pytest.fixture(scope="module")
def rows(spec_dir) -> dict:
    text = (spec_dir / "autoencoder_reference.json").read_text(encoding="utf-8")
    return json.loads(text)["retraining_r1"]


def run(kind: str, taus, generations: int, rules, steps: int, start=START):
    one = lambda tau: retrain(
        DATA,
        training(),
        GRID,
        start,
        tau,
        generations,
        rules,
        Restart(kind),
        steps=steps,
    )
    return jax.jit(lambda taus: jax.lax.map(one, taus))(jnp.asarray(taus))


def found_in(out, k: int, g: int) -> dict[str, float]:
    y = out.latents.points[k, g, :, 0] / jnp.sqrt(out.Q[k, g, 0, 0])
    return {
        "Q": float(out.Q[k, g, 0, 0]),
        "M": float(out.M[k, g, 0, 0]),
        "b": float(out.b[k, g, 0]),
        "bulk_variance_out": float(out.s2[k, g]),
        "EY2": float(out.latents.weights[k, g] @ y**2),
    }


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["refs", "warm"])
def test_every_reference_row(rows, kind):
    own = {name: row for name, row in rows.items() if name.endswith(kind)}
    assert own
    taus = [row["params"]["tau"] for row in own.values()]
    longest = max(len(row["values"]) for row in own.values())
    out = run(kind, taus, longest - 1, product_rules(1, 1000, 40), 1000)
    for k, (name, row) in enumerate(own.items()):
        for g, expected in enumerate(row["values"]):
            allowed = max(ROUNDING, FEW * row["conv_err"][g])
            for what, value in found_in(out, k, g).items():
                wanted = expected[what][0] if what == "M" else expected[what]
                error = abs(value / wanted - 1.0)
                assert error < allowed, (name, g, what, error, allowed)


def test_the_first_generations_with_few_nodes(rows):
    """Seconds instead of the slow test above; also sees a wrong rate."""
    row = next(r for name, r in rows.items() if name.endswith("tau4_refs"))
    tau = row["params"]["tau"]
    out = run("refs", [tau, 1.02 * tau], 1, product_rules(1, 200, 32), 80)
    for g in (0, 1):
        wanted = row["values"][g]["Q"]
        assert float(out.Q[0, g, 0, 0]) == pytest.approx(wanted, rel=1e-5)
        assert float(out.Q[1, g, 0, 0]) != pytest.approx(wanted, rel=1e-3)


@pytest.fixture(scope="module")
def brief():
    """Generations 0 and 1 after tau = 1, with few nodes."""
    return run("refs", [1.0], 1, FEW_NODES, 40)


def test_two_rules_of_averaging_agree(brief):
    joint = run("refs", [1.0], 1, joint_rules(1, 2**12, 16), 40)
    np.testing.assert_allclose(joint.Q, brief.Q, rtol=5e-3)
    np.testing.assert_allclose(joint.s2, brief.s2, rtol=1e-9)  # no average in it


def test_all_real_data_forget_what_was_generated():
    """With p = 1 every generation learns what generation 0 did; with p = 0 it does not."""
    learn = jax.jit(
        lambda p: retrain(
            DATA, training(), GRID, START, 1.0, 2, FEW_NODES, real_fraction=p, steps=40
        ).Q[:, 0, 0]
    )
    every, none = learn(jnp.asarray(1.0)), learn(jnp.asarray(0.0))
    np.testing.assert_allclose(every, np.full(3, every[0]), rtol=1e-6)
    assert abs(none[1] / none[0] - 1.0) > 0.1


def test_generated_data_are_a_mixture_like_any_other(brief):
    """Block A of mass 0 spans W; Gram matrices of both blocks add up to the references'."""
    first = jax.tree.map(lambda v: v[0, 0], brief)
    gram = DATA.total_gram
    law = generated_data(first, gram)
    np.testing.assert_allclose(law.total_gram[1:, 1:], gram, atol=1e-12)
    np.testing.assert_allclose(law.masses, [0.0, 1.0])
    np.testing.assert_allclose(law.families[0].variances, [0.0, float(first.s2)])
    assert float(jnp.sum(law.weights)) == pytest.approx(1.0)
    mixed = generated_data(first, gram, DATA, 0.25)
    shares = [float(jnp.sum(f.weights)) for f in mixed.families]
    assert shares == pytest.approx([0.75, 0.25])
    assert float(mixed.mean_variance) == pytest.approx(0.25 + 0.75 * float(first.s2))


def test_starts_are_mapped_over(brief):
    learn = lambda start: retrain(
        DATA, training(), GRID, start, 1.0, 1, FEW_NODES, steps=40
    ).Q[:, 0, 0]
    both = jax.jit(jax.vmap(learn))(jnp.asarray(np.stack([START, 2 * START])))
    np.testing.assert_allclose(both[0], brief.Q[0, :, 0, 0], rtol=1e-10)
    assert both[1, 0] > both[0, 0]


def test_only_what_is_needed_is_trained():
    """The first generations are those of a whole chain, the rest repeat the last."""
    learn = jax.jit(
        lambda needed: retrain(
            DATA, training(), GRID, START, 1.0, 2, FEW_NODES, steps=40, needed=needed
        ).Q[:, 0, 0]
    )
    none, one, all_ = (np.asarray(learn(k)) for k in range(3))
    assert (none == all_[0]).all()
    assert (one == all_[[0, 1, 1]]).all()
    assert len(set(all_)) == 3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"real_fraction": 1.5}, "real_fraction must be in"),
        ({"spread": -1.0}, "spread must be in"),
        ({"coefficients": [[0.1, 0.0, 0.0]]}, "coefficients must be of shape"),
        ({"coefficients": [[np.nan, 0.0]]}, "coefficients must be finite"),
    ],
)
def test_bad_settings_are_refused(arguments, says):
    given = {"coefficients": START, "real_fraction": 0.0, "spread": 0.0} | arguments
    with pytest.raises(InputError, match=says):
        retrain(
            DATA, training(), GRID, tau=1.0, generations=1, steps=10,
            rules=product_rules(1, 20, 8), **given,
        )  # fmt: skip
    with pytest.raises(InputError, match="restart must be"):
        Restart("cold")
