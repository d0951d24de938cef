"""Networks watched while they learn: stopped anywhere they go on, bit for bit."""

import contextlib
import dataclasses

import numpy as np
import pytest
import xarray as xr

from figures import catalogue
from figures.autoencoder import training_time
from figures.autoencoder.planes import density, grid_line
from figures.autoencoder.presets.generation import TrainingTime
from figures.progress import SILENT
from sim.store import Run
from theory.autoencoder.sampling import Projection

SETTINGS = TrainingTime(seeds=1, dim=60, samples=100, times=(0.0, 0.1, 0.2), euler=10)


class Stops:
    """Progress that is interrupted at its n-th tick."""

    def __init__(self, n):
        self.left = n

    @contextlib.contextmanager
    def stage(self, label, total=None):
        yield self

    def tick(self, n=1):
        self.left -= n
        if self.left <= 0:
            raise KeyboardInterrupt


def run_at(root):
    return Run.open(root, "ae2", "smoke", SETTINGS, {"version": 1})


@pytest.mark.parametrize("ticks", [1, 3])
def test_an_interrupted_run_ends_with_the_same_numbers(tmp_path, ticks):
    whole = training_time.simulate(SETTINGS, run_at(tmp_path / "whole"), SILENT)
    run = run_at(tmp_path / "stopped")
    with pytest.raises(KeyboardInterrupt):
        training_time.simulate(SETTINGS, run, Stops(ticks))
    again = training_time.simulate(SETTINGS, run, SILENT)
    xr.testing.assert_identical(again, whole)


def test_times_are_those_reached():
    odd = dataclasses.replace(SETTINGS, rate=0.07)
    growth = training_time._growth(odd)
    n = growth.piece_steps * np.arange(growth.pieces + 1)
    np.testing.assert_allclose(growth.tau, 2 * 0.07 * n / 60)
    assert abs(growth.tau[-1] - 0.2) < 0.02
    assert catalogue.figures()["ae2"].settings_type is TrainingTime


def test_a_drawn_density_is_the_law_s():
    """Two Gaussians with a full covariance, against the formula."""
    C = np.array([[0.6, 0.2], [0.2, 0.3]])
    law = Projection(np.array([[1.0, 0.5], [-1.0, 0.0]]), np.array([0.3, 0.7]), C)
    line = grid_line(6.0, 240)
    table = density(law, line, 0.0)
    P = np.linalg.inv(C)
    y, x = np.meshgrid(line, line, indexing="ij")
    exact = 0.0
    for w, mean in zip(law.weights, law.centres, strict=True):
        z = np.stack([x - mean[0], y - mean[1]])
        form = np.einsum("iab,ij,jab->ab", z, P, z)
        exact += w * np.exp(-0.5 * form) * np.sqrt(np.linalg.det(P)) / (2 * np.pi)
    assert np.max(abs(table - exact)) < 0.03 * exact.max()
    assert table.sum() * (line[1] - line[0]) ** 2 == pytest.approx(1.0, abs=1e-6)
