"""Connections: one owner per real resource, one port per shared resource, errors with the role's name."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from labctl import api
from labctl.bench.config import parse
from labctl.bench.connect import ResourceLock, by_resource
from labctl.core.errors import Refused, ResourceBusy

HOLD = "import sys; from pathlib import Path; from labctl.bench.connect import ResourceLock\n" \
       "lock = ResourceLock(Path(sys.argv[1]), 'ASRL3'); lock.acquire(); print('held', flush=True); sys.stdin.read()"

REAL = """
schema = 1
name = "mini"
backend = "real"
[safety]
failsafe = "the shutter is normally closed"
[beam]
path = ["shutter", "sample"]
[instruments.shutter]
driver = "sc10"
resource = "{resource}"
"""


class TestResourceLock:
    """The second opener is refused with the owner's process id, also from another process."""

    def test_second_opener_in_this_process(self, tmp_path):
        first, second = ResourceLock(tmp_path, "ASRL3"), ResourceLock(tmp_path, "ASRL3")
        first.acquire()
        with pytest.raises(ResourceBusy, match=f"process {os.getpid()}"):
            second.acquire()
        first.release()
        second.acquire()
        second.release()

    def test_second_opener_in_another_process(self, tmp_path):
        with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,  # noqa: S603
                              text=True) as holder:
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(ResourceBusy, match=f"process {holder.pid}"):
                ResourceLock(tmp_path, "ASRL3").acquire()
            holder.stdin.close()
            holder.wait(20)
        ResourceLock(tmp_path, "ASRL3").acquire()

    def test_other_resources_are_free(self, tmp_path):
        ResourceLock(tmp_path, "ASRL3").acquire()
        ResourceLock(tmp_path, "ASRL4").acquire()

    @pytest.mark.skipif(sys.platform == "win32", reason="symbolic links")
    def test_a_link_to_the_same_port_is_the_same_port(self, tmp_path):
        (tmp_path / "ttyUSB0").touch()
        (tmp_path / "by-id").symlink_to(tmp_path / "ttyUSB0")
        port, link = (ResourceLock(tmp_path, f"ASRL{tmp_path}/{name}") for name in ("ttyUSB0::INSTR", "by-id"))
        port.acquire()
        with pytest.raises(ResourceBusy):
            link.acquire()


def test_roles_on_one_resource_share_it():
    config, _, _ = api.load_bench_file("ying2021")
    assert by_resource(config)["ASRL/dev/ttyUSB0::INSTR"] == ["laser", "filter"]


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals")
class TestRealBackend:
    """A bench whose boxes are emulators behind a pseudo-terminal: nothing tells labctl that they are."""

    @pytest.fixture
    def served_shutter(self, tmp_path):
        from sim_instruments.clock import RealClock
        from sim_instruments.sc10 import EmulatedSC10
        from sim_instruments.serve import PtyServer
        from sim_instruments.wire import Unit

        device = EmulatedSC10([Unit("shutter", "sc10")], clock=RealClock())
        with PtyServer(device, tmp_path / "shutter"):
            yield device

    def config(self, tmp_path):
        return parse(REAL.format(resource=f"ASRL{(tmp_path / 'shutter').resolve()}::INSTR"), "mini.toml")

    def test_opens_confirms_and_parks(self, served_shutter, tmp_path):
        with api.open_config(self.config(tmp_path), "") as bench:
            assert not bench.simulated
            assert bench.twin is None
            assert bench.identities["shutter"].model == "SC10"
            assert bench.run_level("park") == []
            assert served_shutter.shutter.closed

    def test_second_bench_on_the_same_port_is_refused(self, served_shutter, tmp_path):
        config = self.config(tmp_path)
        with api.open_config(config, ""), pytest.raises(Refused, match=f"process {os.getpid()}"):
            api.open_config(config, "")
        with api.open_config(config, "") as again:
            assert again.identities

    def test_a_port_that_does_not_exist_is_named(self, tmp_path):
        with pytest.raises(Refused, match=r"instruments\.shutter"):
            api.open_config(self.config(tmp_path), "")
