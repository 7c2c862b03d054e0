"""`labctl new-procedure`: a procedure to begin with, and its test."""

from __future__ import annotations

import re
from keyword import iskeyword
from pathlib import Path
from typing import Annotated

import typer

NAME = re.compile(r"[a-z][a-z0-9_]*")


def new_procedure(
    name: Annotated[str, typer.Argument(help="Its name: small letters, digits and underscores.")],
    out: Annotated[Path, typer.Option(help="Folder; the procedure goes into procedures/ of it, its test into tests/.")] = Path(),
) -> None:
    """Write a procedure that runs on ying2021 as it is, with comments, and a test of it; nothing is overwritten.

    Exit codes: 0 written, 2 refused.
    """
    from importlib import resources

    from labctl.core import registry
    from labctl.core.errors import Refused
    from labctl.core.plan import Problem

    files = {"procedure.txt": out / "procedures" / f"{name}.py", "test.txt": out / "tests" / f"test_{name}.py"}
    problems = []
    if not NAME.fullmatch(name) or iskeyword(name):
        problems.append(Problem("name", f"{name!r} is no name for a file of Python: small letters, digits and underscores only."))
    if name in registry.points("procedure"):
        problems.append(Problem("name", f"there is a procedure {name} already; it would win over yours."))
    problems += [Problem("out", f"{path} is there already.") for path in files.values() if path.exists()]
    if problems:
        raise Refused(problems)
    words = name.split("_")
    told = {"name": name, "cls": "".join(word.capitalize() for word in words), "title": " ".join(words).capitalize()}
    for template, path in files.items():
        text = resources.files("labctl.cli").joinpath("templates", template).read_text(encoding="utf-8").format(**told)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as exc:
            raise Refused([Problem("out", f"{path} cannot be written: {exc.strerror}.")]) from None
        typer.echo(f"{path} written")
    where = "" if out == Path() else f"cd {out}; "
    typer.echo(f"Try it: {where}labctl run {name} --bench ying2021, and: python -m pytest tests/{files['test.txt'].name}")
