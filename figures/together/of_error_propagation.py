"""What Khelifa, Turner and Venkataramanan (2026) say of a loop, and what is derived after them."""

from dataclasses import replace
from functools import partial

from figures.together.cases import Case
from figures.together.propagation_checks import (
    display_assumptions,
    finite_chi2,
    finite_path_chi2,
    path_assumptions,
    resolved_chain,
    some_fresh,
    unbiased_innovations,
)
from figures.together.propagation_curves import (
    curve_of,
    delayed,
    displayed,
    exact_shift_drift,
    girsanov,
    linear,
    mean_unbiased,
    of_sandwich,
    path_energy,
    root,
    shift_tv,
    weighted,
)
from figures.together.statements import Side, Statement, in_each_run
from theory.claims import Kind

__all__ = ["CONSTANT", "STATEMENTS"]

PAPER = "khelifa2026"
CONSTANT = 4.0
"""Of Thm 3.4's leading upper term, put into Thm 4.2's display."""
INTEGRATED = 1e-6
"""Relative accuracy of energies integrated over time, of which Prop 3.1 may be an equality."""


def _chi2(case: Case) -> str:
    return case.infinite_chi2


def _of_chain(case: Case) -> str:
    if case.estimates:
        return "needs the observability and the path chi-square, which chains in steps alone give"
    return ""


def _displayed_low(case: Case) -> str:
    return case.infinite_chi2 or _of_chain(case)


def _limit(case: Case) -> str:
    return "a limit superior: it says nothing of any one generation"


def _of_shift(case: Case) -> str:
    return "" if case.learner == "shift" else "speaks of consistent shifts only"


def _of_gaussian_shift(case: Case) -> str:
    return _of_shift(case) or (
        "" if case.is_gaussian else "closed form for data N(0, 1)"
    )


derived = partial(
    Statement, paper=PAPER, provenance="derived", kind=Kind.GUARANTEE, side=Side.UPPER
)
in_chi2 = partial(
    derived,
    quantity="D",
    silent=_chi2,
    checks=finite_chi2,
    currency="largest TV at that chi-square",
)

U1 = in_chi2("U1", "(U1)", reference="replaces Thm 4.2", curve=curve_of(root, "J"))
DISPLAY = in_chi2(
    "thm-4.2+",
    "Thm 4.2 as displayed",
    reference="Thm 4.2, our constant 4, C_bias = 0",
    provenance="paper",
    kind=Kind.RATE,
    curve=partial(displayed, lambda trace: CONSTANT),
    checks=display_assumptions,
)

STATEMENTS = (
    U1,
    replace(U1, id="U2", label="(U2)", curve=curve_of(linear, "J"), checks=some_fresh),
    replace(U1, id="U3", label="(U3)", curve=curve_of(weighted, "J")),
    in_chi2(
        "X",
        "(X), as a bound",
        reference="replaces Thm 4.2",
        kind=Kind.EXACT,
        side=Side.VALUE,
        every_run=False,
        curve=mean_unbiased,
        checks=unbiased_innovations,
        margin=0.1,
    ),
    replace(
        U1,
        id="L1",
        label="(L1)",
        side=Side.LOWER,
        curve=curve_of(delayed, "J", "D"),
        currency="",
    ),
    derived(
        "energy",
        "path energy",
        reference="Prop 3.1, unrolled",
        quantity="TV",
        curve=path_energy,
        checks=path_assumptions,
        currency="itself",
    ),
    derived(
        "prop-3.1",
        "Prop 3.1",
        reference="Prop 3.1, any start law",
        quantity="KL of a step",
        curve=girsanov,
        checks=path_assumptions,
        resolution=INTEGRATED,
    ),
    derived(
        "sandwich+",
        "sandwich",
        reference="from Thm 3.4",
        quantity="I",
        curve=partial(of_sandwich, "upper"),
        silent=_of_chain,
        checks=finite_path_chi2,
        currency="largest TV at each step's chi-square, summed with A_s",
    ),
    derived(
        "sandwich-",
        "sandwich, lower",
        reference="from Thm 3.4",
        quantity="I",
        side=Side.LOWER,
        curve=partial(of_sandwich, "lower"),
        silent=_of_chain,
        checks=finite_path_chi2,
    ),
    DISPLAY,
    replace(
        DISPLAY,
        id="thm-4.2-",
        reference="Thm 4.2, our constant eta/8, C_bias = 0",
        side=Side.LOWER,
        curve=partial(displayed, lambda trace: trace["observability"].min() / 8.0),
        silent=_displayed_low,
        currency="",
    ),
    replace(
        U1,
        id="prop-4.1",
        label="Prop 4.1",
        reference="Prop 4.1",
        provenance="paper",
        side=Side.LOWER,
        silent=_limit,
        currency="",
    ),
    derived(
        "shifts",
        "exact law of shifts",
        reference="kernel recursion",
        kind=Kind.EXACT,
        quantity="TV",
        side=Side.VALUE,
        curve=lambda case, trace: in_each_run(
            shift_tv, (case.law, case.alpha), trace["shift"]
        ),
        checks=resolved_chain,
        silent=_of_shift,
        every_run=False,
        currency="itself",
        margin=0.05,
    ),
    derived(
        "shifts-D",
        "exact drift of shifts",
        reference="kernel recursion",
        kind=Kind.EXACT,
        quantity="D",
        side=Side.VALUE,
        curve=exact_shift_drift,
        checks=resolved_chain,
        silent=_of_gaussian_shift,
        every_run=False,
        margin=0.1,
    ),
)
