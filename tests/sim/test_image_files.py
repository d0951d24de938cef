"""Images from files: formats, scaling, and files that are none."""

import gzip
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sim.image_files import checksum, load_images, load_rows
from theory.validation import InputError

REPO = Path(__file__).resolve().parents[2]
IMAGES = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5) * 4
LABELS = np.array([7, 0, 9], np.uint8)


def idx(array):
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.tobytes()


def write(folder, name, array=IMAGES):
    path = folder / name
    if name.endswith(".npy"):
        np.save(path, array)
    elif name.endswith(".npz"):
        np.savez(path, images=array, labels=LABELS)
    elif name.endswith(".gz"):
        path.write_bytes(gzip.compress(idx(array)))
    else:
        path.write_bytes(idx(array))
    return path


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a-idx3-ubyte", "a-idx3-ubyte.gz"])
def test_all_formats_give_the_same_rows(tmp_path, name):
    x, labels = load_images(write(tmp_path, name))
    assert x.dtype == np.float64
    np.testing.assert_allclose(x, IMAGES.reshape(3, 20) / 127.5 - 1, rtol=1e-15)
    if name.endswith(".npz"):
        np.testing.assert_array_equal(labels, LABELS)
    else:
        assert labels is None


def test_labels_from_a_file_of_their_own(tmp_path):
    images, labels = write(tmp_path, "i"), write(tmp_path, "l.gz", LABELS)
    np.testing.assert_array_equal(load_images(images, labels)[1], LABELS)
    with pytest.raises(
        InputError, match=r"labels must be 3 integers, got .uint8 of sha"
    ):
        load_images(images, write(tmp_path, "short", LABELS[:2]))


def test_floats_are_scaled_by_their_range(tmp_path):
    unit = np.array([[0.0, 0.5], [1.0, 0.25]])
    expected = [[-1.0, 0.0], [1.0, -0.5]]
    for values in (unit, 2 * unit - 1):
        np.testing.assert_allclose(
            load_images(write(tmp_path, "f.npy", values))[0], expected
        )


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.npy", None, "must be a file of images, got nothing there"),
        ("a.npy", b"not an array", "must be a whole .npy, .npz or IDX file"),
        ("a.npz", b"PK\x03\x04 cut", "must be a whole .npy, .npz or IDX file"),
        ("a.gz", b"no gzip", "must be a whole .npy, .npz or IDX file"),
        ("a.gz", gzip.compress(idx(IMAGES))[:-20], "must be a whole .npy, .npz or IDX"),
        ("a", b"", "must be an IDX file of unsigned bytes"),
        (
            "a.png",
            b"\x89PNG....",
            "must be an IDX file of unsigned bytes, got 'start 89",
        ),
        ("a", idx(IMAGES)[:-1], "must be 76 bytes for its shape .3, 4, 5., got 75"),
        ("a", idx(IMAGES)[:7], "bytes for its shape"),
        ("a", idx(LABELS), "must be n images of pixels, got"),
    ],
    # compressed bytes hold the second they were made in: no part of a test's name
    ids=lambda value: value if isinstance(value, str) else "bytes",
)
def test_what_is_no_image_file_is_refused_in_one_line(tmp_path, name, content, says):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=says) as refused:
        load_images(path)
    assert "\n" not in str(refused.value)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.array([[300, 0]]), r"must be pixels in \[0, 255\], got"),
        (np.array([[2.0, 0.0]]), r"must be pixels in \[0, 1\] or \[-1, 1\], got"),
        (np.array([[np.nan, 0.0]]), r"must be pixels in \[0, 1\] or \[-1, 1\], got"),
        (np.array([["a", "b"]]), "must be numbers, got"),
        (np.array([[{}]]), "must be a whole .npy, .npz or IDX file"),
        (np.zeros((0, 4)), "must be n images of pixels, got"),
    ],
)
def test_arrays_that_are_no_pixels_are_refused(tmp_path, array, says):
    with pytest.raises(InputError, match=says):
        load_images(write(tmp_path, "a.npy", array))


def test_checksum_is_that_of_the_file_on_disk(tmp_path):
    # FIPS 180-4, example of the one block "abc"
    (tmp_path / "abc").write_bytes(b"abc")
    assert checksum(tmp_path / "abc") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
    path = write(tmp_path, "a.gz")  # as it lies there, not unpacked
    tool = subprocess.run(
        ["sha256sum", path], capture_output=True, text=True, check=True
    )
    assert checksum(path) == tool.stdout.split()[0]
    with pytest.raises(InputError, match="must be a file to read, got No such file"):
        checksum(tmp_path / "none")
    with pytest.raises(InputError, match="must be a file to read, got Is a directory"):
        checksum(tmp_path)


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a-idx3-ubyte", "a-idx3-ubyte.gz"])
def test_the_right_checksum_changes_nothing(tmp_path, name):
    path = write(tmp_path, name)
    for digits in (checksum(path), checksum(path).upper()):
        checked, _ = load_images(path, sha256=digits)
        np.testing.assert_array_equal(checked, load_images(path)[0])


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a-idx3-ubyte", "a-idx3-ubyte.gz"])
def test_another_file_than_was_asked_for_is_refused(tmp_path, name):
    path = write(tmp_path, name)
    asked, whole = checksum(path), path.read_bytes()
    other = IMAGES.copy()
    other[0, 0, 0] += 1
    for content in (whole[:-1], write(tmp_path, name, other).read_bytes(), b"text"):
        path.write_bytes(content)  # cut short, one pixel changed, no images at all
        says = f"must have the SHA-256 {asked}, got {checksum(path)}"
        with pytest.raises(InputError, match=says) as refused:
            load_images(path, sha256=asked)
        assert "\n" not in str(refused.value)
        assert str(path) in str(refused.value)


