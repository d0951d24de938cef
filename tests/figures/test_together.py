"""all1 and `driftlab compare`: one loop under all theories, and judgements that can fail."""

import dataclasses
import json

import numpy as np
import pytest
import xarray as xr

from figures import catalogue, style
from figures.cli import main
from figures.export import plotted
from figures.pipeline import compute
from figures.progress import SILENT
from figures.together import one_loop
from figures.together.cases import Case
from figures.together.evaluation import STATEMENTS, evaluate, of_case
from figures.together.presets import CLAIMS, FIGURES, LEARNERS, Together
from figures.together.propagation_checks import unbiased_innovations
from figures.together.statements import CURRENCIES, QUANTITIES, Side
from figures.together.table import generation_rows, statement_rows
from figures.together.tightest import tightest, vacuous
from theory.claims import Kind, Outcome, decide
from theory.symbolic import PROVENANCES
from theory.validation import InputError

(FIGURE,) = FIGURES
KNOWN = {claim.id: claim for claim in CLAIMS}
SETTINGS = dataclasses.replace(FIGURE.presets["smoke"], seeds=16, generations=3)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("all1")
    return compute(FIGURE, "smoke", SETTINGS, folder, SILENT)


def verdicts(trace, settings=SETTINGS):
    curves = one_loop.predict(settings, trace)
    found: dict[str, set[Outcome]] = {}
    for v in decide(one_loop.judge(settings, trace, curves), KNOWN):
        found.setdefault(f"{v.claim} {v.setting}", set()).add(v.outcome)
    return found


def test_all_is_as_expected(small):
    judged = decide(small.evidence, KNOWN)
    assert [v for v in judged if not v.as_expected] == []
    settings = {v.setting.split(":")[0] for v in judged}
    assert settings == set(LEARNERS)
    controls = [v.outcome for v in judged if v.claim == "all-control"]
    assert controls == [Outcome.VIOLATED] * 3


def test_statements_are_well_formed():
    papers = catalogue.papers()
    for id, statement in STATEMENTS.items():
        assert statement.id == id
        assert statement.paper in papers
        assert statement.provenance in PROVENANCES
        assert statement.quantity in QUANTITIES
        assert statement.currency in CURRENCIES
        value = statement.side is Side.VALUE
        assert value == (statement.kind is Kind.EXACT)


def test_which_statements_speak_of_which_loop(small):
    speaks = small.curves["speaks"]
    of = {
        learner: {str(s) for s in speaks["statement"].values[row]}
        for learner, row in zip(LEARNERS, speaks.values, strict=True)
    }
    shared = {"U1", "U2", "U3", "X", "L1", "energy", "prop-3.1", "measured", "floor"}
    assert shared | {"thm-4.2+"} == set.intersection(*of.values())
    assert {"kernel", "lines", "copy-score"} <= of["kernel"] - of["gaussian"]
    assert {"gaussian", "gaussian-entropy", "line"} <= of["gaussian"] - of["kernel"]
    assert {"sandwich+", "shifts", "thm-4.2-"} <= of["shift"] - of["kernel"]
    assert "rate" in of["kernel"] & of["gaussian"]
    why = small.curves["why"].sel(statement="autoencoder")
    assert all("many dimensions" in str(w) for w in why.values)


def test_reasons_follow_the_declared_properties():
    def silent(id, learner, **changes):
        case = Case(dataclasses.replace(SETTINGS, **changes), learner)
        return STATEMENTS[id].silent(case)

    assert silent("U1", "kernel") == ""
    assert "infinite for kernels wider" in silent("U1", "kernel", bandwidth=4.0)
    two = {"target": "two-modes"}
    assert "against their narrow modes" in silent("X", "gaussian", **two)
    assert "no Gaussian" in silent("gaussian", "gaussian", **two)
    assert silent("kernel", "kernel", **two) == ""
    assert "knows its law" in silent("rate", "shift")
    assert "without fresh data" in silent("refit", "gaussian")
    assert silent("refit", "gaussian", alpha=(0.0,)) == ""
    assert "limit superior" in silent("prop-4.1", "shift")


DOCTORED = {
    "kernel: U1": ("D", lambda D: 30.0 * D),
    "kernel: L1": ("J", lambda J: 9.0 * J),
    "kernel: energy": ("drift_tv", lambda tv: 6.0 * tv),
    "kernel: prop-3.1": ("kl_step", lambda kl: 1.001 * kl),
    "kernel: measured": ("drift_tv", lambda tv: 1.01 * tv),
    "kernel: floor": ("drift_tv", lambda tv: 0.99 * tv),
    "shift: sandwich+": ("chi2_step", lambda I: 1.5 * I),
    "shift: sandwich-": ("chi2_step", lambda I: 0.5 * I),
}


