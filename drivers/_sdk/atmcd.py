"""Andor SDK2 (atmcd) through ctypes: signatures, return codes and their exceptions.

(SDK2 software guide, "Function reference".)
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any

from drivers._sdk.binding import invoke, load
from labctl.core.errors import Busy, DeviceFault, InstrumentError

# the letters are those of `binding.invoke`
SIGNATURES: dict[str, str] = {
    "GetAvailableCameras": "i*", "GetCameraHandle": "i i*", "SetCurrentCamera": "i", "Initialize": "s", "ShutDown": "",
    "GetHeadModel": "s*", "GetCameraSerialNumber": "i*", "GetDetector": "i* i*", "GetPixelSize": "f* f*",
    "GetTemperatureRange": "i* i*", "SetTemperature": "i", "GetTemperature": "i*", "CoolerON": "", "CoolerOFF": "",
    "IsCoolerOn": "i*", "SetCoolerMode": "i", "SetFanMode": "i",
    "GetNumberADChannels": "i*", "SetADChannel": "i", "GetBitDepth": "i i*", "GetNumberAmp": "i*", "SetOutputAmplifier": "i",
    "GetNumberHSSpeeds": "i i i*", "GetHSSpeed": "i i i f*", "SetHSSpeed": "i i",
    "GetNumberVSSpeeds": "i*", "GetVSSpeed": "i f*", "SetVSSpeed": "i", "GetFastestRecommendedVSSpeed": "i* f*",
    "GetNumberPreAmpGains": "i*", "GetPreAmpGain": "i f*", "SetPreAmpGain": "i", "IsPreAmpGainAvailable": "i i i i i*",
    "SetAcquisitionMode": "i", "SetReadMode": "i", "SetImage": "i i i i i i", "SetSingleTrack": "i i",
    "SetExposureTime": "f", "SetTriggerMode": "i", "SetShutter": "i i i i", "GetAcquisitionTimings": "f* f* f*",
    "GetReadOutTime": "f*", "StartAcquisition": "", "AbortAcquisition": "", "GetStatus": "i*", "GetAcquiredData16": "w u",
    "SetMultiTrack": "i i i i* i*", "SetRandomTracks": "i b", "SetNumberKinetics": "i", "SetKineticCycleTime": "f",
    "GetSizeOfCircularBuffer": "i*", "GetAcquisitionProgress": "i* i*", "SendSoftwareTrigger": "", "GetShutterMinTimes": "i* i*",
    "GetKeepCleanTime": "f*",
    "GetCapabilities": "p", "SetNumberAccumulations": "i", "SetAccumulationCycleTime": "f", "GetAcquiredData": "b u",
}

SUCCESS = 20002


class Capabilities(ctypes.Structure):
    """AndorCapabilities with 32-bit longs: what the camera can do, as bits (SDK2 guide, GetCapabilities)."""

    _fields_ = [(name, ctypes.c_uint32) for name in (
        "size", "acquisition_modes", "read_modes", "trigger_modes", "camera_type", "pixel_mode", "set_functions", "get_functions",
        "features", "pci_card", "em_gain", "frame_transfer_read_modes", "features2")]


TEMPERATURE_OFF, TEMPERATURE_NOT_STABILISED, TEMPERATURE_STABILISED = 20034, 20035, 20036
TEMPERATURE_NOT_REACHED, TEMPERATURE_DRIFT = 20037, 20040
ACQUIRING, IDLE, TEMPERATURE_CYCLE = 20072, 20073, 20074
NOT_SUPPORTED = 20991


class AndorError(DeviceFault):
    """The library returned an error; `code` is its number, `code_name` its name in the vendor's manual."""

    code = 0
    code_name = ""


class AndorCommunication(AndorError):
    """The camera does not answer the library."""


class AndorNoData(AndorError):
    """There is no new data."""


class AndorTemperature(AndorError):
    """A temperature is out of range, or cannot be read now."""


class AndorParameter(AndorError):
    """A parameter is not valid for this camera or in this mode."""


class AndorNotInitialised(AndorError):
    """The library has not been initialised, or the camera did not start."""


class AndorAcquiring(AndorError, Busy):
    """The camera is acquiring."""


class AndorIdle(AndorError):
    """The camera is idle: there is nothing to abort."""


class AndorNoCamera(AndorError):
    """There is no camera, or another program has it."""


class AndorNotSupported(AndorError):
    """The camera cannot do that."""


