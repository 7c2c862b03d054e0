"""The twin: one physical model that all emulators of a bench read and move.

Emulators change elements; the twin lets light flow between the changes. Just before any change an element calls `changed`, and the
twin settles the light since the last one: it adds to the dose of the sample, to what power heads feel, and to every exposure that
is open, sampling the course of whatever moves meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from sim_instruments.clock import Clock
from sim_instruments.twin import history, probe, pump, truth
from sim_instruments.twin.counter_arm import CounterArm
from sim_instruments.twin.cuvette import CuvetteInFocus
from sim_instruments.twin.detection import Chip
from sim_instruments.twin.detector_arm import DetectorArm
from sim_instruments.twin.detectors import OnDetectors
from sim_instruments.twin.elements import BeamShutter, Camera, CcdReadout, Element, FilterWheel, PowerHead, SamplePort
from sim_instruments.twin.heads import PowerHeads
from sim_instruments.twin.lighting import Lighting
from sim_instruments.twin.more_elements import TcspcPort, TcspcSetting
from sim_instruments.twin.motion import Mover
from sim_instruments.twin.noise import Streams, Wander, frozen
from sim_instruments.twin.path import Part, PathError, PathItem, build
from sim_instruments.twin.pulses import EACH_ITS_OWN, JITTER, light_factor, shots_factor
from sim_instruments.twin.sample import load_sample
from sim_instruments.twin.specimen import Specimen, Standing
from sim_instruments.twin.stages import find_source, pump_stages
from sim_instruments.twin.units import vacuum_to_air

__all__ = ["Gate", "PathItem", "Twin"]

DRIFT_SD, DRIFT_TAU_S = 0.005, 1200.0
FEWEST_STEPS, MOST_STEPS = 16, 256  # into which the course of a mover is cut


@dataclass(eq=False)
class Gate:
    """An exposure in progress: expected photo-electrons per column so far."""

    camera: Camera
    draw: np.random.Generator
    electrons: np.ndarray
    lit: tuple[Any, ...] | None = None     # pump, detection and sample when light last fell
    steady: np.ndarray | float = 0.0       # from a lamp, which knows no pulses


class Twin:
    """The simulated bench below its instruments.

    `path` lists the parts (see `sim_instruments.twin.path`), `sample` is a name or a path, `bench_seed` deals the hidden facts of
    this bench, `ideal` sets them to nominal and removes drift and detector flaws (shot and read noise stay).
    """

    def __init__(self, path: Sequence[PathItem], *, sample: str | Path, clock: Clock, bench_seed: int = 0, ideal: bool = False):
        self.clock, self.bench_seed, self.ideal = clock, bench_seed, ideal
        self.lock = threading.RLock()
        self.sample = load_sample(sample)
        self.streams = Streams(bench_seed)
        self.sample_port = SamplePort()
        self._settled = clock.now()
        self._gates: list[Gate] = []
        self._built = False
        options = next((item.options for item in path if item.kind == "sample"), {})
        self.temperature_k = float(options.get("temperature_k") or self.sample.lines.temperature_k)
        self._parts = build(path, clock, bench_seed, ideal, lambda: self.settle() if self._built else None, self.temperature_k)
        self.elements: dict[str, Element] = {part.role: part.element for part in self._parts if part.element is not None}
        self.source = find_source(self.elements.values())
        self.beam = pump.Beam(pump_stages(self.source, self._parts))
        self.arm = DetectorArm(self._parts, self.sample, self.streams, ideal)
        port = next((part.options for part in self._parts if part.kind == "sample"), {})
        self.specimen = Specimen(self._parts, self.sample, now=clock.now(), bench_seed=bench_seed, ideal=ideal,
                                 spot_um=float(port.get("spot_diameter_um", 1.2)), temperature_k=self.temperature_k)
        self.lighting = Lighting(port, self.source, self.beam, self.specimen)
        start = 0.0 if ideal else float(DRIFT_SD * frozen(bench_seed, self.source.role, "drift").normal())
        self.drift = Wander(0.0 if ideal else DRIFT_SD, DRIFT_TAU_S, start, clock.now())
        self.counter = next((CounterArm(part.options, self.sample) for part in self._parts if part.kind == "counter"), None)
        self.probe = next((probe.Probe(part.element, part.options) for part in self._parts
                           if part.kind == "probe" and isinstance(part.element, FilterWheel)), None)
        self._on_detectors = OnDetectors(self.arm, self.beam, self.lighting, self.specimen)
        cuvette = CuvetteInFocus(self.sample, self.source, self.lighting, self.specimen, self.temperature_k)
        self._on_heads = PowerHeads(self._parts, self.beam, cuvette, now=clock.now(), bench_seed=bench_seed, ideal=ideal)
        self.heads = self._on_heads.heads
        self._shutters = tuple(place for place, stage in enumerate(self.beam.stages)
                               if isinstance(self.elements.get(stage.role), BeamShutter))
        self._chips: dict[str, Chip] = {}
        self._install()
        self._built = True

    # -------------------------------------------------------------- building
    def _install(self) -> None:
        """Give heads, counters and cameras the functions that only the twin can carry out."""
        for role, element in self.elements.items():
            element.noise = partial(self._noise_of, role)
        for part in self._parts:
            if isinstance(part.element, PowerHead):
                self._install_head(part.role, part.element)
            elif isinstance(part.element, TcspcPort):
                part.element.rates, part.element.histogram = self._counter_rates, self._histogram
            elif isinstance(part.element, Camera):
                camera = part.element
                self._chips[part.role] = Chip(camera.columns, camera.rows, self.bench_seed, part.role, self.ideal)
                camera.open_gate = lambda camera=camera: self._open_gate(camera)
                camera.drop_gate = self._drop_gate   # type: ignore[assignment]  a Gate is what open_gate gave
                camera.read_out = self._read_out   # type: ignore[assignment]  a Gate is what open_gate gave

    def _install_head(self, role: str, element: PowerHead) -> None:
        element.measure = lambda wavelength_nm, averages: self._measure(role, wavelength_nm, averages)
        element.zero = lambda: self._zero(role)
        element.pulses_per_s = lambda: self.lighting.pulses_per_s
        element.pulse = lambda averages: self._pulse(role, averages)

    # -------------------------------------------------------------- the door for emulators and tests
    def element(self, role: str) -> Element:
        """Give the element of a role; PathError if there is none or it is passive."""
        if role in self.elements:
            return self.elements[role]
        raise PathError(f"the simulated beam has no element {role!r}; it has: {', '.join(self.elements)}")

    def point(self, run_seed: int, index: int) -> None:
        """Start a visit of a point: every device's acquisitions count from 0 again."""
        with self.lock:
            self.settle()
            self.streams.visit(run_seed, index)

    def checkpoint(self) -> bytes:
        """Give the history up to now."""
        with self.lock:
            self.settle()
            return history.capture(self)

    def restore(self, checkpoint: bytes) -> None:
        """Put the history back; exposures in progress are dropped."""
        with self.lock:
            self.settle()
            self._gates.clear()
            if self.counter is not None:
                self.counter.forget()
            history.put_back(self, checkpoint)

    def truth(self) -> dict[str, dict[str, Any]]:
        """Give every constant an analysis could recover, as name → {value, unit}; see `sim_instruments.twin.truth`."""
        with self.lock:
            self.settle()
            return truth.table(self)

    def power_at_sample_now(self) -> float:
        """Give the mean power on the sample in W."""
        with self.lock:
            self.settle()
            return self._at_sample(self.beam.states(self.clock.now()))

    def fluence_now(self) -> float:
        """Give the fluence on the sample in J/cm² per pulse, averaged over the spot."""
        return self.power_at_sample_now() / self.lighting.pulses_per_s / self.lighting.spot_cm2

    # -------------------------------------------------------------- light through time
    def settle(self) -> None:
        """Let the light flow that has been on its way since the last change."""
        with self.lock:
            self.arm.note_moves()
            now = self.clock.now()
            if now <= self._settled:
                return
            watched = bool(self._gates) and self.arm.complete
            seen = self.arm.movers if watched else self.arm.wheel_movers if self.counter is not None else ()
            movers = self.beam.movers + self.specimen.movers + seen
            corners = {mover.arrival for mover, _ in movers if self._settled < mover.arrival < now}
            if watched:
                corners |= set(self.specimen.cuts(self._settled, now))
            edges = [self._settled, *sorted(corners), now]
            for start, stop in pairwise(edges):
                self._flow(start, stop, movers)
            self._settled = now

    def _flow(self, start: float, stop: float, movers: Sequence[tuple[Mover, float]]) -> None:
        """Let light flow while every mover stands or travels evenly."""
        travels = {mover: abs(mover.at(stop) - mover.at(start)) / step for mover, step in movers}
        furthest = max(travels.values(), default=0.0)
        steps = 1 if furthest == 0.0 else int(np.clip(np.ceil(furthest), FEWEST_STEPS, MOST_STEPS))
        seconds = (stop - start) / steps
        standing = self.beam.standing(stop, {mover for mover, travel in travels.items() if travel > 0.0})
        for step in range(steps):
            middle = start + (step + 0.5) * seconds
            self.specimen.advance(middle)
            self._instant(middle, round(seconds, 9), self.beam.states(middle, standing))
            self.specimen.advance(middle + seconds / 2.0)

    def _instant(self, when: float, seconds: float, states: tuple[tuple[Any, ...], ...]) -> None:
        for gate in self._gates:
            if gate.camera.shutter_open:
                gate.steady = gate.steady + self.arm.lamp_per_s(when) * seconds
        power = self._at_sample(states)
        self._on_heads.feel(states, self._level, power, self.clock.now(), seconds)
        if self.probe is not None and any(gate.camera.shutter_open for gate in self._gates):
            self._feel_probe(self.probe, states if power > 0.0 else None, when, seconds)
        if power <= 0.0:
            if self.counter is not None:
                self.counter.feel(when - seconds / 2.0, when + seconds / 2.0, None)
            return
        port, pulses = self.sample_port, self.lighting.pulses_per_s * seconds
        fluence = power / self.lighting.pulses_per_s / self.lighting.spot_cm2
        port.lit_seconds += seconds
        port.dose_j_cm2 += fluence * pulses
        port.pulses += pulses
        port.fluence_max_j_cm2 = max(port.fluence_max_j_cm2, fluence)
        self.specimen.shine(fluence * pulses, when)
        if self.counter is not None:
            counted = self._on_detectors.counted(self.counter, states, self._standing(states, when), self._level, when)
            self.counter.feel(when - seconds / 2.0, when + seconds / 2.0, counted)
        for gate in self._gates:
            if gate.camera.shutter_open:
                gate.lit = (states, self.arm.state(when), self._standing(states, when))
                gate.electrons += self._on_detectors.electrons_per_s(self._level, gate.lit) * seconds

    def _feel_probe(self, white: probe.Probe, states: tuple[tuple[Any, ...], ...] | None, when: float, seconds: float) -> None:
        """Let the probe's light fall on the chips that are exposed; `states` of the pump, None when it is blocked."""
        standing = self._standing(self.beam.states(when) if states is None else states, when)
        electrons_per_s = self._on_detectors.probed_per_s(white, states, standing, self._level, when)
        for gate in self._gates:
            if gate.camera.shutter_open:
                gate.steady = gate.steady + seconds * electrons_per_s

    @property
    def _level(self) -> float:
        """The source's power over its nominal one: it drifts."""
        return 1.0 + self.drift.value

    def _at_sample(self, states: tuple[tuple[Any, ...], ...]) -> float:
        if any(states[place] and states[place][0] <= 0.0 for place in self._shutters):
            return 0.0
        return self.beam.band(states).total_w * self._level

    def _on_head(self, role: str, now: float) -> tuple[float, float]:
        """Give the power on a head in W and its mean wavelength in nm (vacuum)."""
        states = self.beam.states(now)
        return self._on_heads.falls_on(role, states, self._level, self._at_sample(states), now)

    @property
    def parts(self) -> Sequence[Part]:
        """The parts of the light path, in its order."""
        return tuple(self._parts)

    def _standing(self, states: tuple[tuple[Any, ...], ...], when: float) -> Standing:
        return self.specimen.standing(when, self.beam.band(states).mean_nm)

    # -------------------------------------------------------------- what heads and cameras do
    def _measure(self, role: str, wavelength_nm: float, averages: int) -> float:
        with self.lock:
            self.settle()
            now, draw = self.clock.now(), self.streams.acquisition(role)
            self.drift.advance(now, draw)
            mean_nm = self._on_head(role, now)[1]
            return self.heads[role].read(float(vacuum_to_air(mean_nm)) if mean_nm else 0.0, wavelength_nm, averages, now, draw)

    def _pulse(self, role: str, averages: int) -> float:
        with self.lock:
            self.settle()
            now, draw = self.clock.now(), self.streams.acquisition(role)
            self.drift.advance(now, draw)
            joules = self._on_head(role, now)[0] / self.lighting.pulses_per_s
            return self.heads[role].read_pulse(joules, averages, JITTER, draw)

    def _zero(self, role: str) -> float:
        with self.lock:
            reading = self._measure(role, 0.0, 100)
            self.heads[role].zero_w += reading
            return reading

    def _noise_of(self, role: str) -> np.random.Generator:
        with self.lock:
            return self.streams.acquisition(role)

    def _counter_rates(self) -> tuple[float, float]:
        with self.lock:
            self.settle()
            assert self.counter is not None   # noqa: S101  installed only when there is one
            return self.lighting.pulses_per_s, self.counter.measured_hz()

    def _histogram(self, setting: TcspcSetting, start: float, stop: float) -> np.ndarray:
        with self.lock:
            self.settle()
            assert self.counter is not None   # noqa: S101  installed only when there is one
            return self.counter.histogram(setting, start, stop, self.lighting.pulses_per_s)

    def _open_gate(self, camera: Camera) -> Gate:
        with self.lock:
            self.settle()
            draw = self.streams.acquisition(camera.role)
            self.drift.advance(self.clock.now(), draw)
            self.specimen.roam(self.clock.now(), draw)
            gate = Gate(camera, draw, np.zeros(camera.columns))
            if self.arm.complete:
                self._gates.append(gate)
            return gate

    def _drop_gate(self, gate: Gate) -> None:
        with self.lock:
            self.settle()
            if gate in self._gates:
                self._gates.remove(gate)

    def _read_out(self, gate: Gate, readout: CcdReadout) -> np.ndarray:
        with self.lock:
            self.settle()
            if gate in self._gates:
                self._gates.remove(gate)
            now = self.clock.now()
            smear: np.ndarray | float = 0.0
            states = self.beam.states(now)
            if readout.shift_s > 0.0 and self.arm.complete and gate.camera.shutter_open and self._at_sample(states) > 0.0:
                lit = (states, self.arm.state(now), self._standing(states, now))
                smear = self._on_detectors.electrons_per_s(self._level, lit) * readout.shift_s
            if readout.shift_s > 0.0 and self.arm.complete and gate.camera.shutter_open:
                gate.steady = gate.steady + self.arm.lamp_per_s(now) * readout.shift_s
            spectrum = None if gate.lit is None else partial(self._on_detectors.spectrum, self._level, *gate.lit)
            pulses = self.lighting.pulses_per_s * max(readout.exposure_s, 0.0)
            if spectrum is not None and self.sample.disorder is not None and 0.0 < pulses < EACH_ITS_OWN:
                factor = shots_factor(pulses, gate.draw, spectrum)
            else:
                factor = light_factor(pulses, gate.draw, spectrum)
            return self._chips[gate.camera.role].expose(gate.electrons * factor + gate.steady, readout, gate.draw, smear * factor)
