"""From the parts of a bench to its pump beam: which stages the light passes, in its order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sim_instruments.twin import blade, pump
from sim_instruments.twin.elements import Element
from sim_instruments.twin.path import HIDDEN, Part, PathError

ORDER = (("select", "varia"), ("clean_up",), ("wave_plate_attenuator", "filter_wheel", "pick_off", "shutter"))
"""Kinds behind the source; those of a group stand as in the path."""


def find_source(elements: Iterable[Element]) -> pump.Source:
    """Give the source of the pump; PathError if there is none."""
    for element in elements:
        if isinstance(element, pump.Source):
            return element
    raise PathError("the light path has no source (kind supercontinuum or opa)")


def pump_stages(source: pump.Source, parts: Sequence[Part]) -> list[pump.Stage]:
    """Order the pump's stages: source, filter, clean-up, then as in the path, the objective and what a blade leaves."""
    stages: list[pump.Stage] = [pump.source_stage(source)]
    makers: dict[str, Any] = {
        "select": lambda part: pump.select_stage(part.element, float(part.options["bandwidth_nm"])),
        "varia": lambda part: pump.varia_stage(part.element),
        "clean_up": lambda part: pump.clean_up_stage(
            part.role, stages[-1], float(part.options["offset_nm"]), float(part.options["blocking"])),
        "wave_plate_attenuator": lambda part: pump.plate_stage(
            part.element, {name: float(part.options[name]) for name in HIDDEN[part.kind]}, bool(part.options["achromatic"])),
        "filter_wheel": lambda part: pump.wheel_stage(part.element, [float(value) for value in part.options["transmissions"]]),
        "pick_off": lambda part: pump.pick_off_stage(part.role, float(part.options["fraction"]), float(part.options["slope"])),
        "shutter": lambda part: pump.shutter_stage(part.element),
    }
    for kinds in ORDER:
        stages += [makers[part.kind](part) for part in parts if part.kind in kinds]
    lens = next((part.options["lens"] for part in parts if part.kind == "sample"), None)
    return [*stages, pump.objective_stage(None if lens is None else float(lens)), *blade.blades(parts)]
