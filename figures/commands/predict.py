"""``driftlab predict``: what the theory says, without any simulation."""

import argparse
import csv
import json
import math
import sys
from collections.abc import Callable

from figures.commands.arguments import add_command

__all__ = ["add_to", "run"]

Row = dict[str, float | int | str]


def add_to(commands: argparse._SubParsersAction) -> None:
    """Declare the subcommand and its modes."""
    command = add_command(
        commands, "predict", run, "theory alone: curves and bounds as a table"
    )
    modes = command.add_subparsers(metavar="mode", required=True)
    _add_bounds(modes)
    _add_recursion(modes)
    _add_kde(modes)
    _add_linear_gaussian(modes)
    _add_mixture(modes)
    _add_plan(modes)
    _add_formula(modes)


def run(options: argparse.Namespace) -> None:
    """Compute the rows of the chosen mode and print them."""
    rows = options.predict(options)
    if options.format == "json":
        print(json.dumps([_strict(row) for row in rows], indent=1))
    elif options.format == "csv":
        writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    else:
        print(_aligned(rows))


# ---- modes: arguments, then rows


def _add_bounds(modes) -> None:
    mode = _mode(
        modes, "bounds", _bounds, "bounds on the drift, generation by generation"
    )
    _add_loop(mode)
    mode.add_argument(
        "--energies",
        type=_numbers,
        default=(0.01,),
        metavar="E",
        help="score-error energies eps*^2, one or one per generation (default: 0.01)",
    )
    mode.add_argument(
        "--observability", type=float, default=0.5, metavar="ETA", help="in [0, 1]"
    )
    mode.add_argument(
        "--tail-factor",
        type=float,
        default=1.0,
        help="J / I, at least alpha (default: 1)",
    )
    mode.add_argument("--start", type=float, default=0.0, help="D_0 (default: 0)")


def _bounds(options: argparse.Namespace) -> list[Row]:
    """Innovations J = (J/I) eta eps*^2: to leading order in the error (derived)."""
    import numpy as np

    from theory.error_propagation.accumulation import (
        discounted_energy,
        drift_bounds,
        tv_bound,
    )
    from theory.validation import require_in, require_positive

    require_in("observability", options.observability, 0.0, 1.0)
    require_positive("tail-factor", options.tail_factor)
    alpha = _history("alpha", options.alpha, options.generations)
    energy = _history("energies", options.energies, options.generations)
    J = options.tail_factor * options.observability * energy
    bounds = drift_bounds(alpha, J, options.start)
    return _rows(
        generation=np.arange(options.generations + 1),
        U1=bounds.root,
        U2=bounds.linear,
        U3=bounds.weighted,
        unbiased_mean=bounds.unbiased,
        thm_4_2_right=discounted_energy(alpha, energy, options.start),
        tv_bound=tv_bound(alpha, energy),
    )


def _add_recursion(modes) -> None:
    mode = _mode(
        modes,
        "recursion",
        _recursion,
        "exact drift when every generation shifts or blurs",
    )
    _add_loop(mode)
    what = mode.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--shifts", type=_numbers, help="standard deviations, one or one per generation"
    )
    what.add_argument(
        "--blur", type=_numbers, help="h^2 / sigma^2, one or one per generation"
    )
    mode.add_argument("--dim", type=int, default=1, help="dimension, for --blur")


def _recursion(options: argparse.Namespace) -> list[Row]:
    """D_i and, of the step that led there, J and C (Gaussian data)."""
    import numpy as np

    from theory.error_propagation.kernel_recursion import (
        gaussian_kernel_drift,
        shift_drift,
    )

    alpha = _history("alpha", options.alpha, options.generations)
    if options.shifts:
        shifts = _history("shifts", options.shifts, options.generations)
        drift = shift_drift(alpha, shifts)
    else:
        blur = _history("blur", options.blur, options.generations)
        drift = gaussian_kernel_drift(alpha, blur, options.dim)
    return _rows(
        generation=np.arange(options.generations + 1),
        D=drift.D,
        J=np.append(np.nan, drift.J),
        C=np.append(np.nan, drift.C),
    )


