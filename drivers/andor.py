"""Andor CCD cameras (iDus, Newton) through SDK2: a spectrum, tracks, an image or a series of them a reading, cooled.

In the order of calls that the manual asks for (SDK2 guide, "Acquisition modes", "Readout modes", "Trigger modes", "Temperature
control"). Requested times are rounded by the camera, so the granted ones are asked after all settings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np

from drivers._sdk import atmcd
from drivers._sdk.atmcd import Library, vendor_library
from drivers.andor_amplifier import BIAS_COUNTS, PIXEL_WELL_E, REGISTER_WELL_E, Choice, set_amplifier, tables
from drivers.andor_areas import CAPABILITY, Chip, set_area, set_even_tracks
from drivers.andor_cooling import Cooling
from drivers.device import check_limits, option
from labctl.core.clock import Clock
from labctl.core.errors import InstrumentError, LimitError
from labctl.core.instrument import Coordinate, DetectorSpec, Identity, Meter, Readout

SINGLE_SCAN, ACCUMULATE, KINETIC = 1, 2, 3
TRIGGERS = {"internal": 0, "external": 1, "external_start": 6, "external_exposure": 7, "software": 10}
TRIGGER_CAPABILITY = {"internal": 1, "external": 2, "external_start": 16}      # bits by which a camera says that it can
ACCUMULATIONS, FRAMES = (1, 1000), (1, 100_000)
SHUTTER_AUTO, SHUTTER_OPEN, SHUTTER_CLOSED = 0, 1, 2
SHUTTER_TTL_HIGH_OPENS = 1
SHUTTER_MS = (0, 10_000)
FANS = {"full": 0, "low": 1, "off": 2}
EXPOSURE_S = (1e-5, 3600.0)    # the bench's own limits: the camera's are wider and differ
LATENESS_S = 0.02              # between a start and the camera's own beginning (unverified): light closes later, never too early
SMEARED = 0.01                 # of the exposure: an image that is read in the light for longer is flagged


class AndorCCD:
    """A CCD camera.

    `read_mode` is "fvb" (all rows summed), "single_track" (`track` = [centre row, height]), "multi_track" (`tracks` = [number,
    height, offset], spread evenly), "random_track" (`tracks` = [[first row, last row], ...]) or "image" (`region` = [left, right,
    low, high], `binning` = [columns, rows]). `accumulations` exposures are summed to a frame; `frames` > 1 takes a kinetic series,
    a frame every `cycle_s`. `trigger` is "internal", "external" (a pulse an exposure), "external_start" (one for the whole series),
    "external_exposure" (the pulse is the exposure: say its length as the exposure) or "software" (by `expose`).

    `shutter` is "none", or "internal"/"external" if one at the camera blanks the chip during readout (it takes `opening_ms`,
    `closing_ms`); `light_gated` says that the light itself is there only during the exposure, because the trigger switches it.
    Speeds and gains are indices of the camera's tables; `gain_e_per_count` and `read_noise_e` replace the data sheet's figures;
    `fan` is "full", "low" or "off". `index` is the camera's number in the library.
    """

    detectors: Mapping[str, DetectorSpec] = {
        "spectrum": DetectorSpec(signal="counts", unit="counts", dims=("pixel",), dtype="u4", long_name="Counts"),
    }
    axes: ClassVar = {}
    actions: ClassVar = {}
    panel: ClassVar = [Meter("Temperature", "temperature_c", "°C", -100.0, 20.0), Readout("State", "temperature_state"),
                       Readout("Frames", "progress")]

    def __init__(self, lib: Any, *, clock: Clock, name: str, index: int = 0, temperature_c: float = -60.0,
                 read_mode: Literal["fvb", "single_track", "multi_track", "random_track", "image"] = "fvb",
                 track: Sequence[int] | None = None, tracks: Sequence[Any] | None = None, region: Sequence[int] | None = None,
                 binning: Sequence[int] = (1, 1), accumulations: int = 1, frames: int = 1, cycle_s: float = 0.0,
                 trigger: Literal["internal", "external", "external_start", "external_exposure", "software"] = "internal",
                 light_gated: bool = False, shutter: Literal["none", "internal", "external"] = "none", opening_ms: int = 0,
                 closing_ms: int = 0, ad_channel: int = 0, amplifier: int = 0, hs_speed: int = 0, vs_speed: int | None = None,
                 preamp: int = 0, gain_e_per_count: float | None = None, read_noise_e: float | None = None,
                 fan: Literal["full", "low", "off"] = "full", directory: str = ""):
        self.clock, self.name = clock, name
        check_limits(name, "accumulations", accumulations, ACCUMULATIONS, "")
        check_limits(name, "frames", frames, FRAMES, "")
        check_limits(name, "cycle_s", cycle_s, (0.0, 3600.0), "s")
        self.accumulations, self.frames, self.cycle_s = int(accumulations), int(frames), float(cycle_s)
        self.trigger = option(name, "trigger", trigger, list(TRIGGERS))
        if self.trigger == "software" and (self.frames, self.accumulations) != (1, 1):
            raise InstrumentError(name, "the software trigger takes single frames.", state="nothing was sent",
                                  remedy="Set frames and accumulations to 1, or choose another trigger.")
        self.shutter = option(name, "shutter", shutter, ["none", "internal", "external"])
        self.gated = self.shutter != "none" or light_gated
        self._shutter_ms = (closing_ms, opening_ms)
        self._fan = FANS[option(name, "fan", fan, list(FANS))]
        self._choice = Choice(ad_channel, amplifier, hs_speed, vs_speed, preamp)
        self._own_gain, self._own_noise = gain_e_per_count, read_noise_e
        self._lit_s = self._lit_until = 0.0        # from a start to the end of the last exposure, and when that is
        self.granted: dict[str, float] = {}
        self.sdk = Library(lib, name)
        self.cooling = Cooling(self.sdk, clock=clock, name=name, target_c=temperature_c)
        self._open(index, directory, read_mode, {"track": track, "tracks": tracks, "region": region, "binning": binning})
        self.detectors = self._declared()

    @staticmethod
    def load_library() -> Any:
        """Load the vendor's library."""
        return vendor_library()

    # ------------------------------------------------------------ setting up
    def _open(self, index: int, directory: str, read_mode: str, area: dict[str, Any]) -> None:
        """Choose the camera, initialise it and set what does not change from run to run."""
        sdk = self.sdk
        cameras = sdk.call("GetAvailableCameras")
        if not 0 <= index < cameras:
            raise InstrumentError(self.name, f"there is no camera {index}; the library sees {cameras}.", state="nothing was sent",
                                  remedy="Switch the camera on, or correct the number in the resource.")
        sdk.call("SetCurrentCamera", sdk.call("GetCameraHandle", index))
        sdk.call("Initialize", directory)
        self.columns, self.rows = sdk.call("GetDetector")
        wanted = Chip(self.name, self.columns, self.rows).area(read_mode, **area)
        self._check_capabilities(read_mode)
        self.cooling.keep_after_closing()
        sdk.call("SetFanMode", self._fan, also=(atmcd.NOT_SUPPORTED,))
        self.amplifier = set_amplifier(sdk, self._choice)
        offset = area["tracks"][2] if read_mode == "multi_track" and len(area["tracks"]) > 2 else 0
        self.area = set_even_tracks(sdk, wanted, offset) if read_mode == "multi_track" else set_area(sdk, wanted)
        self._set_acquisition()
        sdk.call("SetTriggerMode", TRIGGERS[self.trigger])
        self._check_shutter()
        self._set_shutter(SHUTTER_CLOSED)

    def _check_capabilities(self, read_mode: str) -> None:
        """Refuse what the camera says that it cannot do; a library that says nothing is believed."""
        can = self.sdk.capabilities()
        if can is None:
            return
        bit = TRIGGER_CAPABILITY.get(self.trigger, 0)
        for what, key, good in ((read_mode, "read_mode", can.read_modes & CAPABILITY[read_mode]),
                                (self.trigger, "trigger", not bit or can.trigger_modes & bit)):
            if not good:
                raise InstrumentError(self.name, f"this camera has no {what}.", state="not set",
                                      remedy=f"Correct the option {key} in the bench file.")

    def _set_acquisition(self) -> None:
        single = self.accumulations == 1
        mode = KINETIC if self.frames > 1 else SINGLE_SCAN if single else ACCUMULATE
        self.sdk.call("SetAcquisitionMode", mode)
        if mode != SINGLE_SCAN:
            self.sdk.call("SetNumberAccumulations", self.accumulations)
            self.sdk.call("SetAccumulationCycleTime", 0.0)     # as fast as it can
        if mode == KINETIC:
            self.sdk.call("SetNumberKinetics", self.frames)
            self.sdk.call("SetKineticCycleTime", self.cycle_s)
            room = self.sdk.call("GetSizeOfCircularBuffer")
            if self.frames > room:
                raise InstrumentError(
                    self.name, f"a series of {self.frames} frames does not fit into the library's memory of {room}.",
                    state="not set", remedy="Take fewer frames, or read less of the chip.")

    def _check_shutter(self) -> None:
        if self.shutter == "none":
            return
        least = self.sdk.call("GetShutterMinTimes", also=(atmcd.NOT_SUPPORTED,)) or (0, 0)
        for what, milliseconds, shortest in zip(("closing_ms", "opening_ms"), self._shutter_ms, least, strict=True):
            check_limits(self.name, what, milliseconds, (max(shortest, SHUTTER_MS[0]), SHUTTER_MS[1]), "ms")

    def _set_shutter(self, mode: int) -> None:
        """Move the camera's own shutter; a camera without one does not mind."""
        self.sdk.call("SetShutter", SHUTTER_TTL_HIGH_OPENS, mode, *self._shutter_ms, also=(atmcd.NOT_SUPPORTED,))

    def _declared(self) -> dict[str, DetectorSpec]:
        """Declare what a reading is: an image, or spectra of one or several tracks; a series has its frames first."""
        dims = (("frame",) if self.frames > 1 else ()) + self.area.dims
        spec = DetectorSpec(signal="counts", unit="counts", dims=dims, dtype="u4", long_name="Counts", blanked=self.gated)
        if self.shutter != "none" and self.trigger == "internal":
            spec = replace(spec, poll="gathering", reading="exposing")
        return {"image" if self.area.mode == "image" else "spectrum": spec}

    # ------------------------------------------------------------ temperature
    @property
    def temperature_c(self) -> float:
        """The chip's temperature in °C (int in the device)."""
        return self.cooling.look()[1]

    @property
    def temperature_state(self) -> str:
        """The cooler in words: "off", "stabilised", "not stabilised", "not reached" or "drifting"."""
        return self.cooling.look()[0]

    def cool(self, temperature_c: float) -> None:
        """Start cooling (or warming) to a temperature; raises LimitError outside the camera's range."""
        self.cooling.start(temperature_c)

    def not_ready(self) -> str:
        """Start cooling if it has not been started; say why the camera cannot measure yet, or nothing when it can."""
        return self.cooling.not_ready()

    # ------------------------------------------------------------ exposing
    def check_exposure(self, exposure_s: float) -> None:
        """Raise LimitError unless an exposure can be asked for; touches nothing."""
        if not EXPOSURE_S[0] <= exposure_s <= EXPOSURE_S[1]:
            raise LimitError(self.name, f"an exposure of {exposure_s:g} s is outside {EXPOSURE_S[0]:g} to {EXPOSURE_S[1]:g} s.",
                             state="nothing was sent", remedy="Choose another exposure; accumulate short ones for long totals.")

    def frame_shape(self) -> tuple[int, ...]:
        """Give the shape of a reading: (frames where a series,) lines where several, pixels."""
        return ((self.frames,) if self.frames > 1 else ()) + self.area.shape

    @property
    def columns_read(self) -> tuple[int, int, int]:
        """First and last column of a line, from 1, and how many make a pixel of it."""
        return (*self.area.columns, self.area.binning)

    def coordinates(self) -> dict[str, Coordinate]:
        """Give the times of the frames of a series (s), and the middle rows of the lines."""
        found = {}
        if self.frames > 1:
            cycle = self.granted.get("cycle_s", self.cycle_s)
            found["frame"] = Coordinate(np.arange(self.frames) * cycle, "s", "Time since the start of the series")
        if len(self.area.shape) > 1:
            middles = np.array([(first + last) / 2.0 for first, last in self.area.rows])
            found[self.area.dims[0]] = Coordinate(middles, "", "Row of the chip, from 1")
        return found

    @property
    def shift_s(self) -> float:
        """How much longer than the exposure a line collects light: each of its rows is shifted through the light once."""
        return 0.0 if self.gated else float(np.mean(self.area.heights)) * self.amplifier.shift_us * 1e-6

    def configure(self, exposure_s: float) -> dict[str, float]:
        """Set the exposure; gives what the camera grants and what turns counts into electrons.

        Effective exposure, read noise and saturation are those of a frame, which is a sum. Without a shutter the rows go on
        collecting light while they are shifted out: each exposure is rows of a line × shift time longer.
        """
        self.check_exposure(exposure_s)
        self.sdk.call("SetExposureTime", exposure_s)
        self._set_shutter(SHUTTER_AUTO if self.shutter != "none" else SHUTTER_OPEN)
        exposure, cycle, kinetic_cycle = self.sdk.call("GetAcquisitionTimings")
        self._lit_s = (self.frames - 1) * float(kinetic_cycle) + (self.accumulations - 1) * float(cycle) + float(exposure)
        if self.shutter != "none":
            cleaning = self.sdk.call("GetKeepCleanTime", also=(atmcd.NOT_SUPPORTED,)) or 0.0
            self._lit_s += float(cleaning) + self._shutter_ms[1] * 1e-3 + LATENESS_S
        gain, summed = self.gain_e_per_count, self.accumulations
        self.granted = {
            "exposure_s": float(exposure), "effective_exposure_s": summed * (float(exposure) + self.shift_s),
            "cycle_s": float(kinetic_cycle), "gain_e_per_count": gain, "read_noise_e": self.read_noise_e * summed**0.5,
            "saturation_counts": self._saturation(gain), **({"accumulations": float(summed)} if summed > 1 else {}),
        }
        return dict(self.granted)

    @property
    def gain_e_per_count(self) -> float:
        """Electrons per count at the preamplifier gain in use."""
        return self._own_gain if self._own_gain is not None else self.amplifier.gain_e_per_count(self.name)

    @property
    def read_noise_e(self) -> float:
        """Read noise in electrons at the readout speed in use."""
        return self._own_noise if self._own_noise is not None else self.amplifier.read_noise_e(self.name)

    def _saturation(self, gain: float) -> float:
        """Give the counts at which a frame is saturated: converter, pixel well, or register well where pixels are summed."""
        well = REGISTER_WELL_E if self.area.summed else PIXEL_WELL_E
        return self.accumulations * min(2.0**self.amplifier.bits - 1.0, well / gain + BIAS_COUNTS)

    def expose(self) -> None:
        """Start the exposure, or wait for its trigger; ask `exposing` for its end."""
        self.sdk.call("StartAcquisition")
        self._lit_until = self.clock.now() + self._lit_s
        if self.trigger == "software":
            self.sdk.call("SendSoftwareTrigger")

    @property
    def exposing(self) -> bool:
        """True while it waits for a trigger, exposes and reads out."""
        return self.sdk.call("GetStatus") == atmcd.ACQUIRING

    @property
    def gathering(self) -> bool:
        """True until the shutter of the camera has ended its last exposure; the read-out that follows takes no light.

        The library has no word for it: by the time a cleaning cycle, the opening and the exposures take after the start.
        """
        return self.clock.now() < self._lit_until and self.exposing

    @property
    def progress(self) -> str:
        """How far the acquisition is: frames taken, and exposures of the present one."""
        summed, frames = self.sdk.call("GetAcquisitionProgress")
        return f"{frames} of {self.frames}" + (f", {summed} of {self.accumulations} exposures" if self.accumulations > 1 else "")

    def fetch(self) -> dict[str, Any]:
        """Give the counts of the last acquisition, shape `frame_shape()`, uint32, and the flags that apply.

        "saturated": a frame is; "smeared": an image was read in the light for more than 1 % of its exposure.
        """
        shape = self.frame_shape()
        pixels = np.zeros(int(np.prod(shape)), dtype=np.uint16 if self.accumulations == 1 else np.int32)
        if self.accumulations == 1:
            self.sdk.call("GetAcquiredData16", pixels)
        else:                                              # the sum needs more than 16 bits
            self.sdk.call("GetAcquiredData", pixels, pixels.size)
        counts = pixels.reshape(shape).astype(np.uint32)
        flags = ("saturated",) if counts.max() >= self.granted.get("saturation_counts", 65535.0) else ()
        smeared = self.area.mode == "image" and not self.gated and self._readout_s() > SMEARED * self.granted.get("exposure_s", 0.0)
        return {"counts": counts, "flags": (*flags, "smeared") if smeared else flags}

    def abort(self) -> None:
        """End an exposure early; harmless when there is none."""
        self.sdk.call("AbortAcquisition", also=(atmcd.IDLE,))

    def _readout_s(self) -> float:
        """Give the seconds to read a frame: the shutter's, rows × shift, pixels ÷ speed."""
        lines, moving_s = len(self.area.rows), sum(self._shutter_ms) * 1e-3
        return moving_s + self.rows * self.amplifier.shift_us * 1e-6 + lines * self.columns / (self.amplifier.speed_mhz * 1e6)

    def cost(self, exposure_s: float) -> float:
        """Give the seconds of a reading, readout included, triggers that come late not."""
        return self.frames * max(self.cycle_s, self.accumulations * (exposure_s + self._readout_s()))

    def lit_s(self, exposure_s: float) -> float:
        """Give the seconds for which a reading wants light: a single exposure, or all of a sum or a series."""
        return exposure_s if self.frames == self.accumulations == 1 else self.cost(exposure_s)

    # ------------------------------------------------------------ what every driver offers
    def tables(self) -> dict[str, list[float]]:
        """Ask which speeds and gains the options hs_speed, vs_speed and preamp choose from."""
        return tables(self.sdk, self._choice.ad_channel, self._choice.amplifier)

    def identify(self) -> Identity:
        """Ask the head's model and serial number."""
        return Identity("Andor", self.sdk.call("GetHeadModel"), str(self.sdk.call("GetCameraSerialNumber")))

    def settings(self) -> dict[str, Any]:
        """Read what a run file should remember."""
        state, temperature = self.cooling.look()
        used = self.amplifier
        return {
            "temperature_c": temperature, "temperature_state": state, "target_c": self.cooling.target_c,
            "read_mode": self.area.mode,
            "lines": [list(rows) for rows in self.area.rows] if len(self.area.rows) <= 32 else len(self.area.rows),
            "columns_read": list(self.columns_read), "columns": self.columns, "rows": self.rows, "trigger": self.trigger,
            "shutter": self.shutter, "gated": self.gated, "speed_mhz": used.speed_mhz, "shift_us": used.shift_us,
            "preamp_gain": used.preamp_gain, "bits": used.bits, "accumulations": self.accumulations, "frames": self.frames,
            **self.granted,
        }

    def park(self) -> None:
        """Abort, close the camera's shutter; the cooling is left alone."""
        self.abort()
        self._set_shutter(SHUTTER_CLOSED)

    def make_safe(self) -> None:
        """The same: a camera hurts nobody."""
        self.park()

    def shutdown(self) -> None:
        """Park, warm up above −20 °C and close the library; raises InstrumentError if it does not get warm."""
        self.park()
        self.cooling.warm_up()
        self.sdk.call("ShutDown")
