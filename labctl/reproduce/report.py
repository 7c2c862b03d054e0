"""One HTML file that needs nothing else: every row with its verdict, and the papers' figures as simulated data."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from labctl.reproduce.judging import VERDICTS, Answer, Line, tally
from labctl.reproduce.plan import Panel, Paper
from labctl.reproduce.session import Cost, Reproduced
from labctl.reproduce.taking import Taken
from labctl.store.whole import write_whole

WORDS = {"pass": "pass", "fail": "fail", "skip": "skipped", "not_simulated": "not simulated"}
STYLE = """
:root { --ink: #1c2330; --quiet: #69717f; --line: #e3e6ea; --pass: #1f7a4d; --fail: #b3362b; --other: #8a6d1f; }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); margin: 0 auto; max-width: 1240px; padding: 2.2rem 1.5rem 4rem; }
h1 { font-size: 1.7rem; margin: 0 0 .2rem; } h2 { font-size: 1.25rem; margin: 3rem 0 .3rem; padding-top: 1rem;
border-top: 2px solid var(--ink); }
p { max-width: 75ch; margin: .3rem 0; } .quiet, th { color: var(--quiet); }
nav a { color: var(--ink); margin-right: 1.1rem; }
table { border-collapse: collapse; margin: .8rem 0; font-size: .86rem; }
th { text-align: left; font-weight: 500; } th, td { padding: .28rem .9rem .28rem 0; vertical-align: top; }
tbody tr { border-top: 1px solid var(--line); } td.id, td.n { font-variant-numeric: tabular-nums; white-space: nowrap; }
td.obtained { max-width: 34rem; overflow-wrap: anywhere; } .reason { color: var(--quiet); }
.mark { white-space: nowrap; font-weight: 600; } .pass { color: var(--pass); } .fail { color: var(--fail); }
.not_simulated { color: var(--other); } .skip { color: var(--quiet); font-weight: 400; }
.figures { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 1.1rem; margin: 1.2rem 0; }
figure { margin: 0; border: 1px solid var(--line); border-radius: 6px; padding: .7rem .8rem; box-sizing: border-box;
flex: 1 1 360px; max-width: 400px; }
figure img { width: 100%; height: auto; display: block; } figcaption b { font-size: .95rem; }
figcaption table { margin: .3rem 0 0; font-size: .8rem; } figcaption td { padding: .15rem .7rem .15rem 0; }
@media print { body { max-width: none; } .figures { display: block; } figure { display: inline-block; width: 31%; margin: .5%; }
figure, tr { break-inside: avoid; } }
"""
HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>{style}</style></head><body>
<h1>{title}</h1>
<p class="quiet">labctl {version}, {when} UTC, {seeds}</p>
<p>Every number whose basis is <b>noisy</b> was measured: registered procedures ran on simulated benches through drivers, wire,
noise, journal and run file, after the calibrations a user would take, and the analysis read the run files back. A basis of
<b>formula</b> is arithmetic on the paper's own inputs, nothing was measured. The twin's constants were fitted to many of
these rows, so a pass is worth what its evidence says: <b>predicted</b> rows were used in no calibration, <b>fitted</b> ones were,
and <b>recovered</b> ones are an input that the analysis returned.</p>
"""


def write_report(found: Reproduced, path: Path, seeds: int) -> Path:
    """Write the report, all at once; an earlier one under the same name is replaced. Gives the path."""
    names = ", ".join(paper.name for paper in found.papers)
    title = f"Reproduced: {names}" if len(found.papers) == 1 else "The papers, reproduced"
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
    several = "one noise seed" if seeds == 1 else f"{seeds} noise seeds"
    head = HEAD.format(title=html.escape(title), style=STYLE, version=version("labctl"), when=when, seeds=several)
    parts = [head, _counts(found.lines)]
    if len(found.papers) > 1:
        links = "".join(f'<a href="#{paper.name}">{paper.name}</a>' for paper in found.papers)
        parts.append(f"<nav>{links}</nav>")
    for paper in found.papers:
        lines = [line for line in found.lines if line.row.bench == paper.name]
        parts.append(_paper(paper, lines, [each for each in found.answers if each.paper.name == paper.name]))
    parts.append(_costs(found.costs))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, "\n".join([*parts, "</body></html>\n"]))
    return path