@pytest.mark.parametrize("setting", DOCTORED)
def test_a_guarantee_that_is_crossed_is_seen(small, setting):
    variable, change = DOCTORED[setting]
    trace = small.trace.assign({variable: change(small.trace[variable])})
    assert verdicts(small.trace)[f"all-guarantee {setting}"] == {Outcome.HOLDS}
    assert Outcome.VIOLATED in verdicts(trace)[f"all-guarantee {setting}"]


@pytest.mark.parametrize(
    ("claim", "variable", "factor"),
    [
        ("all-exact kernel: kernel", "drift_tv", 5.0),
        ("all-exact kernel: lines", "lines", 1.5),
        ("all-exact gaussian: gaussian-entropy", "law_entropy", 2.0),
        ("all-exact shift: shifts", "drift_tv", 1.5),
        ("all-mean kernel: kernel+", "drift_tv", 5.0),
        ("all-mean kernel: kernel-", "drift_tv", 0.1),
        ("all-mean kernel: copy-score", "score", 50.0),
        ("all-currency kernel: U3", "drift_tv", 30.0),
    ],
)
def test_a_wrong_mean_is_seen(small, claim, variable, factor):
    trace = small.trace.assign({variable: factor * small.trace[variable]})
    assert Outcome.VIOLATED not in verdicts(small.trace)[claim]
    assert Outcome.VIOLATED in verdicts(trace)[claim]


def test_the_tightest_are_the_smallest_and_the_largest_that_hold(small):
    best = tightest(small.curves).sel(learner="kernel")
    tv = small.curves["tv"].sel(learner="kernel").mean("seed")
    for k in range(SETTINGS.generations):
        assert str(best["upper"][0].values) == "measured"  # model 1 attains it
        others = ["U1", "U2", "U3", "energy", "measured", "kernel+"]
        smallest = float(tv.sel(statement=others)[:, k].min())
        assert float(best["upper_tv"][k]) == pytest.approx(smallest)
        largest = float(tv.sel(statement=["floor", "kernel-"])[:, k].max())
        assert float(best["lower_tv"][k]) == pytest.approx(largest)
    # a statement whose hypotheses fail is not among them, however small
    curves = small.curves.copy(deep=True)
    curves["met"].loc[{"learner": "kernel", "statement": "kernel+"}] = False
    assert "kernel+" not in tightest(curves)["upper"].sel(learner="kernel").values


def test_the_rate_takes_its_constant_from_model_1_alone(small):
    mean = small.trace["drift_tv"].mean("seed")
    for learner in ("kernel", "gaussian"):
        rate = small.curves["tv"].sel(learner=learner, statement="rate").mean("seed")
        first = float(mean.sel(learner=learner).isel(generation=0))
        growth = np.cumsum(0.8 ** np.arange(SETTINGS.generations))  # S_i at alpha = .2
        np.testing.assert_allclose(rate, first * growth, rtol=1e-12)


def test_a_vacuous_bound_is_named_as_such(small):
    trace = small.trace.assign(
        J=1e9 * small.trace["J"], tail_share=small.trace["J"] * 0
    )
    curves = evaluate(SETTINGS, trace)
    assert not vacuous(curves).sel(statement="U1").any()  # still below 1, if barely
    trace = small.trace.assign(eps_hat2=1e3 + small.trace["eps_hat2"])
    curves = evaluate(SETTINGS, trace)
    assert vacuous(curves).sel(statement="energy").all()
    assert "energy" not in tightest(curves)["upper"].values


def test_biased_innovations_are_told_from_unbiased_ones():
    rng = np.random.default_rng(0)
    alpha, runs, G = 0.2, 200, 5
    settings = dataclasses.replace(SETTINGS, generations=G, alpha=(alpha,))

    def checked(bias):
        D, J = np.zeros((runs, G)), np.full((runs, G), 0.04)
        before = np.zeros(runs)
        for i in range(G):
            cosine = np.clip(bias + rng.choice([-0.5, 0.5], runs), -1, 1)
            rho = 1 - alpha
            D[:, i] = rho**2 * before + 2 * rho * cosine * np.sqrt(before * 0.04) + 0.04
            before = D[:, i]
        both = {n: (("seed", "generation"), v) for n, v in (("D", D), ("J", J))}
        trace = xr.Dataset(both | {"tail_share": both["D"]}) * 1.0
        *_, check = unbiased_innovations(Case(settings, "kernel"), trace)
        return check.met

    assert checked(0.0)
    assert not checked(0.3)


