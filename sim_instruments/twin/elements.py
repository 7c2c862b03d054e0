"""The elements of the light path, as the emulators see them: what each one remembers and what can be moved or read.

An emulator is handed the element of its role and does nothing else to the physics. Everything optical (spectra, transmission,
noise) is computed elsewhere in the twin from these states. Angles in degrees, wavelengths in nm on the device's own scale (air),
powers in W, times in clock seconds.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import numpy as np

from sim_instruments.clock import Clock
from sim_instruments.twin.motion import Mover
from sim_instruments.twin.noise import Streams


class Element:
    """One element of the path; `changed` must be called before any state that light depends on is altered."""

    def __init__(self, role: str, clock: Clock, changed: Callable[[], None] | None = None):
        self.role = role
        self.clock = clock
        self.changed: Callable[[], None] = changed or (lambda: None)
        self.noise: Callable[[], np.random.Generator] = partial(Streams(zlib.crc32(role.encode())).acquisition, role)
        """Gives the random stream of the next reading, in a twin that of the visit of a point: where emulators take noise from."""

    def mover(self, position: float = 0.0) -> Mover:
        """Make a coordinate of this element."""
        return Mover(self.clock, position, lambda: self.changed())

    def __setattr__(self, name: str, value: object) -> None:
        # Any plain state (emission, power level, ...) set from outside settles the light that has already flowed.
        if name in getattr(type(self), "LIT_STATE", ()) and name in self.__dict__:
            self.changed()
        object.__setattr__(self, name, value)


class SupercontinuumSource(Element):
    """Pulsed white-light source."""

    LIT_STATE = ("emission", "level", "picker")

    def __init__(self, role: str, clock: Clock, changed: Callable[[], None] | None = None, *,
                 repetition_rate_hz: float = 78e6, pulse_s: float = 10e-12, tilt: float = 0.0):
        super().__init__(role, clock, changed)
        self.tilt = tilt           # of the spectral density about 515 nm, relative per nm: an aged fibre, a misaligned collimator
        self.repetition_rate_hz = repetition_rate_hz   # before the pulse picker
        self.pulse_s = pulse_s
        self.emission = True       # the bench is found warm and emitting; the shutter is what keeps the sample dark
        self.level = 1.0           # output level 0..1 of full power
        self.picker = 1            # pulse-picker divide ratio


class PulsedLaser(Element):
    """Amplifier, harmonic or parametric amplifier set by hand: one wavelength (vacuum nm), energy of a pulse, repetition rate."""

    LIT_STATE = ("emission", "level", "picker", "wavelength_nm", "pulse_energy_j", "repetition_rate_hz", "pulse_s")

    def __init__(self, role: str, clock: Clock, changed: Callable[[], None] | None = None, *, wavelength_nm: float,
                 pulse_energy_j: float, repetition_rate_hz: float = 1e3, pulse_s: float = 100e-15,
                 bandwidth_nm: float | None = None):
        super().__init__(role, clock, changed)
        self.wavelength_nm = wavelength_nm
        self.pulse_energy_j = pulse_energy_j
        self.repetition_rate_hz = repetition_rate_hz
        self.pulse_s = pulse_s
        self.bandwidth_nm = bandwidth_nm     # None: as short a pulse needs, see `light.transform_limit_nm`
        self.emission = True
        self.level = 1.0
        self.picker = 1


@dataclass
class Line:
    """One acousto-optic channel: centre in nm (device scale), amplitude 0..1."""

    centre_nm: float = 0.0
    amplitude: float = 0.0


class SelectFilter(Element):
    """Acousto-optic tunable filter: up to eight lines; a line is tuned in microseconds, so centres are plain numbers."""

    LIT_STATE = ("rf_on",)

    def __init__(self, role: str, clock: Clock, changed: Callable[[], None] | None = None):
        super().__init__(role, clock, changed)
        self.rf_on = True
        self.lines = [Line() for _ in range(8)]
        self.shutter_open = True

    def tune(self, channel: int, *, centre_nm: float | None = None, amplitude: float | None = None) -> None:
        """Set one channel."""
        self.changed()
        line = self.lines[channel]
        if centre_nm is not None:
            line.centre_nm = centre_nm
        if amplitude is not None:
            line.amplitude = amplitude


class VariaFilter(Element):
    """Two sliding edge filters and a neutral-density wedge; all three move in time."""

    LIT_STATE = ("shutter_open",)

    def __init__(self, role: str, clock: Clock, changed: Callable[[], None] | None = None):
        super().__init__(role, clock, changed)
        self.lower_nm = self.mover(520.0)
        self.upper_nm = self.mover(530.0)
        self.nd = self.mover(1.0)      # 0..1; 1 = full transmission
        self.shutter_open = True


class RotatingPlate(Element):
    """A rotation mount: the half-wave plate of the attenuator, or an analyser. Angle in degrees, mechanical."""

    def __init__(self, role: str, clock: Clock, changed: Callable[[], None] | None = None, *, angle_deg: float = 0.0):
        super().__init__(role, clock, changed)
        self.angle = self.mover(angle_deg)


class FilterWheel(Element):
    """A wheel of filters; `slot` is 1-based and passes the slots in between while it moves."""

    def __init__(self, role: str, clock: Clock, changed: Callable[[], None] | None = None, *, slots: int = 6):
        super().__init__(role, clock, changed)
        self.slots = slots
        self.slot = self.mover(1.0)

    @property
    def in_beam(self) -> int:
        """The slot nearest to the beam, 1..slots; the mover runs past its ends when the wheel turns through the first slot."""
        return (round(self.slot.position) - 1) % self.slots + 1


class BeamShutter(Element):
    """A shutter: `opening` is 0 (closed) to 1 (open)."""

    def __init__(self, role: str, clock: Clock, changed: Callable[[], None] | None = None):
        super().__init__(role, clock, changed)
        self.opening = self.mover(0.0)

    @property
    def closed(self) -> bool:
        """The end switch: closed and at rest."""
        return self.opening.position <= 0.0


class PowerHead(Element):
    """A power-meter head in the beam. `measure` and `zero` are provided by the twin."""

    def __init__(self, role: str, clock: Clock, changed: Callable[[], None] | None = None):
        super().__init__(role, clock, changed)
        self.sensor = "S130C"
        self.measure: Callable[[float, int], float] = lambda wavelength_nm, averages: 0.0
        """Reading in W with the meter set to `wavelength_nm`, averaging `averages` samples (noise, offset, response included)."""
        self.zero: Callable[[], float] = lambda: 0.0
        """Take the present reading as the new zero; returns the offset removed, in W."""
        self.pulses_per_s: Callable[[], float] = lambda: 0.0
        """Pulses that fall on the head."""
        self.pulse: Callable[[int], float] = lambda averages: 0.0
        """Energy of a pulse in J, the mean of `averages` of them (scatter of the source and noise included)."""


@dataclass(frozen=True)
class Grating:
    """One grating of a turret."""

    lines_per_mm: float
    blaze: str


class Monochromator(Element):
    """Spectrograph: centre wavelength (nm, air, as displayed), grating 1.., entrance slit."""

    LIT_STATE = ("grating",)

    def __init__(self, role: str, clock: Clock, changed: Callable[[], None] | None = None, *,
                 gratings: tuple[Grating, ...] = (Grating(1200.0, "500NM"),), slit_um: float = 50.0, centre_nm: float = 500.0):
        super().__init__(role, clock, changed)
        self.gratings = gratings
        self.grating = 1
        self.centre_nm = self.mover(centre_nm)
        self.slit_um = self.mover(slit_um)


@dataclass(frozen=True)
class CcdReadout:
    """How one frame is read: what the emulated camera's settings mean physically."""

    rows: tuple[int, int]                 # first and last row summed, 0-based inclusive, for each track see `tracks`
    exposure_s: float
    gain_e_per_count: float
    read_noise_e: float
    temperature_c: float
    shift_s: float = 0.0                  # light collected during the readout shift (no shutter, no trigger)
    mode: str = "fvb"                     # "fvb", "tracks" (see tracks), "image"
    tracks: tuple[tuple[int, int], ...] = ()
    binning: tuple[int, int] = (1, 1)
    columns: tuple[int, int] | None = None   # first and last column read; None: all


