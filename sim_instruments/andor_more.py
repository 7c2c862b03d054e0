"""Functions of the emulated Andor library that clients ask for beside the usual ones: newest and oldest frames, limits, switches.

(SDK2 guide, "Function reference".) What is only a switch is remembered and changes nothing.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from sim_instruments.andor_camera import SHORTEST_EXPOSURE_S, AndorCamera
from sim_instruments.andor_codes import Code
from sim_instruments.andor_settings import LONGEST_S, TRIGGERS
from sim_instruments.sdk import FLOAT_OUT, INT, INT_OUT, TEXT_OUT, UINT, WORDS_OUT, function, write_text

UINT_OUT = ctypes.POINTER(ctypes.c_uint32)
LARGEST_WORD = 65535


class MoreFunctions:
    """Everything that is asked for more seldom."""

    def __init__(self, camera: AndorCamera):
        self.camera = camera
        self.cosmic_filter, self.baseline_clamp, self.flips, self.rotation, self.vs_amplitude = 0, 1, (0, 0), 0, 0

    # -------------------------------------------------------------- single frames of the ring
    @function("GetMostRecentImage", INT_OUT, UINT)
    def newest_32(self, buffer: Any, size: int) -> int:
        """Write the last frame, 32 bits a pixel."""
        return self._frame(self.camera.frames.taken, buffer, size, wide=True)

    @function("GetMostRecentImage16", WORDS_OUT, UINT)
    def newest_16(self, buffer: Any, size: int) -> int:
        """Write the last frame, 16 bits a pixel."""
        return self._frame(self.camera.frames.taken, buffer, size, wide=False)

    @function("GetOldestImage", INT_OUT, UINT)
    def oldest_32(self, buffer: Any, size: int) -> int:
        """Write the first frame not yet fetched, 32 bits a pixel."""
        return self._frame(self._next, buffer, size, wide=True)

    @function("GetOldestImage16", WORDS_OUT, UINT)
    def oldest_16(self, buffer: Any, size: int) -> int:
        """Write the first frame not yet fetched, 16 bits a pixel."""
        return self._frame(self._next, buffer, size, wide=False)

    @property
    def _next(self) -> int:
        frames = self.camera.frames
        return max(frames.fetched + 1, frames.oldest)

    def _frame(self, number: int, buffer: Any, size: int, *, wide: bool) -> int:
        frames = self.camera.frames
        if not frames.kept or not frames.oldest <= number <= frames.taken:
            return Code.NO_NEW_DATA
        pixels = frames.between(number, number)[0].ravel()
        if size != pixels.size:
            return Code.P2_INVALID
        np.ctypeslib.as_array(buffer, (size,))[:] = pixels if wide else np.minimum(pixels, LARGEST_WORD)
        frames.fetched = max(frames.fetched, number)
        return Code.SUCCESS

    # -------------------------------------------------------------- limits
    @function("GetMaximumExposure", FLOAT_OUT)
    def longest_exposure(self, seconds: Any) -> int:
        """Give the longest exposure."""
        seconds[0] = LONGEST_S
        return Code.SUCCESS

    @function("GetMinimumExposure", FLOAT_OUT)
    def shortest_exposure(self, seconds: Any) -> int:
        """Give the shortest exposure."""
        seconds[0] = SHORTEST_EXPOSURE_S
        return Code.SUCCESS

    @function("GetMaximumBinning", INT, INT, INT_OUT)
    def most_binning(self, read_mode: int, direction: int, most: Any) -> int:
        """Give the largest binning of columns (0) or rows (1)."""
        if not 0 <= read_mode <= 4:
            return Code.P1_INVALID
        if direction not in (0, 1):
            return Code.P2_INVALID
        most[0] = (self.camera.element.columns, self.camera.element.rows)[direction]
        return Code.SUCCESS

    @function("IsTriggerModeAvailable", INT)
    def has_trigger(self, mode: int) -> int:
        """Tell by the code whether a trigger mode can be set."""
        return Code.SUCCESS if mode in TRIGGERS else Code.INVALID_TRIGGER_MODE

    @function("GetHardwareVersion", UINT_OUT, UINT_OUT, UINT_OUT, UINT_OUT, UINT_OUT, UINT_OUT)
    def hardware_version(self, *versions: Any) -> int:
        """Give version numbers of card, flexible logic and firmware (unverified)."""
        for version, number in zip(versions, (1, 1, 0, 0, 1, 0), strict=True):
            version[0] = number
        return Code.SUCCESS

    @function("GetSoftwareVersion", UINT_OUT, UINT_OUT, UINT_OUT, UINT_OUT, UINT_OUT, UINT_OUT)
    def software_version(self, *versions: Any) -> int:
        """Give version numbers of ROM, driver and library (unverified)."""
        for version, number in zip(versions, (1, 1, 104, 2, 104, 2), strict=True):
            version[0] = number
        return Code.SUCCESS

    # -------------------------------------------------------------- switches
    @function("SetFilterMode", INT)
    def set_cosmic_filter(self, mode: int) -> int:
        """Remember whether cosmic rays are to be taken out of accumulations (2) or not (0); frames stay as they are."""
        return self._keep("cosmic_filter", mode, (0, 1, 2))

    @function("GetFilterMode", INT_OUT)
    def get_cosmic_filter(self, mode: Any) -> int:
        """Give what SetFilterMode said."""
        mode[0] = self.cosmic_filter
        return Code.SUCCESS

    @function("SetBaselineClamp", INT)
    def set_baseline_clamp(self, state: int) -> int:
        """Remember whether the bias is held steady; it is."""
        return self._keep("baseline_clamp", state, (0, 1))

    @function("GetBaselineClamp", INT_OUT)
    def get_baseline_clamp(self, state: Any) -> int:
        """Give what SetBaselineClamp said."""
        state[0] = self.baseline_clamp
        return Code.SUCCESS

    @function("SetImageFlip", INT, INT)
    def set_flip(self, horizontal: int, vertical: int) -> int:
        """Only as it lies."""
        if (horizontal, vertical) == (0, 0):
            return Code.SUCCESS
        return Code.NOT_SUPPORTED if horizontal in (0, 1) and vertical in (0, 1) else Code.P1_INVALID

    @function("GetImageFlip", INT_OUT, INT_OUT)
    def get_flip(self, horizontal: Any, vertical: Any) -> int:
        """Give how it lies."""
        horizontal[0], vertical[0] = self.flips
        return Code.SUCCESS

    @function("SetImageRotate", INT)
    def set_rotation(self, turns: int) -> int:
        """Only as it lies."""
        return Code.SUCCESS if turns == 0 else Code.NOT_SUPPORTED if turns in (1, 2) else Code.P1_INVALID

    @function("GetNumberVSAmplitudes", INT_OUT)
    def vs_amplitudes(self, number: Any) -> int:
        """There is the normal one and four above it."""
        number[0] = 5
        return Code.SUCCESS

    @function("SetVSAmplitude", INT)
    def set_vs_amplitude(self, index: int) -> int:
        """Remember the voltage of the vertical clock."""
        return self._keep("vs_amplitude", index, range(5))

    @function("GetVSAmplitudeString", INT, TEXT_OUT)
    def vs_amplitude_text(self, index: int, text: int) -> int:
        """Name a voltage of the vertical clock."""
        if not 0 <= index < 5:
            return Code.P1_INVALID
        write_text(text, "Normal" if index == 0 else f"+{index}")
        return Code.SUCCESS

    def _keep(self, name: str, value: int, allowed: Any) -> int:
        if value not in allowed:
            return Code.P1_INVALID
        setattr(self, name, value)
        return Code.SUCCESS
