"""The pump in every unit people speak of: power, fluence, photons, excitons per dot, share of a threshold.

Nothing is invented: a unit whose factor nobody knows (no spot, no cross-section, no threshold of this sample) is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from labctl.core.photons import photon_energy_j

POWER, FLUENCE, PHOTONS, EXCITONS, THRESHOLD = "µW", "µJ/cm²", "photons/cm²", "⟨N⟩", "% of threshold"
LEVELS = ("pump.power", "pump.photon_flux", "pump.fluence")       # the same light: setting one replaces the others
OF_QUANTITY = {"pump.power": POWER, "pump.fluence": FLUENCE, "pump.photon_flux": "photons/s"}
TYPED = (                   # what people type for a unit, and how many of the unit it is
    (re.compile(r"(?i)^[uµμ]w$"), POWER, 1.0), (re.compile(r"^nW$"), POWER, 1e-3), (re.compile(r"^mW$"), POWER, 1e3),
    (re.compile(r"^W$"), POWER, 1e6),
    (re.compile(r"(?i)^[uµμ]j/cm(\^?2|²)$"), FLUENCE, 1.0), (re.compile(r"^nJ/cm(\^?2|²)$"), FLUENCE, 1e-3),
    (re.compile(r"^mJ/cm(\^?2|²)$"), FLUENCE, 1e3), (re.compile(r"^J/cm(\^?2|²)$"), FLUENCE, 1e6),
    (re.compile(r"(?i)^(photons|ph)/cm(\^?2|²)(/pulse)?$"), PHOTONS, 1.0),
    (re.compile(r"(?i)^(<n>|⟨n⟩|n|excitons?(/dot|/pulse| per dot)?)$"), EXCITONS, 1.0),
    (re.compile(r"(?i)^% *(of )?(the )?(thr|threshold)$"), THRESHOLD, 1.0),
    (re.compile(r"(?i)^[x×]? *(the )?(thr|threshold)$"), THRESHOLD, 100.0),
)
NUMBER = re.compile(r"^\s*([+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?)\s*(.+?)\s*$")


@dataclass(frozen=True)
class PumpUnits:
    """How much of each unit one µW at the sample is, by unit; what is missing nobody knows.

    `sources` says where a factor comes from that an earlier run has found, by unit ("run 12").
    """

    per_microwatt: Mapping[str, float]
    sources: Mapping[str, str]

    @classmethod
    def of(cls, *, wavelength_nm: float | None = None, rate_hz: float | None = None, area_cm2: float | None = None,
           section_cm2: float | None = None, threshold_j_cm2: float | None = None,
           sources: Mapping[str, str] | None = None) -> PumpUnits:
        """Make it of what is known: vacuum wavelength, pulses a second, spot area, cross-section of one photon, threshold."""
        found = {POWER: 1.0}
        if wavelength_nm:
            found["photons/s"] = 1e-6 / photon_energy_j(wavelength_nm)
        if rate_hz and area_cm2:
            fluence = 1e-6 / rate_hz / area_cm2                       # J/cm² of one µW
            found[FLUENCE] = 1e6 * fluence
            if wavelength_nm:
                found[PHOTONS] = fluence / photon_energy_j(wavelength_nm)
                if section_cm2:
                    found[EXCITONS] = section_cm2 * found[PHOTONS]    # ⟨N⟩ = σ F/hν
            if threshold_j_cm2:
                found[THRESHOLD] = 100.0 * fluence / threshold_j_cm2
        return cls(found, {unit: source for unit, source in (sources or {}).items() if unit in found})

    def convert(self, value: float, unit: str, wanted: str) -> float | None:
        """Turn a value of one unit into another; None when nobody knows how."""
        ratio = self.per_microwatt
        return value / ratio[unit] * ratio[wanted] if unit in ratio and wanted in ratio else None

    def others(self, value: float, unit: str) -> list[tuple[str, float]]:
        """Give a value in every other unit that people read, in their order."""
        found = [(wanted, self.convert(value, unit, wanted)) for wanted in (POWER, FLUENCE, PHOTONS, EXCITONS, THRESHOLD)
                 if wanted != unit]
        return [(wanted, number) for wanted, number in found if number is not None]

    def read(self, text: str, wanted: str) -> float | None:
        """Give what was typed in any unit of the pump in the wanted one; None for text that is none of them.

        Raises ValueError, saying what is missing, where the unit is known and its factor is not.
        """
        found = NUMBER.match(text)
        if found is None:
            return None
        for pattern, unit, factor in TYPED:
            if pattern.match(found[2]):
                value = self.convert(float(found[1].replace(",", ".")) * factor, unit, wanted)
                if value is None:
                    raise ValueError(f"{unit} cannot be converted here: {MISSING.get(unit, 'the bench does not say how')}")
                return value
        return None


MISSING = {
    FLUENCE: "spot size or repetition rate is not known", PHOTONS: "spot size, repetition rate or pump wavelength is not known",
    EXCITONS: "no run on this sample at this pump wavelength has found a cross-section",
    THRESHOLD: "no run on this sample at this pump wavelength has found a threshold",
}


def pump_text(value: float, unit: str) -> str:
    """Write a value in a unit of the pump as people read it: '13.5 µW', '4.1 × 10¹³ photons/cm²', '98 % of threshold'."""
    if unit == EXCITONS:
        return f"{EXCITONS} {value:.2g}"
    if unit == THRESHOLD:
        return f"{value:.0f} {THRESHOLD}" if value >= 10 else f"{value:.2g} {THRESHOLD}"
    if unit == PHOTONS:
        digits, _, power = f"{value:.1e}".partition("e")
        return f"{digits} × 10{str(int(power)).translate(SUPERSCRIPT)} {PHOTONS}"
    return f"{value:.3g} {unit}" if 1e-3 <= abs(value) < 1e4 else f"{value:.2e} {unit}"


SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
