"""What a run's journal knows before its first point, and how it is written down as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import pydantic_core

SCHEMA = 1
JOURNAL_SUFFIX, RUN_SUFFIX = ".journal", ".nxs"


class CoordinateHeader(TypedDict):
    """The values along one dimension of a channel; `medium` is "air", "vacuum" or empty."""

    values: list[float]
    unit: str
    long_name: str
    medium: str


class ChannelHeader(TypedDict):
    """One array (or, with no dims, one scalar) that a detector delivers at a point."""

    unit: str
    dims: list[str]
    shape: list[int]
    dtype: str
    long_name: str
    coords: dict[str, CoordinateHeader]


class ParameterHeader(TypedDict):
    """One parameter of the procedure, at full precision."""

    value: Any
    unit: str
    label: str


class Header(TypedDict, total=False):
    """Everything known before the first point; `channels` and `default_signal` follow once the detectors are set up."""

    run_id: str
    run_number: int
    procedure: str
    title: str
    parameters: dict[str, ParameterHeader]
    plan: list[dict[str, Any]]
    plan_hash: str
    bounds: dict[str, Any] | None       # of an adaptive plan; `plan` is then what was visited
    scan_axes: list[str]
    shape: list[int] | None
    plots: list[dict[str, Any]]
    default_signal: str
    channels: dict[str, ChannelHeader]
    companions: dict[str, dict[str, str]]
    instruments_start: dict[str, Any]
    serials: dict[str, str]
    calibrations: list[dict[str, Any]]
    bench: dict[str, Any]
    sample: str
    user: str
    note: str
    seed: int
    start_utc: str
    environment: dict[str, Any]
    procedure_source: str
    constants: dict[str, Any]
    filters: dict[str, list[dict[str, Any]]]
    estimate: dict[str, float]


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def to_json(value: Any) -> str:
    """Write a value as JSON at full precision; numpy types become plain ones, NaN stays NaN.

    By pydantic's encoder: every point of a run passes here, and the standard library's takes five times as long.
    """
    return pydantic_core.to_json(value, fallback=_plain, inf_nan_mode="constants").decode()


def from_json(text: str | bytes) -> Any:
    """Read what `to_json` wrote; raises ValueError when it is no JSON."""
    return pydantic_core.from_json(text)
