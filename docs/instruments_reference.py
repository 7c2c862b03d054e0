"""Write docs/reference/instruments.md from the code: what each driver covers, what can go wrong, and what nobody has verified.

Run by `make docs-reference`. Nothing is opened; the sources of drivers and emulators are read.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labctl.core import registry
from labctl.core.errors import DeviceFault, InstrumentError

PAGE = Path(__file__).parent / "reference" / "instruments.md"
SPEAKING = {
    "control": 2, "measurement": 1, "values": 1, "ask": 1, "write": 3, "command": 1, "put": 1, "call": 1, "post": 1, "ask_unit": 2,
    "set_unit": 2, "converse": 1, "switch": 1, "_number": 1, "_flag": 1, "_put": 1, "_start": 1, "start_errand": 1, "short": 1,
    "long": 1, "_ask": 1}
"""Methods and functions that speak to a device, and how many of their arguments are what is said."""

INTRODUCTION = """# Instruments

Written from the code by `make docs-reference`; do not edit. A driver is named in the bench file by the word in brackets.
*Commands* are the words, registers or functions that the driver uses (`…` stands for a value); *faults* are the exceptions that
it raises beside those of the connection (`labctl.core.errors`); *simulated faults* are what a test or an exercise can break in the
emulator, beside the faults of the wire (`sim_instruments.faults`). What is *unverified* is a named constant that no document at
hand confirms: check it on your hardware.
"""
NOT_A_DEVICE = ("drivers.device", "drivers.link")


def page() -> str:
    """Give the whole page."""
    return INTRODUCTION + "".join(section(name) for name in sorted(registry.points("driver")))


def section(name: str) -> str:
    """Give what stands about one driver."""
    driver = registry.find("driver", name)
    modules = list(_modules(driver))
    first, _, rest = (inspect.getdoc(sys.modules[driver.__module__]) or "").partition("\n")
    lines = [f"\n## {first.rstrip('.')} [`{name}`]\n", _paragraph(rest), _paragraph(inspect.getdoc(driver) or "")]
    lines += _table("Options", _options(driver))
    lines += _table("Quantities", {**_axes(driver), **_detectors(driver), **_actions(driver)})
    lines += ["**Commands** " + ", ".join(f"`{word}`" for word in _commands(driver, modules)) + "\n"]
    lines += _table("Faults", _faults(modules))
    lines += ["**Simulated faults** " + _simulated_faults(name) + "\n"]
    lines += _list("Unverified", _unverified(modules))
    return "\n".join(line for line in lines if line) + "\n"


def _paragraph(text: str) -> str:
    return re.sub(r"\s*\n\s*", " ", text.strip()) + "\n" if text.strip() else ""


def _table(title: str, rows: dict[str, str]) -> list[str]:
    return _list(title, [f"`{key}`: {value}" for key, value in rows.items()])


def _list(title: str, rows: list[str]) -> list[str]:
    return [f"**{title}**\n\n" + "\n".join(f"- {row}" for row in rows) + "\n"] if rows else []


# ------------------------------------------------------------------ what is read from the driver
def _modules(driver: Any) -> Iterator[Any]:
    """Give the driver's module and those of this package that its class and its errors come from."""
    seen: dict[str, None] = {}
    for each in (*driver.__mro__, getattr(driver, "Port", None)):
        if each is not None and each.__module__.startswith("drivers.") and each.__module__ not in NOT_A_DEVICE:
            seen[each.__module__] = None
    for library in list(seen):
        for found in vars(sys.modules[library]).values():
            module = getattr(found, "__name__" if inspect.ismodule(found) else "__module__", None) or ""
            if module.startswith(("drivers._sdk.", f"{library}_")):        # its parts, such as drivers.andor_areas
                seen[module] = None
    return (sys.modules[name] for name in seen)


def _options(driver: Any) -> dict[str, str]:
    hidden = {"self", "port", "lib", "operator", "clock", "name", "connection", "index"}
    found: dict[str, str] = {}
    for each in (each for each in driver.__mro__ if "__init__" in vars(each)):
        parameters = inspect.signature(each.__init__).parameters.values()
        handed_on = [one.name for one in parameters if one.kind is one.VAR_KEYWORD]
        found |= {one.name: f"default {one.default!r}" for one in parameters if one.name not in {*hidden, *handed_on, *found}}
        if handed_on in ([], ["connection"]):          # what is handed on belongs to the next class, until it is the connection's
            break
    return found


def _axes(driver: Any) -> dict[str, str]:
    declared = getattr(driver, "axes", {})        # those of a unit may depend on its options
    return {axis: f"axis, {spec.limits[0]:g} to {spec.limits[1]:g} {spec.unit}; {spec.long_name}"
            for axis, spec in declared.items()}


def _detectors(driver: Any) -> dict[str, str]:
    return {name: f"detector, {spec.unit}" + (f" along {', '.join(spec.dims)}" if spec.dims else "")
            for name, spec in driver.detectors.items()}


def _actions(driver: Any) -> dict[str, str]:
    return {name: f"action: {spec.long_name}" for name, spec in driver.actions.items()}


def _faults(modules: list[Any]) -> dict[str, str]:
    found = {}
    for module in modules:
        for name, each in vars(module).items():
            if inspect.isclass(each) and issubclass(each, (DeviceFault, InstrumentError)) and each.__module__ == module.__name__:
                found[name] = (inspect.getdoc(each) or "").split("\n")[0]
    return dict(sorted(found.items()))


def _unverified(modules: list[Any]) -> list[str]:
    """Give every constant or statement whose line says "unverified", with its value."""
    found = []
    for module in modules:
        for line in inspect.getsource(module).splitlines():
            if re.search("unverified", line, re.IGNORECASE):
                found.append(f"{module.__name__.removeprefix('drivers.')}: " + line.strip().strip('"'))
    return found


def _commands(driver: Any, modules: list[Any]) -> list[str]:
    """Give the words that are said, in the order of the alphabet: those in calls, and those that a class keeps (":SENS…")."""
    found = {value for each in driver.__mro__ for value in vars(each).values() if isinstance(value, str) and value.startswith(":")}
    for module in modules:
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Call) and _called(node) in SPEAKING:
                found |= {word for argument in node.args[:SPEAKING[_called(node)]] for word in _spoken(argument)}
    return sorted(found)


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _spoken(node: ast.expr) -> Iterator[str]:
    """Give the text of an argument if it is something a device hears; values in it become "…"."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int) and not isinstance(node.value, bool) and node.value > 0x0F:
        yield f"{node.value:02X}h"
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
        text = node.value if isinstance(node.value, str) else node.value.decode("ascii", "replace")
    elif isinstance(node, ast.JoinedStr):
        text = "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    elif isinstance(node, ast.Call):
        if _called(node) == "encode" and isinstance(node.func, ast.Attribute):
            yield from _spoken(node.func.value)
        return
    else:
        return
    text = re.sub(r"%[-+.\d]*[a-zA-Z]|\{.*?\}", "…", text).strip("\r\n ")
    if re.search(r"[A-Za-z*]", text) and len(text) < 40 and "\n" not in text:
        yield text


# ------------------------------------------------------------------ what is read from the emulator
def _simulated_faults(name: str) -> str:
    """Give what the docstrings of the emulator's module say about faults."""
    if name not in registry.points("emulator"):
        return "no emulator"
    emulator = registry.find("emulator", name)
    modules = [module for module in {each.__module__ for each in getattr(emulator, "__mro__", (emulator,))}
               if module.startswith("sim_instruments.")]
    stated = []
    for module in sorted(modules):
        for each in vars(sys.modules[module]).values():
            if inspect.isclass(each) and each.__module__.startswith("sim_instruments"):
                text = _paragraph(inspect.getdoc(each) or "").strip()
                stated += re.findall(r"Fault attributes?: (.*?)(?:\. |\.$|$)", text)
    return "; ".join(dict.fromkeys(stated)) or "those of the wire"
