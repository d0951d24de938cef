"""Where a result comes from: versions, device, commit; and what it cost in memory."""

import functools
import importlib.metadata
import platform
import resource
import subprocess
import sys
from pathlib import Path

__all__ = ["commit", "peak_memory_bytes", "provenance", "version"]

_ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = ("driftlab", "jax", "jaxlib", "flax", "optax", "numpy", "scipy", "xarray")


def provenance() -> dict:
    """Versions, device and commit of this process, JSON-able and free of dates."""
    import jax

    devices = jax.devices()
    return {
        "commit": commit(),
        "device": {
            "platform": devices[0].platform,
            "kind": devices[0].device_kind,
            "count": len(devices),
            "processor": _processor(),
        },
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in _PACKAGES},
        },
    }


@functools.cache  # what runs is what was loaded, whatever becomes of the folder
def commit() -> str:
    """Commit of the source tree this code runs from, "-dirty" when it was changed.

    "unknown" for an installed copy: a surrounding repository is not the source.
    """
    try:
        if Path(_git("rev-parse", "--show-toplevel")) != _ROOT:
            return "unknown"
        return _git("describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def version(name: str) -> str:
    """Version of an installed distribution, "not installed" where there is none."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def peak_memory_bytes() -> int:
    """Peak resident memory of this process plus that of its accelerators."""
    import jax

    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss: bytes there, KiB here
    host = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    stats = [d.memory_stats() for d in jax.local_devices() if d.platform != "cpu"]
    return host + sum((s or {}).get("peak_bytes_in_use", 0) for s in stats)


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(_ROOT), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=10
    ).stdout.strip()


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
