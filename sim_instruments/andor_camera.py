"""The camera behind the emulated Andor library: settings, timing and the acquisition in progress."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import numpy as np

from sim_instruments.clock import Clock, Handle
from sim_instruments.twin.elements import Camera, CcdReadout

# A Newton DU920P-like camera; all figures unverified.
VERTICAL_SHIFTS_US = (11.2, 16.0, 32.0)
HORIZONTAL_MHZ = (3.0, 1.0, 0.05)
READ_NOISE_E = (22.0, 10.0, 4.0)
PREAMP_GAINS = (1.0, 2.0, 4.0)
ELECTRONS_PER_COUNT = (10.0, 5.0, 2.5)
TIME_STEP_S = 10e-6                # to which requested times are rounded up
SHORTEST_EXPOSURE_S = 10e-6
TEMPERATURES_C = (-120, 20)
ROOM_C = 20.0
COOLING_K_S = 80.0 / 600.0         # ten minutes from room temperature to −60 °C
STABLE_AFTER_S = 30.0
REACHED_WITHIN_K = 3.0
BUFFER_BYTES = 16_000_000

FVB, MULTI_TRACK, RANDOM_TRACK, SINGLE_TRACK, IMAGE = range(5)
SINGLE, ACCUMULATE, KINETIC, FAST_KINETICS, RUN_TILL_ABORT = range(1, 6)
INTERNAL, EXTERNAL, EXTERNAL_START, EXTERNAL_EXPOSURE, SOFTWARE = 0, 1, 6, 7, 10
AUTO, OPEN, CLOSED = range(3)


@dataclass
class Settings:
    """What the library has been told; rows and columns count from 1 as in the manual."""

    acquisition: int = SINGLE
    read: int = FVB
    trigger: int = INTERNAL
    exposure_s: float = 0.1
    accumulations: int = 1
    accumulation_cycle_s: float = 0.0
    kinetics: int = 1
    kinetic_cycle_s: float = 0.0
    horizontal: int = 0
    vertical: int = 0
    preamp: int = 0
    shutter: int = 0                                  # 0 auto, 1 open, 2 closed
    closing_s: float = 0.0
    opening_s: float = 0.0
    single_track: tuple[int, int] = (128, 1)          # centre, height
    tracks: tuple[tuple[int, int], ...] = ((1, 1),)   # first and last row, of multi- and random-track
    image: tuple[int, int, int, int, int, int] = (1, 1, 1, 1024, 1, 256)


@dataclass
class Cooling:
    """The cooler of one camera; the chip's temperature is the twin's."""

    camera: Camera
    clock: Clock
    setpoint_c: float = ROOM_C
    on: bool = False
    stuck: bool = False            # fault: the temperature stays where it is
    too_hot: bool = False          # fault: the cooler cannot hold the temperature
    keeps: bool = False            # whether it goes on cooling when the library is closed
    settled_before: bool = True    # the chip was found, and left, where it is wanted

    def aim(self) -> None:
        """Send the chip where setpoint and switch want it."""
        mover = self.camera.temperature_c
        goal = self.setpoint_c if self.on and not self.too_hot else ROOM_C
        distance = abs(goal - mover.position)
        if not self.stuck and (distance > 0.0 or mover.moving):
            self.settled_before = False
            mover.move(goal, distance / COOLING_K_S)

    def state(self) -> str:
        """Tell "off", "not_reached", "not_stabilised", "stabilised" or "drift"."""
        mover = self.camera.temperature_c
        if not self.on:
            return "off"
        if self.too_hot:
            return "drift"
        if self.stuck or abs(mover.position - self.setpoint_c) > REACHED_WITHIN_K:
            return "not_reached"
        rested = self.settled_before or self.clock.now() >= mover.arrival + STABLE_AFTER_S
        return "stabilised" if rested else "not_stabilised"


@dataclass
class Frames:
    """Frames of the present acquisition, numbered from 1; the ring drops the oldest."""

    capacity: int = 1
    kept: list[np.ndarray] = field(default_factory=list)
    taken: int = 0                 # frames acquired
    fetched: int = 0               # highest number handed out
    waited: int = 0                # highest number a wait has reported

    def add(self, frame: np.ndarray) -> None:
        """Keep one more frame."""
        self.kept.append(frame)
        self.taken += 1
        del self.kept[: max(len(self.kept) - self.capacity, 0)]

    @property
    def oldest(self) -> int:
        """Number of the oldest frame still kept."""
        return self.taken - len(self.kept) + 1

    def between(self, first: int, last: int) -> list[np.ndarray]:
        """Give frames by number."""
        return self.kept[first - self.oldest : last - self.oldest + 1]


class AndorCamera:
    """Runs acquisitions on the clock; `lock` guards it and the library in front of it."""

    def __init__(self, element: Camera, clock: Clock, *, internal_shutter: bool = False):
        self.element, self.clock = element, clock
        self.lock = threading.RLock()
        self.internal_shutter = internal_shutter
        self.shutter_stuck = False
        self.settings = self.defaults()
        cold = element.temperature_c.position < 0.0
        self.cooling = Cooling(element, clock, element.temperature_c.target if cold else ROOM_C, cold)
        self.frames = Frames()
        self.acquiring = False
        self.accumulated = 0
        self.changed = clock.event()
        self._sum: np.ndarray | None = None
        self._gate: Any = None
        self._timer: Handle | None = None
        self._begun = 0.0
        self._waiting_for_trigger = False

    def defaults(self) -> Settings:
        """Give the settings of a camera that has just been initialised."""
        element = self.element
        return Settings(single_track=(element.rows // 2, 1), image=(1, 1, 1, element.columns, 1, element.rows))

    # -------------------------------------------------------------- geometry and timing
    @property
    def lines(self) -> tuple[tuple[int, int], ...]:
        """Rows (first, last, from 0) that make up each line of a frame."""
        settings, rows = self.settings, self.element.rows
        if settings.read == FVB:
            return ((0, rows - 1),)
        if settings.read == SINGLE_TRACK:
            centre, height = settings.single_track
            first = centre - 1 - (height - 1) // 2
            return ((first, first + height - 1),)
        if settings.read == IMAGE:
            _, bins, _, _, low, high = settings.image
            return tuple((row, row + bins - 1) for row in range(low - 1, high + 1 - bins, bins))
        return tuple((first - 1, last - 1) for first, last in settings.tracks)

    @property
    def width(self) -> int:
        """Pixels in a line."""
        if self.settings.read != IMAGE:
            return self.element.columns
        bins, _, left, right, _, _ = self.settings.image
        return (right - left + 1) // bins

    @property
    def ring_frames(self) -> int:
        """Frames that the library keeps before it drops the oldest."""
        return max(BUFFER_BYTES // (2 * len(self.lines) * self.width), 1)

    @property
    def shift_s(self) -> float:
        """Time to shift the whole chip into the register, during which light still falls on it."""
        return self.element.rows * VERTICAL_SHIFTS_US[self.settings.vertical] * 1e-6

    @property
    def readout_s(self) -> float:
        """Time from the end of an exposure to its frame: rows × vertical shift + pixels / horizontal rate."""
        return self.shift_s + len(self.lines) * self.element.columns / (HORIZONTAL_MHZ[self.settings.horizontal] * 1e6)

    def timings(self) -> tuple[float, float, float]:
        """Give exposure, accumulation cycle and kinetic cycle as the camera will really do them."""
        settings = self.settings
        exposure = max(_allowed(settings.exposure_s), SHORTEST_EXPOSURE_S)
        accumulate = max(_allowed(settings.accumulation_cycle_s), _allowed(exposure + self.readout_s + sum(self._shutter_s)))
        count = settings.accumulations if settings.acquisition in (ACCUMULATE, KINETIC) else 1
        return exposure, accumulate, max(_allowed(settings.kinetic_cycle_s), count * accumulate)

    @property
    def _shutter_s(self) -> tuple[float, float]:
        """How long the shutter takes to open and to close around an exposure."""
        moves = self.internal_shutter and self.settings.shutter == AUTO
        return (self.settings.opening_s, self.settings.closing_s) if moves else (0.0, 0.0)

    @property
    def frames_wanted(self) -> float:
        """Frames after which the acquisition ends by itself."""
        if self.settings.acquisition == RUN_TILL_ABORT:
            return float("inf")
        return self.settings.kinetics if self.settings.acquisition == KINETIC else 1

    # -------------------------------------------------------------- acquisition
    def start(self) -> None:
        """Begin; with an internal trigger the first exposure starts now."""
        self.frames = Frames(self.ring_frames)
        self.acquiring, self.accumulated, self._sum = True, 0, None
        self.changed.clear()
        self._arm()

    def stop(self) -> None:
        """End at once; an exposure in progress is lost."""
        self.acquiring = self._waiting_for_trigger = False
        if self._timer is not None:
            self._timer.cancel()
        if self._gate is not None:
            self.element.drop_gate(self._gate)
            self._gate = None
        self.move_shutter()
        self.changed.set()

    def trigger(self, width_s: float | None = None) -> bool:
        """Take a trigger pulse, which is the exposure in the mode for that; False when nothing waits for one."""
        if not self._waiting_for_trigger:
            return False
        self._waiting_for_trigger = False
        self._expose(width_s if self.settings.trigger == EXTERNAL_EXPOSURE else None)
        return True

    def move_shutter(self) -> None:
        """Put the shutter of the head where its mode wants it; a stuck one stays."""
        if self.internal_shutter and not self.shutter_stuck:
            self.element.shutter_open = self.settings.shutter == OPEN or (self.settings.shutter == AUTO and self._gate is not None)

    def _arm(self) -> None:
        first = self.frames.taken == 0 and self.accumulated == 0
        if self.settings.trigger in (EXTERNAL, EXTERNAL_EXPOSURE, SOFTWARE) or (self.settings.trigger == EXTERNAL_START and first):
            self._waiting_for_trigger = True
        else:
            self._expose()

    def _expose(self, width_s: float | None = None) -> None:
        self._begun = self.clock.now()
        opening = self._shutter_s[0]
        if opening > 0.0:
            self._timer = self.clock.call_at(self._begun + opening, lambda: self._open(width_s))
        else:
            self._open(width_s)

    def _open(self, width_s: float | None) -> None:
        with self.lock:
            if not self.acquiring:
                return
            self._gate = self.element.open_gate()
            self.move_shutter()
            exposure = self.timings()[0] if width_s is None else width_s
            self._timer = self.clock.call_at(self.clock.now() + exposure, lambda: self._end_exposure(exposure))

    def _end_exposure(self, exposure_s: float) -> None:
        with self.lock:
            if not self.acquiring:
                return
            gate, self._gate = self._gate, None
            counts = self.element.read_out(gate, self._readout(exposure_s)).astype(np.int32)
            self.move_shutter()
            busy = self._shutter_s[1] + self.readout_s
            self._timer = self.clock.call_at(self.clock.now() + busy, lambda: self._end_readout(counts))

    def _readout(self, exposure_s: float) -> CcdReadout:
        settings = self.settings
        gated = self.internal_shutter and settings.shutter == AUTO and not self.shutter_stuck
        horizontal, vertical, left, right, low, high = settings.image
        image = settings.read == IMAGE
        lines = self.lines
        return CcdReadout(
            rows=(low - 1, high - 1) if image else lines[0], exposure_s=exposure_s,
            gain_e_per_count=ELECTRONS_PER_COUNT[settings.preamp], read_noise_e=READ_NOISE_E[settings.horizontal],
            temperature_c=self.element.temperature_c.position, shift_s=0.0 if gated else self.shift_s,
            mode="image" if image else "fvb" if len(lines) == 1 else "tracks", tracks=lines,
            binning=(horizontal, vertical) if image else (1, 1), columns=(left - 1, right - 1) if image else None)

    def _end_readout(self, counts: np.ndarray) -> None:
        with self.lock:
            if not self.acquiring:
                return
            self._sum = counts if self._sum is None else self._sum + counts
            self.accumulated += 1
            _, accumulate, kinetic = self.timings()
            several = self.settings.acquisition in (ACCUMULATE, KINETIC)
            next_start = self._begun + accumulate
            if not several or self.accumulated >= self.settings.accumulations:
                next_start = self._begun + kinetic - (self.accumulated - 1) * accumulate
                self.frames.add(self._sum)
                self._sum, self.accumulated = None, 0
                if self.frames.taken >= self.frames_wanted:
                    self.acquiring = False
                self.changed.set()
            if self.acquiring:
                self._timer = self.clock.call_at(max(next_start, self.clock.now()), self._next)

    def _next(self) -> None:
        with self.lock:
            if self.acquiring:
                self._arm()


def _allowed(seconds: float) -> float:
    """Round a requested time up to one the camera can do."""
    return ceil(round(seconds / TIME_STEP_S, 6)) * TIME_STEP_S
