"""The sample as it stands: how warm, how charged, where under the spot, how much of it is left; and how that changes with time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from sim_instruments.twin.more_elements import BiasedSample, Cryostat, JunctionLaw, Stage
from sim_instruments.twin.motion import Mover
from sim_instruments.twin.noise import Wander, frozen
from sim_instruments.twin.path import Part
from sim_instruments.twin.pumped import Profile
from sim_instruments.twin.record import Ageing, Charging, Sample
from sim_instruments.twin.units import BOLTZMANN_EV_K

WALK_UM_K = {"x": 0.15, "y": 0.10, "z": 0.20}      # of the sample under the spot while it warms up
WANDER_UM, WANDER_TAU_S = 0.3, 1800.0
BRIGHTNESS_SD, BRIGHTNESS_UM, WAVES = 0.2, 5.0, 24
CHARGE_STEPS, CHARGE_TIMES = 60, 9.0   # into which the first times of a change of charge are cut while light falls on a detector
SETTLED = 1e-4                     # of the charged fraction: no longer changing


@dataclass(frozen=True)
class Standing:
    """What the light depends on, besides the pump: rounded, so that light of the same state is computed once."""

    temperature_k: float
    charged: float
    volts: float
    active: float
    brightness: float              # of the place
    blur: float                    # by which the spot's area has grown; collection falls alike, so the light of one crystal counts
    length_cm: float | None        # of the stripe; None: the record's
    start_cm: float                # of the stripe, behind the film's edge


def settled_charge(law: Charging, volts: float) -> float:
    """Give the charged fraction after a long time at a voltage: f_max (1 − exp(−(V/V_c)²))."""
    return float(-law.largest_fraction * np.expm1(-((volts / law.scale_v) ** 2)))


def ageing_rate(law: Ageing, temperature_k: float) -> float:
    """Give the rate in 1/s at which active crystals are lost in heat (Arrhenius) and in air."""
    return float(law.heat_per_s * np.exp(law.activation_ev / BOLTZMANN_EV_K * (1.0 / law.heat_reference_k - 1.0 / temperature_k))
                 + law.air_per_s)


@lru_cache(maxsize=64)
def standing_record(sample: Sample, charged: float, volts: float, length_cm: float | None, start_cm: float = 0.0) -> Sample:
    """Give the record of a charged, biased sample with a stripe of some length that starts some way behind the film's edge."""
    changed: dict[str, Any] = {}
    if charged:
        changed["kinetics"] = replace(sample.kinetics, charged_fraction=charged)
    if sample.charging is not None and sample.charging.stark_ev_v2 and volts:
        shifted = sample.lines.emission_ev - sample.charging.stark_ev_v2 * volts**2
        changed["lines"] = replace(sample.lines, emission_ev=shifted)
    if sample.stripe is not None and (length_cm is not None or start_cm):
        length_cm = sample.stripe.length_cm if length_cm is None else length_cm
        changed["stripe"] = replace(sample.stripe, length_cm=length_cm, start_cm=start_cm)
    return replace(sample, **changed) if changed else sample


