"""``driftlab plan``: what must one do to stay below a target?"""

import argparse
import json
from typing import TYPE_CHECKING

from figures.commands.arguments import add_command, add_out
from figures.commands.outcome import EXIT_UNEXPECTED
from theory.planning.variables import QUANTITIES, VARIABLES

if TYPE_CHECKING:
    from figures.planned.verify import Verified
    from theory.planning.answers import Answers
    from theory.planning.inverse import Plan

__all__ = ["add_to", "run"]

_EPILOG = """\
Every theory that applies answers, and says what it assumes and whether the answer is a
guarantee, an exact prediction or a rate. Of alpha, points, n and m any two are enough
(points = n + m, alpha = n / points).

examples:
  driftlab plan tv 0.08 --for alpha --generations 8 --points 500 --bandwidth 0.35
  driftlab plan drift 0.1 --for generations --alpha 0.3 --innovation 0.01
  driftlab plan modes 0.9 --for time --generations 4 --alpha 0.3 --distance 2 --verify
  driftlab plan schedule --budget 3 --generations 20 --innovation 0.01
"""


def add_to(commands: argparse._SubParsersAction) -> None:
    """Declare the subcommand and its modes."""
    command = add_command(
        commands,
        "plan",
        run,
        "what to do to stay below a target: fresh data, points, bandwidth, time, schedule",
        epilog=_EPILOG,
    )
    modes = command.add_subparsers(metavar="quantity", required=True)
    for quantity in QUANTITIES.values():
        _add_quantity(modes, quantity)
    _add_schedule(modes)


def _add_quantity(modes, quantity) -> None:
    bound = "at most" if quantity.wanted == "low" else "at least"
    mode = modes.add_parser(
        quantity.name,
        help=f"{quantity.says} ({bound} the target)",
        description=f"Target on the {quantity.says}.",
    )
    mode.set_defaults(plan=_plan, quantity=quantity.name)
    mode.add_argument("target", type=float, help=f"{bound} this")
    mode.add_argument(
        "--for",
        dest="unknown",
        required=True,
        choices=tuple(VARIABLES),
        metavar="UNKNOWN",
        help=f"what is asked for: {', '.join(VARIABLES)}",
    )
    for variable in VARIABLES.values():
        name = f"--{variable.name}"
        mode.add_argument(name, type=float, metavar="X", help=variable.says)
    mode.add_argument(
        "--verify", action="store_true", help="run each plan in simulation"
    )
    mode.add_argument(
        "--seeds", type=int, default=20, help="runs of each (default: %(default)s)"
    )
    mode.add_argument("--seed", type=int, default=0, help="key of all random numbers")
    mode.add_argument("--draw", action="store_true", help="a picture of all answers")
    mode.add_argument("--json", action="store_true", help="as JSON")
    mode.add_argument("--quiet", action="store_true", help="no progress")
    add_out(mode)


def _add_schedule(modes) -> None:
    mode = modes.add_parser(
        "schedule",
        help="where to spend a total amount of fresh data",
        description="Fresh fractions of every generation under a total budget.",
    )
    mode.set_defaults(plan=_schedule)
    mode.add_argument(
        "--budget", type=float, required=True, help="sum of fresh fractions"
    )
    mode.add_argument("--generations", type=int, required=True, help="models trained")
    mode.add_argument(
        "--innovation",
        required=True,
        metavar="J[,J...]",
        help="chi-square that each generation adds; one number, or one a generation",
    )
    mode.add_argument(
        "--aim",
        default="mean",
        choices=("mean", "largest", "last"),
        help="of the drift over the generations (default: mean)",
    )
    mode.add_argument(
        "--errors",
        default="any",
        choices=("any", "unbiased"),
        help="any: the guarantee (U1); unbiased: the exact mean (X)",
    )
    mode.add_argument("--json", action="store_true", help="as JSON")


def run(options: argparse.Namespace) -> int:
    """Answer, and verify where that is asked for."""
    return options.plan(options)


