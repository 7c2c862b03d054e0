"""Cells of a notebook in a real kernel: what they show, and how the bench is left when somebody interrupts one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ipykernel", reason="needs the dependency group test")

WATCHDOG_S = 120.0           # a cell takes one second
MANY = 10_000                # frames that no kernel has taken before it hears the interrupt


class Notebook:
    """Cells executed one after the other, and the messages that each has sent."""

    def __init__(self, manager: Any, client: Any):
        self.manager, self._client = manager, client

    def run(self, cell: str, seen: Callable[[dict[str, Any]], None] = lambda message: None) -> list[dict[str, Any]]:
        """Run a cell to its end; `seen` is told of every message as it comes."""
        asked, found = self._client.execute(cell), []
        while True:
            message = self._client.get_iopub_msg(timeout=WATCHDOG_S)
            if message["parent_header"].get("msg_id") != asked:
                continue
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return found
            found.append(message)
            seen(message)


def of_kind(messages: list[dict[str, Any]], kind: str) -> list[Any]:
    """Give what messages of a kind contain: of shown things their HTML, else the content."""
    found = [message["content"] for message in messages if message["msg_type"] == kind]
    return [content["data"].get("text/html", content["data"]["text/plain"]) if "data" in content else content for content in found]


@pytest.fixture
def notebook(calibrated: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    calibrated("ying2021")
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")        # the places of today; asking for those of old is a warning
    with tempfile.TemporaryDirectory(prefix="labctl-") as short:        # the names of sockets must not be long
        from jupyter_client.manager import KernelManager

        manager: Any = KernelManager(transport="ipc", connection_file=f"{short}/kernel.json")
        manager.start_kernel(cwd=str(tmp_path))
        client = manager.blocking_client()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=WATCHDOG_S)
            yield Notebook(manager, client)
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
            manager.cleanup_resources()


def test_a_session_in_a_notebook(notebook: Notebook) -> None:
    """A bar in the cell, tables with the figure, and Ctrl-C (the square button) that ends a run parked."""
    cells = notebook.run('import signal, labctl\nbefore = signal.getsignal(signal.SIGINT)\n'
                         'bench = labctl.open_bench("ying2021")\nbench["pump.wavelength"] = 505\nbench')
    (table,) = of_kind(cells, "execute_result")
    assert "<td" in table
    assert "505 nm" in table

    cells = notebook.run('outcome = labctl.run("snapshot", bench, exposure="20 ms", dark_frames=1, frames=3, seed=1)\noutcome')
    (first,), updates = of_kind(cells, "display_data"), of_kind(cells, "update_display_data")
    assert "snapshot" in first
    assert any("<progress" in page for page in updates), "the bar moves in its cell"
    assert "done" in updates[-1]
    assert of_kind(cells, "stream") == [], "nothing is printed beside the bar"
    (page,) = of_kind(cells, "execute_result")
    assert page.startswith("<b>done</b>")
    assert "total_rate" in page
    assert "data:image/png;base64," in page

    interrupted: list[str] = []

    def interrupt(message: dict[str, Any]) -> None:
        if not interrupted and any("<progress" in page for page in of_kind([message], "update_display_data")):
            interrupted.append("the run is under way")
            notebook.manager.interrupt_kernel()

    cells = notebook.run(f'labctl.run("snapshot", bench, exposure="20 ms", dark_frames=1, frames={MANY}, figure=False)', interrupt)
    (error,) = of_kind(cells, "error")
    assert error["ename"] == "KeyboardInterrupt"
    assert "aborted and the bench parked" in error["evalue"]

    cells = notebook.run('bench.twin.element("shutter").closed, float(bench.twin.power_at_sample_now()), '
                         'signal.getsignal(signal.SIGINT) is before')
    assert of_kind(cells, "execute_result") == ["(True, 0.0, True)"]
    cells = notebook.run('labctl.run("snapshot", bench, exposure="20 ms", dark_frames=1, figure=False).status')
    assert of_kind(cells, "execute_result") == ["'done'"], "the bench is as usable as before"
