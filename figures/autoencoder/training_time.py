r"""ae2: the law that a reverse SDE generates, after several training times.

Three clusters, two units that are not odd. Before training each unit throws an arm of its
own; trained, the units turn to the two outer clusters and what is generated concentrates
along the line through them: the cluster between them is left out. The parameters of the
official picture are unknown; these were chosen to show what it shows.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float
from matplotlib.figure import Figure

from figures import style
from figures.autoencoder.chains import overlap_record
from figures.autoencoder.evidence import exact
from figures.autoencoder.growth import Growth, grow
from figures.autoencoder.laws import (
    counting_error,
    follow,
    generated_law,
    quasi_random,
    sample_evidence,
)
from figures.autoencoder.planes import (
    density,
    draw_plane,
    gaussian_mixture_density,
    grid_line,
    marks,
    shown,
)
from figures.autoencoder.presets.generation import PIECE, TrainingTime
from figures.autoencoder.problems import training_of
from sim.learners.autoencoder.realisation import realise
from sim.store import Run
from theory.autoencoder.averages import normal_sobol, sobol, square_root
from theory.autoencoder.learning import learning_curve
from theory.autoencoder.modes import mode_masses
from theory.autoencoder.sampling import LatentLaw, Projection, reduced_sde
from theory.claims import Evidence
from theory.denoiser import Overlaps, initial_overlaps
from theory.processes import EulerGrid, euler_grid
from theory.structured import StructuredMixture, structured_mixture

__all__ = ["caption", "draw", "judge", "predict", "simulate"]

WIDTH = 2
CORNERS = np.array([[-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
LOST = 1  # the cluster between the other two
DRAWN = 2**15  # quasi-random paths of the reduced SDE behind a drawn density
REACH, BLUR = 4.0, 0.2  # half-width of the panels, and blur, in units of the distance
PRESET = TrainingTime()


def simulate(settings: TrainingTime, run: Run, progress) -> xr.Dataset:
    """Networks, and samples of each at every time looked at."""
    return grow(_growth(settings), run, settings.seeds, settings.seed, progress)


def _growth(settings: TrainingTime) -> Growth:
    data, training, _ = _problem(settings)
    looks = tuple(round(t / PIECE) for t in settings.times)
    return Growth(
        training=training,
        realised=realise(data, settings.dim),
        coefficients=_coefficients(settings),
        plane=_plane(settings),
        grid=_sampler(settings),
        piece=PIECE,
        pieces=looks[-1],
        looks=looks,
        samples=settings.samples,
    )


def _problem(settings: TrainingTime):
    data = structured_mixture(np.full(3, 1 / 3), settings.distance * CORNERS)
    training = training_of(settings, activation=settings.activation)
    return data, training, initial_overlaps(data, _coefficients(settings))


def _plane(settings: TrainingTime) -> Float[np.ndarray, "2 3"]:
    """The unit axes of the clusters' plane as combinations of the means."""
    return np.linalg.pinv(settings.distance * CORNERS)


def _coefficients(settings: TrainingTime) -> Float[np.ndarray, "r 3"]:
    """One unit up, one to the right."""
    return settings.size * np.array([[0.0, 1.0], [1.0, 0.0]]) @ _plane(settings)


def _sampler(settings: TrainingTime) -> EulerGrid:
    steps = settings.euler
    return euler_grid(steps=steps - 1, of=steps, diffusion=settings.diffusion)


def predict(settings: TrainingTime, trace: xr.Dataset) -> xr.Dataset:
    """Learning curve; laws of samples, given the weights and in the limit of large d."""
    data, _, _ = _problem(settings)
    curve = _curve(settings, trace)
    law, paths = _law(settings, data), _paths(settings, _judged(settings))
    follows = follow(trace, lambda *weights: law(paths, *weights))
    curves = overlap_record(curve, "tau").merge(follows)
    curves["share"] = ("seed", "look", "mode"), _shares(settings, trace, law, paths)
    paths, line = _paths(settings, DRAWN), _line(settings)
    tables = [
        density(
            law(paths, curve.Q[k], curve.M[k], curve.b[k, 0]), line, _blur(settings)
        )
        for k in _looks(trace)
    ]
    curves["density"] = ("look", "y", "x"), np.stack(tables)
    labels = {name: trace[name] for name in ("seed", "tau", "look")}
    return curves.assign_coords(x=line, y=line, **labels)


