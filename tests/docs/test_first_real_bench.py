"""docs/tutorials/first-real-bench.md, followed on emulators behind pseudo-terminals, opened as real ports on the real clock.

Its dark side is asked of the simulated optics: whether the shutter was closed, not whether a driver believes so.
"""

from __future__ import annotations

import os
import runpy
import signal
import struct
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drivers import nkt
from drivers.andor import AndorCCD
from labctl import api
from labctl.bench import connect, discovery
from labctl.bench.emulation import serve_pty
from labctl.core.clock import RealClock
from labctl.engine import runner
from labctl.store.reader import JournalReader
from tests.docs.pages import Block, Reader, blocks

PAGE = "docs/tutorials/first-real-bench.md"
SPEED = 100.0           # of the served boxes; labctl keeps the computer's time
SETTLED_S = 0.05       # of a power head, as much quicker as the other boxes
KILLED_AFTER = 4        # points

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="pseudo-terminals, and a process that is forked and killed")


def old_spectrum(path: Path) -> None:
    """Write a spectrum as LightField 3 does: header of 4100 bytes, one frame, an XML footer with the wavelengths."""
    wavelength = np.linspace(520.0, 572.0, 1024)
    counts = (600 + 30000 * np.exp(-(((wavelength - 546.07) / 0.08) ** 2))).astype("<u2")
    header, data = bytearray(4100), counts.tobytes()
    for form, offset, value in (("<H", 42, 1024), ("<h", 108, 3), ("<H", 656, 1), ("<Q", 678, 4100 + len(data)), ("<i", 1446, 1),
                                ("<f", 1992, 3.0), ("<h", 4098, 0x5555)):
        struct.pack_into(form, header, offset, value)
    size = f'size="{len(data)}" stride="{len(data)}"'
    footer = ('<SpeFormat version="3.0" xmlns="http://www.princetoninstruments.com/spe/2009"><DataFormat>'
              f'<DataBlock type="Frame" count="1" pixelFormat="MonochromeUnsigned16" {size}>'
              f'<DataBlock type="Region" count="1" width="1024" height="1" {size}/></DataBlock></DataFormat><Calibrations>'
              f'<WavelengthMapping><Wavelength>{",".join(f"{each:.5f}" for each in wavelength)}</Wavelength></WavelengthMapping>'
              "</Calibrations></SpeFormat>")
    path.write_bytes(bytes(header) + data + footer.encode())


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Give the simulated world behind the ports that `bench new` will find, with a mercury lamp held before the slit."""
    config, _, _ = api.load_bench_file("ying2021-calibration")
    world = connect.World(config, RealClock(SPEED))
    world.twin.element("lamp").source = 1
    monkeypatch.chdir(tmp_path)
    old_spectrum(tmp_path / "last_year.spe")
    with ExitStack() as running:
        ports = []
        for number, resource in enumerate(connect.by_resource(api.load_bench_file("ying2021")[0])):
            if resource not in world.ports:
                continue                                # the camera's library
            device = world.ports[resource]
            running.enter_context(serve_pty(device, tmp_path / "ports" / f"ttyUSB{number}"))
            ports.append(f"ASRL{(tmp_path / 'ports' / f'ttyUSB{number}').resolve()}::INSTR")
        monkeypatch.setattr(nkt, "WATCHDOG_S", 0)        # seconds of the box are shorter than ours; it has tests of its own
        monkeypatch.setattr(discovery, "present_ports", lambda visa: ports)
        monkeypatch.setattr(AndorCCD, "load_library", staticmethod(lambda: world.libraries["sdk:0"]))
        yield world


def killed_in_the_middle(script: Path) -> None:
    """Be the reader who runs a script and pulls the plug after a few points."""
    process = os.fork()
    if process == 0:
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        record, written = runner.Journal.point, []

        def point(journal: Any, index: int, **what: Any) -> None:
            record(journal, index, **what)
            written.append(index)
            if len(written) == KILLED_AFTER:
                os.kill(os.getpid(), signal.SIGKILL)

        runner.Journal.point = point    # type: ignore[method-assign]
        try:
            runpy.run_path(str(script), run_name="__main__")
        finally:
            os._exit(1)
    _, status = os.waitpid(process, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL


class Day:
    """What is looked at beside the page while it is followed."""

    def __init__(self, world: Any):
        self.world, self.reader = world, Reader()
        self.told: list[dict[str, float]] = []

    def follow(self) -> None:
        for block in blocks(PAGE):
            if block.saved == "" and "kill -9" in block.code:
                self.pull_the_plug()
            else:
                self.reader.do(block)
            self.look(block)

    def look(self, block: Block) -> None:
        """After every block, whatever it did: the sample is dark."""
        assert self.world.twin.element("shutter").closed, block
        if "bench new mine" in block.code:
            self.world.twin.element("lamp").source = 0          # put the pen lamp away
            text = Path("mine.toml").read_text(encoding="utf-8")
            quick = f"averages = 100, settle_s = {SETTLED_S}"
            Path("mine.toml").write_text(text.replace("averages = 100", quick), encoding="utf-8")

    def pull_the_plug(self) -> None:
        killed_in_the_middle(Path("nested.py"))
        (journal,) = Path("labctl_data").rglob("*sweep*.journal")
        with JournalReader(journal) as reader:
            self.told = [dict(record.values) for record in reader.records()]
        assert len(self.told) == KILLED_AFTER


def test_the_first_real_day(table: Any, labctl_state: Path) -> None:
    day = Day(table)
    day.follow()
    names = day.reader.names
    with api.load(names["kept"].run) as run:
        counts, axis = run.counts()[0], run.wavelength("air")
        assert axis[int(np.argmax(counts))] == pytest.approx(546.07, abs=1.0)      # Hg; the drive is not calibrated yet
    assert Path("mercury.txt").read_text(encoding="utf-8").count("\n") > 1024
    assert Path("old_and_new.png").stat().st_size > 10_000
    assert names["outcome"].status == "aborted"
    assert names["references"] >= 3
    assert abs(names["measured"] / names["wanted"] - 1).max() < 0.05
    resumed = max(Path("labctl_data").rglob("*sweep*.nxs"))
    with api.load(resumed) as run:
        assert run.status == "done"
        assert run.data["point_ok"].values.all()
        power = run.data["power"].values.ravel()
        assert list(power[:KILLED_AFTER]) == [told["power"] for told in day.told]
