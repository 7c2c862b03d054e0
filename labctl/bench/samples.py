"""What the sample's file says to people who measure it: how it is mounted, and how much light a spot may have."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from labctl.bench.config import BenchConfig
from labctl.bench.connect import packaged_sample, simulation
from labctl.core.dose import Budget
from labctl.core.errors import ConfigError, Refused
from labctl.core.plan import Problem
from labctl.core.quantities import to_float


@dataclass(frozen=True)
class SampleFile:
    """A sample by name; `path` is None when it has no file, which then sets no limit."""

    name: str
    mount: str = ""
    budget: Budget = field(default_factory=Budget)
    path: Path | None = None
    alignment_w: float | None = None        # most power at the sample while somebody aligns


def folders() -> list[Path]:
    """Give the folders searched for NAME.toml, first hit wins; packaged samples come after them."""
    return [Path("samples"), Path(platformdirs.user_config_dir("labctl")) / "samples"]


UNKNOWN = "unknown"


def held(config: BenchConfig) -> str:
    """Name the sample that is on a bench as far as its file tells: of a simulated one the twin's, of a real one nobody knows.

    The sample of a real bench file's [twin] is what is rehearsed on, not what lies under the objective, today or last week.
    """
    real = not config.simulated or config.rehearsal
    return UNKNOWN if real or config.twin is None else config.twin.sample


def plain_name(sample: str) -> str:
    """Give the name of a sample that may be given as the path of its file."""
    return Path(sample).stem if _is_path(sample) else sample


def read_sample(sample: str) -> SampleFile:
    """Read what a sample's file says, given its name or path; raises Refused for a file that is missing or wrong."""
    path = _find(sample)
    if path is None:
        return SampleFile(plain_name(sample))
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        budget = told.get("budget", {})
        if not isinstance(budget, dict):
            raise ConfigError("[budget] is a section, e.g. [budget] and below it dose_j_cm2 = 5000")
        return SampleFile(plain_name(sample), str(told.get("mount", "")), Budget.read(budget), path, _alignment(told))
    except (OSError, ValueError, ConfigError) as exc:
        raise Refused([Problem("sample", f"{path}: {exc}. Correct it, and try again.")]) from None


def _alignment(told: Mapping[str, Any]) -> float | None:
    """Read the most power for aligning; raises ConfigError or ValueError naming what is wrong."""
    section = told.get("alignment", {})
    if not isinstance(section, dict) or set(section) - {"power"}:
        raise ConfigError('[alignment] is a section with one key, e.g. [alignment] and below it power = "1 uW"')
    if "power" not in section:
        return None
    power = to_float(section["power"], "W")
    if not power > 0.0:
        raise ConfigError(f"[alignment] power: {section['power']!r} is not a power above zero")
    return power


def on_the_twin(config: BenchConfig, sample: str) -> tuple[BenchConfig, str]:
    """Put a sample on the twin of a bench, for a rehearsal; gives the configuration, and which sample it is, in words.

    A sample that the twin has no model of is rehearsed on the one that the bench file's [twin] names.
    """
    assert config.twin is not None, "the caller has checked"   # noqa: S101
    if not sample:
        return config, f"{config.twin.sample}, from [twin] of the bench file"
    try:
        simulation("twin.sample").load_sample(sample)
    except (OSError, ValueError, LookupError):
        return config, f"{config.twin.sample}, from [twin] of the bench file: the twin has no model of {sample}"
    return config.model_copy(update={"twin": config.twin.model_copy(update={"sample": sample})}), f"{sample}, as ordered"


def _is_path(sample: str) -> bool:
    return "/" in sample or "\\" in sample or sample.endswith(".toml")


def _find(sample: str) -> Path | None:
    if _is_path(sample):
        if not Path(sample).is_file():
            raise Refused([Problem("sample", f"there is no file {sample}. A sample without a file is named by a word with neither "
                                             "a slash nor .toml in it.")])
        return Path(sample)
    try:
        found = [path for folder in folders() if (path := folder / f"{sample}.toml").is_file()]
        return found[0] if found else packaged_sample(sample)
    except OSError as exc:
        raise Refused([Problem("sample", f"{sample[:40]!r}... cannot be the name of a file: {exc.strerror}.")]) from None
