"""Write docs/reference/procedures.md from the code: what each procedure measures, its parameters, its figures, its results.

Run by `make docs-reference`. Nothing is opened.
"""

from __future__ import annotations

import inspect
import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from labctl.core import registry

PAGE = Path(__file__).parent / "reference" / "procedures.md"
INTRODUCTION = """# Procedures

Written from the code by `make docs-reference`; do not edit. `labctl run NAME` runs a procedure, `--set PARAMETER=VALUE` sets a
parameter; a bare number is in the unit of the table. Benches in brackets have defaults of their own for it
(`labctl procedures NAME --bench BENCH` shows them). How to write one: [write a procedure](../how-to/write-a-procedure.md).
"""


def page() -> str:
    """Give the whole page."""
    return INTRODUCTION + "".join(section(name) for name in sorted(registry.points("procedure")))


def section(name: str) -> str:
    """Give what stands about one procedure."""
    procedure = registry.find("procedure", name)
    benches = _benches().get(name, [])
    known = f" ({', '.join(benches)})" if benches else ""
    lines = [f"\n## `{name}`{known}\n", _paragraphs(inspect.getdoc(procedure)), "| parameter | meaning | default | unit | limits |",
             "|---|---|---|---|---|"]
    lines += [_row(parameter, declared) for parameter, declared in procedure.declarations().items()]
    lines += ["", "**Plan** " + _paragraphs(inspect.getdoc(procedure.plan)),
              "**Reduction** " + _paragraphs(inspect.getdoc(procedure.reduce))]
    drawn = [f"{plot.title} ({type(plot).__name__.lower()})" for plot in procedure.plots]
    return "\n".join([*lines, f"**Figure** {'; '.join(drawn) or 'none'}\n"])


def _row(parameter: str, declared: Any) -> str:
    meaning = declared.name + (f". {declared.description}" if getattr(declared, "description", None) else "")
    choices, low, high = (getattr(declared, name, None) for name in ("choices", "minimum", "maximum"))
    limits = ", ".join(map(str, choices)) if choices else "" if low is None else f"{low:g} to {high:g}"
    default = f"{declared.default:g}" if isinstance(declared.default, float) else str(declared.default)
    return f"| `{parameter}` | {_cell(meaning)} | {_cell(default)} | {getattr(declared, 'units', None) or ''} | {_cell(limits)} |"


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|").rstrip(".")


def _paragraphs(text: str | None) -> str:
    """Give a docstring as Markdown, lines joined."""
    return "\n\n".join(re.sub(r"\s+", " ", part) for part in (text or "").split("\n\n")) + "\n"


def _benches() -> dict[str, list[str]]:
    """Give the packaged benches with defaults of their own, by procedure."""
    found: dict[str, list[str]] = {}
    for path in sorted(resources.files("sim_instruments.benches").iterdir(), key=lambda each: each.name):
        if path.name.endswith(".toml"):
            for name in tomllib.loads(path.read_text(encoding="utf-8")).get("procedures", {}):
                found.setdefault(name, []).append(path.name.removesuffix(".toml"))
    return found
