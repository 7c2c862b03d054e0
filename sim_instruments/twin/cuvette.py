"""A cuvette that a stage moves through the focus: how much of each pulse comes through it where it stands."""

from __future__ import annotations

from sim_instruments.twin import zscan
from sim_instruments.twin.lighting import Lighting
from sim_instruments.twin.pump import Source
from sim_instruments.twin.record import Sample
from sim_instruments.twin.specimen import Specimen


class CuvetteInFocus:
    """The cuvette of a bench; what came through it last is remembered."""

    def __init__(self, sample: Sample, source: Source, lighting: Lighting, specimen: Specimen, temperature_k: float):
        self._sample, self._source, self._lighting, self._specimen = sample, source, lighting, specimen
        self._temperature_k = temperature_k
        self._last: tuple[tuple[float, float, float], float] | None = None

    def transmitted(self, when: float, power_w: float, mean_nm: float) -> float:
        """Give the part of the pulse energy that comes through when a mean power (W) of a wavelength (vacuum nm) falls on it."""
        place_cm = self._specimen.place_um(when)["z"] * 1e-4
        seen = (place_cm, power_w, mean_nm)
        if self._last is None or self._last[0] != seen:
            self._last = seen, float(zscan.transmission(
                place_cm, power_w / self._lighting.pulses_per_s, self._sample, wavelength_nm=mean_nm,
                pulse_s=self._source.pulse_s, waist_cm=self._lighting.waist_cm, temperature_k=self._temperature_k))
        return self._last[1]
