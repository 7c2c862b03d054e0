"""Code blocks of documents: found, and carried out as a reader would, one after the other in one folder.

Python is executed in one namespace per page, `labctl` commands go through the command line in this process. A block that cannot be
run says so to the reader, in a line of its own above it: `*Not run by the tests: REASON.*`
"""

from __future__ import annotations

import re
import runpy
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import click
from typer.main import get_command
from typer.testing import CliRunner

from labctl.cli.main import app
from labctl.core.errors import LabctlError, Refused

TREE = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```\s*$", re.MULTILINE | re.DOTALL)
NOT_RUN = re.compile(r"\*Not run by the tests: (.+)\.\*\s*\Z", re.DOTALL)
SAVED = re.compile(r"[Ss]ave (?:this|it) as\s+`([^`]+)`[^`]*\Z")
EXIT = re.compile(r"#.*\bexit code (\d+)")
SHELLS = ("sh", "console", "powershell")
LANGUAGES = {"", "python", "toml", "json", "text", *SHELLS}
# What a reader types to install labctl; `.ci/run` and tests/unit/test_make.py do so in an environment of their own.
INSTALLING = re.compile(r"(git clone|make( \w+)?|pip install|apt install|py -|\.venv[\\/](bin|Scripts)[\\/](python|pre-commit))\b")


@dataclass(frozen=True)
class Block:
    """One fenced block: where, what, and what the text before it says about it."""

    page: str
    line: int
    language: str
    code: str
    reason: str = ""             # why it cannot be run
    saved: str = ""              # the file that the reader makes of it

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A line that a reader types, what the page shows as the answer, and the exit code it announces."""

    words: tuple[str, ...]
    shown: tuple[str, ...] = ()
    exit_code: int = 0

    @property
    def labctl(self) -> tuple[str, ...]:
        """The arguments of a `labctl` command; nothing for any other."""
        return self.words[1:] if re.fullmatch(r"(\.venv[\\/](bin|Scripts)[\\/])?labctl", self.words[0]) else ()


def documents() -> list[str]:
    """Give every page that people wrote, from the tree."""
    return ["README.md", "CONTRIBUTING.md", *sorted(path.relative_to(TREE).as_posix() for path in (TREE / "docs").rglob("*.md"))]


def blocks(page: str) -> list[Block]:
    """Give the code blocks of a page in order; directives of the site are none."""
    text = (TREE / page).read_text(encoding="utf-8")
    found = []
    for match in FENCE.finditer(text):
        if match[1].startswith("{"):
            continue
        before = text[:match.start()].rstrip().rsplit("\n\n", 1)[-1]
        reason, saved = NOT_RUN.search(before), SAVED.search(before)
        found.append(Block(page, text.count("\n", 0, match.start()) + 1, match[1].strip(), match[2],
                           reason[1].replace("\n", " ") if reason else "", saved[1] if saved else ""))
    return found


def commands(block: Block) -> list[Command]:
    """Give the commands of a block; in a `console` block they follow a $, and the other lines are what is answered."""
    typed: list[tuple[str, list[str]]] = []
    for line in block.code.replace("\\\n", " ").splitlines():
        if block.language == "console" and not line.startswith("$ "):
            if typed and line.strip():
                typed[-1][1].append(line)
        elif line.strip() and not line.lstrip().startswith("#"):
            typed.append((line.removeprefix("$ "), []))
    found = []
    for line, shown in typed:
        announced = EXIT.search(line)
        found += [Command(tuple(words), tuple(shown), int(announced[1]) if announced else 0)
                  for part in line.split(" && ") if (words := shlex.split(part.replace("\\", "/"), comments=True))]
    return found


# ------------------------------------------------------------------ without running anything
@cache
def _commands() -> Any:
    return get_command(app)


def parsed(words: tuple[str, ...]) -> click.Context:
    """Let the command line take words apart; raises click.UsageError for what it does not know."""
    command: Any = _commands()
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        _, command, rest = command.resolve_command(click.Context(command), rest)
    return command.make_context(" ".join(words[:2]), rest)


# ------------------------------------------------------------------ running
def shape(text: str) -> str:
    """Give a line without what changes from run to run: numbers, paths, blanks."""
    return " ".join(re.sub(r"[-+]?\d[\d.,:eE+-]*", "#", text).split())


@dataclass
class Reader:
    """Somebody who types what the page says, in the current folder."""

    cheaper: Callable[[tuple[str, ...]], tuple[str, ...]] = tuple
    replaced: Mapping[str, str] = field(default_factory=dict)
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "example"})
    told: list[str] = field(default_factory=list)

    def follow(self, page: str) -> int:
        """Carry out every block of a page that can be; gives how many there were."""
        done = 0
        for block in blocks(page):
            if not block.reason and block.language:
                self.do(block)
                done += 1
        return done

    def do(self, block: Block) -> None:
        """Carry out one block."""
        code = block.code
        for there, here in self.replaced.items():
            code = code.replace(there, here)
        block = Block(block.page, block.line, block.language, code, block.reason, block.saved)
        if block.saved:
            path = Path(block.saved)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(code, encoding="utf-8")
        elif block.language == "python":
            exec(compile("\n" * block.line + code, block.page, "exec"), self.names)  # noqa: S102  our own documents
        elif block.language in SHELLS:
            for command in commands(block):
                self.type(command, str(block))

    def type(self, command: Command, where: str) -> None:
        """Carry out one command and compare what it says with what the page shows."""
        line = " ".join(command.words)
        if command.labctl:
            code, output = call(*self.cheaper(command.labctl))
            assert code == command.exit_code, f"{where}: {line}: exit code {code}, not {command.exit_code}\n{output}"
            self.told.append(output)
            missing = list(_missing(command.shown, output))
            assert not missing, f"{where}: {line}: the page shows {missing}, but it said\n{output}"
        elif command.words[0] == "python":
            runpy.run_path(command.words[1], run_name="__main__")
        elif command.words[0] == "cd":
            assert command.exit_code == 0
        else:
            assert INSTALLING.match(line), f"{where}: nobody knows how to test {line!r}; say above the block why it is not run"


def _missing(shown: tuple[str, ...], output: str) -> Iterator[str]:
    """Give the shown lines that the output does not have, in this order; a line with … is compared up to there."""
    said = iter([shape(line) for line in output.splitlines()])
    for line in shown:
        wanted, cut = shape(line.split("…")[0]), "…" in line
        if wanted and not any(text.startswith(wanted) if cut else text == wanted for text in said):
            yield line


def call(*words: str) -> tuple[int, str]:
    """Run `labctl` in this process; gives exit code and everything it said, as `labctl.cli.main.main` would."""
    result = CliRunner().invoke(app, list(words))
    if isinstance(result.exception, Refused):
        return 2, result.output + "".join(f"{problem.level}: {problem}\n" for problem in result.exception.problems)
    if isinstance(result.exception, LabctlError):
        return 1, result.output + f"error: {result.exception}\n"
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output
