"""Score the twin: `python -m benchmarks.score [--bench wang2015] [--seeds 8] [--whole-bench] [--targets FILE] [--out FILE]`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.score.experiment import BASES, Outcome, Score, run, score, tally
from benchmarks.score.papers import AFTER_CALIBRATION, BENCH_REASONS, EXPERIMENTS, REASONS
from benchmarks.score.targets import PLACE_VARIABLE, load_rows, targets_file
from labctl.analysis.verdicts import number

SEEDS = 8
VERDICTS = ("pass", "mixed", "fail", "not simulated")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the experiments, print the table, write the scores; gives 2 when there are no targets."""
    options = _options(arguments)
    place = options.targets or targets_file()
    if place is None:
        sys.stderr.write(f"The targets file is not beside the repository; name it in {PLACE_VARIABLE} or with --targets.\n")
        return 2
    offered = AFTER_CALIBRATION if options.whole_bench else EXPERIMENTS
    chosen = [each for each in offered if options.bench in (None, each.bench)]
    outcomes: list[Outcome] = []
    for each in chosen:
        start = time.process_time()
        outcomes += [run(each, seed) for seed in range(options.seeds)]
        sys.stderr.write(f"{each.bench}: {each.name}: {(time.process_time() - start) / options.seeds:.2f} s per noise seed\n")
    rows = [row for row in load_rows(place) if options.bench in (None, row.bench)]
    scores = score(rows, outcomes, {**REASONS, **BENCH_REASONS} if options.whole_bench else REASONS)
    if options.whole_bench:
        scores = tuple(each for each in scores if each.seeds)
    sys.stdout.write("\n".join([*lines(scores), "", *summary(scores), *refusals(outcomes)]) + "\n")
    if options.out:
        record = json.dumps([as_json(each) for each in scores], indent=1, ensure_ascii=False)
        options.out.write_text(record + "\n", encoding="utf-8")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.score", description=__doc__)
    parser.add_argument("--bench", help="one bench only", choices=sorted({each.bench for each in EXPERIMENTS}))
    parser.add_argument("--seeds", type=int, default=SEEDS, help="noise seeds (default: %(default)s)")
    parser.add_argument("--whole-bench", action="store_true", help="through drivers, wire and journal, after calibrations")
    parser.add_argument("--targets", type=Path, help="the targets file")
    parser.add_argument("--out", type=Path, help="write the scores to this JSON file")
    return parser.parse_args(arguments)


def lines(scores: Iterable[Score]) -> list[str]:
    """Give one line per checkable row."""
    return [f"{each.row.id}  {each.verdict if not each.seeds else f'{each.passed}/{each.seeds}':<13} {each.evidence:<9} "
            f"{each.basis:<7} {each.row.quantity}: {each.row.value} {each.row.unit} | {shown(each)}"
            for each in scores if each.row.checkable]


def shown(each: Score) -> str:
    """Give the results of a row as text, and why it does not pass."""
    results = ", ".join(f"{name} {number(value)}" for name, value in each.values.items())
    return results if each.verdict == "pass" else "; ".join(filter(None, (results, each.reason)))


def summary(scores: Iterable[Score]) -> list[str]:
    """Give the counts by evidence and by basis."""
    counts = tally(scores)
    order = ["all", "predicted", "fitted", "recovered", *BASES]
    return [f"{key:<10} " + "  ".join(f"{verdict} {counts[key][verdict]:>3}" for verdict in VERDICTS)
            for key in order if key in counts]


def refusals(outcomes: Iterable[Outcome]) -> list[str]:
    """Give what the analysis refused, with the noise seeds."""
    found: dict[str, list[int]] = {}
    for each in outcomes:
        if each.refusal:
            found.setdefault(f"{each.experiment.bench}, {each.experiment.name}: {each.refusal}", []).append(each.seed)
    return ["", *(f"refused in seeds {', '.join(map(str, seeds))}: {text}" for text, seeds in found.items())] if found else []


def as_json(each: Score) -> dict[str, Any]:
    """Give a score for the record."""
    row = each.row
    return {"id": row.id, "quantity": row.quantity, "published": f"{row.value} {row.unit}".strip(), "verdict": each.verdict,
            "evidence": each.evidence, "basis": each.basis, "passed": each.passed, "seeds": each.seeds, "values": each.values,
            "spread": each.spread, "reason": each.reason}



if __name__ == "__main__":
    sys.exit(main())
