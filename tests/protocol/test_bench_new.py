"""`labctl bench new`: boxes are found by asking, whatever port they are on; what is missing is marked."""

from __future__ import annotations

import os
import sys

import pytest
from typer.testing import CliRunner

from labctl.api import load_bench_file
from labctl.bench import discovery
from labctl.bench.config import parse
from labctl.cli.main import app

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX only")

PATTERN = """
schema = 1
name = "small"
backend = "simulated"

[twin]
sample = "ying2021"

[safety]
failsafe = "The SC10 is normally closed."

[instruments.shutter]
driver = "sc10"
resource = "ASRL1::INSTR"

[instruments.attenuator]
driver = "elliptec"
resource = "ASRL2::INSTR"

[instruments.power_meter]
driver = "pm100d"
resource = "ASRL3::INSTR"
"""


@pytest.fixture
def ports(serve):
    """Serve two instruments on pseudo-terminals, and open one that nobody listens on."""
    master, slave = os.openpty()
    yield {**serve("sc10", "elliptec", speed=20.0), "nobody": os.ttyname(slave)}
    os.close(master)
    os.close(slave)


def test_boxes_are_found_and_gaps_are_marked(ports, tmp_path, monkeypatch):
    monkeypatch.setenv("LABCTL_STATE", str(tmp_path / "state"))
    path, pattern = tmp_path / "mine.toml", tmp_path / "small.toml"
    pattern.write_text(PATTERN, encoding="utf-8")
    words = [word for port in reversed(ports.values()) for word in ("--port", port)]
    result = CliRunner().invoke(app, ["bench", "new", "mine", "--like", str(pattern), "--out", str(path), *words])
    assert result.exit_code == 0, result.output
    text = path.read_text(encoding="utf-8")
    config = parse(text, "mine")
    assert (config.name, config.backend) == ("mine", "real")
    for role, served in (("shutter", "sc10"), ("attenuator", "elliptec")):
        assert config.instruments[role].resource == f"ASRL{ports[served]}::INSTR", role
    assert config.instruments["attenuator"].serial
    assert config.instruments["power_meter"].resource == "GAP"
    assert "GAP: is this true of your hardware" in text
    assert 'sample = "ying2021"   # GAP: what stands for your sample' in text
    assert "GAP              ASRL3::INSTR: no port answered as pm100d" in result.output
    checked = CliRunner().invoke(app, ["bench", "check", str(path)])
    assert "instruments.power_meter: the bench file does not say where it is" in checked.output
    assert "Thorlabs SC10" in checked.output        # what is there answers all the same
    rehearsed = CliRunner().invoke(app, ["rehearse", "background", "--bench", str(path), "--out", str(tmp_path)])
    assert "does not say where it is" in rehearsed.output
    assert rehearsed.exit_code == 2


def test_the_pattern_bench_makes_a_valid_file():
    config, text, _ = load_bench_file("ying2021")
    written = discovery.write_bench("mine", text, config, discovery.Found())
    made = parse(written, "mine")
    assert made.backend == "real"
    assert {instrument.resource for instrument in made.instruments.values()} == {"GAP"}
    assert made.pump == config.pump


def test_a_file_is_never_overwritten(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("precious")
    result = CliRunner().invoke(app, ["bench", "new", "mine", "--out", str(path)])
    assert result.exit_code != 0
    assert path.read_text() == "precious"


@pytest.mark.parametrize(("port", "resource"), [
    ("/dev/ttyUSB0", "ASRL/dev/ttyUSB0::INSTR"), ("COM7", "ASRL7::INSTR"), ("192.168.1.5:7777", "TCPIP::192.168.1.5::7777::SOCKET"),
    ("GPIB0::24::INSTR", "GPIB0::24::INSTR"), ("sdk:0", "sdk:0")])
def test_names_of_ports(port, resource):
    assert discovery.as_resource(port) == resource
