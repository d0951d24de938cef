"""Stored runs: same bytes for the same content, and killed anywhere they resume."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import xarray as xr

from sim.store import Run, read_dataset, resumable, write_dataset
from sim.store.archive import FORMAT, pack
from theory.validation import InputError


@dataclasses.dataclass(frozen=True)
class Settings:
    alpha: float = 0.1
    widths: tuple[int, ...] = (8, 8)
    generations: int = 5
    seeds: int = 2
    seed: int = 7


def dataset() -> xr.Dataset:
    return xr.Dataset(
        {
            "kl": (("seed", "alpha"), np.arange(6.0).reshape(2, 3), {"unit": "nats"}),
            "diverged": (("seed",), np.array([True, False])),
            "draws": ((), np.float32(np.nan)),
            "law": (("alpha",), np.array(["exact", "grid", "samples"], dtype=object)),
        },
        {"alpha": [0.1, 0.5, 0.9], "seed": np.array([0, 1], dtype=np.int32)},
        {"n": np.int64(5), "widths": (8, 8)},
    )


def test_dataset_survives_the_round_trip(tmp_path):
    write_dataset(tmp_path / "a.npz", dataset())
    back = read_dataset(tmp_path / "a.npz")
    xr.testing.assert_equal(back, dataset())
    assert {k: back[k].dtype for k in ("kl", "diverged", "draws")} == {
        "kl": np.float64,
        "diverged": bool,
        "draws": np.float32,
    }
    assert back["kl"].attrs == {"unit": "nats"}
    assert back.attrs == {"n": 5, "widths": [8, 8]}
    with np.load(tmp_path / "a.npz", allow_pickle=False) as plain:  # no reader needed
        np.testing.assert_array_equal(plain["kl"], dataset()["kl"])


def test_equal_contents_give_equal_bytes(tmp_path):
    shuffled = xr.Dataset(
        dict(reversed(list(dataset().data_vars.items()))), dataset().coords
    ).assign_attrs(dataset().attrs)
    shuffled["kl"] = (("seed", "alpha"), np.asfortranarray(shuffled["kl"].values))
    shuffled["kl"].attrs = {"unit": "nats"}
    write_dataset(tmp_path / "a.npz", dataset())
    time.sleep(0.01)
    write_dataset(tmp_path / "b.npz", shuffled)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_nothing_that_needs_pickle_is_stored(tmp_path):
    with pytest.raises(TypeError, match="numbers, booleans and strings"):
        write_dataset(tmp_path / "a.npz", xr.Dataset({"f": ((), np.array(len))}))
    assert list(tmp_path.iterdir()) == []


def spoil(kind: str, good: bytes) -> bytes:
    if kind == "truncated":
        return good[: len(good) // 2]
    if kind == "emptied":
        return b""
    if kind == "one bit":
        at = good.index(np.float64(5.0).tobytes())
        return good[: at + 6] + bytes([good[at + 6] ^ 1]) + good[at + 7 :]
    if kind == "foreign":
        return b"not an archive"
    if kind == "other kind":
        return pack("state", {}, step=0, leaves=[])
    return good.replace(b'"driftlab": %d' % FORMAT, b'"driftlab": %d' % (FORMAT + 1))


@pytest.mark.parametrize(
    "kind",
    ["truncated", "emptied", "one bit", "foreign", "other kind", "other version"],
)
def test_a_spoilt_file_is_refused_by_name(tmp_path, kind):
    file = tmp_path / "a.npz"
    write_dataset(file, dataset())
    file.write_bytes(spoil(kind, file.read_bytes()))
    with pytest.raises(InputError) as refused:
        read_dataset(file)
    assert str(file) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_foreign_npz_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros(2))
    with pytest.raises(InputError, match="not written by driftlab"):
        read_dataset(tmp_path / "a.npz")


def test_a_missing_file_and_an_unwritable_place_are_refused(tmp_path):
    with pytest.raises(InputError, match="is missing"):
        read_dataset(tmp_path / "a.npz")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written"):
        write_dataset(tmp_path / "file" / "a.npz", dataset())


# ---- runs and groups


def test_the_fingerprint_covers_every_setting_but_the_number_of_seeds(tmp_path):
    run = Run.open(tmp_path, "toy", "quick", Settings())
    assert run.path.parent == tmp_path / "results" / "toy"
    assert run.path.name == f"quick-{run.fingerprint}"
    more = Run.open(tmp_path, "toy", "quick", Settings(seeds=9))
    assert more.path == run.path
    others = [Settings(alpha=0.2), Settings(widths=(8,)), Settings(seed=8)]
    paths = {Run.open(tmp_path, "toy", "quick", s).path for s in others}
    paths.add(Run.open(tmp_path, "toy", "quick", Settings(), {"version": 2}).path)
    assert len(paths | {run.path}) == 5
    assert {r.path for r in Run.all(tmp_path)} == paths | {run.path}


def test_find_writes_nothing(tmp_path):
    assert Run.find(tmp_path, "toy", "quick", Settings()) is None
    assert list(tmp_path.iterdir()) == []
    run = Run.open(tmp_path, "toy", "quick", Settings())
    assert Run.find(tmp_path, "toy", "quick", Settings()).path == run.path


def test_edited_settings_are_refused(tmp_path):
    file = Run.open(tmp_path, "toy", "quick", Settings()).path / "settings.json"
    file.write_text(file.read_text().replace("0.1", "0.3"))
    with pytest.raises(InputError, match=r"settings\.json does not hold"):
        Run.open(tmp_path, "toy", "quick", Settings())
    file.write_text("{}")
    with pytest.raises(InputError, match="not written by driftlab"):
        Run.open(tmp_path, "toy", "quick", Settings())


def record(seeds: range, step: int) -> xr.Dataset:
    values = [1000.0 * s + step for s in seeds]
    return xr.Dataset({"kl": (("seed",), values)}, {"seed": list(seeds)})


def test_more_seeds_extend_a_run_and_fewer_select(tmp_path):
    run = Run.open(tmp_path, "toy", "quick", Settings())
    for seeds in (2, 5):
        for group in run.groups(seeds):
            for step in range(group.done, 3):
                group.append(step, record(group.seeds, step))
    assert [g.seeds for g in run.groups(5)] == [range(0, 2), range(2, 5)]
    assert [g.seeds for g in run.groups(2)] == [range(0, 2)]
    assert [g.seeds for g in run.groups(3)] == [range(0, 2), range(2, 5)]
    trace = run.load(3)
    assert trace["kl"].dims == ("generation", "seed")
    np.testing.assert_array_equal(trace["seed"], [0, 1, 2])
    np.testing.assert_array_equal(trace["generation"], [0, 1, 2])
    assert trace["kl"].sel(seed=2, generation=1) == 2001.0
    with pytest.raises(InputError, match="seeds must be >= 1"):
        run.groups(0)


def test_a_missing_group_is_noticed(tmp_path):
    run = Run.open(tmp_path, "toy", "quick", Settings())
    run.groups(2), run.groups(5)
    (run.path / "seeds-00000-00002" / "group.json").unlink()
    with pytest.raises(InputError, match="lacks seeds 0 to 1"):
        run.groups(5)


def test_complete_and_remove(tmp_path):
    run = Run.open(tmp_path, "toy", "quick", Settings())
    assert run.completed_seeds == 0
    run.complete(2, dataset())
    assert not run.has_curves("toy")
    run.keep_curves("toy", dataset()[["kl"]])
    assert run.has_curves("toy")
    xr.testing.assert_equal(run.curves("toy"), dataset()[["kl"]])
    run.note_time(1.5, "simulated")
    run.note_time(0.1, "reused")
    assert run.seconds() == 1.5
    assert run.last_used().endswith("Z")
    assert run.completed_seeds == 2
    xr.testing.assert_equal(run.trace(), dataset())
    assert run.timing()["sessions"][0]["peak_memory_bytes"] > 1e6
    assert run.provenance()["run_key"] == 7
    run.complete(3, dataset())
    assert not run.has_curves("toy")  # they were those of the trace before
    run.remove()
    assert Run.all(tmp_path) == []


# ---- state and resuming


def walk_state():
    return {
        "key": jr.key(3),
        "x": jnp.zeros((2,), jnp.float32),
        "half": jnp.ones((3,), jnp.bfloat16),
        "host": np.arange(2),
        "count": 0,
    }


def walk(step, state):
    """A random walk whose every step depends on all of the state."""
    key = jr.fold_in(state["key"], step)
    x = state["x"] + jr.normal(key, (2,), jnp.float32) * state["count"]
    new = {
        "key": key,
        "x": x,
        "half": state["half"] / 2,
        "host": state["host"] + step,
        "count": state["count"] + 1,
    }
    return new, xr.Dataset({"x": (("seed",), np.asarray(x))}, {"seed": [0, 1]})


def files(root: Path) -> dict[str, bytes]:
    """All that must not depend on time or on the state of the source folder."""
    volatile = {"timing.json", "lock"}
    found = {
        str(f.relative_to(root)): f.read_bytes()
        for f in sorted(root.rglob("*"))
        if f.is_file() and f.name not in volatile
    }
    for name in (n for n in found if n.endswith(".json")):
        content = json.loads(found[name])
        content.pop("provenance", None)
        found[name] = json.dumps(content).encode()
    return found


def finish(root: Path, steps: int = 4) -> xr.Dataset:
    run = Run.open(root, "toy", "quick", Settings())
    return resumable(run.groups(2)[0], steps, walk_state, walk)


def test_state_survives_bit_for_bit(tmp_path):
    group = Run.open(tmp_path, "toy", "quick", Settings()).groups(2)[0]
    assert group.load_state(walk_state()) is None
    state, rec = walk(0, walk_state())
    group.append(0, rec, state)
    step, back = group.load_state(walk_state())
    assert step == 0
    assert back["count"] == 1
    assert isinstance(back["count"], int)
    assert back["half"].dtype == jnp.bfloat16
    assert isinstance(back["host"], np.ndarray)
    back["key"], state["key"] = map(jr.key_data, (back["key"], state["key"]))
    jax.tree.map(np.testing.assert_array_equal, back, state)


def test_a_state_of_another_shape_is_refused(tmp_path):
    group = Run.open(tmp_path, "toy", "quick", Settings()).groups(2)[0]
    group.append(0, record(range(2), 0), {"w": jnp.zeros(3, jnp.float32)})
    for like in (
        {"w": jnp.zeros(4, jnp.float32)},
        {"v": jnp.zeros(3, jnp.float32)},
        {},
    ):
        with pytest.raises(InputError, match=r"state\.npz holds the state leaf"):
            group.load_state(like)


def test_failing_at_any_write_leaves_a_store_that_resumes(tmp_path, monkeypatch):
    monkeypatch.setattr("sim.store.group.SAVE_EVERY", 0.0)
    expected = finish(tmp_path / "whole")
    whole = files(tmp_path / "whole")
    replace = Path.replace
    interruptions = 0
    for fatal in range(12):
        root = tmp_path / f"cut-{fatal}"
        writes = 0

        def cut(self, target, fatal=fatal):
            nonlocal writes
            writes += 1
            if writes > fatal:
                raise KeyboardInterrupt
            return replace(self, target)

        monkeypatch.setattr(Path, "replace", cut)
        try:
            finish(root)
        except KeyboardInterrupt:
            interruptions += 1
        monkeypatch.setattr(Path, "replace", replace)
        xr.testing.assert_identical(finish(root), expected)
        assert files(root) == whole
    assert interruptions == 10  # two JSON files and four times record and state


def test_stored_steps_are_not_computed_again(tmp_path):
    group = Run.open(tmp_path, "toy", "quick", Settings()).groups(2)[0]
    ticks, computed = [], []

    def body(step, state):
        computed.append(step)
        return None, record(group.seeds, step)

    group.append(0, record(group.seeds, 0))
    resumable(group, 3, lambda: None, body, ticks.append)
    resumable(group, 3, lambda: None, body, ticks.append)
    assert computed == [1, 2]
    assert ticks == [1, 1, 1, 3]


def test_quick_steps_are_repeated_from_the_last_state_kept(tmp_path, monkeypatch):
    expected = finish(tmp_path / "whole", steps=6)
    now, begun = [0.0], []
    monkeypatch.setattr("sim.store.group.time.monotonic", lambda: now[0])

    def step_of_two_seconds(step, state):
        if step == 5 and len(begun) == 5:
            raise KeyboardInterrupt
        begun.append(step)
        now[0] += 2.0
        return walk(step, state)

    group = Run.open(tmp_path / "cut", "toy", "quick", Settings()).groups(2)[0]
    with pytest.raises(KeyboardInterrupt):
        resumable(group, 6, walk_state, step_of_two_seconds)
    assert group.done == 5
    assert group.load_state(walk_state())[0] == 2
    resumable(group, 6, walk_state, step_of_two_seconds)
    assert begun == [0, 1, 2, 3, 4, 3, 4, 5]
    xr.testing.assert_identical(finish(tmp_path / "cut", steps=6), expected)
    assert files(tmp_path / "cut") == files(tmp_path / "whole")


def test_parts_keep_their_own_records(tmp_path):
    group = Run.open(tmp_path, "toy", "quick", Settings()).groups(2)[0]
    group.part("fine").append(0, record(group.seeds, 4))
    assert (group.done, group.part("fine").done) == (0, 1)
    assert group.part("fine").load()["kl"].sel(seed=1, generation=0) == 1004.0


def test_a_state_ahead_of_its_records_is_refused(tmp_path):
    run = Run.open(tmp_path, "toy", "quick", Settings())
    group = run.groups(2)[0]
    state = walk_state()
    for step in range(2):
        state, rec = walk(step, state)
        group.append(step, rec, state)
    (group.path / "gen-00000.npz").unlink()
    with pytest.raises(InputError, match="lacks the record of step 0"):
        finish(tmp_path)


TOY = """
import pathlib, sys, time
sys.path[:0] = [{repo!r}, {tests!r}]
from theory.precision import enable_x64
enable_x64()
from test_store import Settings, walk, walk_state
from sim.store import Run, group, resumable

