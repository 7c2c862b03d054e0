"""`labctl wirelog`: the bytes of a session, replayed against emulators and drivers, show whether either has changed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from labctl.api import load_bench_file
from labctl.bench import wirelog
from labctl.bench.wirelog import Entry
from labctl.cli.main import app
from labctl.core.clock import VirtualClock
from labctl.core.errors import LabctlError


@pytest.fixture(scope="module")
def config():
    return load_bench_file("ying2021")[0]


@pytest.fixture(scope="module")
def entries(config, tmp_path_factory):
    with wirelog.recording() as found:
        understood = wirelog.session(config, VirtualClock(), tmp_path_factory.mktemp("locks"))
    assert len(understood) == 8
    return found


def test_record_and_replay_by_command(tmp_path, monkeypatch):
    monkeypatch.setenv("LABCTL_STATE", str(tmp_path / "state"))
    file = tmp_path / "session.jsonl"
    run = CliRunner()
    assert "messages on 7 ports" in run.invoke(app, ["wirelog", "record", str(file)]).output
    for against in ("emulator", "driver"):
        result = run.invoke(app, ["wirelog", "replay", str(file), "--against", against])
        assert result.exit_code == 0, result.output
    file.write_text(file.read_text(encoding="utf-8").replace(b"Thorlabs,PM100D".hex(), b"Thorlabs,XY100D".hex()), encoding="utf-8")
    result = run.invoke(app, ["wirelog", "replay", str(file), "--against", "driver"])
    assert result.exit_code == 1
    assert "no Thorlabs power meter" in result.output


def test_saved_and_loaded(entries, tmp_path):
    wirelog.save(entries, tmp_path / "log")
    assert wirelog.load(tmp_path / "log") == entries
    (tmp_path / "bad").write_text('{"port": "x"}\n')
    with pytest.raises(LabctlError, match="bad:1"):
        wirelog.load(tmp_path / "bad")


def test_an_emulator_that_answers_in_another_form_is_found(entries, config):
    compared, differences = wirelog.against_emulator(entries, config)
    assert compared > 50
    assert differences == []
    changed = [replace(entry, data=b"closed?\r0 (closed)\r>") if entry.data.startswith(b"closed?\r1") else entry
               for entry in entries]
    _, differences = wirelog.against_emulator(changed, config)
    assert {difference.request for difference in differences} == {b"closed?\r"}
    assert "the record has" in str(differences[0])


def test_a_driver_that_asks_something_else_is_found(entries, config):
    changed = [replace(entry, data=b"id!\r") if entry.data == b"id?\r" else entry for entry in entries]
    _, differences = wirelog.against_driver(changed, config)
    assert [difference.found for difference in differences] == [b"id?\r"]


@pytest.mark.parametrize(("one", "other", "same"), [
    (b"+4.159;0\r\n", b"+295.000;0\r\n", True), (b"0PO00004600\r\n", b"0GS00\r\n", False), (b"1.2E-04\n", b"5.0E+00\n", True),
    (b"\x0d\x0f\xa2\x0a", b"\x0d\x10\xa1\x0a", True), (b"\x0d\x0f\xa2\x0a", b"\x0d\x0f\x0a", False)])
def test_form(one, other, same):
    assert (wirelog.form(one) == wirelog.form(other)) is same


def test_only_the_wire_is_recorded():
    import logging

    with wirelog.recording() as found:
        logging.getLogger("labctl.wire").debug("%s > %r", "port", b"a")
        logging.getLogger("labctl.wire").debug("%s ! %s", "port", "an incident")
    logging.getLogger("labctl.wire").debug("%s > %r", "port", b"later")
    assert found == [Entry("port", ">", b"a")]