def _add_kde(modes) -> None:
    mode = _mode(
        modes, "kde", _kde, "moments under recursive kernel density estimation"
    )
    _add_loop(mode)
    mode.add_argument("--variance", type=float, default=0.36, help="of a mode, sigma^2")
    mode.add_argument("--bandwidth", type=float, default=0.6, help="h")
    mode.add_argument("--t0", type=float, default=0.0, help="noise time when re-noised")
    mode.add_argument(
        "--mean-square", type=float, default=25.6, help="mean |mean of a mode|^2"
    )
    mode.add_argument("--dim", type=int, default=10, help="dimension")


def _kde(options: argparse.Namespace) -> list[Row]:
    import numpy as np

    from theory.error_propagation.population_kde import kde_moments

    moments = kde_moments(
        _history("alpha", options.alpha, options.generations),
        options.variance,
        options.bandwidth**2,
        options.t0,
        options.mean_square,
        options.dim,
        options.generations,
    )
    return _rows(
        generation=np.arange(options.generations + 1),
        mode_variance=moments.mode_variance,
        mean_factor=moments.mean_factor,
        second_moment=moments.second_moment,
        relative_drift=moments.relative_drift,
    )


def _add_linear_gaussian(modes) -> None:
    mode = _mode(
        modes,
        "linear-gaussian",
        _linear_gaussian,
        "one generation, error w x + b, exact",
    )
    mode.add_argument("--mean", type=_numbers, default=(0.0,), help="of the data")
    mode.add_argument("--variance", type=float, default=1.0, help="of the data")
    mode.add_argument("--w", type=float, default=0.0, help="slope of the score error")
    mode.add_argument("--b", type=float, default=0.0, help="constant score error")
    _add_process(mode)


def _linear_gaussian(options: argparse.Namespace) -> list[Row]:
    import jax.numpy as jnp

    from theory.error_propagation.linear_gaussian import (
        constant_error,
        gaussian_problem,
        propagate_gaussian,
    )
    from theory.processes import ou

    mean = jnp.asarray(options.mean, dtype=jnp.float64)
    error = constant_error(options.w, options.b, dim=len(mean))
    process = ou(options.T, options.t0)
    problem = gaussian_problem(mean, options.variance, error, process, options.start)
    return _quantities(propagate_gaussian(problem))


def _add_mixture(modes) -> None:
    mode = _mode(
        modes, "mixture", _mixture, "one generation of a 1-D mixture, to 1e-10"
    )
    mode.add_argument("--means", type=_numbers, default=(-2.0, 2.0))
    mode.add_argument("--weights", type=_numbers, help="default: equal")
    mode.add_argument("--variance", type=float, default=0.25, help="of every mode")
    mode.add_argument(
        "--error", choices=("tanh", "sine", "windowed"), default="tanh", help="shape"
    )
    mode.add_argument("--amplitude", type=float, default=0.1)
    mode.add_argument(
        "--fast", action="store_true", help="to 1e-6, in an eighth of the time"
    )
    _add_process(mode)


def _mixture(options: argparse.Namespace) -> list[Row]:
    from theory.error_propagation import ratio_equation
    from theory.mixtures import gaussian_mixture
    from theory.processes import ou

    count = len(options.means)
    weights = options.weights or (1.0 / count,) * count
    mixture = gaussian_mixture(weights, options.means, options.variance)
    error = {
        "tanh": ratio_equation.tanh_error,
        "sine": ratio_equation.sine_error,
        "windowed": ratio_equation.windowed_linear_error,
    }[options.error](options.amplitude)
    propagation = ratio_equation.propagate_mixture(
        mixture,
        error,
        ou(options.T, options.t0),
        ratio_equation.FAST if options.fast else ratio_equation.REFERENCE,
        options.start,
    )
    return _quantities(propagation)


def _add_plan(modes) -> None:
    mode = _mode(modes, "plan", _plan, "fresh data that keep the drift below a target")
    mode.add_argument("--target", type=_numbers, required=True, help="drift D*")
    mode.add_argument(
        "--innovation", type=float, required=True, help="J per generation"
    )


def _plan(options: argparse.Namespace) -> list[Row]:
    import numpy as np

    from theory.error_propagation.sample_size import fresh_fraction

    target = np.asarray(options.target)
    return _rows(
        target=target,
        alpha_unbiased=fresh_fraction(options.innovation, target, 0.0),
        alpha_aligned=fresh_fraction(options.innovation, target, 1.0),
    )


