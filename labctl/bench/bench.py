"""The bench: instruments by role, physical quantities by name, and the three levels that make it safe."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Self

from labctl.bench import detection, memory, power, spot
from labctl.bench.closing import Closer, close_all
from labctl.bench.config import BenchConfig
from labctl.bench.connect import MANUAL_PREFIX
from labctl.bench.devices import Device, DriverAxis, DriverShutter, run_action
from labctl.bench.optics import PumpLevel, PumpWavelength
from labctl.bench.parts import Parts
from labctl.bench.polarization import DetectionPolarization
from labctl.core.calibration import Calibration
from labctl.core.clock import Clock
from labctl.core.errors import AnalysisError, InstrumentError, Interlocked
from labctl.core.instrument import Axis, Detector, Identity, SafeAction
from labctl.core.lane import Lane
from labctl.core.moving import move_all
from labctl.core.photons import spot_area_cm2
from labctl.core.plan import Point, Problem
from labctl.core.steps import Steps, Together, drive

RATE_TOLERANCE = 0.01       # between laser and sync: the rate meter counts for 0.1 s
READY_S = 1800.0            # longest wait for a detector to get ready (a CCD to cool down)
KEEP_ALIVE_S = 3.0          # the laser hears from us at least this often while a run holds the bench
GIVEN_BY_CALIBRATIONS = ("pickoff.wavelengths_nm", "pickoff.ratios", "detection.grating_contrast", "detection.grating_axis",
                         "detection.wavelength_uncertainty")
ACTION_DEADLINE_S = {"park": 8.0, "safe": 8.0, "shutdown": 1800.0}


class Bench:
    """An open bench. Made by `labctl.bench.opening.open_bench`; a context manager that closes its connections."""

    def __init__(self, config: BenchConfig, text: str, clock: Clock, devices: dict[str, Device], lanes: dict[str, Lane],
                 parts: Parts, identities: dict[str, Identity], *, world: Any = None,
                 closers: Sequence[Closer] = ()):
        self.config, self.text, self.clock = config, text, clock
        self.name, self.simulated, self.rehearsal = config.name, config.simulated, config.rehearsal
        self.devices, self.lanes = devices, lanes
        self.axes: dict[str, Axis] = parts.axes
        self.detectors: dict[str, Detector] = parts.detectors
        self.shutter: DriverShutter | None = parts.shutter
        self.actions = parts.actions
        self.guards = parts.guards
        self.beam = parts.beam
        self.filters = parts.filters
        self.identities = identities
        self._constants = parts.constants
        self.gratings = parts.gratings
        self.calibrations: dict[str, Calibration | None] = parts.calibrations
        self.session = uuid.uuid4().hex      # of this opening: a simulated world lives no longer
        self.by_hand: dict[str, float] = {}  # set-points that a person has chosen outside of runs
        self.used_by_hand = False            # moved or lit outside of runs: it is parked before it is closed
        self._world = world
        self._closers = closers
        self._contexts = ExitStack()

    # ---------------------------------------------------------------- what procedures may ask (BenchView)
    def reach(self, axis: str, at: Mapping[str, float]) -> tuple[float, float]:
        """Give the range of a quantity that can be reached with the other quantities at `at`; AnalysisError says why not."""
        found = self.axes.get(axis)
        if found is None:
            raise AnalysisError(f"bench {self.name} has no {axis}. It has {', '.join(sorted(self.axes))}.")
        if isinstance(found, PumpLevel):
            return found.reach(at)
        return found.limits   # type: ignore[attr-defined]

    def constant(self, name: str) -> float:
        """Give a documented constant of the bench; AnalysisError names those there are."""
        if name not in self._constants:
            raise AnalysisError(f"bench {self.name} does not know {name}. It knows {', '.join(sorted(self._constants))}.")
        return self._constants[name]

    def defaults(self, procedure: str) -> dict[str, Any]:
        """Give the parameters of a procedure whose default the bench file sets."""
        return dict(self.config.procedures.get(procedure, {}))

    def calibration(self, kind: str) -> Calibration | None:
        """Give the valid calibration of a kind; None where there is none."""
        return self.calibrations.get(kind)

    def constants(self) -> dict[str, Any]:
        """Give all documented constants by name; what was calibrated as calibrated."""
        return dict(self._constants)

    def note_calibrations(self) -> None:
        """Let the constants say what today's calibrations say."""
        for name in (name for name in GIVEN_BY_CALIBRATIONS if name in self._constants):
            del self._constants[name]
        if self.beam is not None:
            self._constants |= self.beam.pickoff.constants()
            self._constants |= {"spot.area_cm2": self.beam.spot_area_cm2, "spot.uncertainty": self.beam.spot().uncertainty}
        analyser = self.axes.get("detection.polarization")
        if isinstance(analyser, DetectionPolarization):
            self._constants |= analyser.constants()
        self._constants |= detection.instrument_width(self.config, self.devices, self.gratings,
                                                      self.calibrations.get(detection.WAVELENGTH))

    def power_now(self) -> tuple[float | None, str]:
        """Give the power at the sample with the shutter open, in W, and how it is known (`labctl.bench.power`); asks nobody."""
        return power.power_now(self.config, self.beam)

    def spot_size(self) -> tuple[float | None, float]:
        """Give the area of the pump spot in cm² (None where the bench file has no [pump]) and half its diameter in µm."""
        if self.config.pump is None:
            return None, 0.0
        found = spot.spot_of(self.config.pump.spot, self.calibrations.get(spot.KIND))
        return spot_area_cm2(found.diameter_um, found.definition), found.diameter_um / 2

    @property
    def serials(self) -> dict[str, str]:
        """Serial numbers by role; calibrations are bound to them."""
        return {role: identity.serial for role, identity in self.identities.items()}

    # ---------------------------------------------------------------- what the engine asks
    def check_light(self, points: Sequence[Point]) -> list[Problem]:
        """Check what light would reach the detectors that look at it: no filter may pass the pump line."""
        looking = [name for name, detector in self.detectors.items() if detector.exposed]
        return [*self.filters.check(points, looking), *self._one_barrier(points)]

    def _one_barrier(self, points: Sequence[Point]) -> list[Problem]:
        """Warn of hardware, in rehearsals too, where `park` leaves the attenuator, so that the shutter alone blocks the pump."""
        real = self.rehearsal or not self.simulated
        if not real or self.beam is None or self.beam.parks or not any(point.light for point in points):
            return []
        role = self.beam.plate.device.role
        return [Problem(role, "it stays where it stands when the bench is parked, so the shutter alone blocks the pump then. Take "
                              "a power calibration, or give its driver the option park_angle where it can be parked.", "warning")]

    def prepare(self, report: Callable[[str], None]) -> Steps[None]:
        """Bring instruments to the state the bench file wants before the first point: shutter closed, positions, cooling."""
        if self.shutter is not None:
            yield from self.shutter.close()
        for role, device in self.devices.items():
            for axis, value in device.config.initial.items():
                yield from self._axis_of(role, axis).move(value, {})
        for role, device in self.devices.items():
            if hasattr(device.driver, "not_ready"):
                yield from self._wait_ready(role, device, report)
            if hasattr(device.driver, "sync_rate"):
                yield from self._compare_rates(role, device, report)

    def _compare_rates(self, role: str, device: Device, report: Callable[[str], None]) -> Steps[None]:
        """Say so when the photon counter's sync does not count the pulses that the fluence is computed with."""
        told = self._constants.get("repetition_rate_hz", 0.0)
        counted = float((yield from device.call("sync_rate")))
        if told and counted and abs(counted / told - 1.0) > RATE_TOLERANCE:
            report(f"{role}: its sync counts {counted:.6g} pulses a second, the fluence is computed with {told:.6g}. "
                   "Check the pulse picker, the sync divider and [pump] repetition_rate.")

    def _axis_of(self, role: str, axis: str) -> Axis:
        for found in self.axes.values():
            device, name = getattr(found, "device", None), getattr(found, "axis", None)
            if device is not None and device.role == role and name == axis:
                return found
        raise InstrumentError(role, f"the bench file wants an initial {axis}, which the driver does not have.")

    def _wait_ready(self, role: str, device: Device, report: Callable[[str], None]) -> Steps[None]:
        give_up = self.clock.now() + READY_S
        said = ""
        while True:
            reason = yield from device.call("not_ready")
            if not reason:
                return
            if self.clock.now() > give_up:
                raise InstrumentError(role, f"not ready after {READY_S / 60:.0f} min: {reason}",
                                      remedy="Check the instrument, then start again.")
            if not said:
                report(f"{role}: {reason}")
                said = reason
            yield 2.0

    def hold(self) -> Steps[None]:
        """A run takes the bench: arm traffic watchdogs and keep them fed."""
        for device in self.devices.values():
            if hasattr(device.driver, "arm_watchdog"):
                yield from device.call("arm_watchdog")
                device.lane.keep_alive(KEEP_ALIVE_S, device.driver.keep_alive)

    def release(self) -> Steps[None]:
        """The run gives the bench back: watchdogs are fed no more, and disarmed where the bench is to stay warm."""
        for device in self.devices.values():
            if hasattr(device.driver, "disarm_watchdog"):
                device.lane.stop_keep_alive()
                if self.config.safety.keep_warm:
                    yield from device.call("disarm_watchdog")

    def set_by_hand(self) -> dict[str, Device]:
        """Give the quantities that only a person can set, with whom to ask; none on a simulated bench, where the twin answers."""
        if self.simulated:
            return {}
        moved_by = {name: getattr(axis, "tune", axis) for name, axis in self.axes.items()}
        devices = {name: getattr(axis, "device", None) for name, axis in moved_by.items()}
        return {name: device for name, device in devices.items()
                if device is not None and device.config.resource.startswith(MANUAL_PREFIX)}

    def action(self, name: str) -> Steps[None]:
        """Carry out a named action ("power_meter.zero")."""
        device, spec = self.actions[name]
        yield from run_action(device, spec)

    def interlocks(self, *, lit: bool) -> Steps[None]:
        """Ask after an exposure whether everything was as it had to be; raises Interlocked, or NotSettled for what was not held.

        The shutter's interlock concerns only what was `lit`.
        """
        asked = {role: device for role, device in self.devices.items() if hasattr(type(device.driver), "interlock_tripped")
                 and (lit or self.shutter is None or role != self.shutter.name)}
        held = {name: axis.not_held() for name, axis in self.axes.items() if isinstance(axis, DriverAxis) and axis.spec.held}
        answers = yield Together({**{role: device.call("interlock_tripped") for role, device in asked.items()}, **held})
        for role in (role for role in asked if answers[role]):
            raise Interlocked(role, "its interlock has tripped.", state="the point under way was thrown away",
                              remedy="Find out why; close and reset the interlock, then resume the run.")
        for lost in (answers[name] for name in held if answers[name] is not None):
            raise lost

    def level(self, level: str) -> list[SafeAction]:
        """Give the actions of park, safe or shutdown: the bench file's order first, then everything else.

        Above park whatever emits goes off as soon as the shutter has closed, and does not wait for motors and ramps.
        """
        order = [*self.config.safety.order, *(role for role in self.devices if role not in self.config.safety.order)]
        if level != "park":
            shutter = self.shutter.name if self.shutter is not None else ""
            order.sort(key=lambda role: 0 if role == shutter else 1 if hasattr(self.devices[role].driver, "emission_off") else 2)
        return [self._safe_action(level, role) for role in order]

    def _safe_action(self, level: str, role: str) -> SafeAction:
        method = {"park": "park", "safe": "make_safe", "shutdown": "shutdown"}[level]
        device, deadline = self.devices[role], ACTION_DEADLINE_S[level]

        def run() -> Steps[None]:
            moved = getattr(device.driver, "moved_by_park", ())
            for axis in moved:
                device.positions[axis] = None
            yield from device.call(method, deadline_s=deadline)
            for axis in moved:                    # what shows where the pump stands has to know
                device.positions[axis] = yield from self._where(device, axis)
            if self.shutter is not None and role == self.shutter.name:
                yield from self.shutter.close()

        return SafeAction(role, level, run, deadline)

    def _where(self, device: Device, axis: str) -> Steps[float | None]:
        """Ask a parked device where it stands; None when it does not say: parking has succeeded all the same."""
        try:
            return float((yield from device.call(device.driver.axes[axis].read)))
        except InstrumentError:
            return None

    def snapshot(self) -> Steps[dict[str, Any]]:
        """Read identity and settings of every instrument; one that does not answer is recorded as such."""
        found: dict[str, Any] = {}
        for role, device in self.devices.items():
            entry: dict[str, Any] = {"driver": device.config.driver, "resource": device.config.resource,
                                     "identity": str(self.identities.get(role, "unknown"))}
            try:
                entry["settings"] = yield from device.call("settings")
            except InstrumentError as exc:
                entry["error"] = str(exc)
            found[role] = entry
        return found

    def incidents(self) -> list[str]:
        """Give and forget what the links had to repeat or throw away since the last call."""
        found: list[str] = []
        for port in {id(d.driver.port): d.driver.port for d in self.devices.values() if hasattr(d.driver, "port")}.values():
            found += [str(incident) for incident in port.incidents]
            port.incidents.clear()
        return found

    # ---------------------------------------------------------------- the simulated world (no-ops on hardware)
    def point(self, run_seed: int, index: int) -> None:
        """Announce a point to the connection: the twin starts the noise of this visit."""
        if self._world is not None:
            self._world.twin.point(run_seed, index)

    def checkpoint(self) -> bytes | None:
        """Give the twin's history with what labctl remembers of it, opaque; None on hardware."""
        return None if self._world is None else memory.kept(self.devices, self.detectors, self._world.twin.checkpoint())

    def restore(self, checkpoint: bytes) -> None:
        """Put the twin back to a checkpoint, and what labctl remembers of it."""
        if self._world is not None:
            self._world.twin.restore(memory.put_back(self.devices, self.detectors, checkpoint))

    def truth(self) -> dict[str, Any] | None:
        """Give what the twin knows and an analysis could recover; None on hardware."""
        return self._world.twin.truth() if self._world is not None else None

    @property
    def twin(self) -> Any:
        """The simulated world, for tests and rehearsals; None on hardware."""
        return self._world.twin if self._world is not None else None

    def emulator(self, role: str) -> Any:
        """Give the emulated port or library behind a role, so that a test can plant faults; None on hardware."""
        if self._world is None:
            return None
        resource = self.devices[role].config.resource
        return self._world.ports.get(resource) or self._world.libraries.get(resource)

    # ---------------------------------------------------------------- for people and scripts
    def run_level(self, level: str) -> list[Problem]:
        """Carry out park, safe or shutdown now, each action on its own; gives what failed."""
        problems = []
        for action in self.level(level):
            try:
                drive(self.clock, action.run())
            except Exception as exc:     # one failing action must not keep the others from running
                problems.append(Problem(action.instrument, f"{level} failed: {exc}"))
        return problems

    def read(self, name: str) -> float:
        """Read one quantity now."""
        return drive(self.clock, self.axes[name].read())

    def move(self, targets: Mapping[str, float]) -> dict[str, float]:
        """Move several quantities together, in dependency order, shutter closed if any lights the sample."""
        return drive(self.clock, move_all(self.axes, self.shutter, targets))

    def wavelength_axis(self) -> PumpWavelength | None:
        """Give the pump wavelength axis, if the bench has one."""
        found = self.axes.get("pump.wavelength")
        return found if isinstance(found, PumpWavelength) else None

    def at_close(self, context: AbstractContextManager[Any]) -> None:
        """Enter a context now and leave it when the bench is closed, while its instruments can still be asked."""
        self._contexts.enter_context(context)

    def close(self) -> None:
        """Close every connection; instruments stay as they are."""
        try:
            self._contexts.close()
        finally:
            closers, self._closers = self._closers, ()
            close_all(self.clock, closers, self.lanes.values())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
