"""Return codes of the emulated Andor library."""

from __future__ import annotations

from typing import ClassVar


class Code:
    """The codes as the vendor numbers them."""

    SUCCESS = 20002
    NO_NEW_DATA = 20024
    GENERAL_ERRORS = 20049
    USB_ERROR, INVALID_TRIGGER_MODE, NO_CAMERA = 20089, 20095, 20990
    P1_INVALID, P2_INVALID, P3_INVALID, P4_INVALID, P5_INVALID, P6_INVALID = 20066, 20067, 20068, 20069, 20076, 20077
    ACQUIRING, IDLE, TEMPERATURE_CYCLE = 20072, 20073, 20074
    NOT_INITIALIZED = 20075
    NOT_SUPPORTED = 20991
    TEMPERATURE: ClassVar[dict[str, int]] = {"off": 20034, "not_stabilised": 20035, "stabilised": 20036, "not_reached": 20037,
                                           "drift": 20040}
