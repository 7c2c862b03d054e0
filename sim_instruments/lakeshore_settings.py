"""What a Lake Shore controller only has to remember: names, curves, filters, limits, gains (factory values unverified)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sim_instruments.scpi import ScpiError, number

Reader = Callable[[str], str]


def signed(decimals: int) -> Reader:
    """Read a number and show it with its sign."""
    return lambda text: f"{number(text, -1e6, 1e6):+.{decimals}f}"


def whole(low: int, high: int) -> Reader:
    """Read a whole number."""
    return lambda text: str(int(number(text, low, high)))


def quoted(length: int) -> Reader:
    """Read a text of at most `length` characters."""
    return lambda text: text.strip('"')[:length].ljust(length)


@dataclass(frozen=True)
class Remembered:
    """A command that is only remembered: how each parameter is read, and the values of the factory."""

    readers: tuple[Reader, ...]
    factory: str
    keyed: bool = True        # the first parameter names an input or output

    def parse(self, text: str) -> str:
        """Read the parameters and give them as the query shows them."""
        texts = [part.strip() for part in text.split(",")]
        if len(texts) != len(self.readers):
            raise ScpiError(-220, "Parameter error")
        return ",".join(reader(part) for reader, part in zip(self.readers, texts, strict=True))


REMEMBERED = {
    "PID": Remembered((signed(1),) * 3, "+50.0,+20.0,+0.0"),
    "INNAME": Remembered((quoted(15),), " " * 15),
    "HTRSET": Remembered((whole(1, 2), whole(0, 4), signed(3), whole(1, 2)), "2,2,+0.000,1"),
    "INTYPE": Remembered((whole(0, 5), whole(0, 1), whole(0, 8), whole(0, 1), whole(1, 3)), "1,0,0,0,1"),
    "INCRV": Remembered((whole(0, 59),), "1"),
    "FILTER": Remembered((whole(0, 1), whole(2, 64), whole(1, 10)), "0,8,10"),
    "TLIMIT": Remembered((signed(3),), "+0.000"),
    "BRIGT": Remembered((whole(0, 100),), "25", keyed=False),
    "LEDS": Remembered((whole(0, 1),), "1", keyed=False),
    "MODE": Remembered((whole(0, 2),), "0", keyed=False),
    "LOCK": Remembered((whole(0, 1), whole(0, 999)), "0,123", keyed=False),
    "*ESE": Remembered((whole(0, 255),), "0", keyed=False),
    "*SRE": Remembered((whole(0, 255),), "0", keyed=False),
}
