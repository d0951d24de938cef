"""Real images from files: NumPy arrays, the IDX format of MNIST (also gzipped), folders."""

import gzip
import hashlib
import math
import re
import zipfile
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from theory.validation import InputError, require, require_finite

__all__ = ["checksum", "load_images", "load_rows"]

_UNSIGNED_BYTES = 0x08  # the IDX code of the one type that image files use
_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")


def checksum(path: str | Path) -> str:
    """SHA-256 of a file as it lies on disk, 64 hexadecimal digits.

    Raises:
        InputError: for a file that is missing or cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        why = error.strerror or error
        raise InputError(f"{path} must be a file to read, got {why}.") from None


def load_images(
    path: str | Path, labels: str | Path | None = None, sha256: str | None = None
) -> tuple[Float[np.ndarray, "n d"], Int[np.ndarray, " n"] | None]:
    """Images as rows of pixels in [-1, 1], in float64, and their classes where known.

    Args:
        path: a file ``.npy`` with one array; ``.npz`` with ``images`` (or one array) and,
            if it has them, ``labels``; or IDX. The array has n images along its first
            axis. Or a folder of pictures of one size, which pillow reads. Pixels are
            integers in [0, 255], or floats in [0, 1] or [-1, 1] (the latter where any
            is negative).
        labels: a file of n classes, in the same formats.
        sha256: the `checksum` that `path` must have; None takes any file.

    Raises:
        InputError: for a file that is missing, cut short, or holds no images, or whose
            checksum is another.
    """
    path = Path(path)
    images, classes = _several(path, sha256)
    if labels is not None:
        classes = _named("labels", _arrays(Path(labels)), labels)
    if classes is not None:
        whole = classes.shape == images.shape[:1] and classes.dtype.kind in "iu"
        got = f"{classes.dtype} of shape {classes.shape}"
        require(whole, "labels", f"{len(images)} integers", got)
        classes = classes.astype(np.int64)
    return _pixels(path, images.reshape(len(images), -1)), classes


def load_rows(path: str | Path, sha256: str | None = None) -> Float[np.ndarray, "n d"]:
    """Any numbers of the user's as rows, in float64, as they are.

    Args:
        path: a file as for `load_images`, whose values may have any range.
        sha256: the `checksum` that `path` must have; None takes any file.

    Raises:
        InputError: for a file that is missing, cut short, or holds no finite numbers, or
            whose checksum is another.
    """
    path = Path(path)
    rows, _ = _several(path, sha256)
    require(rows.dtype.kind in "iuf", f"{path}", "numbers", rows.dtype.name)
    require_finite(f"{path}", rows)
    return rows.reshape(len(rows), -1).astype(np.float64)


def _several(path: Path, sha256: str | None) -> tuple[np.ndarray, np.ndarray | None]:
    """The array of images of a file, and its labels where it has them."""
    if sha256 is not None:
        _require_checksum(path, sha256)
    arrays = _arrays(path)
    images = _named("images", arrays, path)
    several = images.ndim >= 2 and images.size > 0
    require(several, f"{path}", "n images of pixels", images.shape)
    return images, arrays.get("labels")


def _require_checksum(path: Path, sha256: str) -> None:
    digits = re.fullmatch("[0-9a-f]{64}", sha256.lower()) is not None
    require(digits, "sha256", "64 hexadecimal digits", sha256)
    found = checksum(path)
    if found != sha256.lower():
        raise InputError(f"{path} must have the SHA-256 {sha256.lower()}, got {found}.")


def _named(name: str, arrays: dict, path: str | Path) -> np.ndarray:
    """The array of that name, or the only one."""
    if len(arrays) != 1 and name not in arrays:
        raise InputError(f"{path} must hold an array {name!r}, got {sorted(arrays)}.")
    return arrays[name] if name in arrays else next(iter(arrays.values()))


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a file, by name."""
    if path.is_dir():
        return {"": _pictures(path)}
    if not path.is_file():
        raise InputError(f"{path} must be a file of images, got nothing there.")
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
        if path.suffix == ".npy":
            return {"": np.load(path, allow_pickle=False)}
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rb") as file:
            return {"": _idx(path, file.read())}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path} must be a whole .npy, .npz or IDX file (.gz), got {error}."
        ) from None


def _pictures(folder: Path) -> np.ndarray:
    """The pictures of a folder, in the order of their names; bytes (n, h, w[, channels])."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise InputError(
            f"{folder} is a folder of pictures, and pillow, which reads them, is not "
            "installed: install driftlab[images]."
        ) from None
    files = sorted(f for f in folder.iterdir() if f.suffix.lower() in _PICTURES)
    require(len(files) > 0, f"{folder}", f"a folder with {' '.join(_PICTURES)}", "none")
    pictures = []
    for file in files:
        try:
            with Image.open(file) as image:
                grey = image.mode in ("1", "L", "LA")
                pictures.append(np.asarray(image.convert("L" if grey else "RGB")))
        except (OSError, UnidentifiedImageError) as error:
            raise InputError(f"{file} must be a whole picture, got {error}.") from None
        shape, first = pictures[-1].shape, pictures[0].shape
        allowed = f"like {files[0].name}, {first}"
        require(shape == first, f"{file}", allowed, shape)
    return np.stack(pictures)


def _idx(path: Path, content: bytes) -> np.ndarray:
    """An array of unsigned bytes in the IDX format (LeCun, Cortes, Burges)."""
    zeros, kind, ndim = content[:2], *content[2:4].ljust(2, b"\0")
    ok = zeros == b"\0\0" and kind == _UNSIGNED_BYTES and ndim >= 1
    require(
        ok, f"{path}", "an IDX file of unsigned bytes", f"start {content[:4].hex()}"
    )
    header = 4 + 4 * ndim
    shape = tuple(
        np.frombuffer(content[4:header].ljust(4 * ndim, b"\0"), ">u4").tolist()
    )
    expected, got = header + math.prod(shape), len(content)
    require(got == expected, f"{path}", f"{expected} bytes for its shape {shape}", got)
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def _pixels(path: Path, x: np.ndarray) -> np.ndarray:
    """Pixel values scaled to [-1, 1]."""
    integers = x.dtype.kind in "iu"
    require(integers or x.dtype.kind == "f", f"{path}", "numbers", x.dtype.name)
    low, high = float(x.min()), float(x.max())
    if integers:
        allowed, ok = "pixels in [0, 255]", low >= 0 and high <= 255
    else:
        allowed, ok = "pixels in [0, 1] or [-1, 1]", low >= -1 and high <= 1
    require(ok, f"{path}", allowed, f"[{low:g}, {high:g}]")
    x = x.astype(np.float64)
    if integers:
        return x / 127.5 - 1.0
    return x if low < 0 else 2.0 * x - 1.0
