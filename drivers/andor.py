"""Andor CCD cameras (iDus, Newton) through SDK2: one spectrum a reading, cooled, in the order of calls that the manual asks for.

SDK2 software guide: "Data acquisition types", "Temperature control". Requested times are rounded by the camera, so the granted ones
are asked after all settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np

from drivers._sdk import atmcd
from drivers._sdk.atmcd import AndorParameter, Library, vendor_library
from drivers.device import check_limits, option
from labctl.core.clock import Clock
from labctl.core.errors import InstrumentError, LimitError
from labctl.core.instrument import DetectorSpec, Identity, Meter, Readout

READ_MODES = {"fvb": 0, "single_track": 3, "image": 4}
SINGLE_SCAN, ACCUMULATE = 1, 2
INTERNAL_TRIGGER = 0
ACCUMULATIONS = (1, 1000)
SHUTTER_AUTO, SHUTTER_OPEN, SHUTTER_CLOSED = 0, 1, 2
SHUTTER_TTL_HIGH_OPENS = 1
KEEP_COOLING_AFTER_CLOSING = 1
WARM_C = -20.0                 # below this the library must not be closed with the cooler off (manual)
WARM_LIMIT_S = 1700.0
EXPOSURE_S = (1e-5, 3600.0)    # the bench's own limits: the camera's are wider and differ

# Data-sheet figures of a Newton DU920P; unverified. The camera's own test sheet goes into the options.
GAIN_E_PER_COUNT = {1.0: 10.0, 2.0: 5.0, 4.0: 2.5}                 # by preamplifier gain
READ_NOISE_E = {3.0: 22.0, 1.0: 10.0, 0.05: 4.0}                   # by horizontal shift speed in MHz
PIXEL_WELL_E, REGISTER_WELL_E = 300e3, 1e6
BIAS_COUNTS = 300.0


class AndorCCD:
    """A CCD camera.

    `read_mode` is "fvb" (all rows summed), "single_track" (`track` = (centre row, height)) or "image"; `shutter` is "none", or
    "internal" if a shutter of the camera blanks the chip during readout; the speeds and gains are indices of the camera's tables;
    `accumulations` frames are summed to one reading, each as long as the exposure asked for;
    `gain_e_per_count` and `read_noise_e` replace the data sheet's figures. `index` is the camera's number in the library.
    """

    detectors: Mapping[str, DetectorSpec] = {
        "spectrum": DetectorSpec(signal="counts", unit="counts", dims=("pixel",), dtype="u4", long_name="Counts"),
    }
    axes: ClassVar = {}
    actions: ClassVar = {}
    panel: ClassVar = [Meter("Temperature", "temperature_c", "°C", -100.0, 20.0), Readout("State", "temperature_state")]

    def __init__(self, lib: Any, *, clock: Clock, name: str, index: int = 0, temperature_c: float = -60.0,
                 read_mode: Literal["fvb", "single_track", "image"] = "fvb", track: tuple[int, int] | None = None,
                 shutter: Literal["none", "internal"] = "none", ad_channel: int = 0, amplifier: int = 0, hs_speed: int = 0,
                 vs_speed: int | None = None, preamp: int = 0, accumulations: int = 1, gain_e_per_count: float | None = None,
                 read_noise_e: float | None = None, directory: str = ""):
        self.clock, self.name = clock, name
        self.read_mode = option(name, "read_mode", read_mode, list(READ_MODES))
        check_limits(name, "accumulations", accumulations, ACCUMULATIONS, "")
        self.accumulations = int(accumulations)
        self.gated = option(name, "shutter", shutter, ["none", "internal"]) == "internal"
        self.target_c = float(temperature_c)
        self._track = track
        self._speeds = (ad_channel, amplifier, hs_speed, vs_speed, preamp)
        self._own_gain, self._own_noise = gain_e_per_count, read_noise_e
        self._cooling = False
        self.granted: dict[str, float] = {}
        if self.read_mode == "image":
            self.detectors = {"image": DetectorSpec(signal="counts", unit="counts", dims=("row", "pixel"), dtype="u4")}
        self.sdk = Library(lib, name)
        self._open(index, directory)

    @staticmethod
    def load_library() -> Any:
        """Load the vendor's library."""
        return vendor_library()

    # ------------------------------------------------------------ setting up
    def _open(self, index: int, directory: str) -> None:
        """Choose the camera, initialise it and set what does not change from run to run."""
        sdk = self.sdk
        cameras = sdk.call("GetAvailableCameras")
        if not 0 <= index < cameras:
            raise InstrumentError(self.name, f"there is no camera {index}; the library sees {cameras}.", state="nothing was sent",
                                  remedy="Switch the camera on, or correct the number in the resource.")
        sdk.call("SetCurrentCamera", sdk.call("GetCameraHandle", index))
        sdk.call("Initialize", directory)
        self.columns, self.rows = sdk.call("GetDetector")
        sdk.call("SetCoolerMode", KEEP_COOLING_AFTER_CLOSING, also=(atmcd.NOT_SUPPORTED,))
        self._set_amplifier()
        self._set_read_mode()
        self._set_acquisition()
        sdk.call("SetTriggerMode", INTERNAL_TRIGGER)
        self._set_shutter(SHUTTER_CLOSED)

    def _set_amplifier(self) -> None:
        channel, amplifier, speed, vertical, preamp = self._speeds
        sdk = self.sdk
        sdk.call("SetADChannel", channel)
        sdk.call("SetOutputAmplifier", amplifier)
        sdk.call("SetHSSpeed", amplifier, speed)
        if vertical is None:
            vertical = sdk.call("GetFastestRecommendedVSSpeed")[0]
        sdk.call("SetVSSpeed", vertical)
        sdk.call("SetPreAmpGain", preamp)
        self.speed_mhz = float(sdk.call("GetHSSpeed", channel, amplifier, speed))
        self.shift_us = float(sdk.call("GetVSSpeed", vertical))
        self.preamp_gain = float(sdk.call("GetPreAmpGain", preamp))

    def _set_acquisition(self) -> None:
        if self.accumulations == 1:
            self.sdk.call("SetAcquisitionMode", SINGLE_SCAN)
            return
        self.sdk.call("SetAcquisitionMode", ACCUMULATE)
        self.sdk.call("SetNumberAccumulations", self.accumulations)
        self.sdk.call("SetAccumulationCycleTime", 0.0)     # as fast as it can

    def _set_read_mode(self) -> None:
        self.sdk.call("SetReadMode", READ_MODES[self.read_mode])
        if self.read_mode == "single_track":
            centre, height = self._track or (self.rows // 2, self.rows // 4)
            if height < 1 or centre - height // 2 < 1 or centre + (height - 1) // 2 > self.rows:
                raise InstrumentError(
                    self.name, f"the track of {height} rows around row {centre} does not fit on {self.rows} rows.",
                    state="not set", remedy="Correct the option track = [centre, height] in the bench file.")
            self.sdk.call("SetSingleTrack", centre, height)
        elif self.read_mode == "image":
            self.sdk.call("SetImage", 1, 1, 1, self.columns, 1, self.rows)

    def _set_shutter(self, mode: int) -> None:
        """Move the camera's own shutter; a camera without one does not mind."""
        self.sdk.call("SetShutter", SHUTTER_TTL_HIGH_OPENS, mode, 0, 0, also=(atmcd.NOT_SUPPORTED,))

    # ------------------------------------------------------------ temperature
    @property
    def temperature_c(self) -> float:
        """The chip's temperature in °C (int in the device)."""
        return self._temperature()[1]

    @property
    def temperature_state(self) -> str:
        """The cooler in words: "off", "stabilised", "not stabilised", "not reached" or "drifting"."""
        return self._temperature()[0]

    def _temperature(self) -> tuple[str, float]:
        """Ask temperature and state: the state is the return code."""
        states = {atmcd.TEMPERATURE_OFF: "off", atmcd.TEMPERATURE_NOT_STABILISED: "not stabilised",
                  atmcd.TEMPERATURE_STABILISED: "stabilised", atmcd.TEMPERATURE_NOT_REACHED: "not reached",
                  atmcd.TEMPERATURE_DRIFT: "drifting"}
        code, values = self.sdk.code("GetTemperature")
        if code not in states:
            raise self.sdk.error("GetTemperature", code)
        return states[code], float(values[0])

    def cool(self, temperature_c: float) -> None:
        """Start cooling (or warming) to a temperature; raises LimitError outside the camera's range."""
        low, high = self.sdk.call("GetTemperatureRange")
        check_limits(self.name, "temperature", temperature_c, (float(low), float(high)), "°C")
        self.sdk.call("SetTemperature", round(temperature_c))
        self.sdk.call("CoolerON")
        self.target_c, self._cooling = float(temperature_c), True

    def not_ready(self) -> str:
        """Start cooling if it has not been started; say why the camera cannot measure yet, or nothing when it can."""
        if not self._cooling:
            self.cool(self.target_c)
        state, temperature = self._temperature()
        return "" if state == "stabilised" else f"the chip is at {temperature:g} °C, {self.target_c:g} °C are wanted ({state})"

    # ------------------------------------------------------------ exposing
    def check_exposure(self, exposure_s: float) -> None:
        """Raise LimitError unless an exposure can be asked for; touches nothing."""
        if not EXPOSURE_S[0] <= exposure_s <= EXPOSURE_S[1]:
            raise LimitError(self.name, f"an exposure of {exposure_s:g} s is outside {EXPOSURE_S[0]:g} to {EXPOSURE_S[1]:g} s.",
                             state="nothing was sent", remedy="Choose another exposure; accumulate short ones for long totals.")

    def frame_shape(self) -> tuple[int, ...]:
        """Give the shape of a reading."""
        return (self.rows, self.columns) if self.read_mode == "image" else (self.columns,)

    def configure(self, exposure_s: float) -> dict[str, float]:
        """Set the exposure; gives what the camera grants and what turns counts into electrons.

        Effective exposure, read noise and saturation are those of the sum. Without a shutter the rows go on collecting light while
        they are shifted out: each frame is rows × shift time longer than the exposure.
        """
        self.check_exposure(exposure_s)
        self.sdk.call("SetExposureTime", exposure_s)
        self._set_shutter(SHUTTER_AUTO if self.gated else SHUTTER_OPEN)
        exposure, _, kinetic_cycle = self.sdk.call("GetAcquisitionTimings")
        shift_s = 0.0 if self.gated else self.rows * self.shift_us * 1e-6
        gain = self.gain_e_per_count
        frames = self.accumulations
        self.granted = {
            "exposure_s": float(exposure), "effective_exposure_s": frames * (float(exposure) + shift_s),
            "cycle_s": float(kinetic_cycle), "gain_e_per_count": gain, "read_noise_e": self.read_noise_e * frames**0.5,
            "saturation_counts": self._saturation(gain), **({"accumulations": float(frames)} if frames > 1 else {}),
        }
        return dict(self.granted)

    @property
    def gain_e_per_count(self) -> float:
        """Electrons per count at the preamplifier gain in use."""
        if self._own_gain is not None:
            return self._own_gain
        return _nearest(GAIN_E_PER_COUNT, self.preamp_gain, self.name)

    @property
    def read_noise_e(self) -> float:
        """Read noise in electrons at the readout speed in use."""
        return self._own_noise if self._own_noise is not None else _nearest(READ_NOISE_E, self.speed_mhz, self.name)

    def _saturation(self, gain: float) -> float:
        """Give the counts at which a single frame is saturated: converter, pixel well, or register well where rows are summed."""
        well = PIXEL_WELL_E if self.read_mode == "image" else REGISTER_WELL_E
        return self.accumulations * min(65535.0, well / gain + BIAS_COUNTS)

    def expose(self) -> None:
        """Start the exposure; ask `exposing` for its end."""
        self.sdk.call("StartAcquisition")

    @property
    def exposing(self) -> bool:
        """True while it exposes and reads out."""
        return self.sdk.call("GetStatus") == atmcd.ACQUIRING

    def fetch(self) -> dict[str, Any]:
        """Give the counts of the last exposure, shape `frame_shape()`, uint32, and the flag "saturated" where it applies."""
        shape = self.frame_shape()
        pixels = np.zeros(int(np.prod(shape)), dtype=np.uint16 if self.accumulations == 1 else np.int32)
        if self.accumulations == 1:
            self.sdk.call("GetAcquiredData16", pixels)
        else:                                              # the sum needs more than 16 bits
            self.sdk.call("GetAcquiredData", pixels, pixels.size)
        counts = pixels.reshape(shape).astype(np.uint32)
        saturated = counts.max() >= self.granted.get("saturation_counts", 65535.0)
        return {"counts": counts, "flags": ("saturated",) if saturated else ()}

    def abort(self) -> None:
        """End an exposure early; harmless when there is none."""
        self.sdk.call("AbortAcquisition", also=(atmcd.IDLE,))

    def cost(self, exposure_s: float) -> float:
        """Give the seconds of a reading, readout included (rows × shift, pixels ÷ speed)."""
        lines = self.rows if self.read_mode == "image" else 1
        return self.accumulations * (exposure_s + self.rows * self.shift_us * 1e-6 + lines * self.columns / (self.speed_mhz * 1e6))

    # ------------------------------------------------------------ what every driver offers
    def identify(self) -> Identity:
        """Ask the head's model and serial number."""
        return Identity("Andor", self.sdk.call("GetHeadModel"), str(self.sdk.call("GetCameraSerialNumber")))

    def settings(self) -> dict[str, Any]:
        """Read what a run file should remember."""
        state, temperature = self._temperature()
        return {
            "temperature_c": temperature, "temperature_state": state, "target_c": self.target_c, "read_mode": self.read_mode,
            "track": list(self._track) if self._track else None, "columns": self.columns, "rows": self.rows,
            "shutter": "internal" if self.gated else "none", "speed_mhz": self.speed_mhz, "shift_us": self.shift_us,
            "preamp_gain": self.preamp_gain, "accumulations": self.accumulations, **self.granted,
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
        self.sdk.call("CoolerOFF")
        give_up = self.clock.now() + WARM_LIMIT_S
        while self.temperature_c < WARM_C:
            if self.clock.now() > give_up:
                raise InstrumentError(self.name, f"the chip is still at {self.temperature_c:g} °C.",
                                      state="cooler off, library open",
                                      remedy="Leave the camera powered until it is above -20 °C.")
            self.clock.wait(2.0)
        self.sdk.call("ShutDown")


def _nearest(table: Mapping[float, float], key: float, name: str) -> float:
    """Give the entry whose key is nearest; raises AndorParameter if none is within 30 %."""
    best = min(table, key=lambda known: abs(known - key))
    if abs(best - key) > 0.3 * best:
        raise AndorParameter(name, f"the data sheet's table has no entry for {key:g}.",
                             remedy="Give gain_e_per_count and read_noise_e in the bench file.")
    return table[best]
