"""The bench file: its schema, and every error in it at once with file and line."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from labctl.bench.filter_table import Filter, as_filters
from labctl.core.errors import ConfigError
from labctl.core.quality import FLAGS, Policy

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*\Z")
DRIVER_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
VISA = ("@py", "@ivi")
REHEARSED = ".rehearsal"     # of the name of a real bench while its twin is opened instead


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Measured(_Strict):
    """A number with its relative standard uncertainty."""

    value: float
    uncertainty: float = Field(default=0.0, ge=0)


class Spot(_Strict):
    """Size of the pump spot on the sample and what is meant by it."""

    shape: Literal["disc", "gaussian", "stripe"] = "disc"
    diameter_um: float = Field(gt=0)
    definition: Literal["disc", "1/e2", "fwhm"] = "disc"
    method: str = ""
    date: str = ""
    wavelength_nm: float | None = None
    uncertainty: float = Field(0.05, ge=0)


class PumpSource(_Strict):
    """Data-sheet figures of the light before the attenuator."""

    spectral_density_w_nm: float = Field(gt=0)
    uncertainty: float = Field(0.2, ge=0)


class PumpPolarization(_Strict):
    """Axis of the pump's linear polarisation at the sample, in the laboratory's frame."""

    angle_deg: float = Field(ge=0, le=180)
    uncertainty_deg: float = Field(default=0.5, ge=0)
    source: str = ""


class Pump(_Strict):
    """The pump beam between source and sample."""

    spot: Spot
    repetition_rate: float | str = "laser"
    bandwidth_nm: float = Field(1.75, gt=0)
    filter_medium: Literal["air", "vacuum"] = "air"
    pickoff: Measured = Measured(value=0.04, uncertainty=0.25)       # fraction of the beam sent to the power head
    transmission: Measured = Measured(value=1.0, uncertainty=0.1)    # behind the pick-off, up to the sample
    filters: list[Filter] = [Filter()]                               # the slots of `pump.nd`, slot 1 first; a number is enough
    source: PumpSource | None = None
    polarization: PumpPolarization | None = None
    tolerance: float = Field(0.01, gt=0, lt=0.5)                     # of the closed loop on the pick-off
    lowest_reading_w: float = Field(4e-7, ge=0)                      # of the head in the loop: 20 × a photodiode's wandering zero

    _numbers = field_validator("filters", mode="before")(as_filters)


class Spectrograph(_Strict):
    """Geometry from which the wavelength of every pixel is computed."""

    focal_length_mm: float = Field(gt=0)
    half_angle_deg: float = Field(ge=0, lt=90)
    pixel_um: float = Field(gt=0)
    slit_um: float = Field(50.0, gt=0)


class DetectedPolarization(_Strict):
    """What turns the polarisation that is detected: a polariser, or a half-wave plate before a fixed one."""

    role: str = "analyser"
    scheme: Literal["analyser", "half_wave_plate"] = "analyser"
    zero_deg: float = 0.0                                            # of the mount, where horizontal polarisation passes
    uncertainty_deg: float = Field(default=4.0, ge=0)                # of that, until it is calibrated


class Detection(_Strict):
    """From the sample to the detectors."""

    spectrograph: Spectrograph | None = None
    transmission: float = Field(default=1.0, gt=0, le=1)
    filters: dict[str, list[Filter]] = {}                            # by role of the wheel: its slots, slot 1 first
    polarization: DetectedPolarization | None = None

    @field_validator("filters", mode="before")
    @classmethod
    def _numbers(cls, value: Any) -> Any:
        return {role: as_filters(slots) for role, slots in value.items()} if isinstance(value, dict) else value


class Guard(_Strict):
    """A watched condition and its consequence."""

    read: str
    min: float | None = None
    max: float | None = None
    action: Literal["pause", "abort"] = "pause"


class Quality(_Strict):
    """What is done about a flag of a point."""

    action: Literal["flag", "retake", "shorten", "pause", "abort"] = "flag"
    times: int = Field(default=2, ge=1, le=20)
    factor: float = Field(default=0.5, gt=0, lt=1)

    @property
    def policy(self) -> Policy:
        """The same as the engine wants it."""
        return Policy(self.action, self.times, self.factor)


class Safety(_Strict):
    """What is done on every way out, and in which order."""

    order: list[str] = []
    failsafe: str = ""
    keep_warm: bool = False
    limits: dict[str, tuple[float, float]] = {}
    guards: dict[str, Guard] = {}


class Beam(_Strict):
    """The light path, source first."""

    path: list[str]
    shutter: str = "shutter"
    sample: str = "sample"


class Settle(_Strict):
    """When a move counts as ended: n consecutive readings within tolerance, or a fault after timeout_s."""

    tolerance: float | None = None
    n: int = Field(default=1, ge=1, le=100)
    timeout_s: float = Field(default=5.0, gt=0)
    soak_s: float | None = Field(default=None, ge=0)          # of a temperature; None: 600 s below 100 K, none above
    still_mev: float = Field(default=0.0, ge=0)               # then until the emission stands still within this; 0 does not ask


class Instrument(_Strict):
    """One instrument: driver by entry-point name, resource, and what the driver should know."""

    driver: str
    resource: str
    options: dict[str, Any] = {}
    limits: dict[str, tuple[float, float]] = {}
    initial: dict[str, float] = {}
    settle: Settle = Field(default_factory=Settle)
    overlap: bool = False                                            # the next moves may run while this detector is read out
    serial: str | None = None
    optional: bool = False                                           # the bench opens without it when it does not answer

    @field_validator("driver")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if not DRIVER_NAME.fullmatch(value):
            raise ValueError("a driver is named by its entry point: lower-case letters, digits and underscores")
        return value

    @field_validator("limits")
    @classmethod
    def _ordered(cls, value: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
        for axis, (low, high) in value.items():
            if not low < high:
                raise ValueError(f"{axis}: the lower limit {low:g} must be below the upper limit {high:g}")
        return value


class Twin(_Strict):
    """The simulated world behind a simulated bench, also used by rehearsals of a real one."""

    sample: str
    seed: int = 0
    ideal: bool = False
    elements: dict[str, dict[str, Any]] = {}


class Data(_Strict):
    """Where runs are stored."""

    root: str = "./labctl_data"
    file: str = "{date}/{sample}_{procedure}_{run:04d}"


class BenchConfig(_Strict):
    """A whole bench file."""

    schema_: Literal[1] = Field(alias="schema")
    name: str
    title: str = ""
    note: str = ""
    backend: Literal["simulated", "real"]
    visa: str = "@py"
    max_age_days: float = Field(30.0, gt=0)
    twin: Twin | None = None
    data: Data = Data()
    pump: Pump | None = None
    detection: Detection = Field(default_factory=Detection)
    safety: Safety = Safety()
    beam: Beam | None = None
    procedures: dict[str, dict[str, Any]] = {}                       # by procedure: parameters whose default suits this bench
    quality: dict[str, Quality] = {}                                 # by flag: what is done about it
    instruments: dict[str, Instrument]

    @field_validator("quality", mode="before")
    @classmethod
    def _word(cls, value: Any) -> Any:
        """Let a plain word stand for the policy of that action."""
        if not isinstance(value, dict):
            return value
        return {flag: {"action": each} if isinstance(each, str) else each for flag, each in value.items()}

    @field_validator("quality")
    @classmethod
    def _known(cls, value: dict[str, Quality]) -> dict[str, Quality]:
        if unknown := sorted(set(value) - set(FLAGS)):
            raise ValueError(f"there is no flag {', '.join(unknown)}; flags are {', '.join(FLAGS)}")
        return value

    @field_validator("visa")
    @classmethod
    def _backend(cls, value: str) -> str:
        if value not in VISA:       # pyvisa would import a package of that name, or load a library from that path
            raise ValueError(f"{value!r} is no backend; there are {' and '.join(map(repr, VISA))}")
        return value

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        if not NAME.match(value):
            raise ValueError("a bench name starts with a letter and has letters, digits, '-', '_' and '.' only")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> BenchConfig:
        if self.backend == "simulated" and self.twin is None:
            raise ValueError("a simulated bench needs a [twin] section that names the sample")
        unknown = [role for role in self.safety.order if role not in self.instruments]
        if unknown:
            raise ValueError(f"safety.order names {', '.join(unknown)}, which [instruments] does not have")
        if self.backend == "real" and not self.safety.failsafe:
            raise ValueError("a real bench has to say in safety.failsafe what the hardware does when this program dies")
        return self

    @property
    def policies(self) -> dict[str, Policy]:
        """What is done about flags on this bench."""
        return {flag: each.policy for flag, each in self.quality.items()}

    @property
    def rehearsal(self) -> bool:
        """True for the twin that stands for a real bench in its rehearsals."""
        return self.simulated and self.name.endswith(REHEARSED)

    @property
    def simulated(self) -> bool:
        """True when emulators stand behind the drivers."""
        return self.backend == "simulated"


def parse(text: str, where: str) -> BenchConfig:
    """Read a bench file's text; raises ConfigError with every problem as `where:line: field: reason`.

    `where` is its path: tables of filters are looked for beside it.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        match = re.search(r"at line (\d+)", str(exc))
        line = match.group(1) if match else str(text.count("\n") + 1)
        raise ConfigError(f"{where}:{line}: this is not TOML: {exc}. Correct the line and try again.") from None
    try:
        return BenchConfig.model_validate(data, context={"folder": Path(where).parent})
    except ValidationError as exc:
        lines = line_numbers(text)
        reports = [report(error, where, lines) for error in exc.errors()]
        raise ConfigError("\n".join(reports)) from None