def _add_formula(modes) -> None:
    mode = _mode(
        modes, "formula", _formula, "any formula of the report at given values"
    )
    mode.add_argument("key", nargs="?", help="without one: the list of them")
    mode.add_argument("values", nargs="*", metavar="NAME=VALUE", help="its arguments")


def _formula(options: argparse.Namespace) -> list[Row]:
    import theory.error_propagation  # noqa: F401  (its import registers the formulas)
    from theory.symbolic import keys, statement
    from theory.validation import require

    if options.key is None:
        found = map(statement, keys())
        return [{"key": s.key, "arguments": _names(s), "title": s.title} for s in found]
    chosen = statement(options.key)
    given = dict(pair.partition("=")[::2] for pair in options.values)
    expected = {argument.name for argument in chosen.arguments}
    allowed = f"NAME=VALUE for each of {_names(chosen)}"
    require(set(given) == expected, "arguments", allowed, " ".join(options.values))
    values = {name: _value(name, text) for name, text in given.items()}
    return [{**given, "value": float(chosen(**values))}]


# ---- shared arguments


def _mode(modes, name: str, predict: Callable, help: str) -> argparse.ArgumentParser:
    mode = modes.add_parser(
        name, help=help, description=help[0].upper() + help[1:] + "."
    )
    mode.add_argument(
        "--format",
        choices=("table", "csv", "json"),
        default="table",
        help="of the output",
    )
    mode.set_defaults(predict=predict)
    return mode


def _add_loop(mode: argparse.ArgumentParser) -> None:
    mode.add_argument(
        "--alpha",
        type=_numbers,
        default=(0.1,),
        metavar="A",
        help="fresh fraction, one or one per generation (default: 0.1)",
    )
    mode.add_argument("--generations", type=int, default=10, metavar="N")


def _add_process(mode: argparse.ArgumentParser) -> None:
    mode.add_argument("--T", type=float, default=4.0, help="horizon (default: 4)")
    mode.add_argument(
        "--t0", type=float, default=0.02, help="early stop (default: 0.02)"
    )
    mode.add_argument(
        "--start", choices=("marginal", "normal"), default="marginal", help="law at T"
    )


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(item) for item in text.split(","))


def _history(name: str, values, generations: int):
    """One value per generation, from one or from as many as there are generations."""
    import numpy as np

    from theory.validation import require

    require(generations >= 1, "generations", ">= 1", generations)
    allowed = f"one value or {generations}, separated by commas"
    require(len(values) in (1, generations), name, allowed, values)
    return np.broadcast_to(np.asarray(values, dtype=np.float64), (generations,))


def _value(name: str, text: str):
    """A whole number, a number, or an array of numbers separated by commas."""
    import numpy as np

    from theory.validation import InputError

    try:
        if "," in text:
            return np.asarray(_numbers(text), dtype=np.float64)
        return int(text) if text.lstrip("+-").isdigit() else float(text)
    except ValueError as e:
        raise InputError(f"{name} must be a number, got {text!r}.") from e


def _names(formula) -> str:
    return " ".join(argument.name for argument in formula.arguments)


# ---- rows and how they are printed


def _rows(**columns) -> list[Row]:
    listed = {
        name: getattr(c, "tolist", lambda c=c: c)() for name, c in columns.items()
    }
    return [
        dict(zip(listed, row, strict=True))
        for row in zip(*listed.values(), strict=True)
    ]


def _quantities(propagation) -> list[Row]:
    """The scalar fields of a result, one row each."""
    import dataclasses

    import numpy as np

    fields = {
        f.name: getattr(propagation, f.name) for f in dataclasses.fields(propagation)
    }
    return [
        {"quantity": name, "value": float(value)}
        for name, value in fields.items()
        if np.ndim(value) == 0
    ]


def _aligned(rows: list[Row]) -> str:
    cells = [list(rows[0]), *([_text(v) for v in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )


def _text(value: float | int | str) -> str:
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:.9g}"
    return str(value)


def _strict(row: Row) -> Row:
    """Without the numbers that JSON lacks: null for NaN, a string for an infinity."""
    return {name: _finite(value) for name, value in row.items()}


def _finite(value):
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return None if math.isnan(value) else str(value)
