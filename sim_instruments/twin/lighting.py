"""From the pump beam to the light of the sample: the spot, and what the sample under it emits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sim_instruments.twin.emitters import emission
from sim_instruments.twin.excitation import Pump
from sim_instruments.twin.pump import Beam, Source
from sim_instruments.twin.record import Sample
from sim_instruments.twin.specimen import Specimen, Standing

NEGLIGIBLE = 1e-4                  # of the band's strongest node: left out of the excitation, not of the dose
REMEMBERED = 64                    # states whose light is not computed again

Emit = Callable[[Pump, Sample, float, float], Any]


class Lighting:
    """The pump on the sample; `options` are those of the path's part of kind "sample"."""

    def __init__(self, options: Mapping[str, Any], source: Source, beam: Beam, specimen: Specimen):
        self._source, self._beam, self._specimen = source, beam, specimen
        self._shape, self._spot = str(options.get("spot_shape", "disc")), int(options.get("spot", 0))
        diameter_um = float(options.get("spot_diameter_um", 1.2))
        self.spot_cm2, self.waist_cm = spot_area_cm2(self._shape, diameter_um), diameter_um * 0.5e-4
        self._seen: dict[Any, Any] = {}

    @property
    def pulses_per_s(self) -> float:
        """Pulses that reach the sample."""
        return self._source.repetition_rate_hz / max(int(self._source.picker), 1)

    def emitted(self, states: tuple[tuple[Any, ...], ...], standing: Standing, level: float, law: Emit = emission,
                shot: int | None = None) -> Any:
        """Give what a law makes of one pulse, `level` times as strong as nominal; by default the emission.

        `shot` numbers a pulse of its own, for samples that answer every one differently.
        """
        key = (states, standing, level, law, shot)
        if key not in self._seen:
            if len(self._seen) >= REMEMBERED:
                self._seen.clear()
            record = self._specimen.record(standing)
            self._seen[key] = law(self._pulse(states, standing, level, shot), record, standing.temperature_k, standing.active)
        return self._seen[key]

    def _pulse(self, states: tuple[tuple[Any, ...], ...], standing: Standing, level: float, shot: int | None) -> Pump:
        band = self._beam.band(states)
        counts = band.power_w > NEGLIGIBLE * float(band.power_w.max())
        scale = level * self._specimen.pump_level(standing) / (self.pulses_per_s * self.spot_cm2 * standing.blur)
        return Pump(band.wavelength_nm[counts], band.power_w[counts] * scale, self._source.pulse_s, self._shape == "gaussian",
                    self._spot, shot)


def spot_area_cm2(shape: str, diameter_um: float) -> float:
    """Give the area by which a pulse energy becomes a fluence: the mean of a disc, the peak of a Gaussian (1/e² diameter)."""
    return float(np.pi / (8.0 if shape == "gaussian" else 4.0) * (diameter_um * 1e-4) ** 2)
