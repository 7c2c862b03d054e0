"""The pump beam as a chain of stages, evaluated for the state each element has at a given time."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from sim_instruments.twin import light
from sim_instruments.twin.elements import (
    BeamShutter,
    FilterWheel,
    PulsedLaser,
    RotatingPlate,
    SelectFilter,
    SupercontinuumSource,
    VariaFilter,
)
from sim_instruments.twin.motion import Mover
from sim_instruments.twin.units import FWHM_PER_SD, air_to_vacuum

REACH_NM = 12.0                    # of an acousto-optic line, over which its power is integrated
STEP_NM = 0.1
MARGIN_NM = 6.0                    # beyond sliding edges
WHOLE_NM = (440.0, 900.0)          # the source without any filter
LASER_REACH, LASER_POINTS = 2.0, 33    # of a laser's line: to either side, in FWHM
TILT_ABOUT_NM = 515.0      # the middle of a scan over the excitation of the green-emitting crystals
Source = SupercontinuumSource | PulsedLaser


@dataclass(frozen=True)
class Stage:
    """One optic of the beam: its state at a time, and what it does to each wavelength (vacuum nm) in that state.

    The first stage is the source, whose "transmission" is its spectral power in W/nm. `movers` are its moving parts with the travel
    over which its transmission changes noticeably.
    """

    role: str
    state: Callable[[float], tuple[Any, ...]]
    transmission: Callable[[tuple[Any, ...], np.ndarray], Any]
    movers: tuple[tuple[Mover, float], ...] = ()
    grid: Callable[[tuple[Any, ...]], np.ndarray] | None = None      # of a filter: the wavelengths it lets through


@dataclass(frozen=True)
class Band:
    """Light at one place of the beam: vacuum nm, W in each interval, together and on average."""

    wavelength_nm: np.ndarray
    power_w: np.ndarray
    total_w: float
    mean_nm: float


class Beam:
    """The pump beam from the source to the sample; `stages` in the order of the light."""

    def __init__(self, stages: Sequence[Stage]):
        self.stages = tuple(stages)
        self.movers = tuple(dict.fromkeys(pair for stage in self.stages for pair in stage.movers))
        self.band = lru_cache(maxsize=512)(self._band)
        self._passed = lru_cache(maxsize=64)(self._product)

    def states(self, when: float, known: Sequence[tuple[Any, ...] | None] = ()) -> tuple[tuple[Any, ...], ...]:
        """Give the state of every stage at clock time `when`, but for those whose state is `known`."""
        if known:
            return tuple(stage.state(when) if state is None else state for stage, state in zip(self.stages, known, strict=True))
        return tuple(stage.state(when) for stage in self.stages)

    def standing(self, when: float, moving: Container[Mover]) -> tuple[tuple[Any, ...] | None, ...]:
        """Give the state of every stage that stands while some movers move; None for those they are part of."""
        return tuple(None if any(mover in moving for mover, _ in stage.movers) else stage.state(when) for stage in self.stages)

    def density_w_nm(self, states: tuple[tuple[Any, ...], ...], wavelength_nm: np.ndarray) -> np.ndarray:
        """Give the spectral power behind the stages whose states are given, in W/nm, at any wavelengths."""
        power: Any = 1.0
        for stage, state in zip(self.stages, states, strict=False):
            power = power * stage.transmission(state, wavelength_nm)
        return power

    def power_within_w(self, states: tuple[tuple[Any, ...], ...], centre_nm: float, width_nm: float) -> float:
        """Give the power in W that a slit of some width would pass; a line narrower than the slit passes as a whole."""
        grid, power = self._product(states)
        inside = np.abs(grid - centre_nm) <= width_nm / 2.0
        return max(float(power[inside].sum()), float(self.density_w_nm(states, np.array([centre_nm]))[0]) * width_nm)

    def _grid(self, states: tuple[tuple[Any, ...], ...]) -> np.ndarray:
        for stage, state in zip(self.stages, states, strict=False):
            if stage.grid is not None:
                return stage.grid(state)
        return np.arange(WHOLE_NM[0], WHOLE_NM[1], 0.5)

    def _product(self, states: tuple[tuple[Any, ...], ...]) -> tuple[np.ndarray, np.ndarray]:
        """Give the wavelengths and the W in the interval of each, behind the stages whose states are given."""
        if len(states) > 2:
            grid, power = self._passed(states[:-1])
            return grid, power * self.stages[len(states) - 1].transmission(states[-1], grid) if grid.size else power
        grid = self._grid(states)
        if not grid.size:
            return grid, grid
        steps = np.gradient(grid)
        return grid, self.density_w_nm(states, grid) * np.minimum(steps, steps[0])   # a gap between two lines is no wide step

    def _band(self, states: tuple[tuple[Any, ...], ...]) -> Band:
        grid, power = self._product(states)
        total = float(power.sum())
        return Band(grid, power, total, float(power @ grid) / total if total > 0.0 else 0.0)


# ------------------------------------------------------------------ stages
def source_stage(source: Source) -> Stage:
    """Make the stage of the source: emission, level, pulse picker (mean power falls with the rate, pulse energy does not)."""
    if isinstance(source, PulsedLaser):
        return _laser_stage(source)

    def density(state: tuple[Any, ...], wavelength: np.ndarray) -> Any:
        lean = np.maximum(1.0 + source.tilt * (wavelength - TILT_ABOUT_NM), 0.0)
        return light.supercontinuum_w_nm(wavelength) * lean * (state[1] / state[2] if state[0] else 0.0)

    return Stage(source.role, lambda when: (bool(source.emission), float(source.level), int(source.picker)), density)


def _laser_stage(laser: PulsedLaser) -> Stage:
    """Make the stage of a laser of one wavelength: a Gaussian spectrum on a grid of its own."""
    def state(when: float) -> tuple[Any, ...]:
        watts = laser.pulse_energy_j * laser.repetition_rate_hz * laser.level / max(int(laser.picker), 1)
        width = laser.bandwidth_nm or light.transform_limit_nm(laser.wavelength_nm, laser.pulse_s)
        return (watts if laser.emission else 0.0, laser.wavelength_nm, width, laser.repetition_rate_hz, laser.pulse_s)

    def density(state: tuple[Any, ...], wavelength: np.ndarray) -> Any:
        sd = state[2] / FWHM_PER_SD
        return state[0] * np.exp(-((wavelength - state[1]) ** 2) / (2.0 * sd**2)) / (sd * np.sqrt(2.0 * np.pi))

    def grid(state: tuple[Any, ...]) -> np.ndarray:
        return state[1] + state[2] * np.linspace(-LASER_REACH, LASER_REACH, LASER_POINTS)

    return Stage(laser.role, state, density, grid=grid)


def select_stage(element: SelectFilter, fwhm_nm: float) -> Stage:
    """Make the stage of an acousto-optic filter."""
    def state(when: float) -> tuple[Any, ...]:
        if not (element.rf_on and element.shutter_open):
            return ()
        return tuple(sorted((float(air_to_vacuum(line.centre_nm)), float(line.amplitude)) for line in element.lines
                            if line.amplitude > 0.0 and line.centre_nm > 0.0))

    def transmission(lines: tuple[Any, ...], wavelength: np.ndarray) -> Any:
        return sum((amplitude * light.acousto_optic_line(wavelength, centre, fwhm_nm) for centre, amplitude in lines),
                   start=np.zeros_like(wavelength))

    def grid(lines: tuple[Any, ...]) -> np.ndarray:
        pieces: list[np.ndarray] = []
        end = 0.0
        for centre, _ in lines:
            piece = centre + np.arange(-REACH_NM, REACH_NM + STEP_NM / 2.0, STEP_NM)
            pieces.append(piece[piece > end + STEP_NM / 2.0])
            end = float(piece[-1])
        return np.concatenate(pieces) if pieces else np.empty(0)

    return Stage(element.role, state, transmission, grid=grid)


def varia_stage(element: VariaFilter) -> Stage:
    """Make the stage of a filter of two sliding edges and a wedge."""
    def state(when: float) -> tuple[Any, ...]:
        if not element.shutter_open:
            return ()
        lower, upper = (float(air_to_vacuum(edge.at(when))) for edge in (element.lower_nm, element.upper_nm))
        return (lower, upper, element.nd.at(when))

    def transmission(edges: tuple[Any, ...], wavelength: np.ndarray) -> Any:
        return edges[2] * light.edge_pair(wavelength, edges[0], edges[1]) if edges else 0.0

    def grid(edges: tuple[Any, ...]) -> np.ndarray:
        return np.arange(min(edges[:2]) - MARGIN_NM, max(edges[:2]) + MARGIN_NM, STEP_NM) if edges else np.empty(0)

    return Stage(element.role, state, transmission, ((element.lower_nm, 0.5), (element.upper_nm, 0.5), (element.nd, 0.05)), grid)


def clean_up_stage(role: str, filter_stage: Stage, offset_nm: float, blocking: float) -> Stage:
    """Make the stage of a short-pass that follows the filter: `offset_nm` beyond its (reddest) line or edge."""
    def red_edge(when: float) -> tuple[Any, ...]:
        state = filter_stage.state(when)
        if not state:
            return (0.0,)
        return ((max(line[0] for line in state) if isinstance(state[0], tuple) else state[1]) + offset_nm,)

    return Stage(role, red_edge, lambda state, wavelength: light.short_pass(wavelength, state[0], blocking), filter_stage.movers)


def plate_stage(element: RotatingPlate, optics: dict[str, float], achromatic: bool = False) -> Stage:
    """Make the stage of the rotating half-wave plate and its polariser; an achromatic plate is exact at every wavelength."""
    def transmission(state: tuple[Any, ...], wavelength: np.ndarray) -> Any:
        plate: dict[str, Any] = optics | ({"plate_wavelength_nm": wavelength} if achromatic else {})
        return light.half_wave_plate(wavelength, state[0], **plate)

    return Stage(element.role, lambda when: (element.angle.at(when),), transmission, ((element.angle, 2.0),))


def wheel_stage(element: FilterWheel, transmissions: Sequence[float]) -> Stage:
    """Make the stage of a wheel; while it moves, the filters in between pass by."""
    return Stage(element.role, lambda when: (round(element.slot.at(when)),),
                 lambda state, wavelength: transmissions[(state[0] - 1) % len(transmissions)], ((element.slot, 0.25),))


def shutter_stage(element: BeamShutter) -> Stage:
    """Make the stage of the shutter."""
    return Stage(element.role, lambda when: (element.opening.at(when),), lambda state, wavelength: state[0],
                 ((element.opening, 1 / 16),))


def pick_off_stage(role: str, fraction: float, slope: float) -> Stage:
    """Make the stage of the plate that sends a little light to the power head."""
    return Stage(role, lambda when: (), lambda state, wavelength: 1.0 - light.pick_off_fraction(wavelength, fraction, slope))


def objective_stage(transmission: float | None = None) -> Stage:
    """Make the stage of everything behind the pick-off up to the sample: the objective, or a lens of one transmission."""
    return Stage("objective", lambda when: (), lambda state, wavelength:
                 light.objective_transmission(wavelength) if transmission is None else transmission)
