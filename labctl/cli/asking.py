"""Who answers for what only a person can set: the person at the terminal, or `--yes`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer


def operator(yes: bool, say: Callable[[str], None]) -> Callable[[Any], Any]:
    """Give the maker of the one who is asked, which needs the bench's clock."""
    from labctl.core.operator import Asking, Assent

    def at_the_terminal(text: str) -> bool:
        try:
            return typer.confirm(text, default=False, err=True)
        except typer.Abort:
            raise EOFError from None

    return lambda clock: Assent(say) if yes else Asking(at_the_terminal, clock)