def _counts(lines: Iterable[Line]) -> str:
    head = "".join(f"<th>{WORDS[each]}</th>" for each in VERDICTS)
    body = "".join(f"<tr><td>{key}</td>" + "".join(f'<td class="n">{verdicts[each]}</td>' for each in VERDICTS) + "</tr>"
                   for key, verdicts in tally(lines).items())
    return f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>"


def _costs(costs: Sequence[Cost]) -> str:
    """Say what it took, task by task."""
    head = "<th>task</th><th>noise seed</th><th>processor time, s</th><th>time at the bench, h</th>"
    body = "".join(f'<tr><td>{html.escape(each.task)}</td><td class="n">{each.seed}</td><td class="n">{each.processor_s:.1f}</td>'
                   f'<td class="n">{each.bench_s / 3600.0:.2f}</td></tr>' for each in costs)
    spent, hours = sum(each.processor_s for each in costs), sum(each.bench_s for each in costs) / 3600.0
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return (f"<h2>What it took</h2><p>{spent:.0f} s of processor time for {hours:.0f} h at the benches.</p>"
            f"<details><summary>{len(costs)} tasks</summary>{table}</details>")


def _paper(paper: Paper, lines: Sequence[Line], answers: Sequence[Answer]) -> str:
    by_row = {line.row.id: line for line in lines}
    passed = sum(line.verdict == "pass" for line in lines)
    checkable = sum(line.verdict != "skip" for line in lines)
    figures = "".join(_figure(panel, picture, by_row) for each in answers if isinstance(each.taken, Taken)
                      for panel, picture in zip(each.experiment.panels, each.taken.pictures, strict=False))
    rows = "".join(map(_row, lines))
    return (f'<h2 id="{paper.name}">{html.escape(paper.title)}</h2>'
            f'<p class="quiet">{passed} of {checkable} checkable rows pass.</p><div class="figures">{figures}</div>'
            "<table><thead><tr><th>row</th><th>quantity</th><th>published</th><th>criterion</th><th>obtained</th><th>evidence</th>"
            f"<th>basis</th><th>verdict</th></tr></thead><tbody>{rows}</tbody></table>")


def _row(line: Line) -> str:
    row = line.row
    reason = f'<div class="reason">{html.escape(line.reason)}</div>' if line.reason else ""
    worth = (line.evidence, line.basis) if row.checkable else ("", "")
    cells = "".join(f"<td>{html.escape(text)}</td>" for text in (
        row.quantity, f"{row.value} {row.unit}".strip(), row.criterion if row.checkable else ""))
    return (f'<tr><td class="id">{row.id}</td>{cells}<td class="obtained">{html.escape(line.obtained)}{reason}</td>'
            f"<td>{worth[0]}</td><td>{worth[1]}</td><td>{_mark(line)}</td></tr>")


def _mark(line: Line) -> str:
    return f'<span class="mark {line.verdict}">{WORDS[line.verdict]}</span>'


def _figure(panel: Panel, picture: bytes | str, lines: dict[str, Line]) -> str:
    """Give a card: the picture, and beside the paper's numbers what was obtained."""
    source = f'<img alt="{html.escape(panel.title)}" src="data:image/png;base64,{base64.b64encode(picture).decode("ascii")}">' if (
        isinstance(picture, bytes)) else f'<p class="reason">{html.escape(picture)}</p>'
    title = html.escape(panel.title)
    rows = "".join(_beside(lines[name]) for name in panel.rows if name in lines)
    return (f'<figure><figcaption><b>{title}</b></figcaption>{source}'
            f"<figcaption><table><thead><tr><th></th><th>published</th><th>here</th><th></th></tr></thead><tbody>{rows}</tbody></table>"
            "</figcaption></figure>")


def _beside(line: Line) -> str:
    published = f"{line.row.value} {line.row.unit}".strip()
    cells = "".join(f"<td>{html.escape(text)}</td>" for text in (line.row.quantity, published, line.obtained))
    return f"<tr>{cells}<td>{_mark(line)}</td></tr>"
