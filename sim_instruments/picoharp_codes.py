"""Numbers of PHLib 3.0: status codes, flags, warnings, ranges of the PicoHarp 300."""

from __future__ import annotations

OK = 0
OPEN_FAILED, BUSY, NOT_OPEN, LOCKED, RUNNING, INVALID_ARGUMENT, INVALID_MODE, NOT_INITIALISED = -1, -2, -10, -11, -16, -17, -18, -22
USB_FAILED, HARDWARE_FAILED = -32, -64

ERROR_TEXTS = {
    OK: "no error", OPEN_FAILED: "device could not be opened", BUSY: "device busy", NOT_OPEN: "device not open",
    LOCKED: "device locked", RUNNING: "an instance or measurement is running", INVALID_ARGUMENT: "invalid argument",
    INVALID_MODE: "invalid mode", NOT_INITIALISED: "not initialised", -23: "not calibrated", USB_FAILED: "USB error",
    HARDWARE_FAILED: "hardware error"}
"""Own words: the vendor's texts are not copied."""

FLAG_OVERFLOW, FLAG_SYSTEM_ERROR = 0x40, 0x100

SYNC_ZERO, SYNC_LOW, SYNC_HIGH, DETECTOR_ZERO, DETECTOR_HIGH = 0x1, 0x2, 0x4, 0x10, 0x40
RATIO_HIGH, SPAN_SMALL, OFFSET_UNNECESSARY = 0x100, 0x400, 0x800

WARNING_TEXTS = {
    SYNC_ZERO: "no counts at input 0", SYNC_LOW: "low rate at input 0 with a divider above 1",
    SYNC_HIGH: "rate at input 0 too high",
    DETECTOR_ZERO: "no counts at input 1", DETECTOR_HIGH: "rate at input 1 too high", RATIO_HIGH: "input 1 above 5 % of input 0",
    SPAN_SMALL: "histogram shorter than the sync period", OFFSET_UNNECESSARY: "offset not needed"}

DEVICES = 8
CHANNELS = 65536
MOST_COUNTS = 65535
BLOCKS = 4
BASE_PS = 4.0
BINNINGS = 8
DIVIDERS = (1, 2, 4, 8)
CFD_LEVEL_MV, CFD_ZERO_MV = (0, 800), (0, 20)
OFFSET_PS, SYNC_OFFSET_PS = (0, 1_000_000_000), (-99_999, 99_999)
LONGEST_MS = 360_000_000
LONGEST_HOLDOFF_NS = 210_480

DEAD_TIME_PS = 95e3
"""Dead time of one input (typical)."""

FASTEST_HZ = 10e6
"""Largest rate that the time-to-digital converter takes, behind the divider."""

GATE_S = 0.1
"""Gate of the rate meters; the first value comes this long after Initialize or SetSyncDiv."""