class Specimen:
    """The sample in its holder: moved by bias, cryostat and stages, and by the light it has seen."""

    def __init__(self, parts: Sequence[Part], sample: Sample, *, now: float, bench_seed: int, ideal: bool, spot_um: float,
                 temperature_k: float):
        elements = [part.element for part in parts]
        self.sample, self._ideal, self._spot_um = sample, ideal, spot_um
        self._temperature_k = temperature_k
        self.bias = next((element for element in elements if isinstance(element, BiasedSample)), None)
        self.cryostat = next((element for element in elements if isinstance(element, Cryostat)), None)
        self.axes: dict[str, Mover] = {}
        for element in elements:
            if isinstance(element, Stage):
                self.axes |= element.axes
        self._found = {name: mover.target for name, mover in self.axes.items()}
        self.charged, self.aged, self.since = 0.0, 0.0, now
        self.dose: dict[str, float] = {}
        moved = {"x", "y", "z"} & set(self.axes) or self.cryostat is not None
        sd = WANDER_UM if moved and not ideal else 0.0
        self.wander = {name: Wander(sd, WANDER_TAU_S, 0.0, now) for name in WALK_UM_K}
        draw = frozen(bench_seed, "sample", "brightness")
        self._waves = draw.normal(0.0, 1.0 / BRIGHTNESS_UM, (WAVES, 2)), draw.uniform(0.0, 2.0 * np.pi, WAVES)
        self.profile = Profile.deal(bench_seed, ideal)
        if self.bias is not None and sample.charging is not None:
            self.bias.law = JunctionLaw(sample.charging.leakage_ohm, sample.charging.space_charge_a_v2)
            self.bias.capacitance_f = sample.charging.capacitance_f

    # -------------------------------------------------------------- time
    @property
    def movers(self) -> tuple[tuple[Mover, float], ...]:
        """Moving parts, with the travel over which the light changes noticeably."""
        steps = {"x": 1e-3, "y": 1e-3, "z": 1e-3, "stripe": 0.02, "start": 0.02}
        found = [(mover, steps[name]) for name, mover in self.axes.items() if name in steps]
        return (*found, *([(self.cryostat.sensor_k, 2.0)] if self.cryostat else []))

    def cuts(self, start: float, stop: float) -> list[float]:
        """Give the times between which the charge may be taken as constant; none when it is settled."""
        law = self.sample.charging
        if self.bias is None or law is None or law.largest_fraction <= 0.0:
            return []
        if abs(settled_charge(law, self.bias.volts(stop)) - self.charged) < SETTLED:
            return []
        times = start + np.linspace(0.0, CHARGE_TIMES, CHARGE_STEPS + 1)[1:] * law.time_s
        return [float(time) for time in times if time < stop]

    def advance(self, when: float) -> None:
        """Let charge and age follow up to a clock time: exact for a voltage and a temperature that stay."""
        seconds = when - self.since
        if seconds <= 0.0:
            return
        middle = self.since + seconds / 2.0
        law, self.since = self.sample.charging, when
        if self.bias is not None and law is not None:
            towards = settled_charge(law, self.bias.volts(middle))
            self.charged += (towards - self.charged) * float(-np.expm1(-seconds / law.time_s))
        if self.sample.ageing is not None:
            self.aged += ageing_rate(self.sample.ageing, self.temperature_k(middle)) * seconds

    def temperature_k(self, when: float) -> float:
        """Give the sample's temperature, which lags behind the sensor."""
        return self._temperature_k if self.cryostat is None else self.cryostat.sample_at(when)

    def shine(self, dose_j_cm2: float, when: float) -> None:
        """Add to the dose of what stands under the spot."""
        spot = self.spot(self.place_um(when))
        self.dose[spot] = self.dose.get(spot, 0.0) + dose_j_cm2

    def roam(self, now: float, draw: np.random.Generator) -> None:
        """Let the place under the spot wander up to now."""
        for walk in self.wander.values():
            if walk.sd > 0.0:
                walk.advance(now, draw)

    # -------------------------------------------------------------- what stands under the spot
    def place_um(self, when: float) -> dict[str, float]:
        """Give where on the sample the spot falls (x, y) and how far out of focus it is (z), from where it was found, in µm."""
        warmer = self.temperature_k(when) - self._temperature_k
        place = {}
        for name, walk in WALK_UM_K.items():
            stage = (self.axes[name].at(when) - self._found[name]) * 1e3 if name in self.axes else 0.0
            place[name] = stage - walk * warmer - self.wander[name].value
        return place

    def spot(self, place: dict[str, float]) -> str:
        """Give the name of the spot that a place belongs to: places further apart than its diameter are different ones."""
        return ",".join(str(round(place[name] / self._spot_um)) for name in ("x", "y"))

    def standing(self, when: float, pump_nm: float) -> Standing:
        """Give the state of what stands under the spot."""
        place = self.place_um(when)
        bleached = self.dose.get(self.spot(place), 0.0) / self.sample.detected.bleaching_dose_j_cm2
        focal_um = np.pi * (self._spot_um / 2.0) ** 2 / max(pump_nm * 1e-3, 0.1)
        blur = 1.0 + (place["z"] / focal_um) ** 2
        length = self.axes["stripe"].at(when) / 10.0 if "stripe" in self.axes else None
        start = self.axes["start"].at(when) / 10.0 if "start" in self.axes else 0.0
        bias = self.bias.volts(when) if self.bias is not None else 0.0
        return Standing(round(self.temperature_k(when), 3), round(self.charged, 5), round(bias, 4),
                        round(float(np.exp(-bleached - self.aged)), 6), round(self._brightness(place), 5), round(blur, 5),
                        None if length is None else round(max(length, 0.0), 6), round(max(start, 0.0), 6))

    def _brightness(self, place: dict[str, float]) -> float:
        """Give the local brightness, 1 where the sample was found; log-normal, varying over 5 µm."""
        if self._ideal or (place["x"] == 0.0 and place["y"] == 0.0):
            return 1.0
        waves, phases = self._waves
        there = np.cos(waves @ np.array([place["x"], place["y"]]) + phases) - np.cos(phases)
        return float(np.exp(BRIGHTNESS_SD * np.sqrt(2.0 / WAVES) * there.sum()))

    def pump_level(self, standing: Standing) -> float:
        """Give the mean fluence on the stripe as it is cut, over that in the middle of the whole one."""
        if self.sample.stripe is None or standing.length_cm is None:
            return 1.0
        return self.profile.mean(standing.start_cm, standing.length_cm, self.sample.stripe.length_cm)

    def record(self, standing: Standing) -> Sample:
        """Give the sample's record in a state."""
        return standing_record(self.sample, standing.charged, standing.volts, standing.length_cm, standing.start_cm)

    def state(self, now: float) -> dict[str, tuple[float, str]]:
        """Give how the sample stands, as name → (value, unit): warmth, charge, wear, and how far the spot has come."""
        most = max(self.dose.values(), default=0.0)
        left = float(np.exp(-most / self.sample.detected.bleaching_dose_j_cm2 - self.aged))
        table = {"temperature": (self.temperature_k(now), "K"), "charged_fraction": (self.charged, "1"),
                 "largest_dose": (most, "J/cm2"), "least_active": (left, "1")}
        table |= {f"place_{name}": (value, "um") for name, value in self.place_um(now).items()}
        return table

    # -------------------------------------------------------------- history
    def remember(self, now: float) -> dict[str, Any]:
        """Give its history, times relative to now."""
        return {"charged": self.charged, "aged": self.aged, "dose": dict(self.dose), "behind": now - self.since,
                "wander": {name: [walk.value, round(now - walk.since, 6)] for name, walk in self.wander.items()}}

    def recall(self, saved: dict[str, Any], now: float) -> None:
        """Put back what `remember` gave."""
        self.charged, self.aged, self.dose = saved["charged"], saved["aged"], dict(saved["dose"])
        self.since = now - saved["behind"]
        for name, (value, ago) in saved["wander"].items():
            self.wander[name].value, self.wander[name].since = value, now - ago
