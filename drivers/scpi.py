"""What SCPI instruments have in common: lines, numbers that have lost nothing on the way, the error queue, settings read back.

IEEE 488.2 answers a chain of questions in one message, joined by ";". Nothing acknowledges a command: a setting is read back, and
only if it was not taken is the error queue asked why.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar

from drivers.device import Device
from drivers.line import damaged
from labctl.core.errors import DeviceFault

NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d{2,3})?")
ERROR_ENTRY = re.compile(r'([+-]?\d+),\s*"(.*)"')
SAME = 1e-5             # relative: instruments round what they are told to their resolution


def number(text: str) -> float:
    """Read a number, refusing one whose exponent lost a digit on the way; raises ValueError."""
    if not NUMBER.fullmatch(text):
        raise ValueError(text)
    return float(text)


def switch_state(text: str) -> bool:
    """Read 0 or 1; raises ValueError."""
    if text not in ("0", "1"):
        raise ValueError(text)
    return text == "1"


def error_entry(text: str) -> tuple[int, str]:
    """Read an entry of the error queue; raises ValueError."""
    found = ERROR_ENTRY.fullmatch(text)
    if not found:
        raise ValueError(text)
    return int(found[1]), found[2]


def nearly(wanted: Any, found: Any) -> bool:
    """Tell whether a setting was taken, up to the instrument's resolution."""
    return found == wanted or (isinstance(wanted, float) and abs(found - wanted) <= SAME * abs(wanted))


def holding(wanted: float, found: float) -> bool:
    """Tell whether the range found is one that an instrument would choose for `wanted`: ranges are decades, usable to 105 %."""
    return wanted / 1.06 <= found <= 10.6 * wanted


class ScpiDevice(Device):
    """An instrument that speaks SCPI in lines ended by LF; `Reported` is the exception for its error queue."""

    Reported: ClassVar[type[DeviceFault]] = DeviceFault
    refused_remedy: ClassVar[str] = "Compare the model with the bench file."

    def ask(self, command: str, query_delay: float | None = None) -> str:
        """Ask a question."""
        def take(message: bytes) -> str:
            if not message.isascii() or not message.strip():
                raise damaged(self.name, message)
            return message.decode("ascii").strip()

        return self.port.ask(f"{command}\n".encode("ascii"), take)

    def write(self, command: str, **options: Any) -> None:
        """Give a command and look into the error queue; raises what it holds."""
        self.port.post(f"{command}\n".encode("ascii"))
        self.raise_errors()

    def raise_errors(self) -> None:
        """Raise the oldest entry of the error queue, if there is one, and clear the rest."""
        code, text = self.values("SYST:ERR?", maxsplit=0, cast=error_entry)[0]
        if code != 0:
            self.port.post(b"*CLS\n")
            raise self.Reported(self.name, f"it reports error {code}: {text}.", state="the last command was refused",
                                remedy=self.refused_remedy)

    def put(self, header: str, value: str, cast: Callable[[str], Any] = number, same: Callable[[Any, Any], bool] = nearly) -> None:
        """Set something and read it back; raises `Reported` if it was not taken, as `same(wanted, found)` judges."""
        self.port.post(f"{header} {value}\n".encode("ascii"))
        found = self.values(f"{header}?", cast=cast)[0]
        if same(cast(value), found):
            return
        self.raise_errors()
        raise self.Reported(self.name, f"it was told {header} {value} and says {found}.", state="the setting was not taken",
                            remedy=self.refused_remedy)
