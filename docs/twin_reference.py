"""Write docs/reference/twin.md: equations and parameters from the code and the samples, evidence from the last `make score`.

Run by `make docs-reference` and `make score`. Nothing is simulated here; the scores are read from docs/reference/twin-scores*.json.
"""

from __future__ import annotations

import inspect
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, fields
from importlib import resources
from pathlib import Path
from typing import Any

from sim_instruments.twin import (
    amplifier,
    cavity,
    counting,
    decay,
    excitation,
    film,
    gain,
    light,
    modes,
    populations,
    pulses,
    record,
    resonance,
    specimen,
    spectra,
    spectrograph,
    streak,
    stripe,
    transient,
    units,
    zscan,
)
from sim_instruments.twin.sample import SECTIONS

FOLDER = Path(__file__).parent / "reference"
PAGE, SCORES, BENCH_SCORES = FOLDER / "twin.md", FOLDER / "twin-scores.json", FOLDER / "twin-scores-bench.json"
VERDICTS = ("pass", "mixed", "fail", "not simulated")
SHOWN = 6                          # values of an array that are shown in full

EQUATIONS: tuple[tuple[str, tuple[Callable[..., Any], ...]], ...] = (
    ("Units and media", (units.refractive_index,)),
    ("Pump", (light.supercontinuum_w_nm, light.grating_line, light.acousto_optic_line, light.edge_pair, light.half_wave_plate,
              light.pick_off_fraction, light.gaussian_nodes, pulses.light_factor)),
    ("Excitation", (excitation.excitations, excitation.one_photon_cm2, excitation.multiphoton, film.occupation)),
    ("Populations", (populations.poisson, populations.steady, populations.total_rates, populations.charged_rates,
                     populations.trion_lifetime_s, populations.yields)),
    ("Lines", (excitation.exciton_ev, excitation.emission_fwhm_ev, spectra.line_shape, spectra.per_nm)),
    ("Gain and amplifier", (gain.modal_gain, amplifier.amplify, stripe.parts, stripe.effective_length_cm)),
    ("Cavities", (modes.ring_wavelengths, modes.random_modes, modes.mode_loss_cm, cavity.rings, cavity.lase,
                  resonance.mode_photons)),
    ("Time", (decay.neutral, decay.charged, streak.gated, transient.probed_gain, zscan.transmission)),
    ("History", (specimen.settled_charge, specimen.ageing_rate)),
    ("Detection", (spectrograph.window, spectrograph.passed, counting.incident, counting.recorded)),
)
"""What the model is made of, by subject: functions whose first lines state the law."""

INTRODUCTION = """# The twin: equations, parameters, evidence

Written by `make docs-reference` from the code, the sample files and the scores; do not edit. `make score` measures the scores anew:
every published claim goes from the simulated sample through noisy detectors and `labctl.analysis` to the criterion of the claim
itself, in several noise seeds, with 1 % rms of pump energy in every exposure.

What a score is worth: **predicted** rows were used in no calibration; for **fitted** ones free constants of a sample were tuned,
mostly jointly; **recovered** ones are an input, or algebra on one, that the analysis returned. **Noisy** results come from
simulated noisy data, **model** ones from a model function without noise, **formula** ones from arithmetic on inputs. A row passes
when it passes in every noise seed. Headline thresholds are fitted: what the physics adds is that one set of constants gives them
all.
"""


WHOLE_BENCH = """### Through the whole bench

The same rows once more: drivers, wire, engine, journal, file and the procedure's own reduction, with the procedure's defaults,
after the calibrations that a user takes first: of the power, of the pick-off by a second head at the sample, and of the analyser's
zero; nothing is ideal. With the data sheet's pick-off (4 % ± 25 %) thresholds were off by 11 to 25 %; what is left is the error of
the head at the sample, 3 to 5 %, and of the spot's size, which is taken as the bench file states it.
"""


def page() -> str:
    """Give the whole page."""
    scores, behind = (json.loads(place.read_text(encoding="utf-8")) for place in (SCORES, BENCH_SCORES))
    parts = [INTRODUCTION, "## Evidence\n", counts(scores), evidence(scores), WHOLE_BENCH, counts(behind), evidence(behind),
             "## Equations\n", equations(), "## Parameters\n", symbols(), *(parameters(name) for name in sample_names())]
    return "\n".join(parts) + "\n"


# ------------------------------------------------------------------ evidence
def counts(scores: Iterable[Mapping[str, Any]]) -> str:
    """Give how many checkable rows there are, by evidence and basis, and verdict."""
    checked = [each for each in scores if each["verdict"] != "skip"]
    groups = {"all": checked}
    for key in ("evidence", "basis"):
        for value in ("predicted", "fitted", "recovered", "noisy", "model", "formula"):
            found = [each for each in checked if each[key] == value]
            groups |= {value: found} if found else {}
    seeds = max((each["seeds"] for each in checked), default=0)
    lines = [f"| {seeds} noise seeds | " + " | ".join(VERDICTS) + " |", "|---|" + "---|" * len(VERDICTS)]
    lines += [f"| {name} | " + " | ".join(str(sum(each["verdict"] == verdict for each in found)) for verdict in VERDICTS) + " |"
              for name, found in groups.items()]
    return "\n".join(lines) + "\n"


