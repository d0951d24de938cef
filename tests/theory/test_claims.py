import json
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from theory.claims import Claim, Evidence, Outcome, Verdict, decide, table
from theory.validation import InputError

CLAIMS = {
    "bound": Claim("bound", "p", "Thm 1", "paper", "a <= b", hypotheses=("A1", "A2")),
    "identity": Claim("identity", "p", "Lem 2", "derived", "a = b"),
    "false": Claim(
        "false", "p", "Thm 4.2", "paper", "a <= b", expected=(Outcome.VIOLATED,)
    ),
}


def judge(relation="<=", slack=1.0, claim="bound", level=0.05, **fields) -> Verdict:
    evidence = Evidence(claim, "setting", relation, slack, **fields)
    return decide([evidence], CLAIMS, level)[0]


class TestExactEvidence:
    @pytest.mark.parametrize(
        ("slack", "outcome"),
        [
            ([0.2, 0.0], Outcome.HOLDS),
            ([0.2, -1e-9], Outcome.HOLDS),  # within the resolution
            ([0.2, -1.1e-8], Outcome.VIOLATED),
            ([np.inf, 0.1], Outcome.HOLDS),
            ([-np.inf, 0.1], Outcome.VIOLATED),
        ],
    )
    def test_an_inequality_is_decided_beyond_the_resolution(self, slack, outcome):
        assert judge(slack=slack, resolution=1e-8).outcome is outcome

    @pytest.mark.parametrize(
        ("slack", "outcome"),
        [
            ([0.0, 1e-9], Outcome.HOLDS),
            ([0.0, 0.011], Outcome.VIOLATED),
            ([0.0, -0.011], Outcome.VIOLATED),
            ([0.009, -0.009], Outcome.HOLDS),
        ],
    )
    def test_an_equality_is_decided_beyond_the_margin(self, slack, outcome):
        assert judge("==", slack, "identity", margin=0.01).outcome is outcome

    def test_exact_evidence_takes_no_share_of_the_level(self):
        sampled = Evidence("bound", "s", "<=", [1.0, 2.0], 0.1)
        exact = Evidence("bound", "e", "<=", np.ones(1000))
        assert [v.intervals for v in decide([sampled, exact], CLAIMS)] == [2, 2]

    def test_the_worst_is_relative_to_its_scale(self):
        verdict = judge(slack=[-0.5, -0.2], scale=[100.0, 1.0])
        assert verdict.slack == -0.2
        assert verdict.relative_slack == -0.2
        assert verdict.interval == (-0.2, -0.2)

    def test_the_detectable_violation_is_the_resolution(self):
        assert judge(resolution=1e-6).detectable == 1e-6


class TestSampledEvidence:
    @pytest.mark.parametrize(
        ("slack", "outcome"),
        [
            (2.0, Outcome.HOLDS),
            (1.9, Outcome.INCONCLUSIVE),
            (-1.9, Outcome.INCONCLUSIVE),
            (-2.0, Outcome.VIOLATED),
        ],
    )
    def test_a_single_interval_has_the_textbook_width(self, slack, outcome):
        verdict = judge(slack=slack, standard_error=1.0)  # 1.96 standard errors
        assert verdict.outcome is outcome
        assert verdict.interval == pytest.approx((slack - 1.959964, slack + 1.959964))
        assert verdict.detectable == pytest.approx(1.959964)

    @pytest.mark.parametrize(
        ("slack", "outcome"),
        [
            (0.0, Outcome.HOLDS),
            (0.2, Outcome.INCONCLUSIVE),
            (0.5, Outcome.VIOLATED),
            (-0.5, Outcome.VIOLATED),
        ],
    )
    def test_equality_needs_the_interval_inside_the_margin(self, slack, outcome):
        verdict = judge("==", slack, "identity", standard_error=0.1, margin=0.25)
        assert verdict.outcome is outcome

    def test_equality_without_margin_can_be_refuted_but_not_confirmed(self):
        same = judge("==", 0.0, "identity", standard_error=0.1)
        other = judge("==", 1.0, "identity", standard_error=0.1)
        assert (same.outcome, other.outcome) == (Outcome.INCONCLUSIVE, Outcome.VIOLATED)

    @pytest.mark.parametrize("dof", [1, 3, 9, 49, np.inf])
    def test_the_quantile_is_students_and_shared_by_the_whole_report(self, dof):
        first = Evidence("bound", "s", "<=", np.zeros((20, 10)), 1.0, dof)
        second = Evidence("bound", "r", "<=", np.zeros(200), 1.0)
        verdict = decide([first, second], CLAIMS, level=0.05)[0]
        expected = stats.t.isf(0.05 / 2 / 400, dof)
        assert verdict.interval == pytest.approx((-expected, expected), rel=1e-9)
        assert verdict.intervals == 400
        assert verdict.confidence == 0.95

    def test_one_clear_violation_among_noise_is_a_violation(self):
        slack = np.full(50, 5.0)
        slack[17] = -9.0
        verdict = judge(slack=slack, standard_error=1.0)
        assert verdict.outcome is Outcome.VIOLATED
        assert verdict.slack == -9.0
        assert "1 of 50" in verdict.reason

    def test_a_single_seed_leaves_everything_open(self):
        verdict = judge(slack=-1e9, standard_error=1.0, dof=0)
        assert verdict.outcome is Outcome.INCONCLUSIVE
        assert verdict.interval == (-np.inf, np.inf)

    def test_the_resolution_widens_the_tolerance_not_the_interval(self):
        verdict = judge(slack=-2.0, standard_error=1.0, resolution=0.1)
        assert verdict.outcome is Outcome.INCONCLUSIVE
        assert verdict.interval[1] < 0
        assert verdict.detectable == pytest.approx(1.959964 + 0.1)


