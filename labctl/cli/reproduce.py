"""`labctl reproduce`: the papers' experiments on their simulated benches, row by row against what was published."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from labctl.reproduce.judging import Line
    from labctl.reproduce.plan import Paper
    from labctl.reproduce.session import Reproduced

WIDE = 220
DEAREST = 3         # tasks that are named when it is done
COLOURS = {"pass": "green", "fail": "red", "skip": "dim", "not_simulated": "yellow"}


def reproduce(
    paper: Annotated[str, typer.Argument(help="ying2021, qin2021, xiong2022, wang2015, sun2024 or all.")],
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="Noise seeds; a row passes when it passes in every one.")] = 1,
    json_: Annotated[bool, typer.Option("--json", help="Print exactly one JSON object on stdout, the rest on stderr.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for run files, report.html and rows.json.")] = Path("labctl_reproduce"),
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes; default: one for each core.")] = None,
) -> None:
    """Run a paper's experiments on its simulated benches and judge every claim by what the run files say.

    Exit codes: 0 every experiment ran (rows may fail: that is a finding), 1 an experiment failed, 2 unknown paper, 130 aborted.
    """
    from labctl.cli.progress import TaskBar
    from labctl.reproduce.report import write_report
    from labctl.reproduce.session import reproduce as carry_out
    from labctl.store.whole import write_whole

    papers = _chosen(paper)
    with TaskBar() as bar:
        found = carry_out(papers, out, seeds=seeds, processes=jobs, told=bar)
    contract = _contract(found, seeds)
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / "rows.json", json.dumps(contract, indent=1, ensure_ascii=False) + "\n")
    report = write_report(found, out / "report.html", seeds)
    if json_:
        sys.stdout.write(json.dumps(contract) + "\n")
    else:
        _print(found.lines)
    for failure in found.failures:
        typer.echo(f"failed: {failure}", err=True)
    spent = sum(cost.processor_s for cost in found.costs)
    dearest = ", ".join(f"{cost.task} {cost.processor_s:.0f} s" for cost in found.costs[:DEAREST])
    typer.echo(f"took    {spent:.0f} s of processor time in {len(found.costs)} tasks; most: {dearest}", err=True)
    typer.echo(f"report  {report.resolve()}", err=True)
    raise typer.Exit(1 if found.failures else 0)


def _chosen(name: str) -> tuple[Paper, ...]:
    from labctl.core.errors import Refused
    from labctl.core.plan import Problem
    from labctl.core.suggest import suggestion
    from labctl.reproduce.papers import ALL, PAPERS, chosen

    if name != ALL and name not in PAPERS:
        raise Refused([Problem("paper", f"there is no paper {name!r}. {suggestion(name, (*PAPERS, ALL))}")])
    return chosen(name)


def _contract(found: Reproduced, seeds: int) -> dict[str, Any]:
    """Give the object of `--json`."""
    from labctl.reproduce.judging import tally

    return {"papers": [paper.name for paper in found.papers], "seeds": seeds, "rows": [line.as_json() for line in found.lines],
            "counts": tally(found.lines), "failures": found.failures, "costs": [cost.as_json() for cost in found.costs]}


def _print(lines: Iterable[Line]) -> None:
    """Print a line for every row, and the counts."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from labctl.reproduce.judging import VERDICTS, tally

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=WIDE)      # a pipe has no width to fit into
    table = Table("row", "quantity", "published", "criterion", "obtained", "evidence", "basis", "verdict", box=None, pad_edge=False)
    found = list(lines)
    for each in found:
        row = each.row
        obtained = "; ".join(filter(None, (each.obtained, each.reason)))
        table.add_row(*map(Text, (row.id, row.quantity, f"{row.value} {row.unit}", row.criterion if row.checkable else "", obtained,
                                  each.evidence if row.checkable else "", each.basis)), Text(each.verdict, COLOURS[each.verdict]))
    console.print(table)
    counts = Table("", *VERDICTS, box=None, pad_edge=False)
    for key, verdicts in tally(found).items():
        counts.add_row(key, *(str(verdicts[each]) for each in VERDICTS))
    console.print(counts)
