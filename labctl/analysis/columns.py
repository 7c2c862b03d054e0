"""Which column is what: units and words of a table, of any program, as the abscissa and ordinates that a model needs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from labctl.core.errors import AnalysisError

EV_PER_HZ = 4.135667696e-15      # h/e, CODATA 2018
# For every kind of abscissa: spelling of a unit -> factor to the unit in which the models count.
UNITS: Mapping[str, Mapping[str, float]] = {
    "time": {"fs": 1e-3, "ps": 1.0, "ns": 1e3, "us": 1e6, "ms": 1e9, "s": 1e12},                              # ps
    "wavelength": {"nm": 1.0, "um": 1e3, "å": 0.1, "angstrom": 0.1, "m": 1e9},                                # nm
    "energy": {"ev": 1.0, "mev": 1e-3, "1/cm": 1.239841984e-4, "cm-1": 1.239841984e-4}
    | {"hz": EV_PER_HZ, "ghz": 1e9 * EV_PER_HZ, "thz": 1e12 * EV_PER_HZ, "phz": 1e15 * EV_PER_HZ},                # eV
    "angle": {"deg": 1.0, "degree": 1.0, "degrees": 1.0, "°": 1.0, "rad": 180 / np.pi},                       # deg
    "length": {"um": 1e-4, "mm": 0.1, "cm": 1.0, "m": 100.0},                                                 # cm
    "fluence": {f"{prefix}j/cm2": factor for prefix, factor in (("n", 1e-9), ("u", 1e-6), ("m", 1e-3), ("", 1.0))}
    | {"j/m2": 1e-4, "uj/mm2": 1e-4, "mj/mm2": 0.1},                                                          # J/cm²
    "photon fluence": {"1/cm2": 1.0, "cm-2": 1.0, "photons/cm2": 1.0, "ph/cm2": 1.0, "photons cm-2": 1.0},        # 1/cm²
    "power": {f"{prefix}w": factor for prefix, factor in (("n", 1e-9), ("u", 1e-6), ("m", 1e-3), ("", 1.0))},  # W
    "pulse energy": {f"{p}j": f for p, f in (("f", 1e-15), ("p", 1e-12), ("n", 1e-9), ("u", 1e-6), ("m", 1e-3), ("", 1.0))},   # J
}
MOSTLY = 0.9                # share of the steps of a column in one direction from which it may be an abscissa
# Words by which a column is known that states no unit, or one that fits several kinds.
WORDS: Mapping[str, str] = {
    "time": r"time|delay|\bt\b|\bzeit", "wavelength": r"wavelength|wellenl|lambda|λ|\bwl\b",
    "energy": r"energy|\be\b|photon|frequency|wave ?number",
    "angle": r"angle|analy[sz]er|polari[sz]|theta|θ|phi|φ|rotation|hwp|plate|winkel",
    "length": r"(?<!wave)length|stripe|\bl\b|\bl[äa]nge",
    "fluence": r"fluence|pump|excitation|\bf\b", "power": r"power|pump|excitation|\bp\b", "pulse energy": r"energy|pump|excitation",
    "photon fluence": r"photon",
}
# What a name alone says for certain; "energy" may be a photon's or a pulse's, "pump" a power, a fluence or a wavelength.
CERTAIN: Mapping[str, str] = {
    "time": r"\btime\b|delay|\bzeit", "wavelength": r"wavelength|wellenl|lambda\b(?!.*/2)|\bwl\b",
    "energy": r"photon energy|wave ?number",
    "angle": r"angle|analy[sz]er|polari[sz]er|theta|hwp|winkel", "length": r"stripe|(?<!wave)length\b", "fluence": r"fluence",
    "power": r"\bpower\b|leistung", "pulse energy": r"pulse energy",
}
PUMPED = ("fluence", "photon fluence", "power", "pulse energy")       # kinds of which an output may be one too
PUMP_WORDS = re.compile(r"(?i)pump|excit|input|incident|absorbed|in\b")
OUTPUT_WORDS = re.compile(r"(?i)output|out\b|emi|intens|signal|counts?|\bpl\b|yield|detect|\base\b|lasing|integr|area|light")
ERROR_WORDS = re.compile(
    r"(?i)(^|[\s_(.])(err(or|eur)?s?|std(dev|ev|\.)?|sd|sem|sigma|unc(ertainty)?|stderr|fehler|unsicherheit)($|[\s_).])|^[σδ±]|^d[iy]$|±")
IRF_WORDS = re.compile(r"(?i)\b(irf|prompt|instrument|response|scatter|lamp|laser|ludox)")
ARBITRARY = re.compile(r"(?i)^(a\.? ?u\.?|arb\.? ?u(nits?)?\.?|1|-|counts?|cts|norm(alized)?|w\.? ?e\.?)$")
NUMBERING = re.compile(r"(?i)^(#|no\.?|nr\.?|n|index|idx|point|row|column|roi|frame|track|strip|pixel|channel|bin|time ?stamp)$")


@dataclass(frozen=True, eq=False)
class Column:
    """One column: name and unit as they were written, values (rows,)."""

    name: str
    unit: str
    values: np.ndarray

    @property
    def title(self) -> str:
        """Name and unit as a person writes them."""
        return f"{self.name} ({self.unit})" if self.name and self.unit and self.unit != self.name else self.name or self.unit

    def kinds(self) -> set[str]:
        """Give the kinds of quantity that the unit allows."""
        return {kind for kind, units in UNITS.items() if plain(self.unit) in units}

    def told(self) -> set[str]:
        """Give the kinds of quantity that the unit allows, or where it says nothing those that the name is certain of."""
        by_name = {kind for kind, words in CERTAIN.items() if re.search(f"(?i){words}", self.name)}
        return self.kinds() or ({*by_name, *PUMPED} if by_name & set(PUMPED) else by_name)

    def factor(self, kind: str) -> float | None:
        """Give the factor from the column's unit to the kind's; None when it has another or none."""
        return UNITS[kind].get(plain(self.unit))

    @property
    def unknown_unit(self) -> bool:
        """Tell that a unit is stated, and no kind of abscissa has it."""
        return bool(plain(self.unit)) and not self.kinds() and not ARBITRARY.match(plain(self.unit))


class NoAbscissa(AnalysisError):
    """None of the columns is what a model needs for its abscissa; `column` is the one that looks like an abscissa of another."""

    def __init__(self, text: str, column: Column | None = None) -> None:
        super().__init__(text)
        self.column = column


@dataclass(frozen=True)
class Curve:
    """Numbers to be fitted: x and y (n,), standard errors of y where they came with it, and what they are called."""

    x: Column
    y: Column
    sigma: np.ndarray | None
    irf: np.ndarray | None = None


def plain(unit: str) -> str:
    """Write a unit in the one spelling of `UNITS`: 'µJ cm⁻²', 'uJ/cm^2' and 'µJ/cm²' are 'uj/cm2'."""
    signs = str.maketrans({"µ": "u", "μ": "u", "²": "2", "⁻": "-", "−": "-", "¹": "1", "·": " ", "*": " ", "^": ""})
    text = re.sub(r"\s*/\s*", "/", unit.strip().lower().translate(signs))
    text = re.sub(r"\s*(per |/)\s*(pulse|shot)$", "", text)
    text = re.sub(r"^(\S*j)[\s/]*cm-?2$", r"\1/cm2", text)
    return {"micron": "um", "microns": "um", "sec": "s", "degs": "deg"}.get(text, text)


def find(columns: Sequence[Column], wanted: str) -> Column:
    """Give the column of a name, or of a number from 1; raises AnalysisError listing what there is."""
    for column in columns:
        if wanted.lower() in (column.name.lower(), column.title.lower()):
            return column
    if wanted.isdigit() and 1 <= int(wanted) <= len(columns):
        return columns[int(wanted) - 1]
    close = [column for column in columns if wanted.lower() in column.title.lower()]
    if len(close) == 1:
        return close[0]
    raise AnalysisError(f"There is no column {wanted!r}. The columns are {listed(columns)}; name one, or give its number.")


def listed(columns: Sequence[Column]) -> str:
    """List columns with their numbers, as a person would ask for them."""
    return ", ".join(f"{number} {column.title or 'without a name'}" for number, column in enumerate(columns, 1))


def curves(columns: Sequence[Column], kinds: Sequence[str], *, x: str = "", y: str = "", sigma: str = "",
           x_unit: str = "") -> list[Curve]:
    """Choose the abscissa of one of some kinds, and every ordinate with its errors; names given decide.

    `x_unit` is the unit of the abscissa where the data state none, or a wrong one. Raises AnalysisError with the list of columns
    when they do not tell which is which, NoAbscissa when there is nothing of these kinds.
    """
    if len(columns) < 2:
        raise AnalysisError(f"A fit needs an abscissa and an ordinate; the data hold only {listed(columns) or 'nothing'}.")
    chosen = find(columns, x) if x else _abscissa(columns, kinds, sure=bool(x_unit))
    rest = [column for column in columns if column is not chosen]
    abscissa = _stated(chosen, kinds, x_unit)
    in_time = "time" in kinds
    ordinates = [find(rest, y)] if y else _ordinates(rest, kinds)
    if not ordinates:
        raise AnalysisError(f"None of the columns {listed(rest)} looks like a signal. Say which with --y.")
    named = find(rest, sigma) if sigma else None
    spare = [column for column in rest if column not in ordinates]
    irf = next((column.values for column in spare if in_time and IRF_WORDS.search(column.name)), None)
    return [Curve(abscissa, column, _errors(column, rest, named, len(ordinates) == 1), irf) for column in ordinates]


def _stated(column: Column, kinds: Sequence[str], unit: str) -> Column:
    """Give the abscissa with the unit that was asked for; refuses units, asked for or its own, of which no such abscissa is."""
    known = sorted({spelling for kind in kinds for spelling in UNITS[kind]})
    if unit:
        if plain(unit) not in known:
            raise AnalysisError(f"--x-unit {unit!r} is no unit of {wanted(kinds)}. These are: {', '.join(known)}.")
        return replace(column, unit=unit)
    if column.kinds() and not column.kinds() & set(kinds):
        raise NoAbscissa(f"The abscissa is {wanted(kinds)}, and {column.title} is in {column.unit}.", column)
    if column.unknown_unit and not set(kinds) & set(PUMPED):
        raise AnalysisError(f"{column.title} is in {column.unit!r}, which is no unit of {wanted(kinds)}. If the heading is wrong, "
                            f"say with --x-unit which of these it is: {', '.join(known)}.")
    return column


def wanted(kinds: Sequence[str]) -> str:
    """Name kinds of abscissa with their article."""
    listed_kinds = " or ".join(", ".join(kinds).rsplit(", ", 1))
    return f"{'an' if listed_kinds[0] in 'aeiou' else 'a'} {listed_kinds}"


def _abscissa(columns: Sequence[Column], kinds: Sequence[str], *, sure: bool) -> Column:
    """Find the abscissa: what unit and words speak for most, else the first column that ascends or descends.

    Unless one is `sure` that there is one, a column that is the abscissa of something else is taken at its word.
    """
    words = re.compile("(?i)" + "|".join(WORDS[kind] for kind in kinds))
    pumped = any(kind in PUMPED for kind in kinds)
    usual = [column for column in columns if not ERROR_WORDS.search(column.name)]
    other = [column for column in usual if column.told() and not column.told() & set(kinds) and not sure]
    candidates = [column for column in usual if column not in other]

    def speaks(column: Column) -> int:
        unit = 2 * bool(column.kinds() & set(kinds)) - 2 * bool(column.kinds() and not column.kinds() & set(kinds))
        pump = 2 * bool(PUMP_WORDS.search(column.name)) - 3 * bool(OUTPUT_WORDS.search(column.name)) if pumped else 0
        return unit + bool(words.search(column.name)) + pump

    best = max(candidates, key=speaks, default=None)
    if best is not None and speaks(best) > 0:
        return best
    axis = next((column for column in usual if not NUMBERING.match(column.name) and _rises_or_falls(column.values)), None)
    if axis in candidates:
        return axis
    if axis is None and len(candidates) == 2:
        return candidates[0]
    raise NoAbscissa(f"None of the columns {listed(columns)} is {wanted(kinds)}.", axis)


def _rises_or_falls(values: np.ndarray) -> bool:
    steps = np.diff(values[np.isfinite(values)])
    return bool(len(steps) and (np.mean(steps > 0) > MOSTLY or np.mean(steps < 0) > MOSTLY))


def _ordinates(rest: Sequence[Column], kinds: Sequence[str]) -> list[Column]:
    """Leave out errors, responses, running numbers, constants, and, beside others, what could be the abscissa too."""
    left, in_time = [], "time" in kinds
    for column in rest:
        finite = column.values[np.isfinite(column.values)]
        told = ERROR_WORDS.search(column.name) or NUMBERING.match(column.name) or (in_time and IRF_WORDS.search(column.name))
        if not told and len(finite) and np.any(finite != finite[0]):
            left.append(column)
    others = [column for column in left if not column.kinds() & set(kinds)]
    return others or left


def _errors(column: Column, rest: Sequence[Column], named: Column | None, only: bool) -> np.ndarray | None:
    """Find the standard errors of an ordinate: the named column, the error column behind it, or the only one there is."""
    if named is not None:
        return named.values
    errors = [other for other in rest if ERROR_WORDS.search(other.name)]
    behind = rest[rest.index(column) + 1:]
    if behind and behind[0] in errors:
        return behind[0].values
    return errors[0].values if only and len(errors) == 1 else None
