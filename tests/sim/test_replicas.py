import socket
import subprocess
import sys
import textwrap

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from sim.replicas import mesh, replicated, set_cpu_devices
from theory.validation import InputError


def walk(key, start):
    """A small chaotic training: keys, products and a scan, so that bits would show."""

    def step(w, i):
        z = jr.normal(jr.fold_in(key, i), w.shape, jnp.float32)
        return jnp.tanh(w @ w.T + z), None

    end, _ = jax.lax.scan(step, start, jnp.arange(20, dtype=jnp.int32))
    return {"end": end, "sum": jnp.sum(end)}


STARTS = np.random.default_rng(0).standard_normal((6, 8, 8), np.float32)


def keys(index):
    return jax.vmap(jr.key)(np.asarray(index))


@pytest.fixture(scope="module")
def walks():
    return replicated(walk)


def same_bits(a, b):
    return all(jax.tree.leaves(jax.tree.map(lambda x, y: bool((x == y).all()), a, b)))


def rows(tree, index):
    return jax.tree.map(lambda leaf: np.asarray(leaf)[index], tree)


@pytest.mark.parametrize("batching", ["map", "vmap"])
@pytest.mark.parametrize("count", [1, 5])
def test_replicas_equal_single_calls(batching, count):
    got = replicated(walk, batching)(keys(range(count)), STARTS[:count])
    single = jax.jit(walk)
    for r in range(count):
        alone = single(jr.key(r), STARTS[r])
        np.testing.assert_allclose(got["end"][r], alone["end"], atol=1e-4)
    assert got["end"].shape == (count, 8, 8)
    assert got["sum"].shape == (count,)
    assert got["end"].dtype == jnp.float32


def test_bits_do_not_depend_on_device_or_padding(walks):
    everything = walks(keys(range(6)), STARTS)
    for chosen in ([0], [5], [4, 1, 0], [5, 4, 3, 2, 1, 0], [3, 1]):
        part = walks(keys(chosen), STARTS[chosen])
        assert same_bits(part, rows(everything, chosen))


def test_the_comparison_sees_a_device():
    where = replicated(lambda x: x + jax.lax.axis_index("replica"))
    x = np.zeros(6)
    assert not same_bits(where(x)[::-1], where(x[::-1]))


def test_all_devices_work(walks):
    assert mesh().size == len(jax.devices())
    assert len(jax.devices()) > 1
    end = walks(keys(range(6)), STARTS)["end"]
    assert end.sharding.device_set == set(jax.devices())


def test_results_feed_the_next_call(walks):
    # a padded call's results, and arrays that live on one device, are as good as any
    first = walks(keys(range(3)), STARTS[:3])
    second = walks(keys(range(3)), first["end"])
    held = jax.device_put(np.asarray(first["end"]), jax.devices()[0])
    assert same_bits(second, walks(keys(range(3)), held))


def test_one_build_compiles_once_per_shape():
    traces = []
    counted = replicated(lambda x: traces.append(None) or x + 1)
    for _ in range(3):
        counted(np.zeros(4))
    assert len(traces) == 1


@pytest.mark.parametrize(
    "args",
    [(np.zeros(3), np.zeros(4)), (np.zeros(3), 1.0), ()],
    ids=["lengths differ", "scalar", "nothing"],
)
def test_arguments_without_a_common_axis_are_refused(args):
    with pytest.raises(InputError, match="replicated arguments must be arrays sharing"):
        replicated(lambda *a: a)(*args)


def test_unknown_batching_is_refused():
    with pytest.raises(InputError, match="batching must be 'map' or 'vmap'"):
        replicated(walk, "pmap")


def test_device_count_is_fixed_once_jax_runs():
    running = len(jax.devices("cpu"))
    set_cpu_devices(running)
    for n, message in ((running + 1, "set them before"), (0, "must be >= 1")):
        with pytest.raises(InputError, match=message):
            set_cpu_devices(n)


def python(*lines: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", "\n".join(lines)], text=True, stdout=subprocess.PIPE
    )


def test_device_count_before_jax_runs():
    process = python(
        "import numpy as np",
        "from sim.replicas import mesh, replicated, set_cpu_devices",
        "set_cpu_devices(3)",
        "print(mesh().size, *replicated(lambda x: 2 * x)(np.arange(4)).tolist())",
    )
    assert process.communicate(timeout=120)[0].split() == ["3", "0", "2", "4", "6"]


@pytest.mark.slow
def test_two_hosts_share_one_mesh(unused_port):
    code = textwrap.dedent("""
        import jax, numpy as np, jax.random as jr
        from sim.replicas import mesh, replicated, set_cpu_devices
        set_cpu_devices(2)
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        jax.distributed.initialize("localhost:{port}", 2, int("{host}"))
        draw = replicated(lambda key, x: x + jr.uniform(key, (), np.float32))
        for count in (3, 4):
            x = np.arange(count, dtype=np.float32)
            for _ in range(2):  # the second time with results of the first
                x = draw(jax.vmap(jr.key)(np.arange(count)), x)
            print("mesh of", mesh().size, np.asarray(x).tolist())
        """)
    hosts = [python(code.format(port=unused_port, host=host)) for host in (0, 1)]
    outputs = [host.communicate(timeout=200)[0].splitlines() for host in hosts]
    expected = []
    for count in (3, 4):
        u = [float(jr.uniform(jr.key(r), (), jnp.float32)) for r in range(count)]
        x = np.arange(count, dtype=np.float32) + np.float32(u) + np.float32(u)
        expected.append(f"mesh of 4 {x.tolist()}")
    for lines in outputs:
        assert [line for line in lines if line.startswith("mesh of")] == expected


@pytest.fixture
def unused_port():
    with socket.socket() as s:
        s.bind(("localhost", 0))
        return s.getsockname()[1]
