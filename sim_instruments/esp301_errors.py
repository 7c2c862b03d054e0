"""The error codes of the Newport ESP301 and their texts."""

from __future__ import annotations

NO_ERROR, EMERGENCY, UNKNOWN, OUT_OF_RANGE, BAD_AXIS, NO_AXIS, NO_PARAMETER = 0, 4, 6, 7, 9, 37, 38
RANGE, FOLLOWING, UPPER_SWITCH, LOWER_SWITCH, UPPER_LIMIT, LOWER_LIMIT, TOO_FAST, NOT_ENABLED, HOMING = 1, 3, 4, 5, 6, 7, 10, 13, 30
"""Errors of an axis; they are reported as axis × 100 + code."""

TEXTS = {
    NO_ERROR: "NO ERROR DETECTED", EMERGENCY: "EMERGENCY STOP ACTIVATED", UNKNOWN: "COMMAND DOES NOT EXIST",
    OUT_OF_RANGE: "PARAMETER OUT OF RANGE", BAD_AXIS: "AXIS NUMBER OUT OF RANGE", NO_AXIS: "AXIS NUMBER MISSING",
    NO_PARAMETER: "COMMAND PARAMETER MISSING"}
AXIS_TEXTS = {
    RANGE: "PARAMETER OUT OF RANGE", FOLLOWING: "FOLLOWING ERROR THRESHOLD EXCEEDED",
    UPPER_SWITCH: "POSITIVE HARDWARE LIMIT DETECTED",
    LOWER_SWITCH: "NEGATIVE HARDWARE LIMIT DETECTED", UPPER_LIMIT: "POSITIVE SOFTWARE LIMIT DETECTED",
    LOWER_LIMIT: "NEGATIVE SOFTWARE LIMIT DETECTED", TOO_FAST: "MAXIMUM VELOCITY EXCEEDED", NOT_ENABLED: "MOTOR NOT ENABLED",
    HOMING: "COMMAND NOT ALLOWED DURING HOMING"}


def text_of(code: int) -> str:
    """Give the text of an error as TB? shows it."""
    return TEXTS[code] if code < 100 else f"AXIS-{code // 100} {AXIS_TEXTS[code % 100]}"


class Fault(Exception):
    """A command was refused; `code` goes to the error memory, an axis' own code times its number is added there."""

    def __init__(self, code: int, *, of_axis: bool = False):
        super().__init__(code)
        self.code, self.of_axis = code, of_axis