@pytest.mark.parametrize("digits", ["", "abc", "g" * 64, "0" * 63, "0" * 64 + "\n"])
def test_what_is_no_checksum_is_refused(tmp_path, digits):
    with pytest.raises(InputError, match="sha256 must be 64 hexadecimal digits"):
        load_images(write(tmp_path, "a.npy"), sha256=digits)


def test_a_missing_file_is_refused_before_its_checksum(tmp_path):
    with pytest.raises(InputError, match="got No such file"):
        load_images(tmp_path / "none.npy", sha256="0" * 64)


def test_an_archive_without_images_names_what_it_has(tmp_path):
    np.savez(tmp_path / "a.npz", x=IMAGES, y=LABELS)
    with pytest.raises(
        InputError, match=r"must hold an array 'images', got \['x', 'y'\]"
    ):
        load_images(tmp_path / "a.npz")


@pytest.fixture
def mnist():
    default = REPO.parent / "shared" / "data"
    folder = Path(os.environ.get("DRIFTLAB_DATA") or default) / "mnist"
    if not folder.is_dir():
        pytest.skip("no folder of real images: set DRIFTLAB_DATA")
    return folder


def test_real_digits(mnist):
    x, labels = load_images(
        mnist / "t10k-images-idx3-ubyte.gz", mnist / "t10k-labels-idx1-ubyte.gz"
    )
    assert x.shape == (10_000, 784)
    assert labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert (x.min(), x.max()) == (-1.0, 1.0)
    x, labels = load_images(mnist / "mnist_train12k.npz")
    assert x.shape == (12_000, 784)
    assert labels[:5].tolist() == [5, 0, 4, 1, 9]


def test_rows_of_any_numbers_are_taken_as_they_are(tmp_path):
    x = np.random.default_rng(0).normal(50.0, 20.0, (7, 2, 3))
    np.save(tmp_path / "x.npy", x)
    rows = load_rows(tmp_path / "x.npy")
    np.testing.assert_array_equal(rows, x.reshape(7, 6))
    np.save(tmp_path / "y.npy", np.where(x > 60, np.nan, x))
    with pytest.raises(InputError, match="y.npy must be finite"):
        load_rows(tmp_path / "y.npy")
    np.save(tmp_path / "z.npy", np.array([["a", "b"]]))
    with pytest.raises(InputError, match="z.npy must be numbers, got 'str32'"):
        load_rows(tmp_path / "z.npy")
    with pytest.raises(InputError, match="must have the SHA-256 0{64}, got"):
        load_rows(tmp_path / "x.npy", sha256="0" * 64)


@pytest.fixture
def pictures(tmp_path):
    """A folder of three grey pictures, in an order other than that of their making."""
    image = pytest.importorskip("PIL.Image")
    x = np.random.default_rng(0).integers(0, 256, (3, 5, 4), dtype=np.uint8)
    folder = tmp_path / "pictures"
    folder.mkdir()
    for k in (2, 0, 1):
        image.fromarray(x[k]).save(folder / f"{k}.png")
    (folder / "notes.txt").write_text("no picture")
    return folder, x


def test_a_folder_of_pictures_is_read_by_name(pictures):
    folder, x = pictures
    np.testing.assert_array_equal(load_rows(folder), x.reshape(3, -1))
    images, labels = load_images(folder)
    np.testing.assert_allclose(images, x.reshape(3, -1) / 127.5 - 1.0)
    assert labels is None


def test_colours_are_kept(pictures):
    image = pytest.importorskip("PIL.Image")
    folder, _ = pictures
    for k in range(3):
        image.new("RGB", (4, 5), (k, 10, 20)).save(folder / f"{k}.png")
    rows = load_rows(folder)
    assert rows.shape == (3, 60)
    assert rows[2, :3].tolist() == [2, 10, 20]


def test_folders_that_are_no_set_of_pictures_get_one_line(pictures, tmp_path):
    image = pytest.importorskip("PIL.Image")
    folder, _ = pictures
    image.new("L", (9, 9)).save(folder / "3.png")
    with pytest.raises(InputError, match=r"3.png must be like 0.png, \(5, 4\), got"):
        load_rows(folder)
    (folder / "3.png").write_bytes(b"\x89PNG")
    with pytest.raises(InputError, match="3.png must be a whole picture"):
        load_rows(folder)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="a folder with .png"):
        load_rows(empty)


def test_without_pillow_a_folder_says_what_to_install(pictures, monkeypatch):
    folder, _ = pictures
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(InputError, match=r"install driftlab\[images\]"):
        load_rows(folder)
