"""PicoQuant PHLib 3.0 through ctypes: signatures, return codes and their exceptions, flags and warnings.

(PHLib manual, "Routines callable from host programs" and its tables; texts are our own.)
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any

from drivers._sdk.binding import invoke, load
from labctl.core.errors import Busy, DeviceFault, InstrumentError, ResourceBusy

# the letters are those of `binding.invoke`; the first argument of most functions is the number of the device
SIGNATURES: dict[str, str] = {
    "PH_GetLibraryVersion": "s*", "PH_OpenDevice": "i s*", "PH_CloseDevice": "i", "PH_Initialize": "i i",
    "PH_GetHardwareInfo": "i s* s* s*", "PH_GetSerialNumber": "i s*", "PH_GetBaseResolution": "i d* i*", "PH_Calibrate": "i",
    "PH_SetInputCFD": "i i i i", "PH_SetSyncDiv": "i i", "PH_SetSyncOffset": "i i", "PH_SetStopOverflow": "i i i",
    "PH_SetBinning": "i i", "PH_SetOffset": "i i", "PH_SetMultistopEnable": "i i", "PH_ClearHistMem": "i i", "PH_StartMeas": "i i",
    "PH_StopMeas": "i", "PH_CTCStatus": "i i*", "PH_GetHistogram": "i b i", "PH_GetResolution": "i d*", "PH_GetCountRate": "i i i*",
    "PH_GetFlags": "i i*", "PH_GetElapsedMeasTime": "i d*", "PH_GetWarnings": "i i*",
}

OK = 0
LOCKED = -11
HISTOGRAMMING = 0
CHANNELS = 65536
MOST_COUNTS = 65535                # of a channel
BASE_RESOLUTION_PS = 4.0
BINNINGS = range(8)                # resolution = 4 ps × 2^binning
SYNC_DIVIDERS = (1, 2, 4, 8)
CFD_LEVEL_MV, CFD_ZERO_CROSS_MV = range(801), range(21)
OFFSET_PS, SYNC_OFFSET_PS = (0, 1_000_000_000), (-99_999, 99_999)
ACQUISITION_MS = (1, 360_000_000)

FLAGS = {0x0040: "overflow", 0x0003: "fifo_full", 0x0100: "system_error"}
WARNINGS = {
    0x0001: "no_sync", 0x0002: "sync_low", 0x0004: "sync_high", 0x0010: "no_counts", 0x0040: "count_rate_high", 0x0100: "pile_up",
    0x0200: "divider_in_t2", 0x0400: "span_short", 0x0800: "offset_unnecessary",
}


class PicoHarpError(DeviceFault):
    """The library returned an error; `code` is its number."""

    code = 0


class PicoHarpMissing(PicoHarpError):
    """There is no such device, or it has not been opened."""


class PicoHarpRunning(PicoHarpError, Busy):
    """The device is busy, or a measurement is running."""


class PicoHarpParameter(PicoHarpError):
    """An argument or a mode is not valid."""


class PicoHarpNotReady(PicoHarpError):
    """The device has not been initialised or calibrated."""


class PicoHarpCommunication(PicoHarpError):
    """USB does not work."""


class PicoHarpHardware(PicoHarpError):
    """The device itself failed."""


ERRORS: dict[int, tuple[str, type[PicoHarpError]]] = {
    -1: ("no device could be opened", PicoHarpMissing), -2: ("the device is busy", PicoHarpRunning),
    -10: ("the device is not open", PicoHarpMissing),
    -16: ("a measurement is running", PicoHarpRunning),       # unverified: the code that calls return during a measurement
    -17: ("an argument is not valid", PicoHarpParameter), -18: ("the mode is not valid", PicoHarpParameter),
    -22: ("the device is not initialised", PicoHarpNotReady), -23: ("the device is not calibrated", PicoHarpNotReady),
}
RANGES: tuple[tuple[range, str, type[PicoHarpError]], ...] = (
    (range(-37, -31), "USB fails", PicoHarpCommunication), (range(-78, -63), "the hardware fails", PicoHarpHardware))
REMEDIES: Mapping[type[PicoHarpError], str] = {
    PicoHarpMissing: "Switch the PicoHarp on, check the USB cable, then reopen the bench.",
    PicoHarpRunning: "Wait for the end of the measurement, or stop it.",
    PicoHarpParameter: "Compare the options in the bench file with the manual.",
    PicoHarpNotReady: "Reopen the bench.", PicoHarpCommunication: "Check the USB cable, then reopen the bench.",
    PicoHarpHardware: "Switch the PicoHarp off and on, then reopen the bench.",
}


def vendor_library() -> Any:
    """Load the vendor's library; raises Disconnected if it is not installed."""
    return load("phlib64.dll", "libph300.so", "PicoQuant PHLib")


def names(bits: int, table: Mapping[int, str]) -> tuple[str, ...]:
    """Name the bits that are set."""
    return tuple(name for mask, name in table.items() if bits & mask)


class Library:
    """The library for one device, its return codes turned into exceptions; `name` is the instrument that they speak of."""

    def __init__(self, library: Any, name: str, device: int):
        self._library, self.name, self.device = library, name, device

    def call(self, function: str, *inputs: Any) -> Any:
        """Call a function of the device and give what it wrote (one value, or a list); raises the exception of its code."""
        called = getattr(self._library, function, None)
        if called is None:
            raise PicoHarpParameter(self.name, f"the library has no {function}.", state="nothing was sent",
                                    remedy="Install PHLib 3.0.")
        code, outputs = invoke(called, SIGNATURES[function], (self.device, *inputs), ctypes.c_int32)
        if code < OK:
            raise self.error(function, code)
        return outputs[0] if len(outputs) == 1 else outputs

    def error(self, function: str, code: int) -> InstrumentError:
        """Make the exception for a return code."""
        if code == LOCKED:
            return ResourceBusy(self.name, "another program has the PicoHarp open.", state="nothing was sent",
                                remedy="Close the other program; after a crash, unplug USB and plug it in again.")
        text, kind = ERRORS.get(code) or next(((what, which) for codes, what, which in RANGES if code in codes),
                                              ("it failed", PicoHarpError))
        made = kind(self.name, f"{function}: {text} ({code}).", state="as it was before",
                    remedy=REMEDIES.get(kind, "See the manual for this code."))
        made.code = code
        return made