def _plan(options: argparse.Namespace) -> int:
    from figures.planned.verify import verify
    from figures.progress import progress
    from theory.planning.answers import answers
    from theory.planning.inverse import check
    from theory.validation import require, require_count

    require_count("seeds", options.seeds)
    given = {
        name: value
        for name in VARIABLES
        if (value := getattr(options, name)) is not None
    }
    both = options.unknown in given
    require(not both, options.unknown, "asked for or given, not both", "both")
    generations = given.pop("generations", None)
    if generations is not None:
        check("generations", generations)
        generations = int(generations)
    elif options.unknown != "generations":
        require(
            False, "generations", "given (--generations N), or asked for", "nothing"
        )
    found = answers(
        options.quantity, options.target, options.unknown, generations, given
    )
    checked: dict[str, Verified | None] = {}
    if options.verify:
        shown = progress(quiet=options.quiet or options.json)
        checked = {
            plan.relation.id: verify(
                plan, options.out, shown, options.seeds, options.seed
            )
            for plan in found.plans
        }
    if options.json:
        print(json.dumps(_record(options, found, checked), indent=1))
    else:
        print(_told(options, found, checked))
    if options.draw:
        from figures.planned.picture import draw

        print(f"Picture: {draw(found, checked, options.out)}")
    failed = [
        v for v in checked.values() if v and not v.met and all(v.hypotheses.values())
    ]
    return EXIT_UNEXPECTED if failed else 0


def _told(options, found: "Answers", checked) -> str:
    from figures.planned.text import feasible

    quantity = QUANTITIES[options.quantity]
    bound = "at most" if quantity.wanted == "low" else "at least"
    lines = [
        f"{quantity.says[0].upper()}{quantity.says[1:]}: {bound} {options.target:g}.",
        "",
    ]
    for plan in found.plans:
        r = plan.relation
        lines.append(f"{feasible(plan)}   [{r.kind}; {r.id}, {r.paper}, {r.reference}]")
        lines.append(f"    {r.says}")
        lines += [f"    assumes: {a}" for a in r.assumes]
        if r.id in checked:
            verified = checked[r.id]
            said = verified.says if verified else "no loop of its own, not simulated"
            lines.append(f"    simulated: {said}")
        lines.append("")
    left = [f"{id} ({why})" for id, why in found.left_out.items()]
    return "\n".join(lines + ([f"Not asked: {', '.join(left)}."] if left else []))


def _record(options, found: "Answers", checked) -> dict:
    return {
        "quantity": options.quantity,
        "target": options.target,
        "unknown": options.unknown,
        "answers": [
            _answer(plan, checked.get(plan.relation.id)) for plan in found.plans
        ],
        "not_asked": dict(found.left_out),
    }


def _answer(plan: "Plan", verified: "Verified | None") -> dict:
    r = plan.relation
    record = {
        "relation": r.id, "paper": r.paper, "reference": r.reference,
        "kind": r.kind.value, "says": r.says, "assumes": list(r.assumes),
        "feasible": [[i.low, i.high] for i in plan.feasible],
        "value": plan.value if plan.found else None,
        "reached": plan.reached,
    }  # fmt: skip
    if verified is not None:
        record["simulated"] = {
            "mean": verified.mean, "interval": list(verified.interval),
            "seeds": verified.seeds, "met": verified.met, "loop": verified.loop,
            "hypotheses": dict(verified.hypotheses),
        }  # fmt: skip
    return record


def _schedule(options: argparse.Namespace) -> int:
    import numpy as np

    from figures.commands.predict_table import history
    from theory.planning.budget import best_schedule
    from theory.validation import InputError

    try:
        values = tuple(float(v) for v in options.innovation.split(","))
    except ValueError:
        raise InputError(
            "innovation must be numbers separated by commas, "
            f"got {options.innovation!r}."
        ) from None
    J = history("innovation", values, options.generations)
    best = best_schedule(
        J, options.budget, options.generations, options.aim, options.errors
    )
    if options.json:
        record = {
            "alpha": best.alpha.tolist(), "drift": best.drift.tolist(),
            "cost": best.cost, "even": best.even, "bound": best.bound, "gap": best.gap,
        }  # fmt: skip
        print(json.dumps(record, indent=1))
        return 0
    kind = "bound (U1)" if options.errors == "any" else "mean (X)"
    print(f"generation  fresh fraction  D, {kind}, of its model")
    for i, (a, d) in enumerate(zip(best.alpha, best.drift, strict=True)):
        print(f"{i:10d}  {a:14.3f}  {d:.5g}")
    spent = float(np.sum(best.alpha[1:]))
    print(
        f"Spent {spent:.3f} of {options.budget:g} (generation 0 is fresh anyway).\n"
        f"{options.aim} D {best.cost:.5g}; spread evenly {best.even:.5g}; no schedule is "
        f"below {best.bound:.5g}: optimality gap at most {max(best.gap, 0.0):.2%}."
    )
    return 0