group.SAVE_EVERY = 0.0

def slow(step, state):
    print(step, flush=True)
    time.sleep(0.02)
    return walk(step, state)

run = Run.open(pathlib.Path(sys.argv[1]), "toy", "quick", Settings())
resumable(run.groups(2)[0], 40, walk_state, slow)
"""


def start(root: Path, steps: int) -> subprocess.Popen:
    """A process that writes the toy run, returned when it has begun `steps` steps."""
    tests = Path(__file__).parent
    code = TOY.format(repo=str(tests.parents[1]), tests=str(tests))
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(root)],
        stdout=subprocess.PIPE,
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
    )
    for _ in range(steps):
        assert process.stdout.readline()
    return process


def kill(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_sigkill_at_any_moment_leaves_a_store_that_resumes(tmp_path):
    finish(tmp_path / "whole", steps=40)
    for steps, delay in ((1, 0.0), (3, 0.021), (9, 0.025)):
        process = start(tmp_path / "killed", steps)
        time.sleep(delay)
        kill(process)
    group = Run.open(tmp_path / "killed", "toy", "quick", Settings()).groups(2)[0]
    assert 1 <= group.done < 40
    finish(tmp_path / "killed", steps=40)
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


def test_two_processes_cannot_write_one_run(tmp_path):
    process = start(tmp_path, steps=1)
    try:
        with pytest.raises(InputError, match=f"written by process {process.pid}"):
            finish(tmp_path)
    finally:
        kill(process)
    finish(tmp_path)  # the hold of a dead process has ended
