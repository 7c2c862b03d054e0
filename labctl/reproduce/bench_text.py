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
LITERAL = r'("[^"]*"|\[[^\]]*\]|[^,}\s#]+)'


def changed_bench(name: str, changes: Mapping[str, Any]) -> tuple[BenchConfig, str]:
    """Give the configuration and the text of a packaged bench with these values, by dotted key.

    Raises ConfigError when the file has no such key, or is wrong after the change.
    """
    path = packaged(name)
    text = path.read_text(encoding="utf-8")
    for key, value in changes.items():
        text = _with(text, key, value, name)
    return parse(text, str(path)), text


def _with(text: str, key: str, value: Any, bench: str) -> str:
    """Give the text with one value replaced; the key may lie in an inline table."""
    lines, table = text.splitlines(keepends=True), ""
    for place, line in enumerate(lines):
        if header := HEADER.match(line):
            table = header.group(1).replace('"', "")
            continue
        own = re.match(r"\s*\"?([\w.-]+)\"?\s*=", line)
        dotted = ".".join(filter(None, (table, own.group(1)))) if own else ""
        if own and (key == dotted or key.startswith(f"{dotted}.")):
            inner = key.removeprefix(dotted).removeprefix(".")
            start = own.end(0) if inner else own.start(1)
            new, count = re.subn(rf"\b{re.escape(inner or own.group(1))}\"?\s*=\s*{LITERAL}",
                                 lambda found: found.group(0)[:found.start(1) - found.start(0)] + json.dumps(value),
                                 line[start:], count=1)
            if count:
                lines[place] = line[:start] + new
                return "".join(lines)
    raise ConfigError(f"bench {bench}: its file has no {key} that could be changed")
