"""Small formulas over results of earlier runs: `1.2 * threshold.fluence`, `120 % * a.b + 2 [uJ/cm^2]`, `a.b > 20 [nm] and c.d < 3`.

Numbers, units in square brackets, `%`, names of results, + - * / with brackets, comparisons, and, or, not: read by a parser of its
own, so that a file can compute nothing else. Units are minded: what cannot be added or compared is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from labctl.core.quantities import to_float

TOKEN = re.compile(r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)"
                   r"|(?P<name>[A-Za-z_]\w*(?:\[\d+\])?(?:\.[A-Za-z_]\w*)+)"
                   r"|(?P<word>and|or|not)\b|(?P<unit>\[[^\]]+\])|(?P<sign><=|>=|==|!=|[-+*/%()<>]))")
LONGEST = 500            # characters
COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b, "!=": lambda a, b: a != b}


@dataclass(frozen=True)
class Amount:
    """A number with its unit; "" is none."""

    value: float
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.value:.6g} {self.unit}".rstrip()


Value = Amount | bool
Lookup = Callable[[str, str], Amount]        # of a run's name and one of its results
Node = Callable[[Lookup], Value]


@dataclass(frozen=True)
class Expression:
    """A formula that has been read; `names` are the (run, result) it needs."""

    text: str
    names: tuple[tuple[str, str], ...]
    _node: Node

    def amount(self, lookup: Lookup) -> Amount:
        """Compute a number; raises ValueError when it is none, or when units do not fit."""
        found = self._node(lookup)
        if isinstance(found, bool):
            raise ValueError(f"{self.text!r} says yes or no, and a number is wanted")
        return found

    def holds(self, lookup: Lookup) -> bool:
        """Tell whether a condition is true; raises ValueError when it is none, or when units do not fit."""
        found = self._node(lookup)
        if not isinstance(found, bool):
            raise ValueError(f"{self.text!r} is a number, and a condition is wanted, e.g. {self.text} > 0")
        return found


def parse(text: str) -> Expression:
    """Read a formula; raises ValueError naming the place where it cannot be understood."""
    if len(text) > LONGEST:
        raise ValueError(f"the formula has {len(text)} characters; {LONGEST} are allowed")
    parser = _Parser(text)
    node = parser.either()
    if parser.kind:
        raise ValueError(f"{text!r}: {parser.symbol!r} is not expected there")
    return Expression(text, tuple(dict.fromkeys(parser.names)), node)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    place = 0
    while text[place:].strip():
        match = TOKEN.match(text, place)
        if match is None:
            raise ValueError(f"{text!r}: {text[place:].strip().split()[0]!r} is not understood; write e.g. "
                             "1.2 * threshold.fluence, or 20 [uJ/cm^2]")
        yield str(match.lastgroup), match.group(str(match.lastgroup))
        place = match.end()


class _Parser:
    """Recursive descent, one method per rank of binding."""

    def __init__(self, text: str):
        self._text, self._left = text, _tokens(text)
        self.names: list[tuple[str, str]] = []
        self._depth = 0
        self.next()

    def next(self) -> str:
        """Go on to the next token; gives the one before."""
        before = getattr(self, "symbol", "")
        self.kind, self.symbol = next(self._left, ("", ""))
        return before

    def either(self) -> Node:
        """Read `a or b`."""
        return self._joined(self.both, "or", lambda a, b: a or b)

    def both(self) -> Node:
        """Read `a and b`."""
        return self._joined(self.negated, "and", lambda a, b: a and b)

    def _joined(self, part: Callable[[], Node], word: str, join: Callable[[bool, bool], bool]) -> Node:
        node = part()
        while self.symbol == word:
            self.next()
            node = _of_conditions(node, part(), join, self._text)
        return node

    def negated(self) -> Node:
        """Read `not a`."""
        if self.symbol != "not":
            return self.compared()
        self.next()
        inner = self.negated()
        return _of_conditions(inner, inner, lambda a, _: not a, self._text)

    def compared(self) -> Node:
        """Read `a < b`."""
        left = self.sum()
        if self.symbol not in COMPARE:
            return left
        compare = COMPARE[self.next()]
        right = self.sum()

        def node(lookup: Lookup) -> Value:
            a, b = _number(left(lookup)), _number(right(lookup))
            return compare(a.value, _as_unit(b, a.unit).value)

        return node

    def sum(self) -> Node:
        """Read `a + b - c`."""
        return self._chain(self.product, {"+": _plus, "-": _minus})

    def product(self) -> Node:
        """Read `a * b / c`."""
        return self._chain(self.signed, {"*": _times, "/": _over})

    def _chain(self, part: Callable[[], Node], signs: dict[str, Callable[[Amount, Amount], Amount]]) -> Node:
        node = part()
        while self.kind == "sign" and self.symbol in signs:
            node = _of_numbers(node, signs[self.next()], part())
        return node

    def signed(self) -> Node:
        """Read `-a`, and `%` or a unit behind it."""
        if self.kind == "sign" and self.symbol in "+-":
            sign = -1.0 if self.next() == "-" else 1.0
            return _of_numbers(lambda lookup: Amount(sign), _times, self.signed())
        node = self.atom()
        if self.symbol == "%":
            self.next()
            node = _of_numbers(node, _times, lambda lookup: Amount(0.01))
        elif self.kind == "unit":
            node = _of_numbers(node, _times, _unit(self.next()[1:-1].strip()))
        return node

    def atom(self) -> Node:
        """Read a number, a name, or something in brackets."""
        kind, symbol = self.kind, self.next()
        if kind == "number":
            return lambda lookup: Amount(float(symbol))
        if kind == "name":
            run, _, result = symbol.partition(".")
            self.names.append((run, result))
            return lambda lookup: lookup(run, result)
        if symbol == "(" and self._depth < LONGEST // 10:
            self._depth += 1
            node = self.either()
            self._depth -= 1
            if self.next() == ")":
                return node
        where = f"at {symbol!r}" if symbol else "at the end"
        raise ValueError(f"{self._text!r}: a number, the name of a result or a bracket is missing {where}")


def plain_unit(unit: str) -> str:
    """Write a unit as it is computed with: "uJ/cm^2" for "µJ/cm²", nothing for "1"."""
    return "" if unit == "1" else unit.strip().replace("µ", "u").replace("²", "^2").replace("⁻¹", "^-1").replace("°", "deg")


def _unit(unit: str) -> Node:
    wanted = plain_unit(unit)
    to_float(f"1 {wanted}", wanted)      # a unit that nobody knows is refused while reading
    return lambda lookup: Amount(1.0, wanted)


def _number(value: Value) -> Amount:
    if isinstance(value, bool):
        raise ValueError("yes or no cannot be computed with")
    return Amount(value.value, plain_unit(value.unit))


def _of_numbers(left: Node, join: Callable[[Amount, Amount], Amount], right: Node) -> Node:
    return lambda lookup: join(_number(left(lookup)), _number(right(lookup)))


def _of_conditions(left: Node, right: Node, join: Callable[[bool, bool], bool], text: str) -> Node:
    def node(lookup: Lookup) -> Value:
        both = left(lookup), right(lookup)
        if not all(isinstance(each, bool) for each in both):
            raise ValueError(f"{text!r}: and, or, not join conditions, not numbers")
        return join(bool(both[0]), bool(both[1]))

    return node


def _as_unit(amount: Amount, unit: str) -> Amount:
    if amount.unit == unit:
        return amount
    if not amount.unit or not unit:
        bare, other = (amount, unit) if not amount.unit else (Amount(0.0), amount.unit)
        raise ValueError(f"{bare.value:g} has no unit and the other side is in {other}: write it with a unit, e.g. 20 [{other}]")
    return Amount(to_float(f"{amount.value!r} {amount.unit}", unit), unit)


def _plus(a: Amount, b: Amount) -> Amount:
    return Amount(a.value + _as_unit(b, a.unit).value, a.unit)


def _minus(a: Amount, b: Amount) -> Amount:
    return Amount(a.value - _as_unit(b, a.unit).value, a.unit)


def _times(a: Amount, b: Amount) -> Amount:
    if a.unit and b.unit:
        raise ValueError(f"{a} times {b}: one of the two has to be a pure number")
    return Amount(a.value * b.value, a.unit or b.unit)


def _over(a: Amount, b: Amount) -> Amount:
    if b.value == 0.0:
        raise ValueError(f"{a} is divided by nought")
    if not b.unit:
        return Amount(a.value / b.value, a.unit)
    if not a.unit:
        raise ValueError(f"{a} by {b}: the unit of the quotient is none that can be set")
    return Amount(a.value / _as_unit(b, a.unit).value)
