"""``driftlab predict``: bounds of self-consuming loops under any mixing schedule."""

import argparse
from pathlib import Path

from figures.commands.predict_table import Row, add_mode, numbers, rows

__all__ = ["add_to"]

SCHEMES = (
    "fully-synthetic",
    "latest",
    "accumulate",
    "accumulate-full",
    "batches",
    "uniform-past",
    "fixed",
)


def add_to(modes: argparse._SubParsersAction) -> None:
    """Declare the modes."""
    _add_mixing(modes)
    _add_transition(modes)
    _add_sizes(modes)


def _add_shares(mode: argparse.ArgumentParser) -> None:
    mode.add_argument(
        "--alpha", type=float, default=0.25, help="real share of latest (default: .25)"
    )
    mode.add_argument(
        "--share",
        type=float,
        default=0.75,
        metavar="B",
        help="synthetic share of uniform-past (default: 0.75)",
    )
    mode.add_argument(
        "--first",
        choices=("V1", "V2"),
        default="V1",
        help="of fixed: model 1 sees n + m real points (V1, default) or n (V2)",
    )
    mode.add_argument(
        "--schedule",
        type=Path,
        metavar="FILE",
        help="own schedule, .npy, .npz or .csv: a row for each stage, alpha, then the "
        "shares beta of models 1, 2, ...; S rows of S + 1 numbers",
    )


def _add_rate(mode: argparse.ArgumentParser) -> None:
    mode.add_argument(
        "--rate",
        type=float,
        default=0.25,
        metavar="R",
        help="r of one step's error C n^-r: 1/4 for diffusion (as recalled of Fu et al.), "
        "2/(4+d) for kernel densities, 1/2 parametric (default: 0.25)",
    )
    mode.add_argument("--constant", type=float, default=1.0, help="C (default: 1)")


def _checked_rate(options: argparse.Namespace) -> None:
    from theory.validation import require, require_positive

    inside = 1e-6 <= options.rate <= 1.0 - 1e-6
    require(inside, "rate", "in (0, 1)", options.rate)
    require_positive("constant", getattr(options, "constant", 1.0))


def _add_mixing(modes) -> None:
    mode = add_mode(
        modes, "mixing", _mixing, "stage weights and bound of a self-consuming loop"
    )
    mode.add_argument("--scheme", choices=SCHEMES, help="default: latest")
    mode.add_argument("--stages", type=int, default=10, help="models (default: 10)")
    mode.add_argument(
        "--size", type=float, default=100.0, help="training points (default: 100)"
    )
    mode.add_argument(
        "--real", type=float, default=100.0, help="n of batches, fixed (default: 100)"
    )
    mode.add_argument(
        "--synthetic", type=float, default=100.0, help="m of both (default: 100)"
    )
    _add_shares(mode)
    _add_rate(mode)
    mode.add_argument(
        "--dim", type=float, help="d of the factor sqrt(d log(d n/delta)); none without"
    )
    mode.add_argument("--delta", type=float, default=0.05, help="in (0, 1)")


def _mixing(options: argparse.Namespace) -> list[Row]:
    """Each stage, and the model that it trains.

    `weight` is that of the stage's error in the bound on the last model; `lineage` the
    expected number of models that a training point of the stage has been through, this one
    included; `bound` that on TV of the stage's model (after Fu et al. 2024, as recalled).
    """
    import numpy as np

    from theory.self_consuming.weights import (
        accumulated_bound,
        rate_errors,
        stage_weights,
    )
    from theory.validation import require, require_in

    _checked_rate(options)
    scheme = _schedule(options)
    sizes = np.asarray(scheme.sizes)
    require(bool((sizes >= 1).all()), "points of each stage", ">= 1", sizes.min())
    if options.dim is not None:
        require_in("dim", options.dim, 1.0, 1e9)
        inside = 0.0 < options.delta < 1.0
        require(inside, "delta", "in (0, 1)", options.delta)
    errors = rate_errors(
        scheme.sizes,
        options.rate,
        options.constant,
        dim=options.dim,
        delta=options.delta,
    )
    stage = np.arange(scheme.stages)
    return rows(
        stage=stage,
        model=stage + 1,
        size=sizes,
        alpha=scheme.alpha,
        weight=stage_weights(scheme),
        lineage=accumulated_bound(scheme, np.ones(scheme.stages)),
        bound=accumulated_bound(scheme, errors),
    )


