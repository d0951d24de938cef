"""Memorisation: whether a denoiser retrained on its samples copies, and selection helps."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Memorisation")

with app.setup:
    import marimo as mo

    from figures.cli import start_jax

    start_jax()
    from figures.explore.memorization import (
        DATA,
        MOST,
        RULES,
        SIZES,
        WIDTHS,
        Settings,
        theory,
    )
    from figures.explore.memorization_page import (
        lines_picture,
        memory_sentence,
        memory_table,
        samples_picture,
        score_picture,
    )
    from figures.explore.memorization_runs import simulate


@app.cell
def _():
    mo.md(
        """
        # Memorisation

        A small denoiser trains on N points; each later one on N of the 2N samples that
        the one before it draws. Does it come to copy its training set, and does choosing
        points far apart help? A loop that chooses at random runs beside it. (After Shi,
        Wu, Zhang, Zhang, Tao, Qu, arXiv 2509.16499; the twin and the lines of descent
        are derived here.)
        """
    )
    return


@app.cell
def _():
    start = Settings()
    data = mo.ui.dropdown(
        {text: name for name, text in DATA.items()},
        value=DATA[start.data],
        label="Data",
    )
    size = mo.ui.slider(
        steps=SIZES,
        value=start.size,
        label="Points N of a training set",
        show_value=True,
    )
    width = mo.ui.slider(
        steps=WIDTHS,
        value=start.width,
        label="Units in a hidden layer",
        show_value=True,
    )
    rule = mo.ui.dropdown(
        {text: name for name, text in RULES.items()},
        value=RULES[start.rule],
        label="Points are chosen",
    )
    models = mo.ui.slider(
        2, MOST, 1, start.models, label="Models, one after the other", show_value=True
    )
    run = mo.ui.run_button(label="Train this setting")
    return data, models, rule, run, size, width


@app.cell
def _(data, models, rule, run, size, width):
    mo.vstack(
        [
            mo.hstack(
                [mo.vstack([data, rule]), mo.vstack([size, width, models])],
                widths="equal",
            ),
            run,
        ]
    )
    return


@app.cell
def _(data, models, rule, size, width):
    settings = Settings(
        data=data.value,
        size=size.value,
        width=width.value,
        rule=rule.value,
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
            memory_sentence(settings, simulated),
            samples_picture(settings, simulated) if simulated else mo.md(""),
            score_picture(settings, simulated),
            lines_picture(settings, predicted, simulated),
            memory_table(settings, predicted, simulated),
        ]
    )
    return


@app.cell
def test_copying_loses_lines(predicted):
    assert predicted.survivors[0] == 1.0
    assert (predicted.survivors[1:] < predicted.survivors[:-1]).all()
    return


if __name__ == "__main__":
    app.run()
