"""Seeds and parameter grids as one axis of a mesh, whatever the mesh is made of.

The mesh spans all devices of all hosts along one axis, "replica". On a CPU that means
one virtual device per core (`set_cpu_devices`), so that models too small to share a
matrix product between cores train side by side: one core, one replica at a time.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.random as jr
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array

from theory.validation import InputError, require

__all__ = ["folded", "mesh", "replicated", "set_cpu_devices"]

AXIS = "replica"


def set_cpu_devices(n: int) -> None:
    """Split the CPU into `n` virtual devices; call before JAX computes anything.

    Args:
        n: number of devices, >= 1; one per core is fastest.

    Raises:
        InputError: if JAX already runs with another number of CPU devices.
    """
    require(n >= 1, "cpu devices", ">= 1", n)
    try:
        jax.config.update("jax_num_cpu_devices", n)
    except RuntimeError:  # too late to change; harmless if there is nothing to change
        running = len(jax.local_devices(backend="cpu"))
        if running != n:
            raise InputError(
                f"cpu devices must be {running}, with which JAX already runs, got {n}; "
                "set them before anything is computed."
            ) from None


def mesh() -> Mesh:
    """All devices (virtual CPUs, GPUs, those of all hosts) along the axis "replica"."""
    return Mesh(np.array(jax.devices()), (AXIS,), axis_types=(AxisType.Auto,))


def replicated(
    fn: Callable,
    batching: str = "map",
    compiler_options: Mapping[str, Any] | None = None,
) -> Callable:
    """`fn`, written for one replica, as a jitted function of many over the mesh.

    Replicas are padded up to a multiple of the device count by repeating the first
    ones, and the padding is dropped. With "map" no replica's bits depend on padding, on
    other replicas or on its device; another device count may change the last bits.
    Build once and call often: each build compiles anew.

    Args:
        fn: pure function of pytrees of arrays, for one replica.
        batching: how the replicas of one device run: "map", one after the other (for
            CPU cores, whose caches then hold one replica), or "vmap", all at once (for
            GPUs, which one small replica cannot fill).
        compiler_options: XLA's, beyond those that the mesh asks for.

    Returns:
        The function of the same pytrees with a leading replica axis. With several hosts
        every host passes the same arguments and receives all results.

    Raises:
        InputError: when called with arrays that do not share a leading axis.
    """
    require(batching in ("map", "vmap"), "batching", "'map' or 'vmap'", batching)
    devices = mesh()
    along = NamedSharding(devices, PartitionSpec(AXIS))
    everywhere = NamedSharding(devices, PartitionSpec())

    def on_one_device(args: tuple) -> Any:
        if batching == "vmap":
            return jax.vmap(fn)(*args)
        return jax.lax.map(lambda replica: fn(*replica), args)

    def on_all_devices(args: tuple) -> Any:
        replicas = _replicas(args)
        padded = -(-replicas // devices.size) * devices.size
        if padded > replicas:
            args = _rows(args, np.arange(padded) % replicas)
        spread = jax.shard_map(
            on_one_device,
            mesh=devices,
            in_specs=along.spec,
            out_specs=along.spec,
            check_vma=False,  # `fn` knows no mesh: its scans may start from constants
        )
        results = spread(args)
        return _rows(results, np.arange(replicas)) if padded > replicas else results

    on_all_devices.__name__ = getattr(fn, "__name__", "replica")  # seen in profiles
    compiled = jax.jit(
        on_all_devices,
        out_shardings=everywhere if jax.process_count() > 1 else None,
        compiler_options=_compiler_options(devices) | dict(compiler_options or {}),
    )

    def call(*args: Any) -> Any:
        even = _replicas(args) % devices.size == 0
        if jax.process_count() == 1:  # several hosts hold the same arguments already
            args = jax.device_put(args, along if even else everywhere)
        return compiled(args)

    return call


def folded(keys: Array, index: int) -> Array:
    """Every replica's key with `index` folded in."""
    return jax.vmap(jr.fold_in, in_axes=(0, None))(keys, index)


def _compiler_options(devices: Mesh) -> dict[str, Any]:
    """On a CPU one thread per device: more would fight over the cores."""
    on_cpu = devices.devices.flat[0].platform == "cpu"
    return {"xla_cpu_multi_thread_eigen": False} if on_cpu else {}


def _replicas(args: tuple) -> int:
    shapes = [np.shape(leaf) for leaf in jax.tree.leaves(args)]
    sizes = {shape[:1] for shape in shapes}
    ok = len(sizes) == 1 and () not in sizes
    require(ok, "replicated arguments", "arrays sharing a leading axis", shapes)
    return shapes[0][0]


def _rows(tree: Any, index: np.ndarray) -> Any:
    return jax.tree.map(lambda leaf: leaf[index], tree)
