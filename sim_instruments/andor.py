"""Emulated Andor SDK2 (atmcd): the C functions, their codes and their order of calls, in front of an emulated Newton-like camera.

Written from the SDK's manual and public descriptions of it; constants of the camera are unverified. `make_sdk` is the bench's
factory, `make_lib` makes a library that stands alone, for other people's programs.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any

from sim_instruments.andor_camera import TEMPERATURES_C, AndorCamera
from sim_instruments.andor_codes import Code
from sim_instruments.andor_frames import FrameFunctions
from sim_instruments.andor_more import MoreFunctions
from sim_instruments.andor_settings import SettingFunctions
from sim_instruments.clock import Clock, RealClock
from sim_instruments.sdk import FLOAT_OUT, INT, INT_OUT, TEXT, TEXT_OUT, UINT, Library, function, write_text
from sim_instruments.twin.elements import Camera
from sim_instruments.wire import Unit, serial_number

HEAD_MODEL = "DU920P_BV"           # unverified
CONTROLLER_MODEL = "USB"           # unverified
FIRST_HANDLE = 100
CAMERA_TYPE_NEWTON = 8
BEFORE_INITIALIZE = {"Initialize", "GetAvailableCameras", "GetCameraHandle", "SetCurrentCamera", "GetCurrentCamera",
                     "GetVersionInfo"}
WITHOUT_CAMERA = BEFORE_INITIALIZE | {"ShutDown"}
WHILE_ACQUIRING = BEFORE_INITIALIZE | {"ShutDown", "AbortAcquisition", "SendSoftwareTrigger", "CancelWait"}

# SDK versions as GetVersionInfo numbers them.
SDK_VERSION, DRIVER_VERSION = 0x40000000, 0x40000001


class Capabilities(ctypes.Structure):
    """The structure AndorCapabilities, with 32-bit longs."""

    _fields_ = [(name, ctypes.c_uint32) for name in (
        "size", "acquisition_modes", "read_modes", "trigger_modes", "camera_type", "pixel_mode", "set_functions", "get_functions",
        "features", "pci_card", "em_gain", "ft_read_modes", "features2")]


CAPABILITIES = {
    "acquisition_modes": 1 | 2 | 4 | 8,               # single, video, accumulate, kinetic
    "read_modes": 1 | 2 | 4 | 8 | 16 | 32,            # image, subimage, single track, FVB, multi-track, random track
    "trigger_modes": 1 | 2 | 8 | 16,                  # internal, external, continuous, external start
    "camera_type": CAMERA_TYPE_NEWTON,
    "pixel_mode": 4,                                  # 16 bit, monochrome
    "set_functions": 1 | 2 | 4 | 0x200,               # vertical, horizontal, temperature, preamp
    "get_functions": 1 | 2 | 4 | 8,                   # temperature, target, range, detector
    "features": 1 | 8 | 128 | 512,                    # polling, shutter, fan, temperature during acquisition
}

NOT_SUPPORTED: dict[str, tuple[Any, ...]] = {
    "GetTriggerLevelRange": (FLOAT_OUT, FLOAT_OUT), "SetTriggerLevel": (ctypes.c_float,), "SetTriggerInvert": (INT,),
    "SetExternalTriggerTermination": (UINT,), "SetFrameTransferMode": (INT,), "InAuxPort": (INT, INT_OUT), "OutAuxPort": (INT, INT),
    "SetFastKinetics": (INT, INT, ctypes.c_float, INT, INT, INT), "GetEMCCDGain": (INT_OUT,), "SetEMCCDGain": (INT,),
}
"""Functions that exist and say that this camera cannot do it."""


class Atmcd(Library):
    """The library with one camera.

    Fault attributes: `not_cooled` (the temperature stays where it is), `over_temperature` (the cooler cannot hold it: it drifts),
    `shutter_stuck`, `unplugged` (USB errors; no camera is found), `power_cycle()`. `fire_trigger()` is the pulse on the camera's
    external trigger input. The option `shutter` ("internal", "external") puts a shutter before the chip that
    SetShutter drives; without one the chip sees the slit even while it is read.
    """

    internal_error = Code.GENERAL_ERRORS

    def __init__(self, camera: Camera, *, clock: Clock, seed: int = 0, options: Mapping[str, Any] | None = None):
        self.camera = AndorCamera(camera, clock, internal_shutter=(options or {}).get("shutter", "none") != "none")
        super().__init__(clock, SettingFunctions(self.camera), FrameFunctions(self.camera), MoreFunctions(self.camera))
        self.lock = self.camera.lock
        self.serial = int(serial_number(seed, camera.role, 4)) + 10_000
        self.initialised = self.unplugged = self.lost = False
        self.current = FIRST_HANDLE
        for name, types in NOT_SUPPORTED.items():
            self.export(name, types, lambda *arguments: Code.NOT_SUPPORTED)

    @property
    def not_cooled(self) -> bool:
        """Fault: the cooler runs, the temperature stays."""
        return self.camera.cooling.stuck

    @not_cooled.setter
    def not_cooled(self, value: bool) -> None:
        self.camera.cooling.stuck = value
        if value:
            self.camera.element.temperature_c.stop()
        else:
            self.camera.cooling.aim()

    @property
    def over_temperature(self) -> bool:
        """Fault: the cooler cannot carry the heat away, the chip warms up and says that it drifts."""
        return self.camera.cooling.too_hot

    @over_temperature.setter
    def over_temperature(self, value: bool) -> None:
        self.camera.cooling.too_hot = value
        self.camera.cooling.aim()

    @property
    def shutter_stuck(self) -> bool:
        """Fault: the shutter of the head stays where it is."""
        return self.camera.shutter_stuck

    @shutter_stuck.setter
    def shutter_stuck(self, value: bool) -> None:
        self.camera.shutter_stuck = value
        self.camera.move_shutter()

    def power_cycle(self) -> None:
        """Switch the camera off and on: its acquisition, settings and cooling are lost, and so is the library's hold on it."""
        with self.lock:
            self.camera.stop()
            self.camera.settings = self.camera.defaults()
            self.camera.cooling.on = self.camera.cooling.keeps = False
            self.camera.cooling.aim()
            self.lost = self.initialised

    def fire_trigger(self, width_s: float | None = None) -> bool:
        """Send a pulse to the external trigger input; False when the camera does not wait for one."""
        with self.lock:
            return self.camera.acquiring and self.camera.trigger(width_s)

    def guard(self, name: str, implementation: Any, arguments: tuple[Any, ...]) -> int:
        """Refuse calls before Initialize, and changes while an acquisition runs."""
        if name.startswith("WaitFor"):        # waits must not hold the lock
            return implementation(*arguments) if self.initialised else Code.NOT_INITIALIZED
        with self.lock:
            if not self.initialised and name not in BEFORE_INITIALIZE:
                return Code.NOT_INITIALIZED
            if (self.unplugged or self.lost) and name not in WITHOUT_CAMERA:
                return Code.USB_ERROR
            reads = name.startswith("Get") and not name.startswith("GetAcquiredData")
            if self.camera.acquiring and not reads and not name.startswith("Is") and name not in WHILE_ACQUIRING:
                return Code.ACQUIRING
            return implementation(*arguments)

    # -------------------------------------------------------------- identity and session
    @function("GetAvailableCameras", INT_OUT)
    def count_cameras(self, total: Any) -> int:
        """There is one, unless it is unplugged."""
        total[0] = 0 if self.unplugged else 1
        return Code.SUCCESS

    @function("GetCameraHandle", INT, INT_OUT)
    def camera_handle(self, index: int, handle: Any) -> int:
        """Give the handle of a camera by index."""
        if index != 0:
            return Code.P1_INVALID
        handle[0] = FIRST_HANDLE
        return Code.SUCCESS

    @function("SetCurrentCamera", INT)
    def set_current_camera(self, handle: int) -> int:
        """Select a camera by handle."""
        return Code.SUCCESS if handle == FIRST_HANDLE else Code.P1_INVALID

    @function("GetCurrentCamera", INT_OUT)
    def current_camera(self, handle: Any) -> int:
        """Give the selected handle."""
        handle[0] = self.current
        return Code.SUCCESS

    @function("Initialize", TEXT)
    def initialise(self, directory: bytes) -> int:
        """Open the camera: settings as after power-up, cooling as it was left."""
        if self.unplugged:
            return Code.NO_CAMERA
        self.camera.stop()
        self.camera.settings = self.camera.defaults()
        self.initialised, self.lost = True, False
        return Code.SUCCESS

    @function("ShutDown")
    def shut_down(self) -> int:
        """Close the camera; an acquisition is lost, and so is the cold unless SetCoolerMode asked to keep it."""
        self.camera.stop()
        if self.camera.cooling.on and not self.camera.cooling.keeps:
            self._switch_cooler(False)
        self.initialised = self.lost = False
        return Code.SUCCESS

    @function("GetHeadModel", TEXT_OUT)
    def head_model(self, text: int) -> int:
        """Give the model of the head."""
        write_text(text, HEAD_MODEL)
        return Code.SUCCESS

    @function("GetControllerCardModel", TEXT_OUT)
    def controller_model(self, text: int) -> int:
        """Give the model of the controller."""
        write_text(text, CONTROLLER_MODEL)
        return Code.SUCCESS

    @function("GetCameraSerialNumber", INT_OUT)
    def serial_number(self, number: Any) -> int:
        """Give the serial number, always the same for a bench seed."""
        number[0] = self.serial
        return Code.SUCCESS

    @function("GetVersionInfo", INT, TEXT_OUT, UINT)
    def version(self, which: int, text: int, room: int) -> int:
        """Give the version of SDK or driver."""
        if which not in (SDK_VERSION, DRIVER_VERSION):
            return Code.P1_INVALID
        write_text(text, "2.104.30000.0", room)
        return Code.SUCCESS

    @function("GetCapabilities", ctypes.POINTER(Capabilities))
    def capabilities(self, structure: Any) -> int:
        """Fill in what the camera can do."""
        if structure[0].size < ctypes.sizeof(Capabilities):
            return Code.P1_INVALID
        for name, value in CAPABILITIES.items():
            setattr(structure[0], name, value)
        return Code.SUCCESS

    # -------------------------------------------------------------- cooling
    @function("GetTemperatureRange", INT_OUT, INT_OUT)
    def temperature_range(self, lowest: Any, highest: Any) -> int:
        """Give the range of set-points, °C."""
        lowest[0], highest[0] = TEMPERATURES_C
        return Code.SUCCESS

    @function("SetTemperature", INT)
    def set_temperature(self, celsius: int) -> int:
        """Set the set-point."""
        if not TEMPERATURES_C[0] <= celsius <= TEMPERATURES_C[1]:
            return Code.P1_INVALID
        self.camera.cooling.setpoint_c = float(celsius)
        if self.camera.cooling.on:
            self.camera.cooling.aim()
        return Code.SUCCESS

    @function("CoolerON")
    def cooler_on(self) -> int:
        """Start cooling."""
        return self._switch_cooler(True)

    @function("CoolerOFF")
    def cooler_off(self) -> int:
        """Let the chip warm up."""
        return self._switch_cooler(False)

    def _switch_cooler(self, on: bool) -> int:
        self.camera.cooling.on = on
        self.camera.cooling.aim()
        return Code.SUCCESS

    @function("IsCoolerOn", INT_OUT)
    def is_cooler_on(self, on: Any) -> int:
        """Tell the switch of the cooler."""
        on[0] = int(self.camera.cooling.on)
        return Code.SUCCESS

    @function("GetTemperature", INT_OUT)
    def temperature(self, celsius: Any) -> int:
        """Give the temperature rounded to 1 °C; the state of the cooling is the return code."""
        celsius[0] = round(self.camera.element.temperature_c.position)
        return Code.TEMPERATURE[self.camera.cooling.state()]

    @function("GetTemperatureF", FLOAT_OUT)
    def temperature_float(self, celsius: Any) -> int:
        """Give the temperature; the state of the cooling is the return code."""
        celsius[0] = self.camera.element.temperature_c.position
        return Code.TEMPERATURE[self.camera.cooling.state()]

    @function("SetFanMode", INT)
    def set_fan_mode(self, mode: int) -> int:
        """Full, low, off."""
        return Code.SUCCESS if mode in (0, 1, 2) else Code.P1_INVALID

    @function("SetCoolerMode", INT)
    def set_cooler_mode(self, mode: int) -> int:
        """Keep cooling after ShutDown (1) or not (0)."""
        if mode not in (0, 1):
            return Code.P1_INVALID
        self.camera.cooling.keeps = bool(mode)
        return Code.SUCCESS


