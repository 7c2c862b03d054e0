"""Emulated PHLib 3.0 with one PicoHarp 300 in histogramming mode, as C function pointers.

Written from public descriptions of the library's functions. `make_sdk` is the bench's factory, `make_lib` makes a library that
stands alone, for other people's programs. The time-tagged modes and the router are options this device does not have.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sim_instruments import picoharp_codes as ph
from sim_instruments.clock import Clock, RealClock
from sim_instruments.picoharp_counter import Counter
from sim_instruments.picoharp_settings import SettingFunctions, within
from sim_instruments.sdk import INT, INT_OUT, TEXT_OUT, Library, function, write_text
from sim_instruments.twin.more_elements import TcspcPort
from sim_instruments.wire import Unit, serial_number

DOUBLE_OUT = ctypes.POINTER(ctypes.c_double)
COUNTS_OUT = ctypes.c_void_p

WITHOUT_DEVICE = {"PH_GetLibraryVersion", "PH_GetErrorString"}
BEFORE_INITIALIZE = {"PH_OpenDevice", "PH_CloseDevice", "PH_Initialize"}
WHILE_RUNNING = {"PH_StopMeas", "PH_CTCStatus", "PH_CloseDevice", "PH_OpenDevice"}

LOOKS_AT_COUNTS = {"PH_CTCStatus", "PH_StopMeas", "PH_GetHistogram", "PH_GetFlags", "PH_GetElapsedMeasTime", "PH_CloseDevice"}

NOT_FITTED: dict[str, tuple[Any, ...]] = {
    "PH_ReadFiFo": (INT, COUNTS_OUT, INT, INT_OUT), "PH_GetRouterVersion": (INT, TEXT_OUT, TEXT_OUT),
    "PH_SetRoutingChannelOffset": (INT, INT, INT),
    "PH_SetPHR800Input": (INT, INT, INT, INT), "PH_SetPHR800CFD": (INT, INT, INT, INT)}
"""Functions of options that are not there; they answer "invalid mode" (unverified)."""


class PicoHarp(Library):
    """The library with one device, number 0.

    Fault attributes: `missing` (no device answers), `held` (another process has it), `unplugged` (USB errors), `system_error` (flag
    100h), `sync_lost` and `detector_dead` (an input counts nothing), `power_cycle()`.
    """

    internal_error = ph.HARDWARE_FAILED
    result_type = ctypes.c_int32

    def __init__(self, port: TcspcPort, *, clock: Clock, seed: int = 0):
        self.serial = "1" + serial_number(seed, port.role, 6)
        self.counter = Counter(port, clock)
        super().__init__(clock, SettingFunctions(self.counter))
        self.lock = threading.RLock()
        self.missing = self.held = self.unplugged = self.system_error = False
        self.open = self.initialised = self.lost = False
        for name, types in NOT_FITTED.items():
            self.export(name, types, lambda *arguments: ph.INVALID_MODE)

    def guard(self, name: str, implementation: Callable[..., int], arguments: tuple[Any, ...]) -> int:
        """Refuse what the state of device and library does not allow (which code each call gives in a run is unverified)."""
        with self.lock:
            if name in WITHOUT_DEVICE:
                return implementation(*arguments)
            if not 0 <= arguments[0] < ph.DEVICES:
                return ph.INVALID_ARGUMENT
            if name == "PH_OpenDevice":
                return implementation(*arguments)
            if arguments[0] != 0 or not self.open:
                return ph.NOT_OPEN
            if (self.unplugged or self.lost) and name != "PH_CloseDevice":
                return ph.USB_FAILED
            if not self.initialised and name not in BEFORE_INITIALIZE:
                return ph.NOT_INITIALISED
            if name in LOOKS_AT_COUNTS:
                self.counter.collect()
            harmless = name in WHILE_RUNNING or (name.startswith("PH_Get") and name != "PH_GetHistogram")
            if self.counter.running and not harmless:
                return ph.RUNNING
            return implementation(*arguments)

    # ------------------------------------------------------------------ faults
    @property
    def sync_lost(self) -> bool:
        """Fault: no pulses at input 0, so that nothing is measured."""
        return self.counter.sync_lost

    @sync_lost.setter
    def sync_lost(self, value: bool) -> None:
        with self.lock:
            self.counter.collect()
            self.counter.sync_lost = value

    @property
    def detector_dead(self) -> bool:
        """Fault: no photons at input 1."""
        return self.counter.detector_dead

    @detector_dead.setter
    def detector_dead(self, value: bool) -> None:
        with self.lock:
            self.counter.collect()
            self.counter.detector_dead = value

    def power_cycle(self) -> None:
        """Switch the device off and on: measurement, counts and settings are lost, and so is the library's hold on it."""
        with self.lock:
            self.counter.stop()
            self.counter.counts[:] = 0.0
            self.counter.defaults()
            self.initialised, self.lost = False, self.open

    # ------------------------------------------------------------------ session
    @function("PH_GetLibraryVersion", TEXT_OUT)
    def version(self, text: int) -> int:
        """Give the version of the library."""
        write_text(text, "3.0", 8)
        return ph.OK

    @function("PH_GetErrorString", TEXT_OUT, INT)
    def error_text(self, text: int, code: int) -> int:
        """Say what a code means."""
        if code not in ph.ERROR_TEXTS:
            return ph.INVALID_ARGUMENT
        write_text(text, ph.ERROR_TEXTS[code], 40)
        return ph.OK

    @function("PH_OpenDevice", INT, TEXT_OUT)
    def open_device(self, device: int, serial: int) -> int:
        """Open device 0; there are no others."""
        if device != 0 or self.missing or self.unplugged:
            return ph.OPEN_FAILED
        if self.held:
            return ph.LOCKED
        self.open, self.lost = True, False
        write_text(serial, self.serial, 8)
        return ph.OK

    @function("PH_CloseDevice", INT)
    def close_device(self, device: int) -> int:
        """Close it; a measurement ends."""
        self.open = self.initialised = False
        self.counter.stop()
        return ph.OK

    @function("PH_Initialize", INT, INT)
    def initialise(self, device: int, mode: int) -> int:
        """Take the default settings in histogramming mode."""
        if mode != 0:
            return ph.INVALID_MODE
        self.counter.defaults()
        self.initialised = True
        return ph.OK

    @function("PH_Calibrate", INT)
    def calibrate(self, device: int) -> int:
        """Calibrate the time measurement; nothing in this device drifts."""
        return ph.OK

    @function("PH_GetHardwareInfo", INT, TEXT_OUT, TEXT_OUT, TEXT_OUT)
    def hardware(self, device: int, model: int, part: int, version: int) -> int:
        """Name model, part number and version (the last two unverified)."""
        write_text(model, "PicoHarp 300", 16)
        write_text(part, "930004", 8)
        write_text(version, "2.0", 8)
        return ph.OK

    @function("PH_GetSerialNumber", INT, TEXT_OUT)
    def serial_text(self, device: int, serial: int) -> int:
        """Give the serial number."""
        write_text(serial, self.serial, 8)
        return ph.OK

    @function("PH_GetFeatures", INT, INT_OUT)
    def features(self, device: int, bits: Any) -> int:
        """Tell which options are fitted: the library alone (1)."""
        bits[0] = 1
        return ph.OK

    @function("PH_GetHardwareDebugInfo", INT, TEXT_OUT)
    def debug(self, device: int, text: int) -> int:
        """Give what support would ask for."""
        write_text(text, f"emulated PicoHarp 300, serial {self.serial}, flags {self.counter.flags:04X}", 16384)
        return ph.OK

    @function("PH_GetBaseResolution", INT, DOUBLE_OUT, INT_OUT)
    def base_resolution(self, device: int, picoseconds: Any, steps: Any) -> int:
        """Give the narrowest bin and the number of binnings."""
        picoseconds[0], steps[0] = ph.BASE_PS, ph.BINNINGS
        return ph.OK

    # ------------------------------------------------------------------ measuring
    @function("PH_ClearHistMem", INT, INT)
    def clear(self, device: int, block: int) -> int:
        """Forget the counts of a block."""
        if code := within((block, (0, ph.BLOCKS - 1))):
            return code
        self.counter.counts[block] = 0.0
        self.counter.flags = 0
        return ph.OK

    @function("PH_StartMeas", INT, INT)
    def start(self, device: int, milliseconds: int) -> int:
        """Collect for a time."""
        if code := within((milliseconds, (1, ph.LONGEST_MS))):
            return code
        self.counter.start(milliseconds / 1e3)
        return ph.OK

    @function("PH_StopMeas", INT)
    def stop(self, device: int) -> int:
        """End the measurement; harmless when there is none."""
        self.counter.stop()
        return ph.OK

    @function("PH_CTCStatus", INT, INT_OUT)
    def has_ended(self, device: int, ended: Any) -> int:
        """Tell whether the time is over, or a bin was full."""
        ended[0] = int(not self.counter.running)
        return ph.OK

    @function("PH_GetHistogram", INT, COUNTS_OUT, INT)
    def histogram(self, device: int, counts: int, block: int) -> int:
        """Give the 65536 counts of a block."""
        if code := within((block, (0, ph.BLOCKS - 1))):
            return code
        data = self.counter.counts[block].astype(np.uint32)
        ctypes.memmove(counts, data.ctypes.data, data.nbytes)
        return ph.OK

    @function("PH_GetResolution", INT, DOUBLE_OUT)
    def resolution(self, device: int, picoseconds: Any) -> int:
        """Give the width of a bin."""
        picoseconds[0] = self.counter.resolution_ps
        return ph.OK

    @function("PH_GetCountRate", INT, INT, INT_OUT)
    def count_rate(self, device: int, channel: int, rate: Any) -> int:
        """Give counts per second at an input."""
        if code := within((channel, (0, 1))):
            return code
        rate[0] = self.counter.rates()[channel]
        return ph.OK

    @function("PH_GetFlags", INT, INT_OUT)
    def get_flags(self, device: int, flags: Any) -> int:
        """Give overflow and system error."""
        flags[0] = self.counter.flags | (ph.FLAG_SYSTEM_ERROR if self.system_error else 0)
        return ph.OK

    @function("PH_GetElapsedMeasTime", INT, DOUBLE_OUT)
    def elapsed(self, device: int, milliseconds: Any) -> int:
        """Give how long the measurement has run, or ran."""
        milliseconds[0] = self.counter.elapsed_s * 1e3
        return ph.OK

    @function("PH_GetWarnings", INT, INT_OUT)
    def get_warnings(self, device: int, warnings: Any) -> int:
        """Judge the rates and the settings."""
        warnings[0] = self.counter.warnings()
        return ph.OK

    @function("PH_GetWarningsText", INT, TEXT_OUT, INT)
    def warnings_text(self, device: int, text: int, warnings: int) -> int:
        """Put warnings into words (format unverified)."""
        write_text(text, "\n".join(words for bit, words in ph.WARNING_TEXTS.items() if warnings & bit), 16384)
        return ph.OK


def make_sdk(units: Sequence[Unit], *, twin: Any = None, clock: Clock, seed: int = 0) -> PicoHarp:
    """Make the library behind one SDK resource of a bench; the inputs are the twin's, or those of a lone source."""
    unit = units[0]
    port = unit.element if isinstance(unit.element, TcspcPort) else TcspcPort(unit.role, clock)
    return PicoHarp(port, clock=clock, seed=seed)


def make_lib(*, twin: Any = None, clock: Clock | None = None, seed: int = 0, speed: float = 1.0) -> PicoHarp:
    """Make a library for programs that expect the vendor's, on the inputs of `twin` or of a lone source."""
    clock = clock or RealClock(speed)
    ports = [element for element in twin.elements.values() if isinstance(element, TcspcPort)] if twin is not None else []
    return PicoHarp(ports[0] if ports else TcspcPort("tcspc", clock), clock=clock, seed=seed)
