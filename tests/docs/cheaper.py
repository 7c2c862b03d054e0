"""The commands of the documents, on fewer points than a reader would measure."""

from __future__ import annotations

import re
from collections.abc import Iterator

COARSE = {
    "power_series": {"fluences": "10", "exposure": "0.5 s"},
    "trpl": {"wanted": "10000", "response_counts": "20000"},
    "voltage_ase": {"cycles": "3", "exposure": "0.5 s"},
    "ple": {"start": "520 nm", "stop": "530 nm"},
    "power_calibration": {"wavelengths": "6", "angles": "12"},
    "daily_check": {"visits": "2", "readings": "3"},
    "wavelength_calibration": {"grating": "1"},
    "response_calibration": {"grating": "1", "dark_frames": "3"},
    "pickoff_calibration": {"first_wavelength": "490 nm", "last_wavelength": "520 nm", "wavelengths": "4"},
    "polarization_calibration": {"stop": "170", "angles": "18"},
    "irf": {"response_counts": "20000"},
    "find_spot": {"x_places": "3", "y_places": "3"},
}
SEEDS = {"seed=0:8": "seed=0:2", "seed=0:512": "seed=0:1", "seed=512:1024": "seed=512:513"}


def cheaper(words: tuple[str, ...]) -> tuple[str, ...]:
    """Give a command that does the same on fewer points, in virtual time."""
    line = re.sub(r" --speed \S+", "", " ".join(words)) if "--speed" in words else ""
    words = tuple(line.split(" ")) if line else words
    if words[0] == "ensemble":
        return tuple(SEEDS.get(word, word) for word in (*words, *(("--workers", "1") if "--dask" in words else ())))
    if words[0] == "reproduce":
        return tuple("2" if before == "--seeds" else word for before, word in zip(("", *words), words, strict=False))
    if words[0] not in ("run", "rehearse"):
        return words
    return (*words, *_coarse(words))


def _coarse(words: tuple[str, ...]) -> Iterator[str]:
    """Give the settings that make a run coarse, those that the command names itself left out."""
    given = {word.split("=")[0] for word in words if "=" in word}
    for name, value in COARSE.get(words[1], {}).items():
        if name not in given:
            yield from ("--set", f"{name}={value}")