def test_a_schedule_without_mixing_leaves_one_step_of_error(tmp_path):
    """alpha = 1: every model is model 1, and every bound its first step."""
    settings = dataclasses.replace(SETTINGS, learner=("gaussian",), alpha=(1.0,))
    result = compute(FIGURE, "smoke", settings, tmp_path, SILENT)
    tv = result.trace["drift_tv"].sel(learner="gaussian")
    for id in ("measured", "floor"):
        curve = result.curves["tv"].sel(learner="gaussian", statement=id)
        np.testing.assert_allclose(curve, tv.transpose(*curve.dims), rtol=1e-9)
    assert bool(result.curves["met"].sel(statement="X").all())


def test_unmeasured_variables_are_left_out(small):
    assert "lines" in of_case(small.trace, "kernel")
    assert "lines" not in of_case(small.trace, "shift")
    assert "observability" not in of_case(small.trace, "kernel")


def test_tables_say_what_silences_a_statement(small):
    made = small.trace, small.curves
    for learner in LEARNERS:
        rows = {r["statement"]: r for r in statement_rows(*made, learner)}
        assert list(rows) == list(STATEMENTS)
        assert rows["autoencoder"]["state"] == "silent"
        assert np.isnan(rows["autoencoder"]["tv"])
        measured = float(small.trace["drift_tv"].sel(learner=learner)[-1].mean())
        row = rows["measured"]
        assert row["over"] == pytest.approx(row["tv"] / row["measured"])
        found = generation_rows(*made, learner)
        assert [r["model"] for r in found] == [1, 2, 3]
        for r in found:
            assert r["lower/TV"] <= r["upper/TV"]
        assert measured > 0


def test_picture_and_caption(small):
    with style.applied():
        rows = plotted(one_loop.draw(SETTINGS, small.trace, small.curves))
    series = {row.series for row in rows}
    assert {"measured", "(U1)", "path energy"} <= series
    assert any(name.startswith("tightest upper") for name in series)
    said = one_loop.caption(SETTINGS, small.trace)
    assert "16 runs" in said
    assert "n = 100" in said


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learner": ("kernal",)}, r"learner must be a known one \(kernel"),
        ({"learner": ("kernel", "kernel")}, "learner must be named once each"),
        ({"target": "ring"}, "target must be a known one"),
        ({"errors": "odd"}, "errors must be a known one"),
        ({"alpha": (0.2, 1.2, 0.1)}, r"alpha must be in \[0, 1\]"),
        ({"alpha": (0.2, 0.1)}, "alpha must be one value or 3"),
        ({"n": 5}, "n must be >= 10"),
        ({"seeds": 1}, "seeds must be >= 2"),
        ({"generations": 1}, "generations must be >= 2"),
        ({"bandwidth": 0.0}, "bandwidth must be positive"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(SETTINGS, **change)


# ---- the command line

LOOP = ["--learner", "gaussian", "--n", "60", "--generations", "3", "--seeds", "6"]


def compare(capsys, folder, *arguments):
    own = ["--preset", "smoke", "--out", str(folder), "--quiet"]
    status = main(["compare", *own, *arguments])
    out, err = capsys.readouterr()
    return status, out, err


def test_compare_prints_both_tables_and_names_the_picture(capsys, tmp_path):
    status, out, err = compare(capsys, tmp_path, *LOOP)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "gaussian"
    assert lines[2].split()[:3] == ["statement", "theory", "from"]
    assert any(line.startswith("model  TV") for line in lines)
    assert any(line.startswith("kernel (silent)") for line in lines)
    picture = tmp_path / "figures" / "all1.png"
    assert lines[-1] == f"Picture: {picture}"
    assert picture.is_file()

    status, out, err = compare(capsys, tmp_path, *LOOP, "--json")  # stored: no new run
    found = json.loads(out)
    assert status == 0
    assert found["picture"] == str(picture)
    loop = found["loops"]["gaussian"]
    assert len(loop["statements"]) == len(STATEMENTS)
    assert loop["generations"][0]["lower/TV"] == pytest.approx(1.0)
    assert loop["statements"][-1]["tv"] is None
    assert all(v["as_expected"] for v in found["verdicts"])


def test_bad_input_is_one_line(capsys, tmp_path):
    status, out, err = compare(capsys, tmp_path, "--learner", "kernels")
    assert status == 2
    assert out == ""
    assert err.startswith("driftlab: learner must be a known one (kernel")
    status, _, err = compare(capsys, tmp_path, "--sigma", "2")
    assert status == 2
    assert err.startswith("driftlab: setting must be a known one")
    assert list(tmp_path.iterdir()) == []


def test_settings_are_a_plain_dataclass():
    assert Together() == FIGURE.presets["quick"]
