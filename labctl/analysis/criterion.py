"""What the criterion of a claim may say: arithmetic and comparisons of numbers and arrays, never by Python's own `eval`."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from labctl.core.errors import LabctlError

LONGEST = 1000                 # characters; a person's condition has tens
HIGHEST_POWER = 64             # 9**9**9 would keep a computer busy for years

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.Mod: operator.mod}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {ast.Not: operator.not_, ast.USub: operator.neg, ast.UAdd: operator.pos}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Eq: operator.eq,
    ast.NotEq: operator.ne}

Functions = Mapping[str, Callable[..., Any]]


class ExpressionError(LabctlError):
    """A text is no expression, or says more than arithmetic and comparisons of known names."""


def evaluate(text: str, values: Mapping[str, Any], functions: Functions | None = None) -> Any:
    """Give the value of an expression over `values` (numbers, or arrays that are indexed), with these functions.

    Raises ExpressionError for anything else than numbers, names, arithmetic, comparisons, and, or, not, an index, a known function;
    errors of the arithmetic itself (ZeroDivisionError, IndexError, ValueError) pass.
    """
    if len(text) > LONGEST:
        raise ExpressionError(f"{text[:40]!r}... is too long for an expression: {len(text)} characters, at most {LONGEST}.")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ExpressionError(f"{text!r} is no expression.") from None
    return _Expression(text, values, functions or {}).value(tree.body)


class _Expression:
    """One text with what its names mean."""

    def __init__(self, text: str, values: Mapping[str, Any], functions: Functions):
        self.text, self.values, self.functions = text, values, functions

    def value(self, node: ast.expr) -> Any:
        """Work out a node; raises ExpressionError for a kind that is not listed."""
        match node:
            case ast.Constant(value=bool() | int() | float() as number):
                return number
            case ast.Name(id=name):
                return self._named(name)
            case ast.UnaryOp(op=op, operand=operand):
                return _UNARY[type(op)](self.value(operand)) if type(op) in _UNARY else self._refuse(op)
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return self._power(self.value(left), self.value(right))
            case ast.BinOp(left=left, op=op, right=right):
                return _BINARY[type(op)](self.value(left), self.value(right)) if type(op) in _BINARY else self._refuse(op)
            case ast.BoolOp(op=op, values=parts):
                return self._both(isinstance(op, ast.And), parts)
            case ast.Compare(left=left, ops=ops, comparators=others):
                return self._compared(left, ops, others)
            case ast.Subscript(value=array, slice=index):
                return self.value(array)[self.value(index)]
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in self.functions:
                return self.functions[name](*map(self.value, arguments))
            case ast.Call():
                known = ", ".join(self.functions) or "nothing"
                raise ExpressionError(f"{self.text!r}: only {known} may be called here.")
        return self._refuse(node)

    def _named(self, name: str) -> Any:
        if name not in self.values:
            known = ", ".join(self.values) or "nothing"
            raise ExpressionError(f"{self.text!r} names {name}, which is not known here. Known: {known}.")
        return self.values[name]

    def _power(self, base: Any, exponent: Any) -> Any:
        if not -HIGHEST_POWER <= exponent <= HIGHEST_POWER:
            raise ExpressionError(f"{self.text!r}: the power {exponent} is beyond {HIGHEST_POWER}.")
        return base ** exponent

    def _both(self, every: bool, parts: list[ast.expr]) -> Any:
        found: Any = every
        for part in parts:
            found = self.value(part)
            if bool(found) != every:
                break
        return found

    def _compared(self, left: ast.expr, ops: list[ast.cmpop], others: list[ast.expr]) -> Any:
        here, found = self.value(left), True
        for op, other in zip(ops, others, strict=True):
            if type(op) not in _COMPARE:
                self._refuse(op)
            there = self.value(other)
            found = _COMPARE[type(op)](here, there)
            if not found:
                break
            here = there
        return found

    def _refuse(self, node: ast.AST) -> Any:
        raise ExpressionError(f"{self.text!r}: {type(node).__name__} is not allowed here; it may hold numbers, names, arithmetic "
                              "and comparisons.")
