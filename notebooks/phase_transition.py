"""Phase transition: when more synthetic data hurt or help, and what the bound knows."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Phase transition")

with app.setup:
    import marimo as mo

    from figures.cli import start_jax

    start_jax()
    from figures.explore.phase_transition import (
        AMOUNTS,
        LEARNERS,
        MOST,
        PROTOCOLS,
        SIZES,
        Settings,
        theory,
    )
    from figures.explore.phase_transition_page import (
        transition_picture,
        transition_sentence,
        transition_table,
    )
    from figures.explore.phase_transition_runs import simulate


@app.cell
def _():
    mo.md(
        """
        # Phase transition

        Each model trains on n real points and m synthetic ones of its predecessor. Do
        more synthetic data hurt or help, and where does that turn? Every learner is
        predicted without a free constant (derived here); the bound has a threshold of
        its own (after Fu, Zhang, Wang, Tian, Tao, arXiv 2402.11778).
        """
    )
    return


@app.cell
def _():
    start = Settings()
    learner = mo.ui.dropdown(
        {kind.said: name for name, kind in LEARNERS.items()},
        value=LEARNERS[start.learner].said,
        label="Learner",
    )
    n = mo.ui.slider(steps=SIZES, value=start.n, label="Real points n", show_value=True)
    most = mo.ui.slider(
        steps=AMOUNTS,
        value=start.most,
        label="Largest synthetic amount m/n",
        show_value=True,
    )
    models = mo.ui.slider(
        2, MOST, 1, start.models, label="Models G, one after the other", show_value=True
    )
    run = mo.ui.run_button(label="Simulate this setting")
    return learner, models, most, n, run


@app.cell
def _(learner):
    known = {PROTOCOLS[name]: name for name in LEARNERS[learner.value].protocols}
    protocol = mo.ui.dropdown(known, value=next(iter(known)), label="Points are")
    return (protocol,)


@app.cell
def _(learner, models, most, n, protocol, run):
    mo.vstack(
        [
            mo.hstack(
                [mo.vstack([learner, protocol]), mo.vstack([n, most, models])],
                widths="equal",
            ),
            run,
        ]
    )
    return


@app.cell
def _(learner, models, most, n, protocol):
    settings = Settings(
        learner=learner.value,
        protocol=protocol.value,
        n=n.value,
        most=most.value,
        models=models.value,
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
            transition_sentence(settings, predicted),
            transition_picture(settings, predicted, simulated),
            transition_table(settings, predicted, simulated),
        ]
    )
    return


@app.cell
def test_without_synthetic_data_the_bound_is_one_step(predicted):
    assert all(abs(shape[0] - 1.0) < 1e-12 for shape in predicted.shapes.values())
    return


if __name__ == "__main__":
    app.run()
