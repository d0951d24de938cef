import dataclasses
import json

import numpy as np
import pytest

from figures.cli import main
from figures.planned.loops import LOOPS
from figures.planned.text import interval
from figures.planned.verify import verify
from figures.progress import progress
from theory.planning.answers import RELATIONS
from theory.planning.inverse import Interval, solve

# relation, unknown, target, generations, known, seeds
QUESTIONS = [
    ("drift-root", "alpha", 0.1, 5, {"innovation": 0.02}, 1),
    ("drift-unbiased-tv", "alpha", 0.1, 5, {"innovation": 0.02}, 8),
    ("drift-energy", "alpha", 0.1, 5, {"energy": 0.01}, 1),
    ("mixing-rate", "points", 0.1, 4, {"alpha": 0.5, "rate": 0.5, "constant": 1.0}, 8),
    ("mixing-kernel-upper", "alpha", 0.1, 4, {"points": 200, "bandwidth": 0.4}, 8),
    ("mixing-gaussian", "points", 0.05, 4, {"alpha": 0.5}, 20),
    ("mixing-modes", "points", 0.9, 5, {"alpha": 0.2, "modes": 8}, 30),
    ("copying-kinship", "alpha", 0.2, 10, {"points": 60}, 8),
    ("refit-entropy", "points", 1.0, 5, {"dim": 3}, 8),
]


@pytest.fixture(scope="module")
def quiet():
    return progress(quiet=True)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q[0])
def test_plans_come_true(question, tmp_path, quiet):
    id, unknown, target, generations, known, seeds = question
    plan = solve(RELATIONS[id], unknown, target, generations, known)
    found = verify(plan, tmp_path, quiet, seeds)
    assert all(found.hypotheses.values()), found.says
    assert found.met, found.says
    assert found.says.startswith("met")


def test_a_plan_that_is_wrong_does_not_come_true(tmp_path, quiet):
    """Negative control: a quarter of the fresh data that the guarantee asks for."""
    known = {"innovation": 0.02}
    plan = solve(RELATIONS["drift-root"], "alpha", 0.05, 8, known)
    wrong = dataclasses.replace(plan, value=0.25 * plan.value)
    assert not verify(wrong, tmp_path, quiet).met
    known = {"alpha": 0.1, "modes": 8}
    plan = solve(RELATIONS["mixing-modes"], "points", 0.95, 8, known)
    wrong = dataclasses.replace(plan, value=plan.value // 3)
    found = verify(wrong, tmp_path, quiet, 30)
    assert not found.met
    assert "NOT met" in found.says


def test_a_constant_that_is_too_small_is_seen(tmp_path, quiet):
    known = {"alpha": 0.5, "rate": 0.5, "constant": 0.1}
    plan = solve(RELATIONS["mixing-rate"], "points", 0.02, 3, known)
    found = verify(plan, tmp_path, quiet, 8)
    assert found.says.startswith("hypotheses not met")


def test_more_seeds_extend_a_verification(tmp_path, quiet):
    plan = solve(RELATIONS["mixing-gaussian"], "points", 0.05, 3, {"alpha": 0.5})
    few = verify(plan, tmp_path, quiet, 4)
    more = verify(plan, tmp_path, quiet, 8)
    again = verify(plan, tmp_path, quiet, 4)
    assert few == again
    assert more.seeds == 8


def test_relations_without_a_loop_are_not_simulated(tmp_path, quiet):
    known = {"alpha": 0.2, "dim": 2}
    plan = solve(RELATIONS["drift-kernel"], "bandwidth", 0.1, 5, known)
    assert verify(plan, tmp_path, quiet) is None
    assert set(LOOPS) <= set(RELATIONS)


@pytest.mark.slow
def test_a_training_time_keeps_both_modes(tmp_path, quiet):
    known = {"alpha": 0.3, "distance": 2.0}
    plan = solve(RELATIONS["survival-time"], "time", 0.95, 4, known)
    assert verify(plan, tmp_path, quiet, 4).met
    short = dataclasses.replace(plan, value=0.3 * plan.feasible[0].low)
    assert not verify(short, tmp_path, quiet, 4).met


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Interval(0.31234567, 1.0, False, True), "alpha >= 0.3124"),
        (Interval(0.0, 0.31239, True, False), "alpha <= 0.3123"),
        (Interval(0.1, 0.2), "0.1 <= alpha <= 0.2"),
        (Interval(0.0, 1.0, True, True), "any alpha (searched from 0 to 1)"),
    ],
)
def test_intervals_are_rounded_inwards(found, said):
    assert interval("alpha", found) == said


def test_the_command_answers_verifies_and_draws(tmp_path, capsys):
    command = ["plan", "drift", "0.1", "--for", "alpha", "--generations", "5"]
    options = ["--innovation", "0.02", "--out", str(tmp_path)]
    more = ["--verify", "--seeds", "4", "--draw", "--quiet"]
    assert main([*command, *options, *more]) == 0
    told = capsys.readouterr().out
    assert "guarantee; drift-root" in told
    assert "simulated: met" in told
    assert (tmp_path / "plans" / "drift-0.1-alpha.png").stat().st_size > 10_000


def test_the_command_writes_json(capsys):
    command = ["plan", "entropy", "1", "--for", "points", "--generations", "10"]
    assert main([*command, "--dim", "8", "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)["answers"]
    assert answer["kind"] == "exact prediction"
    assert answer["feasible"][0][0] == answer["value"]


def test_the_command_spends_a_budget(capsys):
    command = ["plan", "schedule", "--budget", "2", "--generations", "6"]
    assert main([*command, "--innovation", "0.01", "--json"]) == 0
    best = json.loads(capsys.readouterr().out)
    assert best["bound"] <= best["cost"] * (1 + 1e-9) < best["even"]
    assert np.sum(best["alpha"][1:]) <= 2.0 + 1e-9
    assert main([*command, "--innovation", "0.01,0.02,0.01,0.01,0.01,0.05"]) == 0
    assert "optimality gap at most" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["drift", "-1", "--for", "alpha", "--generations", "3"], "target must be in"),
        (["drift", "0.1", "--for", "alpha"], "generations must be given"),
        (["tv", "0.1", "--for", "alpha", "--generations", "3"], "needs"),
        (["tv", "0.1", "--for", "n", "--n", "3", "--generations", "3"], "not both"),
        (["tv", "nan", "--for", "n", "--m", "3", "--generations", "3"], "target"),
        (["drift", "0.1", "--for", "alpha", "--innovation", "1", "--generations", "2.5"],
         "generations must be a whole number"),
        (["schedule", "--budget", "9", "--generations", "4", "--innovation", "1"],
         "budget must be in"),
        (["schedule", "--budget", "1", "--generations", "4", "--innovation", "x"],
         "innovation must be numbers"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(options, said, capsys):
    assert main(["plan", *options]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
