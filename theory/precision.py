"""The one switch to 64-bit floats, called by every entry point."""

import jax

__all__ = ["enable_x64"]


def enable_x64() -> None:
    """Switch JAX to 64-bit for this process.

    x64 changes integer draws of `jax.random`, so its state is part of a run's
    fingerprint; simulations therefore always run with it on and name their own dtype.
    """
    jax.config.update("jax_enable_x64", True)