def _looks(trace: xr.Dataset) -> np.ndarray:
    return np.searchsorted(trace["tau"].values, trace["look"].values)


def _line(settings: TrainingTime) -> np.ndarray:
    return grid_line(REACH * settings.distance)


def _blur(settings: TrainingTime) -> float:
    return BLUR * settings.distance


def _curve(settings: TrainingTime, trace: xr.Dataset) -> Overlaps:
    data, training, start = _problem(settings)
    points, nodes = trace.sizes["tau"] - 1, sobol(WIDTH, 2**13)

    @jax.jit
    def solve(tau: Array) -> Overlaps:
        return learning_curve(data, training, start, tau, nodes, points, 2)

    return solve(jnp.asarray(float(trace["tau"][-1])))


def _judged(settings: TrainingTime) -> int:
    """Paths behind a verdict: three times the samples, so that these decide its error."""
    return 2 ** max(13, int(np.ceil(np.log2(3 * settings.samples))))


class Paths(NamedTuple):
    """Standard normals of quasi-random paths: jointly one Sobol set."""

    start: Float[Array, "n r"]
    kicks: Float[Array, "steps n r"]
    residual: Float[Array, "n 2"]


def _paths(settings: TrainingTime, size: int) -> Paths:
    steps = settings.euler - 1
    points = normal_sobol(WIDTH * (steps + 2), size).reshape(size, steps + 2, WIDTH)
    points = jnp.asarray(np.moveaxis(points, 1, 0))
    return Paths(points[0], points[1:-1], points[-1])


def _law(settings: TrainingTime, data: StructuredMixture):
    """Reduced law of samples from (paths, Q, M, b)."""
    grid, plane = _sampler(settings), _plane(settings)
    sigma = training_of(settings, activation=settings.activation).activation

    @jax.jit
    def law(paths: Paths, Q: Array, M: Array, b: Array) -> Projection:
        def latents(Q: Array, b: Array) -> LatentLaw:
            start = paths.start @ square_root(Q)[0]
            return quasi_random(reduced_sde(Q, b, grid, sigma, start, paths.kicks))

        return generated_law(Q, M, b, data, plane, latents, grid)

    return law


def _shares(settings: TrainingTime, trace, law, paths: Paths) -> np.ndarray:
    """Probability of being nearest to each cluster, given the weights."""
    centres = jnp.asarray(settings.distance * CORNERS)
    shares = jax.jit(lambda law: mode_masses(law, centres, paths.residual))
    at = trace[["M", "Q", "b"]].isel(tau=_looks(trace))
    found = np.empty((trace.sizes["seed"], trace.sizes["look"], len(CORNERS)))
    for s, k in np.ndindex(*found.shape[:2]):
        here = at.isel(seed=s, tau=k)
        weights = (jnp.asarray(here[name].values) for name in ("Q", "M", "b"))
        found[s, k] = shares(law(paths, *weights))
    return found


def _counted(settings: TrainingTime, trace: xr.Dataset) -> np.ndarray:
    """Share of the samples nearest to each cluster, over (seed, look, mode)."""
    x = trace["x"].transpose("seed", "look", "sample", "axis").values
    gap = x[..., None, :] - settings.distance * CORNERS
    nearest = np.argmin(np.sum(gap**2, axis=-1), axis=-1)
    return np.mean(nearest[..., None] == np.arange(len(CORNERS)), axis=2)


