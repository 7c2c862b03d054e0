"""The functions of the emulated PHLib that only set something; a value out of range is refused and changes nothing."""

from __future__ import annotations

from typing import Any

from sim_instruments import picoharp_codes as ph
from sim_instruments.picoharp_counter import Counter
from sim_instruments.sdk import INT, INT_OUT, function


def within(*checks: tuple[int, tuple[int, int]]) -> int:
    """Give "invalid argument" unless every value is within its range."""
    return ph.OK if all(low <= value <= high for value, (low, high) in checks) else ph.INVALID_ARGUMENT


class SettingFunctions:
    """Setters, on the counter they set."""

    def __init__(self, counter: Counter):
        self.counter = counter

    @function("PH_SetInputCFD", INT, INT, INT, INT)
    def discriminator(self, device: int, channel: int, level: int, zero: int) -> int:
        """Set level and zero crossing of an input; pulses here are high enough for any level."""
        return within((channel, (0, 1)), (level, ph.CFD_LEVEL_MV), (zero, ph.CFD_ZERO_MV))

    @function("PH_SetSyncDiv", INT, INT)
    def set_divider(self, device: int, divider: int) -> int:
        """Set the divider of the sync input; the rate meters need a new gate."""
        if divider not in ph.DIVIDERS:
            return ph.INVALID_ARGUMENT
        self.counter.divider = divider
        self.counter.restart_rates()
        return ph.OK

    @function("PH_SetSyncOffset", INT, INT)
    def set_sync_offset(self, device: int, picoseconds: int) -> int:
        """Shift the sync, as a cable would (the sign is unverified: positive moves the histogram to earlier times)."""
        if code := within((picoseconds, ph.SYNC_OFFSET_PS)):
            return code
        self.counter.sync_offset_ps = picoseconds
        return ph.OK

    @function("PH_SetStopOverflow", INT, INT, INT)
    def set_stop(self, device: int, stop: int, count: int) -> int:
        """Stop when a bin holds `count`, or let full bins stay full."""
        if code := within((stop, (0, 1)), (count, (1, ph.MOST_COUNTS))):
            return code
        self.counter.stop_on_overflow, self.counter.stop_count = bool(stop), count
        return ph.OK

    @function("PH_SetBinning", INT, INT)
    def set_binning(self, device: int, binning: int) -> int:
        """Set the width of a bin to 4 ps × 2^binning."""
        if code := within((binning, (0, ph.BINNINGS - 1))):
            return code
        self.counter.binning = binning
        return ph.OK

    @function("PH_SetOffset", INT, INT)
    def set_offset(self, device: int, picoseconds: int) -> int:
        """Set the time at which the histogram begins."""
        if code := within((picoseconds, ph.OFFSET_PS)):
            return code
        self.counter.offset_ps = picoseconds
        return ph.OK

    @function("PH_SetMultistopEnable", INT, INT)
    def set_multistop(self, device: int, enable: int) -> int:
        """Count all photons of a sync period, or the first one only."""
        self.counter.multistop = bool(enable)
        return within((enable, (0, 1)))

    @function("PH_SetMarkerEnable", INT, INT, INT, INT, INT)
    def set_markers(self, device: int, *enabled: int) -> int:
        """Accept: markers matter in the time-tagged modes only."""
        return within(*((value, (0, 1)) for value in enabled))

    @function("PH_SetMarkerEdges", INT, INT, INT, INT, INT)
    def set_edges(self, device: int, *edges: int) -> int:
        """Accept, likewise."""
        return within(*((value, (0, 1)) for value in edges))

    @function("PH_SetMarkerHoldoffTime", INT, INT)
    def set_holdoff(self, device: int, nanoseconds: int) -> int:
        """Accept a holdoff of the markers."""
        return within((nanoseconds, (0, ph.LONGEST_HOLDOFF_NS)))

    @function("PH_GetRoutingChannels", INT, INT_OUT)
    def routing_channels(self, device: int, channels: Any) -> int:
        """Without a router there is one detector."""
        channels[0] = 1
        return ph.OK

    @function("PH_EnableRouting", INT, INT)
    def enable_routing(self, device: int, enable: int) -> int:
        """Refuse to use a router that is not there."""
        return ph.INVALID_MODE if enable else ph.OK