def evidence(scores: Iterable[Mapping[str, Any]]) -> str:
    """Give the table of rows, in the order of the targets; what does not pass with its reason."""
    lines = ["| row | claim | published | simulated (mean ± sd over the noise seeds) | evidence | basis | passes |",
             "|---|---|---|---|---|---|---|"]
    for each in scores:
        if each["verdict"] == "skip":
            continue
        results = ", ".join(f"{name} {value(found, each['spread'].get(name))}" for name, found in each["values"].items())
        reason = f"*{each['reason']}*" if each["reason"] and each["verdict"] != "pass" else ""
        told = "; ".join(filter(None, (results, reason)))
        passes = f"{each['passed']}/{each['seeds']}" if each["seeds"] else "not simulated"
        passes = passes if each["verdict"] == "pass" else f"**{passes}**"
        lines.append("| " + " | ".join(map(cell, (each["id"], each["quantity"], each["published"], told, each["evidence"],
                                                   each["basis"] or "", passes))) + " |")
    return "\n".join(lines) + "\n"


def value(mean: Any, spread: Any) -> str:
    """Give a result as text; a long array by its ends."""
    if isinstance(mean, list):
        if len(mean) <= SHOWN:
            return "[" + ", ".join(f"{item:.3g}" for item in mean) + "]"
        return f"[{len(mean)} values, {mean[0]:.3g} … {mean[-1]:.3g}, largest {max(mean):.3g}]"
    return f"{mean:.4g}" + (f" ± {spread:.2g}" if spread else "")


def cell(text: str) -> str:
    """Give text that may stand in a table."""
    return str(text).replace("|", "\\|").replace("\n", " ")


# ------------------------------------------------------------------ equations
def equations() -> str:
    """Give the docstrings of the functions that state the laws, by subject."""
    lines = []
    for subject, functions in EQUATIONS:
        lines.append(f"**{subject}**\n")
        lines += [f"- `{function.__module__.removeprefix('sim_instruments.')}.{function.__name__}`: {docstring(function)}"
                  for function in functions]
        lines.append("")
    return "\n".join(lines)


def docstring(function: Callable[..., Any]) -> str:
    """Give a function's docstring in one paragraph."""
    return re.sub(r"\s+", " ", inspect.getdoc(function) or "").strip().replace("*", "\\*")


# ------------------------------------------------------------------ parameters
def symbols() -> str:
    """Give the meaning and unit of every symbol, by section of a sample's record."""
    lines = ["| section | symbol | meaning | unit |", "|---|---|---|---|"]
    for section, kind in SECTIONS.items():
        declared = [item for item in fields(kind) if "symbol" in item.metadata]
        lines += [symbol(section, item) for item in declared]
    lines += [symbol("cavity.modes", item) for item in fields(record.Mode) if "symbol" in item.metadata]
    return "\n".join(lines) + "\n"


def symbol(section: str, item: Field[Any]) -> str:
    """Give one symbol as a line of a table."""
    return f"| {section} | `{item.metadata['symbol']}` | {meaning(item.name)} | {item.metadata['unit']} |"


def meaning(name: str) -> str:
    """Give the words of an attribute's name, its unit left out: that has a column of its own."""
    units_of_names = r"_(?:ev|cm|cm2|cm3|cm4_s|cm6_s2|nm|um|s|hz|k|deg|j_cm2|v|ohm|f|a_v2|ev_v2|ev_k|per_s)$"
    return re.sub(units_of_names, "", name).replace("_", " ")


def sample_names() -> list[str]:
    """Give the names of the packaged samples."""
    return sorted(item.name.removesuffix(".toml") for item in resources.files("sim_instruments.samples").iterdir()
                  if item.name.endswith(".toml"))


def parameters(name: str) -> str:
    """Give what the file of one sample states: value, unit, evidence, source."""
    text = resources.files("sim_instruments.samples").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    based = f" Differs from `{data['based_on']}` in:" if "based_on" in data else ""
    lines = [f"### {name}\n", f"{data.get('title', name)}.{based}\n", "| symbol | value | unit | evidence | source |",
             "|---|---|---|---|---|"]
    for section, entries in data.items():
        if section in SECTIONS:
            lines += [row(f"{section}.{symbol}", entry) for symbol, entry in entries.items() if symbol != "modes"]
            lines += [row(f"{section}.modes[{number}].{symbol}", entry) for number, mode in enumerate(entries.get("modes", ()), 1)
                      for symbol, entry in mode.items()]
    return "\n".join(lines) + "\n"


def row(symbol: str, entry: Mapping[str, Any]) -> str:
    """Give one parameter as a line of a table."""
    shown = str(entry["value"]).lower() if isinstance(entry["value"], bool) else f"{entry['value']:.7g}"
    return f"| `{symbol}` | {shown} | {entry['unit']} | {entry['evidence']} | {cell(entry['source'])} |"
