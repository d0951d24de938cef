"""``driftlab predict``: one generation, and any formula."""

import argparse

from figures.commands.predict_table import Row, add_mode, numbers

__all__ = ["add_to"]


def add_to(modes: argparse._SubParsersAction) -> None:
    """Declare the modes."""
    _add_linear_gaussian(modes)
    _add_mixture(modes)
    _add_formula(modes)


def _add_linear_gaussian(modes) -> None:
    mode = add_mode(
        modes,
        "linear-gaussian",
        _linear_gaussian,
        "one generation, error w x + b, exact",
    )
    mode.add_argument("--mean", type=numbers, default=(0.0,), help="of the data")
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
    mode = add_mode(
        modes, "mixture", _mixture, "one generation of a 1-D mixture, to 1e-10"
    )
    mode.add_argument("--means", type=numbers, default=(-2.0, 2.0))
    mode.add_argument("--weights", type=numbers, help="default: equal")
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


def _add_formula(modes) -> None:
    mode = add_mode(
        modes, "formula", _formula, "any formula of the report at given values"
    )
    mode.add_argument("key", nargs="?", help="without one: the list of them")
    mode.add_argument("values", nargs="*", metavar="NAME=VALUE", help="its arguments")


def _formula(options: argparse.Namespace) -> list[Row]:
    import theory.autoencoder  # (importing a paper registers its formulas)
    import theory.error_propagation  # noqa: F401
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


def _add_process(mode: argparse.ArgumentParser) -> None:
    mode.add_argument("--T", type=float, default=4.0, help="horizon (default: 4)")
    mode.add_argument(
        "--t0", type=float, default=0.02, help="early stop (default: 0.02)"
    )
    mode.add_argument(
        "--start", choices=("marginal", "normal"), default="marginal", help="law at T"
    )


def _value(name: str, text: str):
    """A whole number, a number, or an array of numbers separated by commas."""
    import numpy as np

    from theory.validation import InputError

    try:
        if "," in text:
            return np.asarray(numbers(text), dtype=np.float64)
        return int(text) if text.lstrip("+-").isdigit() else float(text)
    except ValueError as e:
        raise InputError(f"{name} must be a number, got {text!r}.") from e


def _names(formula) -> str:
    return " ".join(argument.name for argument in formula.arguments)


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
