"""What an ensemble is: a procedure on the twin of a bench, what is varied, and a member for every combination."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labctl import api
from labctl.bench.config import BenchConfig
from labctl.bench.samples import on_the_twin
from labctl.core import registry
from labctl.core.errors import Refused
from labctl.core.plan import Problem
from labctl.core.quantities import listed
from labctl.core.suggest import suggestion

SEED, SAMPLE = "seed", "sample"         # varied like parameters, and belonging to none
MOST_MEMBERS = 100_000
_RANGE = re.compile(r"\s*(-?\d+)\s*:\s*(-?\d+)\s*")

Value = float | int | str | bool


@dataclass(frozen=True)
class Member:
    """One run of an ensemble: what is varied, at its values, and a key that only the same run has."""

    where: Mapping[str, Value]
    key: str


@dataclass(frozen=True)
class Ensemble:
    """What is asked for.

    `bench` is the path of a bench file, `digest` the SHA-256 of its text. `over` gives the values of everything that is varied,
    outer to inner; `values` those of the parameters that are set and stay. `seed` and `sample` hold where they are not varied.
    """

    procedure: str
    bench: Path
    digest: str
    over: Mapping[str, tuple[Value, ...]]
    values: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    sample: str = ""

    def members(self) -> list[Member]:
        """Give every combination, the last of what is varied running fastest."""
        return [self._member(dict(zip(self.over, values, strict=True))) for values in itertools.product(*self.over.values())]

    def _member(self, where: Mapping[str, Value]) -> Member:
        told = {**self.fixed(), SEED: self.seed, SAMPLE: self.sample, "where": where}
        return Member(where, hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest())

    def fixed(self) -> dict[str, Any]:
        """Give what all members share, as plain JSON types; a folder holds members that share it."""
        return {"procedure": self.procedure, "bench": self.bench.stem, "bench_sha256": self.digest,
                "values": {name: str(value) for name, value in self.values.items()}}


def asked(procedure: str, bench: str, over: Mapping[str, Any], values: Mapping[str, Any] | None = None, *, seed: int = 0,
          sample: str = "") -> Ensemble:
    """Check what somebody asks for and make an ensemble of it; raises Refused with everything that is wrong.

    `over` gives, for `seed`, `sample` or a parameter, its values: a sequence, or text as a person types it (see `spread`).
    """
    config, text, path = api.load_bench_file(bench)
    problems = _not_a_dry_run(config)
    found = _procedure(procedure)
    declared = found.declarations()
    spreads: dict[str, tuple[Value, ...]] = {}
    for name, given in over.items():
        try:
            spreads[name] = spread(name, given, declared)
        except Refused as exc:
            problems += exc.problems
    problems += [Problem(name, "it is varied and set at the same time; leave one of the two out.") for name in values or {}
                 if name in over]
    if not over:
        problems.append(Problem("over", "say what is varied, e.g. --over seed=0:64."))
    count = 1
    for each in spreads.values():
        count *= len(each)
    if count > MOST_MEMBERS:
        problems.append(Problem("over", f"these are {count} runs, more than {MOST_MEMBERS}. Vary less."))
    if not problems:
        problems = _wrong_values(procedure, config, spreads, values or {})
        problems += _unknown_samples(config, [str(each) for each in spreads.get(SAMPLE, (sample,))])
    if problems:
        raise Refused(problems)
    where = path.resolve()
    return Ensemble(procedure, where, hashlib.sha256(text.encode()).hexdigest(), spreads, dict(values or {}), seed, sample)


def spread(name: str, given: Any, declared: Mapping[str, Any]) -> tuple[Value, ...]:
    """Give the values over which something is varied; raises Refused naming what is wrong.

    Text is `0:64` (whole numbers, the end not included), `500, 505.5, 510:520:2` (numbers with units, start:stop:step with the
    stop) or words between commas; values that hold commas themselves stand between semicolons.
    """
    parameter = declared.get(name)
    if parameter is None and name not in (SEED, SAMPLE):
        known = (SEED, SAMPLE, *declared)
        raise Refused([Problem("over", f"there is no parameter {name}. {suggestion(name, known)}")])
    try:
        texts = _split(name, given, parameter) if isinstance(given, str) else list(_each(given))
        values = tuple(_converted(name, text, parameter) for text in texts)
    except (ValueError, TypeError) as exc:
        raise Refused([Problem(name, f"{exc}.")]) from None
    if not values:
        raise Refused([Problem(name, "there is no value to vary it over.")])
    if len(set(values)) < len(values):
        twice = sorted({str(value) for value in values if values.count(value) > 1})
        raise Refused([Problem(name, f"{', '.join(twice)} stands there more than once; every value makes one run.")])
    return values


def _each(given: Any) -> Iterable[Any]:
    """Give the values of a sequence as plain Python ones; one value is a sequence of one."""
    plain = given.tolist() if hasattr(given, "tolist") else given
    return plain if isinstance(plain, Iterable) else [plain]


def _split(name: str, text: str, parameter: Any) -> list[Any]:
    whole = _RANGE.fullmatch(text)
    if whole is not None:
        return list(range(int(whole[1]), int(whole[2])))
    if name == SEED or hasattr(parameter, "minimum"):
        return list(listed(text, getattr(parameter, "units", None) or ""))
    return [part.strip() for part in text.split(";" if ";" in text else ",")]


def _converted(name: str, value: Any, parameter: Any) -> Value:
    """Check one value as the procedure does."""
    if parameter is not None:
        return parameter.convert(value)
    if name == SAMPLE:
        return str(value)
    if isinstance(value, bool) or float(value) != int(value) or int(value) < 0:
        raise ValueError(f"{value!r} is no seed, which is a whole number from 0 on")
    return int(value)


# ---------------------------------------------------------------- what is refused
def _procedure(name: str) -> Any:
    if registry.is_own("procedure", name):
        raise Refused([Problem("procedure", f"{name} is known to this program alone, and each run is made in a process of its own. "
                                            f"Put it into {registry.OWN}/{name}.py, or install it.")])
    return registry.find("procedure", name)


def _not_a_dry_run(config: BenchConfig) -> list[Problem]:
    if config.twin is not None:
        return []
    return [Problem("bench", f"{config.name} has no [twin] section, so nothing can be run on it without its instruments. "
                             "An ensemble opens nothing real.")]


def _wrong_values(procedure: str, config: BenchConfig, spreads: Mapping[str, tuple[Value, ...]],
                  values: Mapping[str, Any]) -> list[Problem]:
    """Check the parameters that stay, and their first combination with what is varied."""
    first = {name: each[0] for name, each in spreads.items() if name not in (SEED, SAMPLE)}
    try:
        return [problem for problem in api.make_procedure(procedure, {**values, **first}, config).check()
                if problem.level == "error"]
    except Refused as exc:
        return list(exc.problems)


def _unknown_samples(config: BenchConfig, samples: Iterable[str]) -> list[Problem]:
    """Refuse samples of which the twin has no model: they would all be the same one."""
    unknown = [name for name in samples if name and (twin := on_the_twin(config, name)[0].twin) is not None and twin.sample != name]
    return [Problem(SAMPLE, f"the twin has no model of {name}. Give the name or path of a sample's file that has one.")
            for name in unknown]