class LightGate(Protocol):
    """An exposure that the twin is integrating."""


class Camera(Element):
    """A CCD. `open_gate` starts integrating the light on the chip, `read_out` ends it and gives counts."""

    LIT_STATE = ("shutter_open",)

    def __init__(self, role: str, clock: Clock, changed: Callable[[], None] | None = None, *, columns: int = 1024, rows: int = 256):
        super().__init__(role, clock, changed)
        self.columns, self.rows = columns, rows
        self.shutter_open = True       # the camera's own shutter; without one the chip always sees the slit
        self.temperature_c = self.mover(20.0)
        self.open_gate: Callable[[], LightGate]
        self.drop_gate: Callable[[LightGate], None] = lambda gate: None
        """End an exposure without reading it (abort)."""
        self.read_out: Callable[[LightGate, CcdReadout], np.ndarray]
        """Counts, uint16, shape (tracks or rows, columns); ends the gate. One call = one acquisition of this device's noise."""


@dataclass
class SamplePort:
    """What stands where the sample is: read by tests and by the dose ledger, never by a driver."""

    lit_seconds: float = 0.0
    fluence_max_j_cm2: float = 0.0
    dose_j_cm2: float = 0.0
    pulses: float = 0.0
    extra: dict[str, float] = field(default_factory=dict)
