"""Drift regimes: how the errors of successive generations add up, and what bounds them."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Drift regimes")

with app.setup:
    import marimo as mo

    from figures.cli import start_jax

    start_jax()
    from figures.explore.drift_regimes import (
        GRID,
        KINDS,
        MOST,
        RUNS,
        SCHEDULES,
        SIGNS,
        STEPS,
        Settings,
        own_shares,
        simulate,
        theory,
    )
    from figures.explore.drift_regimes_page import (
        drift_picture,
        drift_table,
        regime_sentence,
    )
    from theory.validation import InputError


@app.cell
def _():
    mo.md("""
    # Drift regimes

    Each model trains on a share α of fresh data and 1 − α of its predecessor's
    output, and errs a little. How far from the data does the law drift, and why?
    (Khelifa, Turner, Venkataramanan, arXiv 2602.16601.)
    """)
    return


@app.cell
def _():
    _start = Settings()
    schedule = mo.ui.dropdown(
        {text: name for name, text in SCHEDULES.items()},
        value=SCHEDULES[_start.schedule],
        label="Fresh data come as",
    )
    alpha = mo.ui.slider(
        0.0, 1.0, 0.02, _start.alpha, label="Fresh fraction α (mean)", show_value=True
    )
    own = mo.ui.text(
        ", ".join(f"{share:g}" for share in _start.own),
        label="Fresh fractions, each in [0, 1]",
    )
    generations = mo.ui.slider(
        1, MOST, 1, _start.generations, label="Generations N", show_value=True
    )
    kind = mo.ui.dropdown(
        {text: name for name, text in KINDS.items()},
        value=KINDS[_start.kind],
        label="Errors point",
    )
    energy = mo.ui.slider(
        steps=[0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1],
        value=_start.energy,
        label="Error energy ε*² per generation (nats)",
        show_value=True,
    )
    observability = mo.ui.slider(
        0.0, 1.0, 0.05, _start.observability, label="Observability η", show_value=True
    )
    run = mo.ui.run_button(label="Simulate this setting")
    return alpha, energy, generations, kind, observability, own, run, schedule


@app.cell
def _(own):
    try:
        shares, complaints = own_shares(own.value), []
    except InputError as error:
        shares = Settings().own
        shown = ", ".join(f"{share:g}" for share in shares)
        complaints = [mo.callout(f"{error} Shown is {shown}.", kind="warn")]
    return complaints, shares


@app.cell
def _(
    alpha,
    complaints,
    energy,
    generations,
    kind,
    observability,
    own,
    run,
    schedule,
):
    _fresh = [own, *complaints] if schedule.value == "own" else [alpha]
    mo.vstack(
        [
            mo.hstack(
                [
                    mo.vstack([schedule, *_fresh, generations]),
                    mo.vstack([kind, energy, observability]),
                ],
                widths="equal",
            ),
            run,
        ]
    )
    return


@app.cell
def _(alpha, energy, generations, kind, observability, schedule, shares):
    settings = Settings(
        schedule=schedule.value,
        alpha=alpha.value,
        generations=generations.value,
        energy=energy.value,
        kind=kind.value,
        observability=observability.value,
        own=shares,
    )
    predicted = theory(settings)
    return predicted, settings


@app.cell
def _(run, settings):
    simulated = simulate(settings) if run.value else None
    return (simulated,)


@app.cell
def _(predicted, settings, simulated):
    mo.vstack(
        [
            regime_sentence(settings, predicted),
            drift_picture(settings, predicted, simulated),
            drift_table(settings, predicted, simulated),
        ]
    )
    return


@app.cell
def _():
    mo.md(
        f"""
        **What is shown.** The data are N(0, 1) and D is the chi-square divergence of the
        generated law from them. Of each error's energy the share η moves the law by a
        shift; the rest is a drift that turns around in noise time, of which nothing is
        left at the end. The exact recursion follows the shifts alone ({SIGNS} sequences
        where signs are random). The bound (U1) needs the innovations J and nothing else;
        Theorem 4.2 as displayed in the paper is left upwards by aligned errors and
        downwards by cancelling ones.

        **What is simulated.** {RUNS} loops whose learner knows the score but for that
        error. Their laws are carried through {STEPS.steps} reverse steps on
        {GRID.nodes} grid nodes, free of sampling error; the steps' own error is what
        keeps energy and observability a little off their sliders.
        """
    )
    return


@app.cell
def test_the_exact_drift_is_below_its_bound(predicted):
    assert (predicted.bounds.root * (1 + 1e-9) - predicted.D >= 0).all()
    return


if __name__ == "__main__":
    app.run()