class TestPrecedence:
    def test_unmet_hypotheses_are_named_even_under_a_violation(self):
        checks = (("A1", True, "energy .3"), ("A2", False, "energy 1.8 > 1"))
        verdict = judge(slack=-1.0, hypotheses=checks, vacuous="bound above 1")
        assert verdict.outcome is Outcome.HYPOTHESES_NOT_MET
        assert "A2 (energy 1.8 > 1)" in verdict.reason
        assert "A1" not in verdict.reason

    def test_vacuous_hides_holds_but_never_a_violation(self):
        assert judge(slack=1.0, vacuous="TV bound > 1").outcome is Outcome.VACUOUS
        assert judge(slack=-1.0, vacuous="TV bound > 1").outcome is Outcome.VIOLATED

    def test_not_measurable_comes_first(self):
        checks = (("A1", False, "no"),)
        verdict = judge(slack=-1.0, hypotheses=checks, not_measurable="no density")
        assert verdict.outcome is Outcome.NOT_MEASURABLE
        assert verdict.reason == "no density"
        assert np.isnan(verdict.slack)

    def test_nan_is_not_measurable_and_says_where(self):
        verdict = judge(slack=[1.0, np.nan, 2.0])
        assert verdict.outcome is Outcome.NOT_MEASURABLE
        assert "1 of 3 have no number, first at 1" in verdict.reason
        assert verdict.slack == 1.0

    def test_a_nan_error_is_no_exact_slack(self):
        for name in ("standard_error", "resolution"):
            verdict = judge(slack=[1.0, 1.0], **{name: [0.1, np.nan]})
            assert verdict.outcome is Outcome.NOT_MEASURABLE

    def test_an_infinite_resolution_does_not_excuse_everything(self):
        assert judge(slack=-1.0, resolution=np.inf).outcome is Outcome.NOT_MEASURABLE

    def test_a_nan_does_not_hide_a_violation_elsewhere(self):
        assert judge(slack=[np.nan, -1.0]).outcome is Outcome.VIOLATED

    def test_no_slack_at_all_is_not_measurable(self):
        assert judge(slack=[]).outcome is Outcome.NOT_MEASURABLE

    def test_unchecked_hypotheses_are_said_to_be_assumed(self):
        verdict = judge(hypotheses=(("A1", True, "energy .3"),))
        assert verdict.outcome is Outcome.HOLDS
        assert verdict.reason.endswith("assumed: A2")

    def test_expectation_is_the_claims(self):
        assert judge(slack=-1.0, claim="false").as_expected
        assert not judge(slack=1.0, claim="false").as_expected