def draw(settings: TrainingTime, trace: xr.Dataset, curves: xr.Dataset) -> Figure:
    """One panel a training time: simulated cloud, theory and data as contours."""
    looks = trace["look"].values
    columns = min(4, len(looks))
    rows = -(-len(looks) // columns)
    fig, axes = style.panels(rows, columns, height=2.6, sharex=True, sharey=True)
    line = _line(settings)
    target = gaussian_mixture_density(
        np.full(3, 1 / 3),
        settings.distance * CORNERS,
        (1 + _blur(settings) ** 2) * np.eye(2),
        line,
    )
    for ax in axes.flat[len(looks) :]:
        ax.set_axis_off()
    for k, (ax, tau) in enumerate(zip(axes.flat, looks, strict=False)):
        style.panel(ax, rf"$\tau = {tau:g}$", "", "")
        points = trace["x"].isel(seed=0, look=k).values
        draw_plane(ax, points, curves["density"].isel(look=k), target)
    for ax in axes[-1]:
        ax.set_xlabel("first axis")
    for ax in axes[:, 0]:
        ax.set_ylabel("second axis")
    fig.legend(handles=marks(), loc="outside lower center", ncols=3)
    return fig


def judge(
    settings: TrainingTime, trace: xr.Dataset, curves: xr.Dataset
) -> list[Evidence]:
    """Samples against the law of their weights; the mode that is lost."""
    kind = "reverse SDE" if settings.diffusion > 0 else "flow"
    setting = f"three clusters, {settings.activation}, {kind}, d = {settings.dim}"
    seeds, n = trace.sizes["seed"], settings.samples
    counted, p = _counted(settings, trace), curves["share"].values
    allowed = counting_error(p, 1.0 / (1.0 / n + 1.0 / _judged(settings)))
    lost = counted[:, -1, LOST].mean()
    return [
        *sample_evidence(trace, curves, _sampler(settings), setting),
        exact(
            "ae-mode-shares", setting, allowed - abs(counted - p), allowed,
            seeds=seeds, n=n,
        ),
        Evidence(
            "ae-mode-lost",
            f"{setting}, tau = {float(trace['look'][-1]):g}",
            "<=",
            1.0 / 6.0 - lost,
            standard_error=np.sqrt(max(lost, 1.0 / n) / (n * seeds)),
            scale=1.0 / 6.0,
            hypotheses=_as_preset(settings),
            seeds=seeds,
            n=n,
        ),
    ]  # fmt: skip


def _as_preset(settings: TrainingTime) -> tuple[tuple[str, bool, str], ...]:
    """Whether the setting is the one in which the mode is known to be lost."""
    names = ("t", "rate", "skip_ratio", "decay", "activation", "distance", "size")
    different = [n for n in names if getattr(settings, n) != getattr(PRESET, n)]
    detail = f"different: {', '.join(different)}" if different else "the same"
    return (("two rectified units and the start of the preset", not different, detail),)


def caption(settings: TrainingTime, trace: xr.Dataset) -> str:
    """What is shown, with every setting needed to repeat it."""
    c, limit = settings.distance, _sampler(settings)
    return (
        f"Three clusters of equal weight and unit covariance at (-{c:g}, {c:g}), (-{c:g}, "
        f"-{c:g}), ({c:g}, -{c:g}), learned by two {settings.activation} units in d = "
        f"{settings.dim} dimensions (t = {settings.t:g}, eta = {settings.rate:g}, lambda = "
        f"{settings.decay:g}, kappa = {settings.skip_ratio:g}); at the start one unit points "
        f"up and one to the right, with length {settings.size:g}. Panels: after training times "
        f"tau. Dots: {shown(settings.samples)} samples of one network, by {len(limit.h)} of "
        f"{settings.euler} Euler steps of the reverse SDE with diffusion "
        f"{settings.diffusion:g} (1 - t), in d dimensions. Contours around 30, 60 and 90 % of "
        f"the mass in the panel: theory as d grows (blue), data (grey), both "
        f"blurred by {_blur(settings):g}. The "
        "arms of the untrained units turn towards the two outer clusters, and the one between "
        "them is left out. The official picture, whose parameters are unknown, shows the same "
        "end; its arms at the start point left and up."
    )
