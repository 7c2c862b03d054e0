"""What came of a night: every run with its results and figure, as Markdown and as a page that stands by itself."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from urllib.parse import quote

from labctl.analysis.labels import value_text
from labctl.core.errors import LabctlError
from labctl.core.plan import Result
from labctl.core.words import human_time
from labctl.store.markup import png, results_table, table
from labctl.store.run import load
from labctl.store.waiting import Item
from labctl.store.whole import write_whole

MOST_PICTURES = 100         # inside one page: some 10 MB
HEAD = ("run", "procedure", "status", "began (UTC)", "takes", "file", "")


@dataclass(frozen=True)
class Line:
    """One run of the report."""

    item: Item
    began: str = ""
    takes: str = ""
    settings: str = ""
    results: Mapping[str, Result] = field(default_factory=dict)
    figure: Path | None = None

    @property
    def label(self) -> str:
        """Its name in the night file."""
        return str(self.item.options.get("entry") or self.item.id)

    def cells(self) -> tuple[str, ...]:
        """Give its row of the table."""
        name = Path(self.item.run).name if self.item.run else ""
        return self.label, self.item.procedure, self.item.status, self.began, self.takes, name, self.item.message


def line(item: Item) -> Line:
    """Read what a run has left."""
    if not item.run or not Path(item.run).is_file():
        return Line(item)
    try:
        with load(Path(item.run)) as run:
            seconds = run.end.get("seconds")
            told, wanted = run.header["parameters"], {*item.settings, *(item.options.get("computed") or {})}
            settings = ", ".join(f"{name} = {told[name]['value']} {told[name]['unit']}".rstrip() for name in told if name in wanted)
            figure = Path(item.run).with_suffix(".png")
            takes = "" if seconds is None else human_time(float(seconds))
            began = str(run.header["start_utc"])[:19].replace("T", " ")
            return Line(item, began, takes, settings, dict(run.results), figure if figure.is_file() else None)
    except LabctlError as exc:
        return Line(item, settings=f"cannot be read: {exc}")


def write(stem: Path, title: str, said: Sequence[str], lines: Sequence[Line], *, page: bool = True) -> tuple[Path, ...]:
    """Write STEM.md, and with `page` STEM.html, each in one stroke; gives their paths. OSError when they cannot be written."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    texts = {"md": markdown(title, said, lines, stem.parent)} | ({"html": html(title, said, lines)} if page else {})
    paths = tuple(stem.with_name(f"{stem.name}.{ending}") for ending in texts)
    for path, text in zip(paths, texts.values(), strict=True):
        write_whole(path, text)
    return paths


def markdown(title: str, said: Sequence[str], lines: Sequence[Line], folder: Path) -> str:
    """Write the report with links to the figures, relative to its folder."""
    def row(cells: Sequence[str]) -> str:
        return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"

    text = [f"# {title}", "", *(f"- {each}" for each in said), "", row(HEAD), "|---" * len(HEAD) + "|",
            *(row(each.cells()) for each in lines)]
    for each in (each for each in lines if each.results or each.figure):
        text += ["", f"## {each.label}", "", each.settings, ""]
        text += [f"- {name}: {value_text(result)} ({result.estimator})" for name, result in each.results.items()]
        if each.figure:
            text += ["", f"![{each.label}]({quote(Path(os.path.relpath(each.figure, folder)).as_posix())})"]
    return "\n".join(text) + "\n"


def html(title: str, said: Sequence[str], lines: Sequence[Line]) -> str:
    """Write the report as one page with its figures inside."""
    shown = {id(each) for each in [each for each in lines if each.figure][:MOST_PICTURES]}
    parts = [f"<h1>{escape(title)}</h1><ul>{''.join(f'<li>{escape(each)}</li>' for each in said)}</ul>",
             table(HEAD, (each.cells() for each in lines))]
    for each in (each for each in lines if each.results or each.figure):
        parts.append(f"<h2>{escape(each.label)}</h2><p>{escape(each.settings)}</p>{results_table(each.results)}")
        if each.figure and id(each) in shown:
            parts.append(png(each.figure.read_bytes(), each.label))
    style = "body{font:15px/1.5 sans-serif;margin:2em auto;max-width:72em}td,th{padding:.15em .8em .15em 0;vertical-align:top}"
    return (f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{style}</style>'
            f"{''.join(parts)}</html>\n")
