"""A solvable autoencoder: what it learns and generates, and what retraining leaves of it."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="A solvable autoencoder")

with app.setup:
    import marimo as mo

    from figures.cli import start_jax

    start_jax()
    from figures.explore.autoencoder import (
        ACTIVATIONS,
        MOST,
        MOST_MODES,
        MOST_UNITS,
        Settings,
        theory,
    )
    from figures.explore.autoencoder_page import (
        order_picture,
        order_table,
        retraining_sentence,
    )
    from figures.explore.autoencoder_runs import simulate


@app.cell
def _():
    mo.md(
        """
        # A solvable autoencoder

        A denoiser of a few units learns K modes on a circle, one sample at a time, in
        many dimensions; then each generation learns what its predecessor generates.
        Lines are theory for infinitely many dimensions without a free parameter (after
        Cui, Pehlevan, Lu, arXiv 2501.03937; equations and retraining derived here),
        points are networks in 200.
        """
    )
    return


@app.cell
def _():
    first = Settings()
    modes = mo.ui.slider(
        1, MOST_MODES, 1, first.modes, label="Modes K", show_value=True
    )
    width = mo.ui.slider(
        1, MOST_UNITS, 1, first.width, label="Units r", show_value=True
    )
    activation = mo.ui.dropdown(
        {text: name for name, text in ACTIVATIONS.items()},
        value=ACTIVATIONS[first.activation],
        label="Activation",
    )
    t = mo.ui.slider(
        0.1,
        0.95,
        0.05,
        first.t,
        label="Noise level t (0 noise, 1 data)",
        show_value=True,
    )
    decay = mo.ui.slider(
        0.0, 2.0, 0.25, first.decay, label="Spectrum s^-a, exponent a", show_value=True
    )
    return activation, decay, modes, t, width


@app.cell
def _():
    rest = Settings()
    rate = mo.ui.slider(
        0.1, 0.5, 0.1, rest.rate, label="Learning rate η", show_value=True
    )
    tau = mo.ui.slider(
        0.5, 4.0, 0.5, rest.tau, label="Training time τ = 2ηn/d", show_value=True
    )
    generations = mo.ui.slider(
        0, MOST, 1, rest.generations, label="Generations retrained", show_value=True
    )
    run = mo.ui.run_button(label="Simulate this setting")
    return generations, rate, run, tau


@app.cell
def _(decay):
    real = mo.ui.slider(
        0.0,
        1.0 if decay.value == 0 else 0.0,
        0.05,
        0.0,
        label="Real data while retraining, share",
        show_value=True,
        disabled=decay.value > 0,
    )
    return (real,)


@app.cell
def _(activation, decay, generations, modes, rate, real, run, t, tau, width):
    learned = mo.vstack([modes, width, activation, t, decay])
    trained = mo.vstack([rate, tau, generations, real])
    note = mo.md("Real data can be mixed in where the spectrum is flat, a = 0.")
    mo.vstack([mo.hstack([learned, trained], widths="equal"), note, run])
    return


@app.cell
def _(activation, decay, generations, modes, rate, real, t, tau, width):
    settings = Settings(
        modes=modes.value,
        width=width.value,
        activation=activation.value,
        t=t.value,
        rate=rate.value,
        decay=decay.value,
        tau=tau.value,
        generations=generations.value,
        real_fraction=real.value,
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
            retraining_sentence(settings, predicted),
            order_picture(settings, predicted, simulated),
            order_table(settings, predicted, simulated),
        ]
    )
    return


@app.cell
def test_training_starts_without_a_skip(predicted):
    assert predicted.curve.b[0][0] == 0.0
    assert predicted.curve.b[-1][0] > 0.0
    return


if __name__ == "__main__":
    app.run()