ERRORS: dict[int, tuple[str, type[AndorError]]] = {
    20013: ("DRV_ERROR_ACK", AndorCommunication), 20018: ("DRV_ACQ_BUFFER", AndorCommunication),
    20024: ("DRV_NO_NEW_DATA", AndorNoData), 20034: ("DRV_TEMP_OFF", AndorTemperature),
    20035: ("DRV_TEMP_NOT_STABILIZED", AndorTemperature), 20037: ("DRV_TEMP_NOT_REACHED", AndorTemperature),
    20038: ("DRV_TEMP_OUT_RANGE", AndorTemperature), 20040: ("DRV_TEMP_DRIFT", AndorTemperature),
    20049: ("DRV_GENERAL_ERRORS", AndorError), 20066: ("DRV_P1INVALID", AndorParameter), 20067: ("DRV_P2INVALID", AndorParameter),
    20068: ("DRV_P3INVALID", AndorParameter), 20069: ("DRV_P4INVALID", AndorParameter),
    20070: ("DRV_INIERROR", AndorNotInitialised),
    20072: ("DRV_ACQUIRING", AndorAcquiring), 20073: ("DRV_IDLE", AndorIdle), 20074: ("DRV_TEMPCYCLE", AndorAcquiring),
    20075: ("DRV_NOT_INITIALIZED", AndorNotInitialised), 20076: ("DRV_P5INVALID", AndorParameter),
    20077: ("DRV_P6INVALID", AndorParameter), 20078: ("DRV_INVALID_MODE", AndorParameter),
    20089: ("DRV_USBERROR", AndorCommunication),
    20095: ("DRV_INVALID_TRIGGER_MODE", AndorParameter), 20099: ("DRV_BINNING_ERROR", AndorParameter),
    20990: ("DRV_ERROR_NOCAMERA", AndorNoCamera), 20991: ("DRV_NOT_SUPPORTED", AndorNotSupported),
    20992: ("DRV_NOT_AVAILABLE", AndorNotSupported),
}
REMEDIES: Mapping[type[AndorError], str] = {
    AndorCommunication: "Check the USB cable and the camera's power, then reopen the bench.",
    AndorNoData: "Take the exposure again.", AndorAcquiring: "Wait for the end of the exposure, or abort it.",
    AndorNotInitialised: "Switch the camera on, then reopen the bench.",
    AndorNoCamera: "Switch the camera on and close other programs that use it.",
    AndorParameter: "Compare the options in the bench file with the camera's data sheet.",
    AndorNotSupported: "Compare the options in the bench file with the camera's data sheet.",
}


def vendor_library() -> Any:
    """Load the vendor's library; raises Disconnected if it is not installed."""
    return load("atmcd64d.dll", "libandor.so", "Andor SDK2")


class Library:
    """The library with its arguments and return codes made safe; `name` is the instrument that errors speak of."""

    def __init__(self, library: Any, name: str):
        self._library, self.name = library, name

    def code(self, function: str, *inputs: Any) -> tuple[int, list[Any]]:
        """Call a function; gives its return code and the values it wrote. A function the library lacks is NOT_SUPPORTED."""
        called = getattr(self._library, function, None)
        if called is None:
            return NOT_SUPPORTED, []
        return invoke(called, SIGNATURES[function], inputs, ctypes.c_uint32)

    def call(self, function: str, *inputs: Any, also: tuple[int, ...] = ()) -> Any:
        """Call a function and give what it wrote (one value, or a list); raises the exception of its code unless `also` has it."""
        code, outputs = self.code(function, *inputs)
        if code != SUCCESS and code not in also:
            raise self.error(function, code)
        return outputs[0] if len(outputs) == 1 else outputs

    def capabilities(self) -> Capabilities | None:
        """Ask what the camera can do; None from a library that has no such function."""
        told = Capabilities(size=ctypes.sizeof(Capabilities))
        self.call("GetCapabilities", told, also=(NOT_SUPPORTED,))
        return told if told.read_modes else None

    def error(self, function: str, code: int) -> InstrumentError:
        """Make the exception for a return code."""
        code_name, kind = ERRORS.get(code, (f"code {code}", AndorError))
        made = kind(self.name, f"{function} failed: {code_name} ({code}).", state="the camera is as it was before",
                    remedy=REMEDIES.get(kind, "See the SDK's manual for this code."))
        made.code, made.code_name = code, code_name
        return made
