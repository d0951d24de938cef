"""Quickstart: the Python interface in ten minutes, from a target to a verdict."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Quickstart")

with app.setup:
    import marimo as mo


@app.cell
def _():
    mo.md("""
    # Quickstart

    From a target to a verdict in five steps, each a few lines of Python. What they
    need comes first; `start_jax` sets 64-bit floats and keeps compiled programs from
    one run to the next.
    """)
    return


@app.cell
def _():
    import jax.random as jr
    import numpy as np

    from figures import catalogue
    from figures.cli import start_jax
    from figures.explore.quickstart import bounded_picture, recursed, verdict_table
    from sim.grid import uniform_grid
    from sim.learners.perturbed import Perturbed, Tanh
    from sim.recursion import Recursion
    from sim.sampling import ReverseSDE
    from sim.targets import bimodal
    from theory.claims import Evidence, decide
    from theory.error_propagation.accumulation import drift_bounds
    from theory.processes import ou

    start_jax()
    mo.show_code()
    return (
        Evidence,
        Perturbed,
        Recursion,
        ReverseSDE,
        Tanh,
        bimodal,
        bounded_picture,
        catalogue,
        decide,
        drift_bounds,
        jr,
        np,
        ou,
        recursed,
        uniform_grid,
        verdict_table,
    )


@app.cell
def _():
    mo.md("""
    ## 1. A target

    What the first model learns. Its law is known, density and score included.
    """)
    return


@app.cell
def _(bimodal, jr):
    target = bimodal(variance=0.5)
    draws = target.sample(jr.key(0), 10_000)
    mo.show_code(f"sample variance {draws.var():.3f}", position="above")
    return (target,)


@app.cell
def _():
    mo.md("""
    ## 2. A learner, a sampler, a loop

    This learner knows the score but for an error of known size and shape, so what
    theory says of that error can be checked. Kernel densities, networks and random
    features plug in the same way (`sim.learners`). The generated law is carried on
    a grid, free of sampling error.
    """)
    return


@app.cell
def _(Perturbed, Recursion, ReverseSDE, Tanh, ou, target, uniform_grid):
    process, steps = ou(T=3.0, t0=0.0), ReverseSDE(60)
    recursion = Recursion(
        target=target,
        learner=lambda at: Perturbed(Tanh(at["size"])),
        sampler=steps,
        process=process,
        n=0,  # laws alone are carried, no points drawn
        generations=8,
        grid=uniform_grid(8.0, 73, 1, process.T / steps.steps),
    )
    mo.show_code()
    return (recursion,)


@app.cell
def _():
    mo.md("""
    ## 3. Simulate

    Three fresh fractions, side by side. The result is an `xarray.Dataset`.
    """)
    return


@app.cell
def _(np, recursed, recursion):
    alphas = np.array([0.1, 0.3, 0.9])
    each = np.ones((len(alphas), recursion.generations))
    trace = recursed(
        recursion,
        {"alpha": each * alphas[:, None], "size": 0.1 * each},
        {"alpha": alphas},
    )
    mo.show_code(f"Last drifts: {trace['D'].values[-1]}", position="above")
    return alphas, trace


@app.cell
def _():
    mo.md("""
    ## 4. Predict

    The simulation knows nothing of the bound. Theory takes from it the innovation J
    of every generation, and says how large the drift can have become.
    """)
    return


@app.cell
def _(alphas):
    alpha = mo.ui.slider(
        steps=alphas.tolist(), label="Fresh fraction α", show_value=True
    )
    alpha
    return (alpha,)


@app.cell
def _(alpha, bounded_picture, drift_bounds, trace):
    bounds = drift_bounds(alpha.value, trace["J"].sel(alpha=alpha.value).values)
    mo.show_code(bounded_picture(trace, bounds, alpha.value), position="above")
    return (bounds,)


@app.cell
def _():
    mo.md("""
    ## 5. Judge

    A claim says what is expected of it; evidence is a slack with its accuracy.
    Verdicts decided together share one error rate.
    """)
    return


@app.cell
def _(Evidence, alpha, bounds, catalogue, decide, np, trace, verdict_table):
    at, setting = trace.sel(alpha=alpha.value), f"two modes, α = {alpha.value:g}"
    slacks = {
        "prop-3.1": at["eps_hat2"].values / 2 - at["kl"].values,
        "unrolled-root": np.asarray(bounds.root)[1:] - at["D"].values,
    }
    evidence = [
        Evidence(claim, setting, "<=", slack, resolution=1e-9)
        for claim, slack in slacks.items()
    ]
    verdicts = decide(evidence, catalogue.claims())
    mo.show_code(verdict_table(verdicts), position="above")
    return (verdicts,)


@app.cell
def _():
    mo.md("""
    ## Where next

    `driftlab list` names every figure and claim, `driftlab figures ep7` draws one.
    `driftlab explore drift_regimes` puts this loop behind sliders.
    """)
    return


@app.cell
def test_both_claims_hold(verdicts):
    assert [v.outcome.value for v in verdicts] == ["holds", "holds"]
    return


if __name__ == "__main__":
    app.run()
