"""The child process of `labctl.store.foreign`: judge an HDF5 file, then give its default signal and axis on standard output."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from labctl.store.confined import leading_out

MOST_OBJECTS = 20_000
LARGEST_DATASET = 512 * 2**20       # bytes once read


class _Refused(Exception):
    """The file is not read, for the reason given."""


def main(arguments: list[str]) -> None:
    """Answer one line of JSON, and the arrays behind it."""
    path, memory_bytes, seconds = Path(arguments[0]), int(arguments[1]), int(arguments[2])
    _limit(memory_bytes, seconds)
    try:
        with h5py.File(path, "r") as file:
            _judge(file, path.stat().st_size)
            ours = "labctl_schema" in file.attrs
            told, arrays = _read_through(file) if ours else _default(file)
            told["labctl"] = ours
        body = io.BytesIO()
        np.savez(body, allow_pickle=False, **arrays)
        answer = json.dumps(told).encode() + b"\n" + body.getvalue()
    except _Refused as exc:
        answer = json.dumps({"refused": str(exc)}).encode() + b"\n"
    except (OSError, RuntimeError, KeyError, ValueError, MemoryError, TypeError, RecursionError) as exc:
        answer = json.dumps({"refused": f"it cannot be read ({type(exc).__name__}: {exc})."}).encode() + b"\n"
    sys.stdout.buffer.write(answer)


def _limit(memory_bytes: int, seconds: int) -> None:
    """Cap memory and processor time where the system can; the parent's deadline holds everywhere."""
    try:
        import resource
    except ImportError:         # Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))


def _judge(file: Any, size: int) -> None:
    """Refuse what leads out of the file or claims more than it can hold; follows no link that does."""
    if reason := leading_out(file, size):
        raise _Refused(reason)
    for seen, (name, item) in enumerate(_things(file)):
        if seen >= MOST_OBJECTS:
            raise _Refused(f"it has more than {MOST_OBJECTS} objects.")
        if isinstance(item, h5py.Dataset):
            _judge_dataset(name, item)


def _things(group: Any, where: str = "", seen: frozenset[Any] = frozenset()) -> Iterator[tuple[str, Any]]:
    address = h5py.h5o.get_info(group.id).addr      # pyright: ignore[reportAttributeAccessIssue]
    if address in seen:
        return
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            continue                # soft links lead to what is met anyway
        item = group[name]
        yield f"{where}/{name}", item
        if isinstance(item, h5py.Group):
            yield from _things(item, f"{where}/{name}", seen | {address})


def _judge_dataset(name: str, item: Any) -> None:
    if h5py.check_ref_dtype(item.dtype) is not None:
        raise _Refused(f"{name} holds object references.")
    if item.dtype.kind not in "biufcSOUV":
        raise _Refused(f"{name} is of the type {item.dtype}.")
    if item.nbytes > LARGEST_DATASET:
        raise _Refused(f"{name} has {item.nbytes / 2**20:.0f} MB; up to {LARGEST_DATASET / 2**20:.0f} MB are read.")


def _read_through(file: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read every dataset and attribute once, so that what the parent reads later has been read before."""
    for _, item in _things(file):
        dict(item.attrs)
        if isinstance(item, h5py.Dataset):
            item[()]
    return {}, {}


def _default(file: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Give signal and last axis of the default NXdata, else the largest table of numbers."""
    group = file
    for _ in range(8):
        name = group.attrs.get("default")
        if name is None or str(name) not in group:
            break
        group = group[str(name)]
    signal = _text(group.attrs.get("signal", ""))
    item = group[signal] if signal and signal in group else _largest(file)
    if item is None or item.size == 0 or item.dtype.kind not in "biuf":
        raise _Refused("it holds no table of numbers.")
    told = {"signal": item.name.rsplit("/", 1)[-1], "group": item.parent.name, "unit": _text(item.attrs.get("units", "")),
            "long_name": _text(item.attrs.get("long_name", "")), "axis": "sample", "axis_unit": "", "medium": ""}
    arrays = {"values": np.atleast_1d(item[()])}
    arrays["values"] = arrays["values"].reshape(-1, arrays["values"].shape[-1])
    axes = [_text(name) for name in np.atleast_1d(group.attrs.get("axes", ()))]
    if axes and axes[-1] in group and group[axes[-1]].shape == (arrays["values"].shape[-1],):
        axis = group[axes[-1]]
        arrays["axis"] = np.asarray(axis[()], dtype=float)
        told |= {"axis": axes[-1], "axis_unit": _text(axis.attrs.get("units", "")), "medium": _text(axis.attrs.get("medium", ""))}
    return told, arrays


def _largest(file: Any) -> Any:
    tables = [item for _, item in _things(file) if isinstance(item, h5py.Dataset) and item.dtype.kind in "biuf" and item.ndim]
    return max(tables, key=lambda item: int(item.size or 0), default=None)


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


if __name__ == "__main__":
    main(sys.argv[1:])