def make_sdk(units: Sequence[Unit], *, twin: Any = None, clock: Clock, seed: int = 0) -> Atmcd:
    """Make the library behind one SDK resource of a bench; the camera is the twin's, or one that sees only the dark."""
    unit = units[0]
    element = unit.element if isinstance(unit.element, Camera) else _lone_camera(clock, seed, unit.role, -60.0)
    return Atmcd(element, clock=clock, seed=seed, options=unit.options)


def make_lib(*, twin: Any = None, clock: Clock | None = None, seed: int = 0, speed: float = 1.0) -> Atmcd:
    """Make a library for programs that expect a vendor's, with the camera of `twin` or a warm one that sees only the dark."""
    clock = clock or RealClock(speed)
    cameras = [element for element in twin.elements.values() if isinstance(element, Camera)] if twin is not None else []
    return Atmcd(cameras[0] if cameras else _lone_camera(clock, seed, "ccd", 20.0), clock=clock, seed=seed)


def _lone_camera(clock: Clock, seed: int, role: str, temperature_c: float) -> Camera:
    """Make a camera in front of which nothing shines."""
    from sim_instruments.twin.twin import PathItem, Twin

    path = [PathItem("source", "supercontinuum", {"emission": False}), PathItem(role, "camera", {"temperature_c": temperature_c})]
    element = Twin(path, sample="ying2021", clock=clock, bench_seed=seed).element(role)
    assert isinstance(element, Camera)   # noqa: S101  the path says so
    return element
