"""``driftlab predict``: many generations."""

import argparse

from figures.commands.predict_table import Row, add_mode, history, numbers, rows

__all__ = ["add_to"]


def add_to(modes: argparse._SubParsersAction) -> None:
    """Declare the modes."""
    _add_bounds(modes)
    _add_recursion(modes)
    _add_kde(modes)
    _add_plan(modes)


def _add_bounds(modes) -> None:
    mode = add_mode(
        modes, "bounds", _bounds, "bounds on the drift, generation by generation"
    )
    _add_loop(mode)
    mode.add_argument(
        "--energies",
        type=numbers,
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
    alpha = history("alpha", options.alpha, options.generations)
    energy = history("energies", options.energies, options.generations)
    J = options.tail_factor * options.observability * energy
    bounds = drift_bounds(alpha, J, options.start)
    return rows(
        generation=np.arange(options.generations + 1),
        U1=bounds.root,
        U2=bounds.linear,
        U3=bounds.weighted,
        unbiased_mean=bounds.unbiased,
        thm_4_2_right=discounted_energy(alpha, energy, options.start),
        tv_bound=tv_bound(alpha, energy),
    )


def _add_recursion(modes) -> None:
    mode = add_mode(
        modes,
        "recursion",
        _recursion,
        "exact drift when every generation shifts or blurs",
    )
    _add_loop(mode)
    what = mode.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--shifts", type=numbers, help="standard deviations, one or one per generation"
    )
    what.add_argument(
        "--blur", type=numbers, help="h^2 / sigma^2, one or one per generation"
    )
    mode.add_argument("--dim", type=int, default=1, help="dimension, for --blur")


def _recursion(options: argparse.Namespace) -> list[Row]:
    """D_i and, of the step that led there, J and C (Gaussian data)."""
    import numpy as np

    from theory.error_propagation.kernel_recursion import (
        gaussian_kernel_drift,
        shift_drift,
    )

    alpha = history("alpha", options.alpha, options.generations)
    if options.shifts:
        shifts = history("shifts", options.shifts, options.generations)
        drift = shift_drift(alpha, shifts)
    else:
        blur = history("blur", options.blur, options.generations)
        drift = gaussian_kernel_drift(alpha, blur, options.dim)
    return rows(
        generation=np.arange(options.generations + 1),
        D=drift.D,
        J=np.append(np.nan, drift.J),
        C=np.append(np.nan, drift.C),
    )


def _add_kde(modes) -> None:
    mode = add_mode(
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
        history("alpha", options.alpha, options.generations),
        options.variance,
        options.bandwidth**2,
        options.t0,
        options.mean_square,
        options.dim,
        options.generations,
    )
    return rows(
        generation=np.arange(options.generations + 1),
        mode_variance=moments.mode_variance,
        mean_factor=moments.mean_factor,
        second_moment=moments.second_moment,
        relative_drift=moments.relative_drift,
    )


def _add_plan(modes) -> None:
    mode = add_mode(
        modes, "plan", _plan, "fresh data that keep the drift below a target"
    )
    mode.add_argument("--target", type=numbers, required=True, help="drift D*")
    mode.add_argument(
        "--innovation", type=float, required=True, help="J per generation"
    )


def _plan(options: argparse.Namespace) -> list[Row]:
    import numpy as np

    from theory.error_propagation.sample_size import fresh_fraction

    target = np.asarray(options.target)
    return rows(
        target=target,
        alpha_unbiased=fresh_fraction(options.innovation, target, 0.0),
        alpha_aligned=fresh_fraction(options.innovation, target, 1.0),
    )


def _add_loop(mode: argparse.ArgumentParser) -> None:
    mode.add_argument(
        "--alpha",
        type=numbers,
        default=(0.1,),
        metavar="A",
        help="fresh fraction, one or one per generation (default: 0.1)",
    )
    mode.add_argument("--generations", type=int, default=10, metavar="N")
