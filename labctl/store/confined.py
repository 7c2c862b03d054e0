"""Whether an HDF5 file keeps to itself: it may name other files of this computer, and claim any size, and nobody sees it.

A seal says who finished a file only as long as nobody forges it, so every file is asked, those of labctl as well: some twenty
milliseconds for a run.
"""

from __future__ import annotations

from typing import Any

from h5py import h5d, h5l, h5o  # pyright: ignore[reportAttributeAccessIssue]

LARGEST_RATIO = 2000        # bytes once read per byte of file: deflate cannot do better than about 1000
SMALL_FILE = 4096           # bytes; what a smaller one claims is not large either
INSIDE = (h5l.TYPE_HARD, h5l.TYPE_SOFT)


def leading_out(file: Any, size: int) -> str:
    """Say what in an open file of `size` bytes leads out of it, or cannot be in it; empty when nothing does. Follows no link."""
    def link(name: bytes, told: Any) -> str | None:
        if told.type in INSIDE:
            return None
        return f"/{name.decode(errors='replace')} links to another file, {_target(file, name)!r}."

    def thing(name: bytes, told: Any) -> str | None:
        if told.type != h5o.TYPE_DATASET:
            return None
        return _dataset(f"/{name.decode(errors='replace')}", h5d.open(file.id, name), size)

    return file.id.links.visit(link, info=True) or h5o.visit(file.id, thing, info=True) or ""


def _target(file: Any, name: bytes) -> str:
    found = file.id.links.get_val(name)
    return (found[0] if isinstance(found, tuple) else found).decode(errors="replace")


def _dataset(name: str, item: Any, size: int) -> str | None:
    made = item.get_create_plist()
    if made.get_external_count():
        return f"{name} keeps its data in another file, {made.get_external(0)[0].decode(errors='replace')!r}."
    if made.get_layout() == h5d.VIRTUAL:
        sources = {made.get_virtual_filename(number) for number in range(made.get_virtual_count())}
        return f"{name} is put together from other files." if sources - {"."} else None
    needed = item.get_type().get_size()
    for length in item.shape:
        needed *= int(length)
    if needed > max(size, SMALL_FILE) * LARGEST_RATIO:
        return f"{name} claims to be {tuple(item.shape)}, {needed / 2**20:.0f} MB, in a file of {size / 2**20:.2f} MB."
    return None
