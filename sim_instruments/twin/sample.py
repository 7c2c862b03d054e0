"""Sample files: a record read from TOML, every value with its unit, its source and the worth of its evidence."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from sim_instruments.twin.record import (
    Absorption,
    Ageing,
    Cavity,
    Charging,
    Counted,
    Cuvette,
    Detected,
    Disorder,
    Fading,
    Gain,
    Kinetics,
    Lines,
    Mode,
    Resonance,
    Ring,
    Sample,
    Stripe,
)

__all__ = ["Absorption", "Ageing", "Cavity", "Charging", "Counted", "Cuvette", "Detected", "Disorder", "Fading", "Gain", "Kinetics",
           "Lines", "Mode", "Resonance", "Ring", "Sample", "SampleError", "Stripe", "load_sample"]

SECTIONS: dict[str, Any] = {
    "lines": Lines, "absorption": Absorption, "kinetics": Kinetics, "gain": Gain, "detected": Detected, "cavity": Cavity,
    "resonance": Resonance, "stripe": Stripe, "charging": Charging, "counted": Counted, "ageing": Ageing,
    "ring": Ring, "disorder": Disorder, "fading": Fading, "cuvette": Cuvette}
NEEDED = ("lines", "absorption", "kinetics", "gain", "detected")
_HEAD = ("schema", "name", "title", "based_on", "without", "mount", "budget", "alignment")     # the last three are for people

_SCALES: dict[str, tuple[str, float]] = {
    "meV": ("eV", 1e-3), "fs": ("s", 1e-15), "ps": ("s", 1e-12), "ns": ("s", 1e-9), "ms": ("s", 1e-3), "1/h": ("1/s", 1 / 3600.0),
    "1/day": ("1/s", 1 / 86400.0), "uJ/cm2": ("J/cm2", 1e-6), "mJ/cm2": ("J/cm2", 1e-3), "kJ/cm2": ("J/cm2", 1e3),
    "kHz": ("Hz", 1e3), "MHz": ("Hz", 1e6), "nF": ("F", 1e-9), "um": ("cm", 1e-4), "mm": ("cm", 0.1)}
"""Units a file may use besides the record's own: the unit they belong to, and the factor."""

Section = TypeVar("Section")


class SampleError(ValueError):
    """A sample file says something the model does not understand."""


def load_sample(source: str | Path) -> Sample:
    """Load a sample by name (the packaged ones) or by path (anything with a separator or ending in .toml).

    A file may be `based_on` a packaged sample: it then says only what differs, and names the sections it does `without`.
    Raises SampleError naming file, parameter and reason; FileNotFoundError with the packaged names if there is no such sample.
    """
    data, where = _data(source)
    unknown = set(data) - set(SECTIONS) - set(_HEAD)
    if unknown:
        raise SampleError(f"{where}: there is no section {', '.join(sorted(unknown))}; there are: {', '.join(SECTIONS)}")
    missing = [name for name in NEEDED if name not in data]
    if missing:
        raise SampleError(f"{where}: the sections {', '.join(missing)} are missing")
    made = {name: _section(kind, data[name], f"{where}: {name}") for name, kind in SECTIONS.items() if name in data}
    return Sample(data.get("name", Path(str(source)).stem), data.get("title", ""), **made)


def _data(source: str | Path) -> tuple[dict[str, Any], str]:
    """Give the contents of a file laid over those it is based on, and how to call it in messages."""
    text, where = _read(source)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise SampleError(f"{where}: {exc}") from exc
    if "based_on" not in data:
        return data, where
    base, _ = _data(data["based_on"])
    kept = {name: entry for name, entry in base.items() if name not in data.get("without", ())}
    over = {name: kept[name] | entry if isinstance(entry, dict) and name in kept else entry for name, entry in data.items()}
    return kept | over, where


def _read(source: str | Path) -> tuple[str, str]:
    text = str(source)
    if isinstance(source, Path) or "/" in text or "\\" in text or text.endswith(".toml"):
        return Path(source).read_text(encoding="utf-8"), text
    folder = resources.files("sim_instruments.samples")
    entry = folder.joinpath(f"{text}.toml")
    if not entry.is_file():
        known = sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))
        raise FileNotFoundError(f"there is no sample {text!r}; there are: {', '.join(known)}")
    return entry.read_text(encoding="utf-8"), f"{text}.toml"


def _section(kind: type[Section], data: Mapping[str, Any], where: str) -> Section:
    declared: dict[str, Field[Any]] = {item.metadata["symbol"]: item for item in fields(kind) if "symbol" in item.metadata}   # type: ignore[arg-type]
    modes = {"modes"} if kind is Cavity else set()
    unknown = set(data) - set(declared) - modes
    if unknown:
        raise SampleError(f"{where}: there is no parameter {', '.join(sorted(unknown))}; there are: {', '.join(declared)}")
    missing = [symbol for symbol, item in declared.items() if symbol not in data and item.default is MISSING]
    if missing:
        raise SampleError(f"{where}: {', '.join(missing)} missing")
    values = {declared[symbol].name: _value(entry, declared[symbol], f"{where}.{symbol}")
              for symbol, entry in data.items() if symbol in declared}
    if modes:
        entries = enumerate(data.get("modes", ()), 1)
        values["modes"] = tuple(_section(Mode, entry, f"{where}.modes[{number}]") for number, entry in entries)
    return kind(**values)


def _value(entry: Any, declared: Field[Any], where: str) -> Any:
    if not isinstance(entry, Mapping) or not {"value", "unit", "source", "evidence"} <= set(entry):
        raise SampleError(f"{where}: a parameter is written {{value = ..., unit = ..., source = ..., evidence = ...}}")
    value, unit, wanted = entry["value"], entry["unit"], declared.metadata["unit"]
    if isinstance(value, bool):
        return value
    if not isinstance(value, (int, float)):
        raise SampleError(f"{where}: {value!r} is not a number")
    base, scale = _SCALES.get(unit, (unit, 1.0))
    if unit != wanted and base != wanted:
        raise SampleError(f"{where}: the unit is {wanted}, not {unit}")
    return float(value) * (1.0 if unit == wanted else scale)