def load(path: Path) -> tuple[BenchConfig, str]:
    """Read a bench file; gives the checked configuration and the text as it stands in the file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: cannot be read: {exc}") from None
    return parse(text, str(path)), text


def report(error: Any, where: str, lines: dict[str, int], page: str = "docs/reference/bench-file.md") -> str:
    """Write an error of pydantic as `where:line: field: reason`; `page` documents the keys."""
    location = [str(part) for part in error["loc"]]
    field = ".".join(location) or "(file)"
    line = next((lines[".".join(location[:n])] for n in range(len(location), 0, -1) if ".".join(location[:n]) in lines), 1)
    reason = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        reason = f"there is no such key; see {page}"
    elif error["type"] != "missing" and not isinstance(error.get("input"), dict | BaseModel):
        reason += f" (found {error['input']!r})"
    return f"{where}:{line}: {field}: {reason}"


def line_numbers(text: str) -> dict[str, int]:
    """Map every dotted key of a TOML text to its line; good enough for messages, tomllib does the parsing.

    Tables of an array of tables are numbered from 0, those inside of them belong to the last.
    """
    lines: dict[str, int] = {}
    table, seen = "", {}
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*(\[\[?)\s*([^\]]+?)\s*\]\]?", line)
        if header:
            table = header.group(2).replace('"', "")
            first, _, rest = table.partition(".")
            if header.group(1) == "[[":
                seen[table] = seen.get(table, -1) + 1
                table = f"{table}.{seen[table]}"
            elif first in seen:
                table = f"{first}.{seen[first]}.{rest}"
            lines.setdefault(table, number)
            continue
        key = re.match(r"\s*([\w.\"-]+)\s*=", line)
        if key:
            dotted = f"{table}.{key.group(1)}" if table else key.group(1)
            dotted = dotted.replace('"', "")
            lines.setdefault(dotted, number)
            for inner in re.finditer(r"[{,]\s*([\w-]+)\s*=", line):
                lines.setdefault(f"{dotted}.{inner.group(1)}", number)
    return lines
