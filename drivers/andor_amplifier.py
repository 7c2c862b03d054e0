"""Speeds and gains of an Andor camera: the tables it gives, the entries in use, and the figures that go with them.

(SDK2 guide, "Readout speeds", "Preamp gain".) The figures are a data sheet's of a Newton DU920P, unverified: the camera's own test
sheet goes into the options of the bench file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drivers._sdk.atmcd import AndorParameter, Library

GAIN_E_PER_COUNT = {1.0: 10.0, 2.0: 5.0, 4.0: 2.5}                 # unverified; by preamplifier gain
READ_NOISE_E = {3.0: 22.0, 1.0: 10.0, 0.05: 4.0}                   # unverified; by horizontal shift speed in MHz
PIXEL_WELL_E, REGISTER_WELL_E = 300e3, 1e6                         # unverified
BIAS_COUNTS = 300.0                                                # unverified


@dataclass(frozen=True)
class Choice:
    """Indices into the camera's tables, as the bench file has them; `vs_speed` None takes the one that is recommended."""

    ad_channel: int = 0
    amplifier: int = 0
    hs_speed: int = 0
    vs_speed: int | None = None
    preamp: int = 0


@dataclass(frozen=True)
class Amplifier:
    """What is in use: MHz, µs a row, preamplifier gain, bits of the converter."""

    speed_mhz: float
    shift_us: float
    preamp_gain: float
    bits: int

    def gain_e_per_count(self, name: str) -> float:
        """Give electrons per count by the data sheet; raises AndorParameter if it does not know this gain."""
        return _nearest(GAIN_E_PER_COUNT, self.preamp_gain, name)

    def read_noise_e(self, name: str) -> float:
        """Give the read noise in electrons by the data sheet; raises AndorParameter if it does not know this speed."""
        return _nearest(READ_NOISE_E, self.speed_mhz, name)


def tables(sdk: Library, ad_channel: int, amplifier: int) -> dict[str, list[float]]:
    """Ask what can be chosen: horizontal speeds (MHz), vertical shifts (µs a row), preamplifier gains."""
    def column(function: str, count: int, *before: int) -> list[float]:
        return [float(sdk.call(function, *before, index)) for index in range(count)]

    return {
        "hs_speeds_mhz": column("GetHSSpeed", sdk.call("GetNumberHSSpeeds", ad_channel, amplifier), ad_channel, amplifier),
        "vs_speeds_us": column("GetVSSpeed", sdk.call("GetNumberVSSpeeds")),
        "preamp_gains": column("GetPreAmpGain", sdk.call("GetNumberPreAmpGains")),
    }


def set_amplifier(sdk: Library, choice: Choice) -> Amplifier:
    """Set channel, amplifier, speeds and gain; raises AndorParameter that lists what there is for an index that there is not."""
    _within(sdk, "ad_channel", choice.ad_channel, range(sdk.call("GetNumberADChannels")))
    _within(sdk, "amplifier", choice.amplifier, range(sdk.call("GetNumberAmp")))
    found = tables(sdk, choice.ad_channel, choice.amplifier)
    vertical = sdk.call("GetFastestRecommendedVSSpeed")[0] if choice.vs_speed is None else choice.vs_speed
    _within(sdk, "hs_speed", choice.hs_speed, found["hs_speeds_mhz"], "MHz")
    _within(sdk, "vs_speed", vertical, found["vs_speeds_us"], "us a row")
    _within(sdk, "preamp", choice.preamp, found["preamp_gains"], "times")
    if not sdk.call("IsPreAmpGainAvailable", choice.ad_channel, choice.amplifier, choice.hs_speed, choice.preamp):
        raise AndorParameter(sdk.name, f"the preamplifier gain {found['preamp_gains'][choice.preamp]:g} does not go with "
                                       f"{found['hs_speeds_mhz'][choice.hs_speed]:g} MHz.", state="not set",
                             remedy="Choose another preamp or hs_speed in the bench file.")
    sdk.call("SetADChannel", choice.ad_channel)
    sdk.call("SetOutputAmplifier", choice.amplifier)
    sdk.call("SetHSSpeed", choice.amplifier, choice.hs_speed)
    sdk.call("SetVSSpeed", vertical)
    sdk.call("SetPreAmpGain", choice.preamp)
    return Amplifier(found["hs_speeds_mhz"][choice.hs_speed], found["vs_speeds_us"][vertical],
                     found["preamp_gains"][choice.preamp], int(sdk.call("GetBitDepth", choice.ad_channel)))


def _within(sdk: Library, key: str, index: int, table: Sequence[Any], unit: str = "") -> None:
    if 0 <= index < len(table):
        return
    entries = ", ".join(f"{number}: {value:g} {unit}".rstrip() for number, value in enumerate(table))
    raise AndorParameter(sdk.name, f"the option {key} is {index}; the camera has {entries}.", state="not set",
                         remedy="Correct it in the bench file.")


def _nearest(table: Mapping[float, float], key: float, name: str) -> float:
    """Give the entry whose key is nearest; raises AndorParameter if none is within 30 %."""
    best = min(table, key=lambda known: abs(known - key))
    if abs(best - key) > 0.3 * best:
        raise AndorParameter(name, f"the data sheet's table has no entry for {key:g}.",
                             remedy="Give gain_e_per_count and read_noise_e in the bench file.")
    return table[best]
