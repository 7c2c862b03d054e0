"""Runs and tables as HTML, for notebooks and reports. Everything that came from outside is escaped."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from labctl.analysis.labels import value_text
from labctl.core.errors import LabctlError
from labctl.core.plan import Problem, Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from labctl.store.run import Run

DOTS_PER_INCH = 80      # of a figure in a notebook: some 60 kB


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a table; cells are escaped."""
    def row(cells: Sequence[object], tag: str) -> str:
        return "<tr>" + "".join(f'<{tag} style="text-align:left">{escape(str(cell))}</{tag}>' for cell in cells) + "</tr>"

    return f"<table>{row(head, 'th')}{''.join(row(cells, 'td') for cells in rows)}</table>"


def results_table(results: Mapping[str, Result]) -> str:
    """Write results with their errors, units and estimators; empty where there are none."""
    if not results:
        return ""
    return table(("result", "value", "estimator", ""),
                 ((name, value_text(result), result.estimator, result.note) for name, result in results.items()))


def picture(drawn: Figure, words: str = "") -> str:
    """Write a figure as an image that stands in the page itself."""
    buffer = io.BytesIO()
    drawn.savefig(buffer, format="png", dpi=DOTS_PER_INCH)
    return png(buffer.getvalue(), words)


def png(data: bytes, words: str = "") -> str:
    """Write a PNG as an image that stands in the page itself."""
    return (f'<img style="max-width:100%" alt="{escape(words, quote=True)}" '
            f'src="data:image/png;base64,{base64.b64encode(data).decode()}">')


def run_as_html(run: Run) -> str:
    """Write a run: which it is, its results, its default figure."""
    told: list[Any] = [f"<b>{escape(run.header.get('title') or run.header['procedure'])}</b> · {escape(run.headline)} · "
                       f"{len(run)} points<br>{escape(str(run.path))}", results_table(run.results)]
    if run.plots and len(run):
        try:
            told.append(picture(run.figure(), run.headline))
        except (LabctlError, ValueError, KeyError) as exc:
            told.append(f"<p>The figure could not be drawn: {escape(str(exc))}</p>")
    return "".join(told)


def outcome_as_html(status: str, problems: Sequence[Problem], open_run: Callable[[], Run] | None) -> str:
    """Write what came of a run: its status, what is to be known about it, and the run itself where there is one."""
    said = "".join(f"<li>{escape(problem.level)}: {escape(str(problem))}</li>" for problem in problems)
    top = f"<b>{escape(status)}</b>{f'<ul>{said}</ul>' if said else '<br>'}"
    if open_run is None:
        return top
    with open_run() as run:
        return top + run_as_html(run)
