"""Write TCSPC histograms as PicoQuant's unified histogram file (.phu), which their software, ptufile and phconvert read.

Layout: "PQHISTO", version, then tags of 48 bytes (name 32, index 4, type 4, value 8; text follows its tag, padded to 8), then the
curves one after the other as little-endian 32-bit counts. Source: PicoQuant, "Unified TTTR file format" (public description).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

EMPTY, INTEGER, FLOAT, TIME, TEXT = 0xFFFF0008, 0x10000008, 0x20000008, 0x21000008, 0x4001FFFF
HISTOGRAM_MODE, INTEGRATING = 0, 1
DAYS_BEFORE_1970 = 25569                # the format counts days from 1899-12-30
SECONDS_A_DAY = 86400
TAG = struct.Struct("<32siI8s")


def write(path: Path, curves: np.ndarray, resolution_s: float, *, start: datetime, title: str,
          sync_rate_hz: Sequence[float] = (), acquisition_s: float = 0.0) -> None:
    """Write curves (curves, bins) of whole counts and one bin width, each counted for `acquisition_s`.

    Raises ValueError for counts that 32 bits cannot hold.
    """
    if curves.ndim != 2 or curves.min(initial=0) < 0 or curves.max(initial=0) >= 2**32:
        raise ValueError("a .phu file holds curves of counts from 0 to 4294967295")
    about = (curves.shape, resolution_s, start, title, sync_rate_hz, acquisition_s)
    header = _header(*about, first_byte=len(_header(*about, first_byte=0)))
    with path.open("xb") as file:
        file.write(header)
        file.write(np.ascontiguousarray(curves, dtype="<u4").tobytes())


def _header(shape: tuple[int, int], resolution_s: float, start: datetime, title: str, sync_rate_hz: Sequence[float],
            acquisition_s: float, *, first_byte: int) -> bytes:
    count, bins = shape
    parts = [b"PQHISTO\0", b"1.0.00\0\0", _text("File_Comment", title), _text("CreatorSW_Name", "labctl"),
             _tag("File_CreatingTime", TIME, struct.pack("<d", start.timestamp() / SECONDS_A_DAY + DAYS_BEFORE_1970)),
             _integer("Measurement_Mode", HISTOGRAM_MODE), _integer("Measurement_SubMode", INTEGRATING),
             _integer("MeasDesc_AcquisitionTime", round(1e3 * acquisition_s)), _float("MeasDesc_Resolution", resolution_s),
             _integer("HistoResult_BitsPerBin", 32),
             _integer("HistoResult_NumberOfCurves", count)]
    for index in range(count):
        parts += [_integer("HistResDscr_CurveIndex", index, index),
                  _integer("HistResDscr_DataOffset", first_byte + 4 * bins * index, index),
                  _integer("HistResDscr_HistogramBins", bins, index),
                  _float("HistResDscr_MDescResolution", resolution_s, index),
                  _float("HistResDscr_HWBaseResolution", resolution_s, index)]
        if index < len(sync_rate_hz) and np.isfinite(sync_rate_hz[index]):
            parts.append(_integer("HistResDscr_SyncRate", round(sync_rate_hz[index]), index))
    return b"".join([*parts, _tag("Header_End", EMPTY, bytes(8))])


def _tag(name: str, kind: int, value: bytes, index: int = -1) -> bytes:
    return TAG.pack(name.encode(), index, kind, value)


def _integer(name: str, value: int, index: int = -1) -> bytes:
    return _tag(name, INTEGER, struct.pack("<q", value), index)


def _float(name: str, value: float, index: int = -1) -> bytes:
    return _tag(name, FLOAT, struct.pack("<d", value), index)


def _text(name: str, value: str) -> bytes:
    """Write text, in the code page the format has, zero-terminated and padded to whole 8 bytes."""
    raw = value.encode("cp1252", errors="replace") + b"\0"
    raw += bytes(-len(raw) % 8)
    return _tag(name, TEXT, struct.pack("<q", len(raw))) + raw
