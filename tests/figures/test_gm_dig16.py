"""DIG16, the study of digits in 16 components at its own size: some 20 minutes on two cores."""

import dataclasses

import numpy as np
import pytest
import xarray as xr
from gm_runs import KNOWN

from figures import catalogue
from figures.pipeline import compute
from figures.progress import SILENT
from theory.claims import decide

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]


def result(id: str, folder, **changes):
    figure = catalogue.figures()[id]
    settings = dataclasses.replace(figure.presets["dig16"], **changes)
    return compute(figure, "dig16", settings, folder, SILENT)


def kept(score: xr.DataArray) -> np.ndarray:
    """GS_8 / GS_1, mean over seeds of both."""
    mean = score.mean("seed")
    return (mean.isel(generation=-1) / mean.isel(generation=0)).values


def check_sizes(trace: xr.Dataset) -> None:
    """Replacing loops of 128, 256 and 512 points."""
    first = trace["score"].isel(generation=0).mean("seed").values
    assert (np.diff(first) > 0.05).all()
    at = trace.sel(size=256)
    assert 0.45 < kept(at["score"]) < 0.62
    copies = float(at["memorised_absolute"].isel(generation=-1).mean())
    assert 0.3 < copies < 0.65
    H, log_score = (
        at["generated_entropy"].values.ravel(),
        np.log(at["score"]).values.ravel(),
    )
    assert np.corrcoef(H, log_score)[0, 1] > 0.96
    slope = np.polyfit(H, log_score, 1)[0]
    assert 0.8 < slope * trace.sizes["coordinate"] < 1.1


def check_selection(trace: xr.Dataset) -> None:
    """Loops that accumulate, 256 points."""
    at = trace.sel(paradigm="accumulate")
    assert 0.70 < kept(at["score"].sel(rule="random")) < 0.88
    H = at["data_entropy"].mean("seed")
    for rule in ("greedy", "decay"):
        assert kept(at["score"].sel(rule=rule)) > 0.95
        of = H.sel(rule=rule)
        assert float(of.isel(generation=-1)) > float(of.isel(generation=0))


def test_replacing_loops_have_the_scores_of_the_study(tmp_path):
    found = result("gm1", tmp_path, sizes=(128, 256, 512))
    check_sizes(found.trace)
    assert [v for v in decide(found.evidence, KNOWN) if not v.as_expected] == []


def test_selection_has_the_scores_of_the_study(tmp_path):
    found = result("gm7", tmp_path)
    check_selection(found.trace)
    assert [v for v in decide(found.evidence, KNOWN) if not v.as_expected] == []
