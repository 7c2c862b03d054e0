"""Settings that a SCPI device only has to remember: declared once, they answer to the command and to the query."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sim_instruments.scpi import ScpiDevice, ScpiError, header_pattern, number, switch


@dataclass(frozen=True)
class Setting:
    """One remembered value: its header as the manual prints it, its *RST value, how it is read and shown."""

    header: str
    default: Any
    read: Callable[[str], Any]
    show: Callable[[Any], str]
    limits: tuple[float, float] | None = None     # answers to `? MIN` and `? MAX`


def real(header: str, default: float, low: float, high: float, form: str = "+.6E") -> Setting:
    """Declare a decimal number."""
    return Setting(header, default, lambda argument: number(argument, low, high, default), lambda value: format(value, form),
                   (low, high))


def integer(header: str, default: int, low: int, high: int) -> Setting:
    """Declare a whole number."""
    return Setting(header, default, lambda argument: int(number(argument, low, high, default)), lambda value: str(int(value)),
                   (low, high))


def boolean(header: str, default: bool) -> Setting:
    """Declare an on/off setting."""
    return Setting(header, default, switch, lambda value: str(int(value)))


def word(header: str, default: str, *allowed: str) -> Setting:
    """Declare a choice of words, each as the manual prints it ("IMMediate"); it answers with the short form."""
    patterns = {"".join(letter for letter in text if not letter.islower()): header_pattern(text) for text in allowed}

    def read(argument: str) -> str:
        for short, pattern in patterns.items():
            if pattern.fullmatch(argument.strip("'\"")):
                return short
        raise ScpiError(-224, "Illegal parameter value")

    return Setting(header, default, read, str)


class RememberingDevice(ScpiDevice):
    """A SCPI device with a table of `settings`, kept by name in `values`; *RST restores them."""

    settings: Mapping[str, Setting] = {}

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        for name, setting in cls.settings.items():
            cls.table.append((header_pattern(setting.header), _store(name)))
            cls.table.append((header_pattern(setting.header + "?"), _show(name)))

    def reset(self) -> None:
        """Restore the settings of *RST."""
        self.values = {name: setting.default for name, setting in self.settings.items()}


def _store(name: str) -> Callable[[RememberingDevice, str], None]:
    def store(device: RememberingDevice, argument: str) -> None:
        device.values[name] = device.settings[name].read(argument)

    return store


def _show(name: str) -> Callable[[RememberingDevice, str], str]:
    def show(device: RememberingDevice, argument: str) -> str:
        setting = device.settings[name]
        if argument and setting.limits:
            return setting.show(number(argument, *setting.limits, setting.default))
        return setting.show(device.values[name])

    return show
