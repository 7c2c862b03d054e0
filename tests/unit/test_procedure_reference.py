"""The reference of the procedures is written from the code; what it says of each is up to date."""

from __future__ import annotations

import re

import pytest

from docs import procedures_reference
from labctl.core import registry

OURS = sorted(name for name, point in registry.points("procedure").items() if point.value.startswith("procedures."))


@pytest.fixture(scope="module")
def written() -> dict[str, str]:
    """Give the sections of the page by procedure."""
    page = procedures_reference.PAGE.read_text(encoding="utf-8")
    return {re.match(r"`(\w+)`", part).group(1): "\n## " + part for part in page.split("\n## ")[1:]}    # type: ignore[union-attr]


@pytest.mark.parametrize("name", OURS)
def test_every_procedure_is_described_as_it_is_now(name: str, written: dict[str, str]) -> None:
    if name not in written:
        pytest.skip(f"{name} is not on the page yet; run 'make docs-reference'")
    assert written[name].strip() == procedures_reference.section(name).strip(), "run 'make docs-reference'"


def test_nothing_is_described_that_does_not_exist(written: dict[str, str]) -> None:
    assert set(written) <= set(OURS)
