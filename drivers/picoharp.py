"""PicoQuant PicoHarp 300 in histogramming mode: photons by their delay after the laser pulse, one histogram a reading.

The order of the calls is the manual's. Channel 0 is the sync (the laser), channel 1 the detector. A rate above 5 % of the sync
piles up; a bin that is full stops the measurement. The rate meters have a gate of 0.1 s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from drivers._sdk import phlib
from drivers._sdk.phlib import Library, vendor_library
from drivers.device import check_limits, option
from drivers.line import wire
from labctl.core.clock import Clock
from labctl.core.errors import InstrumentError, LimitError
from labctl.core.instrument import Coordinate, DetectorSpec, Identity, Meter, Readout

RATE_GATE_S = 0.1
EXPOSURE_S = (phlib.ACQUISITION_MS[0] * 1e-3, phlib.ACQUISITION_MS[1] * 1e-3)
OVERHEAD_S = 0.02          # unverified: clearing, stopping and reading 65536 channels
RESOLUTIONS_PS = [phlib.BASE_RESOLUTION_PS * 2**binning for binning in phlib.BINNINGS]
SYNC, DETECTOR = 0, 1


class PicoHarp300:
    """Time-correlated single-photon counter.

    `resolution_ps` is the width of a bin (4 to 512 ps, powers of two), `offset_ps` where the histogram begins; `sync_divider` is
    needed above 10 MHz; `sync_offset_ps` shifts the sync as a cable would; `sync_cfd` and `detector_cfd` are (level, zero cross) in
    mV; `bins` of the 65536 are kept; `index` is the number of the device in the library.
    """

    detectors: ClassVar[Mapping[str, DetectorSpec]] = {
        "histogram": DetectorSpec(signal="histogram", unit="counts", dims=("time_delay",), dtype="u4", long_name="Photons"),
    }
    axes: ClassVar = {}
    actions: ClassVar = {}
    panel: ClassVar[Sequence[Readout | Meter]] = [
        Readout("Sync", "sync_rate", "1/s"), Meter("Count rate", "count_rate", "1/s", 0.0, 1e6), Readout("Warnings", "warnings")]

    def __init__(self, lib: Any, *, clock: Clock, name: str, index: int = 0, resolution_ps: float = 4.0, offset_ps: int = 0,
                 sync_divider: int = 8, sync_offset_ps: int = 0, sync_cfd: Sequence[int] = (100, 10),
                 detector_cfd: Sequence[int] = (100, 10), bins: int = phlib.CHANNELS):
        self.clock, self.name = clock, name
        self.binning = RESOLUTIONS_PS.index(option(name, "resolution_ps", float(resolution_ps), RESOLUTIONS_PS))
        self.sync_divider = option(name, "sync_divider", sync_divider, list(phlib.SYNC_DIVIDERS))
        self.bins = option(name, "bins", bins, range(16, phlib.CHANNELS + 1))
        check_limits(name, "offset_ps", offset_ps, phlib.OFFSET_PS, "ps")
        check_limits(name, "sync_offset_ps", sync_offset_ps, phlib.SYNC_OFFSET_PS, "ps")
        self.cfd = [tuple(sync_cfd), tuple(detector_cfd)]
        for key, (level, zero_cross) in zip(("sync_cfd", "detector_cfd"), self.cfd, strict=True):
            option(name, f"{key}[0]", level, phlib.CFD_LEVEL_MV)
            option(name, f"{key}[1]", zero_cross, phlib.CFD_ZERO_CROSS_MV)
        self.offset_ps, self.sync_offset_ps = offset_ps, sync_offset_ps
        self._rates_at = clock.now()
        self.milliseconds = phlib.ACQUISITION_MS[0]
        self.sdk = Library(lib, name, index)
        self._is_open = False
        self._open()

    @staticmethod
    def load_library() -> Any:
        """Load the vendor's library."""
        return vendor_library()

    def _open(self) -> None:
        sdk = self.sdk
        sdk.call("PH_OpenDevice")
        self._is_open = True
        sdk.call("PH_Initialize", phlib.HISTOGRAMMING)
        sdk.call("PH_Calibrate")
        sdk.call("PH_SetSyncDiv", self.sync_divider)
        self._rates_at = self.clock.now() + RATE_GATE_S
        for channel, (level, zero_cross) in enumerate(self.cfd):
            sdk.call("PH_SetInputCFD", channel, level, zero_cross)
        sdk.call("PH_SetSyncOffset", self.sync_offset_ps)
        sdk.call("PH_SetBinning", self.binning)
        sdk.call("PH_SetOffset", self.offset_ps)
        sdk.call("PH_SetStopOverflow", 1, phlib.MOST_COUNTS)
        self.resolution_ps = float(sdk.call("PH_GetResolution"))

    # ------------------------------------------------------------ rates
    def _rate(self, channel: int) -> float:
        """Read a rate meter, not before its first gate has passed."""
        if (left := self._rates_at - self.clock.now()) > 0:
            self.clock.wait(left)
        return float(self.sdk.call("PH_GetCountRate", channel))

    @property
    def sync_rate(self) -> float:
        """Pulses per second at the sync input."""
        return self._rate(SYNC)

    repetition_rate_hz = sync_rate
    """The laser's repetition rate, as the sync sees it; 0 when there is no sync."""

    @property
    def count_rate(self) -> float:
        """Photons per second at the detector input."""
        return self._rate(DETECTOR)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the device finds wrong with rates and settings, by name; the rates are read first, as the manual asks."""
        self._rate(SYNC)
        self._rate(DETECTOR)
        return phlib.names(self.sdk.call("PH_GetWarnings"), phlib.WARNINGS)

    # ------------------------------------------------------------ exposing
    def check_exposure(self, exposure_s: float) -> None:
        """Raise LimitError unless an exposure can be asked for; touches nothing."""
        if not EXPOSURE_S[0] <= exposure_s <= EXPOSURE_S[1]:
            raise LimitError(self.name, f"an exposure of {exposure_s:g} s is outside {EXPOSURE_S[0]:g} to {EXPOSURE_S[1]:g} s.",
                             state="nothing was sent", remedy="Choose another exposure.")

    def frame_shape(self) -> tuple[int, ...]:
        """Give the shape of a reading."""
        return (self.bins,)

    def coordinates(self) -> dict[str, Coordinate]:
        """Give the delay of every bin, in ns, from the beginning of the bin."""
        delay_ns = (self.offset_ps + self.resolution_ps * np.arange(self.bins)) * 1e-3
        return {"time_delay": Coordinate(delay_ns, "ns", "Delay after the sync")}

    def configure(self, exposure_s: float) -> dict[str, float]:
        """Set the exposure, in whole milliseconds."""
        self.check_exposure(exposure_s)
        self.milliseconds = round(exposure_s * 1e3)
        return {"exposure_s": self.milliseconds * 1e-3, "resolution_ps": self.resolution_ps, "offset_ps": float(self.offset_ps)}

    def expose(self) -> None:
        """Start counting; ask `exposing` for its end."""
        self.sdk.call("PH_ClearHistMem", 0)
        self.sdk.call("PH_StartMeas", self.milliseconds)

    @property
    def exposing(self) -> bool:
        """True while it counts; a full bin ends it early."""
        return self.sdk.call("PH_CTCStatus") == 0

    def fetch(self) -> dict[str, Any]:
        """Give the histogram, uint32 (bins,), both rates, the seconds it really counted, and what is wrong with it as flags."""
        self.sdk.call("PH_StopMeas")
        counts = np.zeros(phlib.CHANNELS, dtype=np.uint32)
        self.sdk.call("PH_GetHistogram", counts, 0)
        flags = phlib.names(self.sdk.call("PH_GetFlags"), phlib.FLAGS)
        elapsed_s = float(self.sdk.call("PH_GetElapsedMeasTime")) * 1e-3
        warnings = self.warnings
        return {"histogram": counts[:self.bins], "sync_rate": self.sync_rate, "count_rate": self.count_rate,
                "counting_time": elapsed_s, "flags": (*flags, *warnings)}

    def abort(self) -> None:
        """End an exposure early; harmless when there is none."""
        self.sdk.call("PH_StopMeas")

    def cost(self, exposure_s: float) -> float:
        """Give the seconds of a reading."""
        return exposure_s + OVERHEAD_S

    # ------------------------------------------------------------ what every driver offers
    def identify(self) -> Identity:
        """Ask model, serial number and version."""
        model, _, version = self.sdk.call("PH_GetHardwareInfo")
        return Identity("PicoQuant", model, self.sdk.call("PH_GetSerialNumber"), version)

    def settings(self) -> dict[str, Any]:
        """Read what a run file should remember."""
        return {"resolution_ps": self.resolution_ps, "offset_ps": self.offset_ps, "sync_divider": self.sync_divider,
                "sync_offset_ps": self.sync_offset_ps, "sync_cfd_mv": list(self.cfd[SYNC]),
                "detector_cfd_mv": list(self.cfd[DETECTOR]), "sync_rate": self.sync_rate, "count_rate": self.count_rate,
                "warnings": list(self.warnings)}

    def park(self) -> None:
        """Stop counting."""
        self.abort()

    def make_safe(self) -> None:
        """The same: a counter hurts nobody. Its detector's shutter and supply are instruments of their own."""
        self.park()

    def shutdown(self) -> None:
        """Stop counting and close the device: the library keeps it locked otherwise, even after a crash."""
        self.park()
        self.close()

    def close(self) -> None:
        """Close the device, for the next program; harmless when it is closed or gone."""
        if self._is_open:
            self._is_open = False
            try:
                self.sdk.call("PH_CloseDevice")
            except InstrumentError as exc:
                wire.debug("%s ! closing failed: %s", self.name, exc)
