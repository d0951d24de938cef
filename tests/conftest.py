"""What every test starts from: two virtual CPU devices, float64, strict JAX.

GPU tests name their platform: ``JAX_PLATFORMS=cuda,cpu pytest -m gpu``.
"""

import gc
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

# In the environment, so that the programs that tests start see the same machine: no GPU
# (a default run computes the same numbers with one as without), two devices (replicas
# must be seen to spread), no window.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["JAX_NUM_CPU_DEVICES"] = "2"
os.environ["MPLBACKEND"] = "Agg"
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line does

import jax

from sim.threefry import write_out_threefry
from theory.precision import enable_x64

REPO = Path(__file__).resolve().parents[1]


def compilation_cache() -> Path:
    """Folder of compiled programs, kept from one run of the tests to the next."""
    user = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("DRIFTLAB_CACHE") or Path(user) / "driftlab") / "jax"


enable_x64()
write_out_threefry()  # as the command line does
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_debug_key_reuse", True)
jax.config.update("jax_compilation_cache_dir", str(compilation_cache()))
# Tests compile thousands of tiny programs, so that keeping all of them pays.
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


@pytest.fixture(autouse=True, scope="module")
def _forget_programs() -> Iterator[None]:
    """Compiled programs go with the module that needed them: together they fill 5 GiB."""
    yield
    jax.clear_caches()
    gc.collect()


@pytest.fixture(scope="session")
def spec_dir() -> Path:
    """Folder of reference numbers that were not computed by this code."""
    default = REPO.parent / "shared" / "theory"
    folder = Path(os.environ.get("DRIFTLAB_SPEC") or default)
    if not folder.is_dir():
        pytest.skip("no folder of reference numbers: set DRIFTLAB_SPEC")
    return folder


@pytest.fixture(scope="session")
def reference(spec_dir: Path) -> dict:
    """Reference numbers for error propagation."""
    path = spec_dir / "error_propagation_reference.json"
    if not path.is_file():
        pytest.skip(f"no {path.name} in the folder of reference numbers")
    return json.loads(path.read_text(encoding="utf-8"))
