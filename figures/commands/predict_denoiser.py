"""``driftlab predict``: the solvable denoiser, learning and retraining."""

import argparse

from figures.commands.predict_table import Row, add_mode, numbers, rows

__all__ = ["add_to"]


def add_to(modes: argparse._SubParsersAction) -> None:
    """Declare the modes."""
    _add_learning(modes)
    _add_retraining(modes)
    _add_critical(modes)


def _means(text: str) -> list[tuple[float, ...]]:
    """Vectors separated by semicolons: ``3,0;0,-3;-3,0``."""
    return [numbers(vector) for vector in text.split(";")]


def _add_denoiser(mode: argparse.ArgumentParser) -> None:
    mode.add_argument(
        "--means",
        type=_means,
        default="3,0;0,-3;-3,0",
        metavar="M",
        help="of the modes, coordinates by commas, modes by semicolons (default: %(default)s)",
    )
    mode.add_argument("--weights", type=numbers, help="of the modes (default: equal)")
    mode.add_argument("--variance", type=float, default=1.0, help="of every mode")
    mode.add_argument("--width", type=int, default=2, help="units r (default: 2)")
    mode.add_argument(
        "--warm", type=float, default=0.1, help="unit k starts at this share of mean k"
    )
    mode.add_argument("--activation", default="tanh", help="tanh, erf, relu, ...")
    _add_training(mode)
    mode.add_argument("--decay", type=float, default=0.1, help="weight decay lambda")
    mode.add_argument(
        "--tau", type=float, default=4.0, help="training time 2 eta n / d (default: 4)"
    )


def _add_training(mode: argparse.ArgumentParser) -> None:
    mode.add_argument("--t", type=numbers, default=(0.7,), help="noise level(s)")
    mode.add_argument("--rate", type=float, default=0.1, help="learning rate eta")
    mode.add_argument("--skip-ratio", type=float, default=1.0, help="kappa")


def _problem(options: argparse.Namespace):
    """Law, training and start coefficients; one noise level."""
    import numpy as np

    from theory.denoiser import at_noise_level
    from theory.structured import structured_mixture
    from theory.validation import require

    K = len(options.means)
    same = len({len(v) for v in options.means}) == 1
    require(same, "means", "vectors of one length", options.means)
    weights = options.weights or (1.0 / K,) * K
    data = structured_mixture(weights, options.means, options.variance)
    require(len(options.t) == 1, "t", "one noise level", options.t)
    training = at_noise_level(
        options.t[0],
        rate=options.rate,
        skip_ratio=options.skip_ratio,
        decay=options.decay,
        activation=options.activation,
    )
    require(1 <= options.width <= K, "width", f"in [1, {K}], the modes", options.width)
    return data, training, options.warm * np.eye(K)[: options.width]


def _add_learning(modes) -> None:
    mode = add_mode(
        modes, "denoiser", _learning, "learning curve of the solvable autoencoder"
    )
    _add_denoiser(mode)
    mode.add_argument("--points", type=int, default=8, help="rows after the first")
    mode.add_argument(
        "--tolerance", type=float, default=1e-6, help="of the overlaps (default: 1e-6)"
    )


def _learning(options: argparse.Namespace) -> list[Row]:
    """Overlaps, risk and what is generated, at equally spaced training times."""
    import jax
    import numpy as np

    from theory.autoencoder.modes import splitting_index
    from theory.autoencoder.resolution import resolved_curve
    from theory.autoencoder.risk import excess_risk, mse_per_dim
    from theory.autoencoder.sampling import bulk_variance
    from theory.denoiser import initial_overlaps
    from theory.processes import euler_grid

    data, training, C = _problem(options)
    start = initial_overlaps(data, C)
    found = resolved_curve(
        data, training, start, options.tau, options.points, options.tolerance
    )
    curve, grid = found.curve, euler_grid()
    b, Q = curve.b[:, 0], np.asarray(curve.Q)
    tau = np.linspace(0.0, options.tau, options.points + 1)
    columns = {"tau": tau, "samples_per_dim": tau / (2.0 * options.rate)}
    for k in range(options.width):
        columns[f"Q{k + 1}{k + 1}"] = Q[:, k, k]
        columns[f"M{k + 1}{k + 1}"] = np.asarray(curve.M)[:, k, k]
    at_each = lambda fn: np.asarray(jax.lax.map(fn, curve))
    columns["b"] = np.asarray(b)
    columns["mse_per_dim"] = at_each(lambda o: mse_per_dim(data, training, o))
    columns["excess_risk"] = at_each(
        lambda o: excess_risk(data, training, o, found.nodes)
    )
    columns["generated_bulk"] = np.asarray(jax.vmap(bulk_variance, (0, None))(b, grid))
    if training.activation.curvature is not None:
        for k in range(options.width):
            index = splitting_index(curve.Q[:, k, k], b, grid, training.activation)
            columns[f"splitting{k + 1}"] = np.asarray(index)
    return rows(**columns)


def _add_retraining(modes) -> None:
    mode = add_mode(
        modes, "retraining", _retraining, "the autoencoder retrained on its own samples"
    )
    _add_denoiser(mode)
    mode.add_argument("--generations", type=int, default=3, metavar="G")
    mode.add_argument("--restart", choices=("refs", "warm"), default="refs")
    mode.add_argument(
        "--real-fraction", type=float, default=0.0, help="share of real data, in [0, 1]"
    )


def _retraining(options: argparse.Namespace) -> list[Row]:
    """Overlaps, bulk and bimodality of every generation (derived theory)."""
    import numpy as np

    from theory.autoencoder.modes import survival
    from theory.autoencoder.retraining import (
        Restart,
        joint_rules,
        product_rules,
        retrain,
    )
    from theory.processes import euler_grid
    from theory.validation import require

    require(options.generations >= 1, "generations", ">= 1", options.generations)
    data, training, C = _problem(options)
    rules = product_rules() if options.width == 1 else joint_rules(options.width)
    found = retrain(
        data, training, euler_grid(), C, options.tau, options.generations, rules,
        Restart(options.restart), real_fraction=options.real_fraction, steps=200,
    )  # fmt: skip
    columns = {"generation": np.arange(options.generations + 1)}
    index = None
    if training.activation.curvature is not None:
        index = np.asarray(survival(found, euler_grid(), training.activation))
    for k in range(options.width):
        columns[f"Q{k + 1}{k + 1}"] = np.asarray(found.Q)[:, k, k]
        columns[f"M{k + 1}{k + 1}"] = np.asarray(found.M)[:, k, k]
        if index is not None:
            columns[f"splitting{k + 1}"] = index[:, k]
    columns["b"] = np.asarray(found.b)[:, 0]
    columns["generated_bulk"] = np.asarray(found.s2)
    return rows(**columns)


def _add_critical(modes) -> None:
    mode = add_mode(
        modes, "critical-time", _critical, "training time at which the bulk explodes"
    )
    _add_training(mode)


def _critical(options: argparse.Namespace) -> list[Row]:
    """Critical training time and samples per dimension, at each noise level (derived)."""
    import numpy as np

    from theory.autoencoder.bulk import critical_at_noise_level
    from theory.validation import require, require_positive

    t = np.asarray(options.t)
    require(bool(((t > 0) & (t < 1)).all()), "t", "in (0, 1)", options.t)
    require_positive("rate", options.rate)
    require_positive("skip-ratio", options.skip_ratio)
    time, samples = critical_at_noise_level(t, options.skip_ratio, options.rate)
    return rows(t=t, tau_c=np.asarray(time), samples_per_dim=np.asarray(samples))
