"""From the sample to the camera: analyser, filters, spectrograph, and the light of the pump that comes along."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sim_instruments.twin import light
from sim_instruments.twin.detection import quantum_efficiency
from sim_instruments.twin.elements import Camera, FilterWheel, Monochromator, RotatingPlate
from sim_instruments.twin.emitters import emission
from sim_instruments.twin.excitation import Pump
from sim_instruments.twin.filters import SlotFilter
from sim_instruments.twin.lamp import CalibrationLamp
from sim_instruments.twin.motion import Mover
from sim_instruments.twin.noise import Streams, frozen
from sim_instruments.twin.path import Part
from sim_instruments.twin.sample import Sample
from sim_instruments.twin.spectra import Emission, Polarisation
from sim_instruments.twin.spectrograph import Analyser, Geometry, Window, efficiency, grating_answer, photons_per_column, window
from sim_instruments.twin.units import ELECTRON_J, air_to_vacuum, energy_ev

LEAKAGE_E_PER_PHOTON = 1e-4        # electrons per pump photon at the sample, all columns together
LEAKAGE_EXTINCTION = 1e-3
REPEATABILITY_NM, BACKLASH_NM = 0.05, 0.03
BLAZE_NM = 500.0
REFERENCE_GRATING, REFERENCE_SLIT_UM = 1200.0, 50.0
REFERENCE_GEOMETRY = Geometry(320.0, 12.0, 1024, 26.0)


@dataclass
class CentreError:
    """How far the grating stands from what is displayed: drawn anew for every move, plus backlash by direction."""

    target_nm: float
    error_nm: float = 0.0
    rising: bool = True


class DetectorArm:
    """Everything between sample and chip, evaluated for the state of its elements."""

    def __init__(self, parts: Sequence[Part], sample: Sample, streams: Streams, ideal: bool):
        by_kind = {part.kind: part for part in parts}
        self.spectrograph, self.camera, self.analyser = (by_kind.get(kind) for kind in ("spectrograph", "camera", "analyser"))
        self.filters = [part.options for part in parts if part.kind == "long_pass"]
        self._streams, self._ideal = streams, ideal
        self.wheels = [(part.element, _slots(part, streams.bench_seed, ideal)) for part in parts
                       if part.kind == "detection_wheel" and isinstance(part.element, FilterWheel)]
        self._sample_scale = reference_scale(sample)
        self.lamp = next((part.element for part in parts if isinstance(part.element, CalibrationLamp)), None)
        self.centre = CentreError(self._monochromator.centre_nm.target if self._monochromator else 0.0)

    @property
    def complete(self) -> bool:
        """True when there is a spectrograph with a camera."""
        return self.spectrograph is not None and self.camera is not None

    @property
    def _monochromator(self) -> Monochromator | None:
        element = self.spectrograph.element if self.spectrograph else None
        return element if isinstance(element, Monochromator) else None

    @property
    def movers(self) -> tuple[tuple[Mover, float], ...]:
        """Moving parts, with the travel over which the spectrum changes noticeably."""
        found: list[tuple[Mover, float]] = []
        if self._monochromator:
            found += [(self._monochromator.centre_nm, 0.5), (self._monochromator.slit_um, 20.0)]
        if self.analyser and isinstance(self.analyser.element, RotatingPlate):
            found.append((self.analyser.element.angle, 2.0))
        return (*found, *self.wheel_movers)

    @property
    def wheel_movers(self) -> tuple[tuple[Mover, float], ...]:
        """The wheels: while one turns, the filters in between pass by."""
        return tuple((wheel.slot, 0.25) for wheel, _ in self.wheels)

    def note_moves(self) -> None:
        """Deal the error of a new centre position once the grating has been sent elsewhere."""
        turret = self._monochromator
        if turret is None or turret.centre_nm.target == self.centre.target_nm:
            return
        rising = turret.centre_nm.target > self.centre.target_nm
        error = 0.0
        if not self._ideal:
            error = float(REPEATABILITY_NM * self._streams.acquisition(turret.role).normal()) - (0.0 if rising else BACKLASH_NM)
        self.centre = CentreError(turret.centre_nm.target, error, rising)

    def state(self, when: float) -> tuple[Any, ...]:
        """Give what the spectrum on the chip depends on, besides the pump: true centre, grating, slit, analyser angle, slots."""
        turret = self._monochromator
        assert turret is not None   # noqa: S101  only asked when complete
        assert self.spectrograph is not None   # noqa: S101
        hidden = self.spectrograph.options["centre_errors_nm"]
        grating = int(turret.grating)
        error = self.centre.error_nm + float(hidden[(grating - 1) % len(hidden)])
        angle = self.analyser.element.angle.at(when) if self.analyser and isinstance(self.analyser.element, RotatingPlate) else None
        return (turret.centre_nm.at(when) + error, grating, max(turret.slit_um.at(when), 1.0), angle, self.slots(when))

    def slots(self, when: float) -> tuple[int, ...]:
        """Give the slot of every wheel that is in the light."""
        return tuple((round(wheel.slot.at(when)) - 1) % wheel.slots + 1 for wheel, _ in self.wheels)

    def passed(self, wavelength_nm: Any, slots: tuple[int, ...]) -> Any:
        """Give what the wheels let through at wavelengths in vacuum."""
        product: Any = 1.0
        for (_, filters), slot in zip(self.wheels, slots, strict=True):
            product = product * filters[slot - 1].passes(wavelength_nm)
        return product

    def centre_nm(self, when: float) -> float:
        """Give the true wavelength in vacuum at the exit slit; without a spectrograph the middle of the visible."""
        if self._monochromator is None:
            return 550.0
        return float(air_to_vacuum(self.state(when)[0]))

    def seen(self, state: tuple[Any, ...]) -> Window:
        """Give what the columns see in this state."""
        turret = self._monochromator
        assert turret is not None   # noqa: S101  only asked when complete
        assert self.spectrograph is not None   # noqa: S101
        assert self.camera is not None   # noqa: S101
        options, camera, gratings = self.spectrograph.options, self.camera.options, turret.gratings
        element = self.camera.element
        columns = element.columns if isinstance(element, Camera) else int(camera["columns"])
        geometry = Geometry(float(options["focal_length_mm"]), float(options["half_angle_deg"]), columns, float(camera["pixel_um"]))
        return window(geometry, gratings[(state[1] - 1) % len(gratings)].lines_per_mm, state[0], state[2])

    def _analyser(self, angle_deg: float | None) -> Analyser | None:
        if angle_deg is None or self.analyser is None:
            return None
        options = self.analyser.options
        turned = angle_deg - float(options["zero_deg"])
        extinction = float(options["extinction"])
        if options["scheme"] == "half_wave_plate":
            return Analyser(2.0 * turned - float(options["fixed_deg"]), float(options["fixed_deg"]), extinction)
        return Analyser(turned, turned, extinction)

    def electrons_per_s(self, state: tuple[Any, ...], emitted: Emission, rate_hz: float) -> np.ndarray:
        """Give the photo-electrons per second in each column that come from the sample."""
        seen, groove = self.seen(state), self._groove()
        photons = photons_per_column(emitted, seen, self._analyser(state[3]), groove)
        return photons * rate_hz * self._sample_scale * self._efficiency(seen, state)

    def lamp_per_s(self, when: float) -> np.ndarray | float:
        """Give the photo-electrons per second in each column that come from a calibration lamp; 0 where there is none."""
        emitted = self.lamp.emitted() if self.lamp is not None else None
        if emitted is None:
            return 0.0
        state = self.state(when)
        seen = self.seen(state)
        return photons_per_column(emitted, seen, self._analyser(state[3]), self._groove()) * self._efficiency(seen, state)

    def leakage_per_s(self, state: tuple[Any, ...], density_w_nm: np.ndarray) -> np.ndarray:
        """Give the photo-electrons per second of scattered pump light, from the pump's spectral power at the columns' wavelengths.

        K S_n(λ) Φ T_f(λ) [sin²(a − a_p) + 1e-3], times the grating's answer to the polarisation that the analyser gives it; without
        an analyser nothing holds it back.
        """
        seen = self.seen(state)
        blocked = 1.0
        if state[3] is not None and self.camera is not None:
            passes = self._analyser(state[3])
            angle = passes.passes_deg if passes else 0.0
            blocked = np.sin(np.radians(angle - float(self.camera.options["pump_angle_deg"]))) ** 2 + LEAKAGE_EXTINCTION
            blocked *= grating_answer(passes.leaves_deg - self._groove()) if passes else 1.0
        photons = density_w_nm * seen.step_nm / (energy_ev(seen.wavelength_nm) * ELECTRON_J)
        return LEAKAGE_E_PER_PHOTON * photons * blocked * self._filter(seen.wavelength_nm, state[4])

    def seen_wavelengths(self, state: tuple[Any, ...]) -> np.ndarray:
        """Give the vacuum wavelengths of the columns."""
        return self.seen(state).wavelength_nm

    def _groove(self) -> float:
        return float(self.spectrograph.options["groove_deg"]) if self.spectrograph else 0.0

    def _filter(self, wavelength_nm: np.ndarray, slots: tuple[int, ...]) -> Any:
        passed_on = self.passed(wavelength_nm, slots)
        for options in self.filters:
            passed_on = passed_on * light.long_pass(
                wavelength_nm, float(options["edge_nm"]), float(options["width_nm"]), float(options["blocking"]))
        return passed_on

    def _efficiency(self, seen: Window, state: tuple[Any, ...]) -> np.ndarray:
        grating = efficiency(seen.wavelength_nm, self._blaze_nm(state[1]))
        return grating * quantum_efficiency(seen.wavelength_nm) * self._filter(seen.wavelength_nm, state[4])

    def _blaze_nm(self, grating: int) -> float:
        """Give where a grating is best: "500NM"; in the middle of the visible where its name does not tell."""
        gratings = self._monochromator.gratings if self._monochromator else ()
        told = re.fullmatch(r"(\d+)NM", gratings[(grating - 1) % len(gratings)].blaze) if gratings else None
        return BLAZE_NM if told is None else float(told.group(1))


def _slots(part: Part, bench_seed: int, ideal: bool) -> list[SlotFilter]:
    """Read the filters of a wheel; the real ones differ from their tables by what this bench was dealt."""
    draw = frozen(bench_seed, part.role, "filters")
    deal = (lambda uncertainty: 0.0) if ideal else lambda uncertainty: uncertainty * draw.normal()
    return [SlotFilter(described, deal) for described in part.options["filters"]]


def reference_scale(sample: Sample) -> float:
    """Give the electrons per emitted photon that make the sample as bright as its record says, efficiencies taken out.

    The reference: the record's fluence, wavelength, pulse and repetition rate; the 320 mm spectrograph with 1200 lines/mm and 50 µm
    slit, centred on the brightest light; unpolarised detection.
    """
    detected = sample.detected
    pump = Pump.monochromatic(detected.reference_wavelength_nm, detected.reference_fluence_j_cm2, detected.reference_pulse_s,
                              gaussian=detected.reference_gaussian)
    emitted = emission(pump, sample, sample.lines.temperature_k)
    seen = window(REFERENCE_GEOMETRY, REFERENCE_GRATING, _brightest_nm(emitted), REFERENCE_SLIT_UM)
    unpolarised = replace(emitted, polarisation=Polarisation(),
                          lines=tuple(replace(line, polarisation=Polarisation()) for line in emitted.lines))
    columns = photons_per_column(unpolarised, seen, None, 0.0)
    columns = columns * efficiency(seen.wavelength_nm, BLAZE_NM) * quantum_efficiency(seen.wavelength_nm)
    return float(detected.peak_electrons_s / (columns.max() * detected.reference_rate_hz))


def _brightest_nm(emitted: Emission) -> float:
    if emitted.lines:
        return max(emitted.lines, key=lambda line: line.photons).centre_nm
    return float(emitted.wavelength_nm[np.argmax(emitted.continuum)])
