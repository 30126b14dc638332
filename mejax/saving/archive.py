"""The file of a fit: a zip of `fit.json` and arrays in NumPy's format, written whole or not at all, read with care."""

import json
import math
import os
import secrets
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from .codec import KINDS
from .problem import Unreadable

TEXT = "fit.json"
_DATED = (1980, 1, 1, 0, 0, 0)  # the same fit makes the same file
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def write_archive(path: Path, text: Any, arrays: Sequence[np.ndarray]) -> None:
    """Write beside `path` first, then put the whole file in its place."""
    target = Path(os.path.realpath(path))  # a link stays one
    if target.is_dir():
        raise ValueError(f"`{path}` is a folder: give the name of a file, such as `{path / 'fit.mejax'}`")
    if target.exists() and not target.is_file():
        raise ValueError(f"`{path}` is no file that could be replaced: give another name")
    if not target.parent.is_dir():
        raise ValueError(f"the folder `{target.parent}` does not exist: make it first")
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with open(beside, "xb") as file:
            _write(file, text, arrays)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, beside)  # what others could not read they still cannot
        os.replace(beside, target)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


def _write(file: BinaryIO, text: Any, arrays: Sequence[np.ndarray]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_member(TEXT), json.dumps(text, ensure_ascii=False, allow_nan=False, separators=(",", ":")))
        for place, array in enumerate(arrays):
            with archive.open(_member(_name(place)), "w", force_zip64=array.nbytes > 2**30) as member:
                npy.write_array(member, array, allow_pickle=False)


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, _DATED)
    member.compress_type = zipfile.ZIP_DEFLATED
    return member


def _name(place: int) -> str:
    return f"{place}.npy"


class Archive:
    """An open file whose members have been looked at: names, sizes, ways of compression."""

    def __init__(self, archive: zipfile.ZipFile, most_bytes: float):
        self._archive = archive
        self._members = {member.filename: member for member in archive.infolist()}
        if TEXT not in self._members:
            raise Unreadable(f"it holds no `{TEXT}`")
        expected = {TEXT, *(_name(place) for place in range(len(self._members) - 1))}
        other = [name for name in self._members if name not in expected]
        if other or len(self._members) != len(archive.infolist()):
            what = f"`{other[0][:60]}`, which no such file has" if other else "a member twice"
            raise Unreadable(f"it holds {what}")
        if any(m.compress_type not in _METHODS or m.flag_bits & 1 for m in self._members.values()):
            raise Unreadable("a member of it is encrypted, or compressed in a way that no such file uses")
        size = sum(member.file_size for member in self._members.values())
        if size > most_bytes:
            allowed = f"more than the {most_bytes / 1e9:,.1f} GB allowed"
            raise Unreadable(f"it unpacks to {size / 1e9:,.1f} GB, {allowed}; where that may be, set `most_bytes`")

    def text(self) -> Any:
        with _intact():
            text = self._archive.read(TEXT)
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as problem:
            raise Unreadable(f"its `{TEXT}` is no JSON") from problem

    def array(self, place: int) -> np.ndarray:
        name = _name(place)
        if name not in self._members:
            raise Unreadable(f"its array {name} is missing")
        with _intact(), self._archive.open(name) as member:
            return _read(member, name, self._members[name].file_size)


def _read(member: Any, name: str, size: int) -> np.ndarray:
    """An array whose header agrees with the size of its member, into memory of that size."""
    try:
        shape, fortran, dtype = _HEADERS[npy.read_magic(member)](member)
    except (ValueError, KeyError) as problem:
        raise Unreadable(f"its member {name} is no array") from problem
    if dtype.kind not in KINDS or dtype.hasobject or not dtype.isnative or dtype.itemsize > 8:
        raise Unreadable(f"its array {name} is of the type {dtype}, which no such file has")
    left = size - member.tell()
    if any(length < 0 for length in shape) or math.prod(shape) * dtype.itemsize != left:
        raise Unreadable(f"its array {name} says that it has the shape {shape}, which is not its size")
    held = bytearray(left)
    view = memoryview(held)
    while view:
        count = member.readinto(view)
        if not count:
            raise Unreadable(f"its array {name} is too short")
        view = view[count:]
    member.read(1)  # the end, where the checksum is compared
    return np.frombuffer(held, dtype).reshape(shape, order="F" if fortran else "C")


@contextmanager
def _intact() -> Iterator[None]:
    """Every fault of a zip file is `Unreadable`."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as problem:
        raise Unreadable(f"it is no zip file, or it was cut off or damaged ({problem})") from problem


@contextmanager
def opened(path: Path, most_bytes: float) -> Iterator[Archive]:
    """The archive at `path`."""
    if path.is_dir():
        raise Unreadable("it is a folder")
    with _intact():
        archive = zipfile.ZipFile(path)
    with archive:
        yield Archive(archive, most_bytes)
