"""The state a simulation goes on from: any pytree of arrays, on disk bit for bit."""

import itertools
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sim.store.archive import pack, unpack, write_atomic
from theory.validation import InputError

__all__ = ["canonical", "read_state", "write_state"]

PyTree = Any


def canonical(state: PyTree) -> PyTree:
    """`state` as it would be read back: without weak types, which change promotion.

    Going on with this instead of the state itself makes an uninterrupted run equal a
    resumed one.
    """

    def strip(leaf: Any) -> Any:
        weak = getattr(leaf, "weak_type", False)
        return jnp.asarray(leaf, dtype=leaf.dtype) if weak else leaf

    return jax.tree.map(strip, state)


def write_state(file: Path, step: int, state: PyTree) -> None:
    """Store the state reached after `step`, atomically.

    Random keys are stored as their data, types numpy does not know (bfloat16) as bytes.
    """
    arrays, leaves = {}, []
    for k, (path, leaf) in enumerate(jax.tree_util.tree_leaves_with_path(state)):
        values, described = _described(path, leaf)
        native = values.dtype.kind in "biufc" and values.dtype.isbuiltin == 1
        arrays[f"{k:05d}"] = values if native else values.reshape(-1).view(np.uint8)
        leaves.append(described)
    write_atomic(file, pack("state", arrays, step=step, leaves=leaves))


def read_state(file: Path, like: PyTree) -> tuple[int, PyTree]:
    """The stored (step, state), with the tree structure and leaf types of `like`.

    Raises:
        InputError: damaged, or its leaves differ from those of `like` in name, shape
            or type.
    """
    header, arrays = unpack(file, "state")
    paths, tree = jax.tree_util.tree_flatten_with_path(like)
    leaves = []
    pairs = itertools.zip_longest(header["leaves"], paths)
    for k, (stored, expected) in enumerate(pairs):
        described = expected and _described(*expected)[1]
        if stored != described:
            raise InputError(
                f"{file} holds the state leaf {stored}, expected {described}; "
                "remove the run (driftlab runs remove) and compute it again."
            )
        leaves.append(_restored(arrays[f"{k:05d}"], described, like=expected[1]))
    return header["step"], jax.tree.unflatten(tree, leaves)


def _restored(values: np.ndarray, described: dict, like: Any) -> Any:
    if str(values.dtype) != described["dtype"]:
        values = values.view(np.dtype(described["dtype"])).reshape(described["shape"])
    if described["key"]:
        return jax.random.wrap_key_data(jnp.asarray(values), impl=described["key"])
    if isinstance(like, jax.Array):
        return jnp.asarray(values)
    return values if isinstance(like, np.ndarray) else values.item()


def _described(path: tuple, leaf: Any) -> tuple[np.ndarray, dict]:
    is_key = isinstance(leaf, jax.Array) and jax.dtypes.issubdtype(
        leaf.dtype, jax.dtypes.prng_key
    )
    values = np.asarray(jax.random.key_data(leaf) if is_key else leaf)
    return values, {
        "path": jax.tree_util.keystr(path),
        "shape": list(values.shape),
        "dtype": str(values.dtype),
        "key": str(jax.random.key_impl(leaf)) if is_key else None,
    }
