"""The night file: its schema, and every error in it at once with file and line."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from labctl.bench.config import line_numbers, report
from labctl.core.errors import Refused
from labctl.core.expression import parse
from labctl.core.plan import Problem
from labctl.core.quantities import to_float
from labctl.engine.queue import END_LEVELS

ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+(@[\w.-]+)?", re.ASCII)
PAGE = "docs/reference/night-file.md"
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=40)]
Plain = bool | int | float | str
OnFailure = Literal["stop", "skip", "retry", "retry-skip", "safe"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _formula(text: str) -> str:
    parse(text)
    return text


class Computed(_Strict):
    """A parameter that is computed from results of earlier entries, and the bounds it has to stay within."""

    value: str
    between: tuple[float | str, float | str]

    _read = field_validator("value")(_formula)


class Sweep(_Strict):
    """Parameters and the values they take one after the other."""

    over: dict[str, list[Plain]] = Field(min_length=1)
    together: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Sweep:
        if empty := [name for name, values in self.over.items() if not values]:
            raise ValueError(f"{', '.join(empty)} has no values")
        if self.together and len({len(values) for values in self.over.values()}) > 1:
            raise ValueError("parameters that step together need equally many values")
        return self


class Entry(_Strict):
    """One procedure, perhaps swept."""

    name: Name
    procedure: str
    bench: str = ""
    sample: str = ""
    mount: str = ""
    note: str = ""
    set: dict[str, Plain | Computed] = {}
    sweep: Sweep | None = None
    when: str = ""
    stop_when: str = ""
    on_failure: OnFailure | None = None
    order: str = "planned"
    reference_every: int = Field(default=0, ge=0)
    dark_every: int = Field(default=0, ge=0)

    @field_validator("when", "stop_when")
    @classmethod
    def _condition(cls, value: str) -> str:
        return _formula(value) if value else value


class Terms(_Strict):
    """How the night goes and ends."""

    until: str = ""
    end: Literal["park", "safe", "shutdown"] = END_LEVELS[0]
    longest_lit: str = ""
    on_failure: OnFailure = "stop"
    max_failures: int | None = Field(default=None, ge=1)
    stop_when: list[str] = []
    report: str = ""
    figures: bool = True

    @field_validator("stop_when")
    @classmethod
    def _conditions(cls, value: list[str]) -> list[str]:
        return [_formula(each) for each in value]

    @field_validator("longest_lit")
    @classmethod
    def _seconds(cls, value: str) -> str:
        if value and to_float(value, "s") <= 0.0:
            raise ValueError("no time for which light may fall")
        return value


class Notify(_Strict):
    """Who is told of what; nobody unless it says so."""

    command: list[str] = []
    mail: str = ""
    on: list[Literal["failure", "end", "entry"]] = ["failure", "end"]

    @field_validator("mail")
    @classmethod
    def _addresses(cls, value: str) -> str:
        if value and not all(ADDRESS.fullmatch(each.strip(" ")) for each in value.split(",")):
            raise ValueError("no address of a mail, e.g. you@example.org; several stand between commas")
        return value


class Night(_Strict):
    """A whole night file."""

    schema_: Literal[1] = Field(alias="schema")
    name: Name
    bench: str
    sample: str = ""
    mount: str = ""
    out: str = ""
    seed: int | None = None
    night: Terms = Terms()
    sweep: Sweep | None = None
    notify: Notify = Notify()
    entry: list[Entry] = Field(min_length=1)

    @model_validator(mode="after")
    def _names(self) -> Night:
        names = [each.name for each in self.entry]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two entries are named {', '.join(twice)}; a name stands for one")
        return self


def load(path: Path) -> tuple[Night, str]:
    """Read a night file; gives it with its text. Raises Refused with every problem as `file:line: field: reason`."""
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else exc
        raise Refused([Problem("file", f"{path} cannot be read: {reason}. Nothing was moved.")]) from None
    try:
        return Night.model_validate(data), text
    except ValidationError as exc:
        lines = line_numbers(text)
        raise Refused([Problem(_where(error, data), report(error, str(path), lines, PAGE)) for error in exc.errors()]) from None


def _where(error: Any, data: dict[str, Any]) -> str:
    """Name the entry that an error is in."""
    place = list(error["loc"])
    if place[:1] == ["entry"] and len(place) > 1 and isinstance(place[1], int):
        told = data["entry"][place[1]]
        return str(told.get("name", f"entry {place[1] + 1}")) if isinstance(told, dict) else "entry"
    return str(place[0]) if place else "file"
