"""Chunked, shuffled and gzipped arrays, packed by the system's zlib instead of the one inside the h5py wheels.

The file is an ordinary one (filters shuffle and deflate, which every HDF5 program reads), but zlib looks for runs only (`Z_RLE`).
Shuffled counts are runs of zeros in the upper bytes and noise in the lowest, where longer searches find nothing: against HDF5's own
gzip-4 this takes half the processor time and 7 % less room, and is read back in four fifths of the time (`benchmarks/store.py`).
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

Node = Any                      # an HDF5 group or dataset, as in nexus_data
CHUNK_BYTES = 256 * 1024        # whole spectra per chunk, between 64 KiB and 1 MiB
CONTIGUOUS_BELOW = 16 * 1024    # a small array is not worth a chunk index
LEVEL = 4                       # what the file states; the stream itself is made with Z_RLE


def write(parent: Node, name: str, values: np.ndarray) -> Node:
    """Write an array, in compressed chunks unless it is small; gives the dataset."""
    if values.nbytes < CONTIGUOUS_BELOW:
        return parent.create_dataset(name, data=values)
    made = parent.create_dataset(name, values.shape, values.dtype, chunks=_shape(values), shuffle=True, compression="gzip",
                                 compression_opts=LEVEL)
    if values.dtype.kind not in "iuf" or not values.dtype.isnative:
        made[...] = values
        return made
    for place in _places(made):
        made.id.write_direct_chunk(tuple(part.start for part in place), _pack(values[place], made.chunks))
    return made


def _shape(values: np.ndarray) -> tuple[int, ...]:
    """Cut along the outer axes only, so that a spectrum is never torn apart; a plain column is one chunk up to the limit."""
    left = max(CHUNK_BYTES // values.itemsize, 1)
    chunks: list[int] = []
    for length in reversed(values.shape):
        inner = not chunks and values.ndim > 1
        take = length if inner else min(length, max(left, 1))
        chunks.append(take)
        left //= max(take, 1)
    return tuple(reversed(chunks))


def _places(item: Node) -> Iterator[tuple[slice, ...]]:
    """Give the region of every chunk."""
    steps = (range(0, length, step) for length, step in zip(item.shape, item.chunks, strict=True))
    for starts in itertools.product(*steps):
        ends = (min(start + step, length) for start, step, length in zip(starts, item.chunks, item.shape, strict=True))
        yield tuple(slice(start, end) for start, end in zip(starts, ends, strict=True))


def _pack(block: np.ndarray, shape: tuple[int, ...]) -> bytes:
    """Shuffle and compress a block; one at the edge is filled up with zeros, as HDF5 has it."""
    if block.shape != shape:
        block = np.pad(block, [(0, whole - part) for whole, part in zip(shape, block.shape, strict=True)])
    planes = np.ascontiguousarray(block).reshape(-1).view("u1").reshape(-1, block.itemsize).T
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_RLE)
    return packer.compress(planes.tobytes()) + packer.flush()