class TestErrorRates:
    """400 simultaneous intervals at the edge of truth, real violations among them."""

    REPORTS = 2000

    def share_violated(self, slack, dof=np.inf, **fields) -> float:
        found = [
            judge(slack=row, standard_error=se, dof=dof, **fields).outcome
            for row, se in slack
        ]
        return np.mean([o is Outcome.VIOLATED for o in found])

    def reports(self, shift=0.0, dof=None):
        rng = np.random.default_rng(7)
        for _ in range(self.REPORTS):
            row = rng.standard_normal(400)
            row[0] += shift
            scale = 1.0 if dof is None else np.sqrt(rng.chisquare(dof, 400) / dof)
            yield row, np.broadcast_to(scale, 400)

    @pytest.mark.parametrize("dof", [None, 7])
    def test_true_theorems_are_rarely_called_violated(self, dof):
        level = 0.05
        rate = self.share_violated(self.reports(dof=dof), dof or np.inf, level=level)
        binomial = np.sqrt(level * (1 - level) / self.REPORTS)
        assert rate <= level + 4 * binomial
        # one of two sides counts: half the level is spent, and it is spent
        assert rate >= level / 2 - 4 * np.sqrt(level / 2 / self.REPORTS)

    def test_without_sharing_the_level_true_theorems_would_fall(self):
        slack = next(self.reports())[0]
        alone = [
            judge(slack=s, standard_error=1.0).outcome is Outcome.VIOLATED
            for s in slack
        ]
        assert any(alone)  # the control: 400 separate tests at 5 % must err

    def test_normal_quantiles_for_few_seeds_would_err(self):
        wrong = self.share_violated(self.reports(dof=7), np.inf)
        assert wrong > 0.2  # the control: the dof matter

    def test_a_violation_of_six_standard_errors_is_found(self):
        critical = stats.norm.isf(0.05 / 800)
        power = stats.norm.cdf(6.0 - critical)  # 0.985
        found = self.share_violated(self.reports(shift=-6.0))
        assert abs(found - power) < 5 * np.sqrt(power * (1 - power) / self.REPORTS)

    def test_the_detectable_violation_is_found_at_even_odds(self):
        edge = judge(slack=np.zeros(400), standard_error=1.0).detectable
        found = self.share_violated(self.reports(shift=-edge))
        binomial = 0.5 / np.sqrt(self.REPORTS)
        # the other 399 intervals add at most half the level
        assert 0.5 - 5 * binomial < found < 0.525 + 5 * binomial


class TestRecords:
    def verdicts(self):
        return decide(
            [
                Evidence("bound", "alpha=0.1", "<=", 0.5, 0.01, seeds=10, n=1000),
                Evidence("identity", "s", "==", 0.0),
                Evidence("false", "s", "<=", [-np.inf, 1.0], scale=0.0),
                Evidence("bound", "t", "<=", -1.0, vacuous=None),
                Evidence("bound", "u", "<=", np.nan),
            ],
            CLAIMS,
        )

    def test_a_verdict_survives_strict_json(self):
        for verdict in self.verdicts():
            text = json.dumps(verdict.to_json(), allow_nan=False)
            again = Verdict.from_json(json.loads(text))
            assert repr(again) == repr(verdict)  # repr: NaN equals NaN there

    def test_a_foreign_record_is_refused(self):
        with pytest.raises(InputError, match="verdict must be a record of"):
            Verdict.from_json({"claim": "bound"})

    def test_the_table_marks_what_nobody_expected(self):
        text = table(self.verdicts())
        lines = text.splitlines()
        assert lines[0].split()[:3] == ["claim", "setting", "verdict"]
        starts = [line.index("(!)") for line in lines if "(!)" in line]
        assert len(starts) == 2  # the violated and the NaN bound; "false" was expected
        assert "alpha=0.1" in lines[2]
        assert "(!)" not in lines[2]
        assert text.endswith("5 verdicts, 2 against expectation.")

    def test_an_empty_report_is_a_table_too(self):
        assert table([]).endswith("0 verdicts, 0 against expectation.")

    def test_settings_of_one_claim_stay_apart_and_in_order(self):
        assert [v.setting for v in self.verdicts()] == ["alpha=0.1", "s", "s", "t", "u"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"relation": ">="}, "relation must be"),
        ({"standard_error": -1.0}, "standard_error must be >= 0"),
        ({"standard_error": [1.0, 2.0]}, "standard_error must be broadcastable"),
        ({"resolution": -1.0}, "resolution must be >= 0"),
        ({"margin": np.nan}, "margin must be finite"),
        ({"margin": -0.1}, "margin must be >= 0"),
        ({"claim": "unheard"}, "claim must be one of"),
        ({"level": 1.0}, r"level must be in \(0, 1\)"),
    ],
)
def test_bad_input_is_refused_in_one_line(fields, message):
    with pytest.raises(InputError, match=message) as error:
        judge(**{"slack": [1.0, 2.0, 3.0], **fields})
    assert "\n" not in str(error.value)


def test_a_claim_needs_a_known_provenance():
    with pytest.raises(InputError, match="provenance"):
        Claim("c", "p", "r", "rumour", "s")


def test_importing_claims_loads_neither_jax_nor_scipy():
    code = "import sys, theory.claims; print({'jax', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr
