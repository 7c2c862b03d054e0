"""A packaged bench file with a few values changed, as somebody would in a copy of it; the run files keep the changed text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from labctl.bench.config import BenchConfig, parse
from labctl.bench.lookup import packaged
from labctl.core.errors import ConfigError

HEADER = re.compile(r"^\s*\[([^\]]+)\]\s*(?:#.*)?$")
LITERAL = r'("[^"]*"|\[[^\]]*\]|\{[^}]*\}|[^,}\s#]+)'


def changed_bench(name: str, changes: Mapping[str, Any]) -> tuple[BenchConfig, str]:
    """Give the configuration and the text of a packaged bench with these values, by dotted key.

    Raises ConfigError when the file has no place for a key, or is wrong after the change.
    """
    path = packaged(name)
    text = path.read_text(encoding="utf-8")
    for key, value in changes.items():
        text = _with(text, key, value, name)
    return parse(text, str(path)), text


def _with(text: str, key: str, value: Any, bench: str) -> str:
    """Give the text with one value replaced, also in an inline table, or added to the table that is named."""
    lines, table, home = text.splitlines(keepends=True), "", -1
    above, _, last = key.rpartition(".")
    for place, line in enumerate(lines):
        if header := HEADER.match(line):
            table = header.group(1).replace('"', "")
            home = place if table == above else home
        elif (new := _replaced(line, table, key, value)) is not None:
            lines[place] = new
            return "".join(lines)
    if home < 0:
        raise ConfigError(f"bench {bench}: its file has no place for {key}")
    lines.insert(home + 1, f"{last} = {_literal(value)}\n")
    return "".join(lines)


def _replaced(line: str, table: str, key: str, value: Any) -> str | None:
    """Give a line with the value of a key replaced; None when it does not hold the key."""
    own = re.match(r"\s*\"?([\w.-]+)\"?\s*=", line)
    dotted = ".".join(filter(None, (table, own.group(1)))) if own else ""
    if not own or not (key == dotted or key.startswith(f"{dotted}.")):
        return None
    inner = key.removeprefix(dotted).removeprefix(".")
    start = own.end(0) if inner else own.start(1)
    old = re.search(rf"\b{re.escape(inner or own.group(1))}\"?\s*=\s*{LITERAL}", line[start:])
    if old is None:
        return None
    return line[:start + old.start(1)] + _literal(value) + line[start + old.end(1):]


def _literal(value: Any) -> str:
    """Write a value as TOML does."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name} = {_literal(each)}" for name, each in value.items()) + "}"
    return json.dumps(value)