def _schedule(options: argparse.Namespace):
    """The schedule that the options ask for, of a scheme or of a file."""
    import numpy as np

    from figures.commands.schedule_file import MOST_STAGES, read_schedule
    from theory import mixing
    from theory.validation import require

    S, size = options.stages, options.size
    if options.schedule is not None:
        alone = options.scheme is None
        require(alone, "scheme", "left out where --schedule is given", options.scheme)
        return read_schedule(options.schedule, size)
    require(1 <= S <= MOST_STAGES, "stages", f"in [1, {MOST_STAGES}]", S)
    n, m = options.real, options.synthetic
    build = {
        "fully-synthetic": lambda: mixing.fully_synthetic(S, size),
        "latest": lambda: mixing.latest(options.alpha, S, size),
        "accumulate": lambda: mixing.accumulate(S, size),
        "accumulate-full": lambda: mixing.accumulate(S, size * (1.0 + np.arange(S))),
        "batches": lambda: mixing.accumulate_batches(n, m, S),
        "uniform-past": lambda: mixing.uniform_past(options.share, S, size),
        "fixed": lambda: mixing.fixed_mixture(n, m, S, options.first),
    }
    return build[options.scheme or "latest"]()


def _add_transition(modes) -> None:
    mode = add_mode(
        modes,
        "phase-transition",
        _transition,
        "where the bound of n real and lambda n synthetic points turns (no model's own)",
    )
    mode.add_argument("--models", type=int, default=20, help="G >= 2 (default: 20)")
    mode.add_argument("--rate", type=float, default=0.25, metavar="R", help="r of n^-r")
    mode.add_argument(
        "--lams",
        type=numbers,
        default=(0.0, 1.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0),
        metavar="L",
        help="lambda = m/n at which the shapes are given (default: 0,1,4,...,128)",
    )


def _transition(options: argparse.Namespace) -> list[Row]:
    """The bound over C n^-r, V1 and V2, at its thresholds and on a grid of lambda.

    The asymptotic threshold is G/c_r - d_r, of many models; break-even is where V1 is back
    at its value without synthetic data.
    """
    import numpy as np

    from theory.self_consuming import phase_transition as transition
    from theory.validation import require, require_in

    _checked_rate(options)
    G, r = options.models, options.rate
    require(2 <= G <= 10**6, "models", "in [2, 1000000]", G)
    require_in("lams", options.lams, 0.0, np.finfo(float).max)
    marked = {
        "threshold V1": transition.threshold_v1(G, r),
        "asymptotic V1": transition.asymptotic_threshold(G, r)[0],
        "break-even V1": transition.break_even(G, r),
        "threshold V2": transition.threshold_v2(G, r),
    }
    lam = np.array([*marked.values(), *options.lams])
    shown = lambda f: np.where(lam >= 0, f, np.nan)  # an asymptote can be negative
    return rows(
        point=np.array([*marked, *["grid"] * len(options.lams)]),
        lam=lam,
        V1=shown(transition.shape_v1(np.maximum(lam, 0.0), G, r)),
        V2=shown(transition.shape_v2(np.maximum(lam, 0.0), G, r)),
    )


def _add_sizes(modes) -> None:
    mode = add_mode(
        modes, "sample-size", _sizes, "points that keep the bound on the last model"
    )
    mode.add_argument("--target", type=float, required=True, help="of the bound, > 0")
    mode.add_argument("--models", type=int, default=10, help="trained (default: 10)")
    mode.add_argument(
        "--exponent", type=float, default=5.0, help="a of sizes n (s+1)^a (default: 5)"
    )
    mode.add_argument(
        "--ratio", type=float, default=1.0, help="m/n of batches, fixed (default: 1)"
    )
    _add_shares(mode)
    _add_rate(mode)


def _sizes(options: argparse.Namespace) -> list[Row]:
    """Points n of the first stage, by scheme; of fixed, the real ones.

    `factor` is the bound over C n^-r, `limit` what it tends to with ever more models.
    """
    import numpy as np

    from theory.self_consuming import sample_size as sizes
    from theory.validation import require, require_positive

    _checked_rate(options)
    G, r = options.models, options.rate
    require(1 <= G <= 10**6, "models", "in [1, 1000000]", G)
    require_positive("target", options.target)
    require_positive("ratio", options.ratio)
    if options.schedule is not None:
        from figures.commands.schedule_file import read_schedule

        own = sizes.schedule_factor(read_schedule(options.schedule, 1.0), r)
        factors = {"own": sizes.Factor(float(own), float("nan"), "-")}
    else:
        factors = {
            "fully-synthetic": sizes.fully_synthetic_factor(G),
            "growing": sizes.growing_sizes_factor(G, r, options.exponent),
            "latest": sizes.latest_factor(G, options.alpha),
            "accumulate": sizes.accumulate_factor(G),
            "accumulate-full": sizes.all_data_factor(G, r),
            "batches": sizes.batches(G, r, options.ratio),
            "uniform-past": sizes.uniform_past_factor(G, options.share),
            "fixed": sizes.fixed_mixture_factor(G, r, options.ratio, options.first),
        }
    value = np.array([factor.value for factor in factors.values()])
    points = sizes.required(value, options.target, r, options.constant)
    return rows(
        scheme=np.array(list(factors)),
        factor=value,
        limit=np.array([factor.limit for factor in factors.values()]),
        growth=np.array([factor.growth for factor in factors.values()]),
        points=np.ceil(points * (1.0 - 1e-12)),  # whole but for rounding
    )
