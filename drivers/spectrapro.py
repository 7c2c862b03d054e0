"""Acton SpectraPro SP-2500 and SP-2750 spectrographs (9600 8N1; command words, CR; answers end in " ok" CR LF).

The unit answers when a command has ended, and may echo: `NO-ECHO` is sent before the first word and after every failure.
Spacing of the answers is unverified, so they are read loosely.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from drivers.device import Device, check_limits, option
from drivers.line import damaged
from drivers.link import Port
from labctl.core.errors import BadReply, DeviceFault, LimitError, WrongDevice
from labctl.core.instrument import AxisSpec, Identity, Readout

SPEED_NM_S = 500.0         # unverified: full motor speed
GRATING_S = 20.0           # a turret takes up to 20 s (manual)
START_S = 0.3
MECHANICAL_LIMIT_NM = 11200.0     # of the sine drive at 150 g/mm; shorter in proportion for denser gratings
COARSEST_LINES_MM = 150.0
SLITS = ("FRONT-ENT-SLIT", "SIDE-ENT-SLIT", "FRONT-EXIT-SLIT", "SIDE-EXIT-SLIT")
SLIT_UM, SLIT_STEP_UM = (10.0, 3000.0), 5.0
SLIT_UM_S = 200.0          # unverified, and cautious: for estimates
MIRRORS, SIDES = ("ENT-MIRROR", "EXIT-MIRROR"), ("front", "side")
MIRROR_S = 5.0             # unverified
TURRETS = range(1, 4)
GRATING_LINE = re.compile(r"\x1a?\s*(\d)\s+(\d+)\s*g/mm(?:\s+BLZ=\s*([\d.]+\s*\w*))?", re.IGNORECASE)


class CommandUnknown(DeviceFault):
    """The unit does not know a word, or what it refers to is not installed ("no motor")."""


@dataclass(frozen=True)
class Grating:
    """One grating on the turret."""

    lines_per_mm: float
    blaze: str


class SpectraProPort(Port):
    """The serial line of a SpectraPro. It counts as out of step at first: the unit may echo, or be in the middle of a word."""

    serial: ClassVar[dict[str, Any]] = {"baud_rate": 9600}
    reply_timeout_s = 1.0
    cancel = b"\rNO-ECHO\r"
    sync = ((b"MODEL\r", b"SP-"), (b"?NM/MIN\r", b"/min"))

    def __init__(self, resource: Any, **options: Any):
        super().__init__(resource, **options)
        self._astray[self.party(b"")] = b""

    def is_expected(self, message: bytes) -> bool:
        """An answer may have several lines."""
        return True


class SpectraPro(Device):
    """Spectrograph with a turret of gratings; wavelengths in nm as displayed, that is in air.

    `slit` names the slit that has a motor, one of SLITS; without it the slits are set by hand.
    """

    Port = SpectraProPort
    axes: Mapping[str, AxisSpec] = {
        "centre": AxisSpec("nm", (0.0, MECHANICAL_LIMIT_NM), read="centre", start="start_centre", tolerance=0.05,
                           long_name="Centre wavelength (air)"),
        "grating": AxisSpec("", (1, 9), read="grating", start="start_grating", eta="grating_eta", long_name="Grating"),
    }
    panel: ClassVar = [Readout("Centre", "centre", "nm"), Readout("Grating", "grating"), Readout("Grooves", "lines_per_mm", "1/mm")]

    def __init__(self, port: Any, *, clock: Any, name: str, slit: str | None = None, **connection: Any):
        self.slit = None if slit is None else option(name, "slit", slit, list(SLITS))
        if self.slit is not None:
            self.axes = {**self.axes, "slit": AxisSpec("um", SLIT_UM, read="slit_um", start="start_slit", eta="slit_eta",
                                                       tolerance=SLIT_STEP_UM / 2, long_name="Width of the slit")}
        super().__init__(port, clock=clock, name=name, **connection)
        self._gratings: dict[int, Grating] | None = None
        self._grating: int | None = None

    # ------------------------------------------------------------ questions
    def ask(self, command: str, query_delay: float | None = None) -> str:
        """Ask a question whose answer fits one line."""
        request = f"{command}\r".encode("ascii")
        return self.port.question(lambda: self.port.converse(request, self._take(command)), repr(command))

    def write(self, command: str, **options: Any) -> None:
        """Give a command that ends at once; all of them name an absolute goal, so a second one does no harm."""
        request = f"{command}\r".encode("ascii")
        self.port.order(lambda: self.port.converse(request, self._take(command)), lambda: False, repr(command))

    def _take(self, command: str) -> Callable[[bytes], str | None]:
        """Judge a line: the text before " ok", without an echo of the command."""
        lines: list[str] = []

        def judge(message: bytes) -> str | None:
            if not message.isascii():
                raise damaged(self.name, message)
            text = message.decode("ascii").strip("\r\n ")
            if text.endswith("?") and text[:-1].upper() not in command.upper().split():
                raise BadReply(self.name, f"it understood {text[:-1]!r} instead of {command!r}.", state="unknown",
                               remedy="It is asked again.")
            if text.endswith("?") or "no motor" in text:
                raise CommandUnknown(self.name, f"it does not know {command!r}: it says {text!r}.", state="unchanged",
                                     remedy="Compare the model with the driver's.")
            lines.append(text)
            if not re.search(r"(^|\s)ok$", text):
                return None
            return "\n".join(lines).removesuffix("ok").strip().removeprefix(command).strip()

        return judge

    def _number(self, command: str) -> float:
        return self.values(command, cast=_first_number)[0]

    @property
    def centre(self) -> float:
        """The wavelength in nm (air) at the middle of the exit."""
        return self._number("?NM")

    @property
    def grating(self) -> int:
        """The number of the grating in use."""
        self._grating = int(self._number("?GRATING"))
        return self._grating

    @property
    def scan_rate_nm_min(self) -> float:
        """The speed of scanning moves in nm per minute."""
        return self._number("?NM/MIN")

    @property
    def gratings(self) -> dict[int, Grating]:
        """What is on the turret, by number; asked once."""
        if self._gratings is None:
            found = {int(number): Grating(float(lines), (blaze or "").strip())
                     for number, lines, blaze in GRATING_LINE.findall(self.ask("?GRATINGS"))}
            if not found:
                raise BadReply(self.name, "it lists no grating.", state="unknown", remedy="Check the turret.")
            self._gratings = found
        return self._gratings

    @property
    def lines_per_mm(self) -> float:
        """The grooves per mm of the grating in use."""
        number = self.grating
        if number not in self.gratings:
            raise BadReply(self.name, f"it uses grating {number}, which its own list does not hold.", state="unknown",
                           remedy="Select an installed grating.")
        return self.gratings[number].lines_per_mm

    @property
    def centre_limits(self) -> tuple[float, float] | None:
        """The mechanical range with the grating in use, or None before it is known: beyond it a move is clamped silently."""
        if self._gratings is None or self._grating not in self._gratings:
            return None
        lines = self._gratings[self._grating].lines_per_mm
        return 0.0, MECHANICAL_LIMIT_NM * COARSEST_LINES_MM / max(COARSEST_LINES_MM, lines)

    @property
    def turret(self) -> int:
        """Control the number of the turret that is mounted (int, 1 to 3): turret t holds the gratings 3t-2 to 3t."""
        return int(self._number("?TURRET"))

    @turret.setter
    def turret(self, number: int) -> None:
        if number not in TURRETS:
            raise LimitError(self.name, f"there is no turret {number}.", state="nothing was sent", remedy="There are: 1, 2, 3.")
        self._gratings = self._grating = None
        self.write(f"{number} TURRET")

    @property
    def slit_um(self) -> float:
        """The width of the motorised slit in µm; raises CommandUnknown if it has no motor."""
        return self._number(f"{self._motorised_slit()} ?MICRONS")

    def _motorised_slit(self) -> str:
        if self.slit is None:
            raise LimitError(self.name, "the bench file names no motorised slit.", state="nothing was sent",
                             remedy=f"Give the option slit, one of {', '.join(SLITS)}.")
        return self.slit

    def mirror(self, name: str) -> str:
        """Ask where a diverter mirror points: "front" or "side"; raises CommandUnknown if it has no motor."""
        return self.ask(f"{option(self.name, 'mirror', name, list(MIRRORS))} ?MIRROR").strip().lower()

    # ------------------------------------------------------------ moves
    def start_slit(self, width_um: float) -> None:
        """Start opening or closing the slit, in steps of 5 µm; ask `moving` for the end. Raises LimitError."""
        check_limits(self.name, "slit", width_um, SLIT_UM, "um")
        steps = round(width_um / SLIT_STEP_UM)
        self._start(f"{self._motorised_slit()} {steps * SLIT_STEP_UM:.0f} MICRONS", 2 * SLIT_UM[1] / SLIT_UM_S)

    def start_mirror(self, name: str, side: str) -> None:
        """Start turning a diverter mirror to "front" or "side"; ask `moving` for the end."""
        part = option(self.name, "mirror", name, list(MIRRORS))
        self._start(f"{part} {option(self.name, 'side', side, list(SIDES)).upper()}", 2 * MIRROR_S)

    def start_centre(self, wavelength_nm: float) -> None:
        """Start going to a wavelength at full speed; ask `moving` for the end. Raises LimitError."""
        limits = self.centre_limits
        if limits is None:
            limits = (0.0, MECHANICAL_LIMIT_NM * COARSEST_LINES_MM / max(COARSEST_LINES_MM, self.lines_per_mm))
        check_limits(self.name, "centre", wavelength_nm, limits, "nm")
        self._start(f"{wavelength_nm:.3f} GOTO", 2 * limits[1] / SPEED_NM_S + START_S)

    def start_grating(self, number: float) -> None:
        """Start turning to a grating; ask `moving` for the end. Raises LimitError if it is not installed."""
        if number not in self.gratings:
            raise LimitError(self.name, f"grating {number:g} is not installed.", state="nothing was sent",
                             remedy=f"There are: {', '.join(map(str, self.gratings))}.")
        if self.grating == int(number):
            return
        self._grating = None
        self._start(f"{int(number)} GRATING", 2 * GRATING_S)

    def start_scan(self, wavelength_nm: float) -> None:
        """Start scanning to a wavelength at the scan rate (`>NM`); ask `scanning` for the end, `stop` ends it early."""
        check_limits(self.name, "centre", wavelength_nm, self.centre_limits or (0.0, MECHANICAL_LIMIT_NM), "nm")
        self.write(f"{wavelength_nm:.3f} >NM")

    @property
    def scanning(self) -> bool:
        """True while a scan lasts."""
        return self._number("MONO-?DONE") == 0

    def _start(self, command: str, limit_s: float) -> None:
        self.port.start_errand(f"{command}\r".encode("ascii"), self._take(command), limit_s)

    @property
    def moving(self) -> bool:
        """True until the command under way has been answered."""
        return not self.port.errand_done()

    def stop(self) -> None:
        """End a scan; a `GOTO` or a turn of the turret cannot be interrupted and ends by itself."""
        if self.port.errand is None:
            self.write("MONO-STOP")

    def eta(self, old: float, new: float) -> float:
        """Give the seconds of a move of the wavelength."""
        return START_S + abs(new - old) / SPEED_NM_S

    def slit_eta(self, old: float, new: float) -> float:
        """Give the seconds of a move of the slit."""
        return START_S + abs(new - old) / SLIT_UM_S

    def grating_eta(self, old: float, new: float) -> float:
        """Give the seconds of a change of the grating."""
        return GRATING_S

    # ------------------------------------------------------------ what every driver offers
    def identify(self) -> Identity:
        """Ask model, serial number and gratings; raises WrongDevice."""
        model = self.ask("MODEL")
        if "SP-" not in model.upper():
            raise WrongDevice(self.name, f"it calls itself {model!r}, which is no SpectraPro.", state="nothing was moved",
                              remedy="Correct the resource in the bench file.")
        self.lines_per_mm   # noqa: B018  learns the limits
        return Identity("Acton Research", model, self.ask("SERIAL"))

    def settings(self) -> dict[str, Any]:
        """Read what a run file should remember."""
        slit = {} if self.slit is None else {"slit": self.slit, "slit_um": self.slit_um}
        return {**slit, "centre_nm": self.centre, "grating": self.grating, "lines_per_mm": self.lines_per_mm, "turret": self.turret,
                "gratings": {str(number): f"{g.lines_per_mm:g}/mm, blaze {g.blaze}" for number, g in self.gratings.items()}}

    def park(self) -> None:
        """Let a move under way end; stop a scan."""
        self.finish(lambda: self.moving, 6.0, "the move under way")
        self.stop()


def _first_number(text: str) -> float:
    """Read the first number of an answer, whatever stands around it; raises ValueError."""
    found = re.search(r"-?\d+(\.\d+)?", text)
    if found is None:
        raise ValueError(text)
    return float(found.group())
