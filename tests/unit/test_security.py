"""Nothing listens, no text is executed, no name leads elsewhere, no secret is written down."""

from __future__ import annotations

import ast
import os
import re
import socket
import stat
import sys
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from labctl import api
from labctl.analysis.criterion import ExpressionError, evaluate
from labctl.bench import config
from labctl.cli.main import app
from labctl.core import registry
from labctl.core.errors import ConfigError, Refused, StoreError
from labctl.core.pool import carry_out
from labctl.core.secrets import without_secrets
from labctl.engine.events import Event, Listeners
from labctl.store import foreign_formats, names, seal, state, unsafe
from labctl.store.ledger import Ledger
from labctl.store.run import load
from labctl.store.whole import write_whole
from tests.unit.test_repository import TREE, read, shipped

SHORT = {"exposures": 3, "longest": 0.1}
LISTEN = "0A"                        # state of a socket in /proc/net/tcp
posix = pytest.mark.skipif(sys.platform == "win32", reason="owners and modes are POSIX's")
linux = pytest.mark.skipif(not Path("/proc/self/net/tcp").exists(), reason="only Linux tells who listens without further packages")


# ------------------------------------------------------------------ sockets
def listening(process: int | str = "self") -> set[str]:
    """Give the local addresses on which a process listens, TCP and Unix; this one unless another is named."""
    mine = set()
    for handle in Path(f"/proc/{process}/fd").iterdir():
        try:
            mine.update(re.findall(r"socket:\[(\d+)\]", os.readlink(handle)))
        except OSError:              # closed meanwhile
            continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{process}/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == LISTEN and words[9] in mine:
                found.add(words[1])
    for line in Path(f"/proc/{process}/net/unix").read_text().splitlines()[1:]:
        words = line.split()
        if int(words[3], 16) & 0x10000 and words[6] in mine:         # __SO_ACCEPTCON
            found.add(words[-1])
    return found


@linux
class TestNothingListens:
    def test_the_look_itself(self) -> None:
        before = listening()
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            assert listening() == before
            server.listen()
            assert len(listening() - before) == 1

    def test_a_run(self, tmp_path: Path, labctl_state: Path) -> None:
        """Looked at whenever the engine says something, from the first point to the last."""
        before, seen, looks = listening(), set(), []

        def look(event: Event) -> None:
            looks.append(type(event).__name__)
            seen.update(listening() - before)

        with api.open_bench("ying2021") as bench:
            outcome = api.run("background", bench, SHORT, listeners=Listeners(look),
                              order=api.Order("background", tmp_path, seed=1))
        assert outcome.status == "done"
        assert {"PointDone", "RunEnded"} <= set(looks)
        assert seen == set()

    def test_the_processes_of_an_ensemble_listen_to_their_owner_alone(self) -> None:
        """Python's fork server has a Unix socket; it lies in a folder that nobody else can enter."""
        server: Any = forkserver._forkserver      # type: ignore[attr-defined]
        answers = carry_out(abs, [-1, -2], processes=1)
        next(answers)
        found = listening(server._forkserver_pid)
        answers.close()
        assert found == {server._forkserver_address}
        assert not Path(server._forkserver_address).parent.stat().st_mode & 0o077

    def test_the_window(self, tmp_path: Path, labctl_state: Path) -> None:
        pytest.importorskip("qtpy")
        from tests.gui.windows import opened

        before = listening()
        with opened(tmp_path, calibrated=False, procedure="background"):
            assert listening() - before == set()


def test_serving_beyond_this_computer_wants_a_token(tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["serve", str(tmp_path), "--host", "0.0.0.0"])  # noqa: S104  that is what is refused
    assert isinstance(found.exception, Refused)


# ------------------------------------------------------------------ nothing is executed
BANNED = {"eval", "exec", "__import__", "os.system", "os.popen", "pickle.load", "pickle.loads", "marshal.load", "marshal.loads",
          "yaml.load",
          "yaml.unsafe_load", "yaml.full_load", "tempfile.mktemp", "shelve.open", "dill.load", "joblib.load", "cloudpickle.loads"}


def executes(path: str, text: str) -> list[str]:
    """Find calls that turn data into code, or hand text to a shell."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        options = {word.arg: ast.unparse(word.value) for word in node.keywords}
        name = ast.unparse(node.func)
        if name in BANNED or options.get("shell") == "True" or options.get("allow_pickle") == "True":
            found.append(f"{path}:{node.lineno}: {name}")
    return found


class TestNothingIsExecuted:
    def test_in_the_tree(self) -> None:
        assert [problem for path in shipped() for problem in executes(path, read(path))] == []

    @pytest.mark.parametrize("planted", ["eval('1')", "import os\nos.system('ls')", "subprocess.run('ls', shell=True)",
                                         "import numpy as np\nnp.load('x', allow_pickle=True)", "import yaml\nyaml.load(text)"])
    def test_it_would_be_noticed(self, planted: str) -> None:
        assert executes("planted.py", planted)

    def test_the_rules_of_ruff_are_on_and_each_exception_has_its_reason(self) -> None:
        assert "S" in tomllib.loads(read("pyproject.toml"))["tool"]["ruff"]["lint"]["select"]
        bare = [f"{path}:{number}: {line.strip()}" for path in shipped() for number, line in enumerate(read(path).splitlines(), 1)
                if re.search(r"# noqa: (?:\w+, )*S(?!101)\d+(?:, \w+)*\s*$", line)]
        assert bare == []


class TestExpressions:
    @pytest.mark.parametrize(("text", "value"), [
        ("1.2*found", 24.0), ("-found + 2**3 % 5", -17.0), ("10 < found <= 20", True), ("not found > 1 or found == 20", True),
        ("found > 30 and 1/0", False), ("max(found, 3)", 20.0), ("many[-1]", 3)])
    def test_arithmetic(self, text: str, value: float) -> None:
        assert evaluate(text, {"found": 20.0, "many": [1, 2, 3]}, {"max": max}) == value

    @pytest.mark.parametrize("text", [
        "__import__('os')", "found.real", "(lambda: 1)()", "open('x')", "other", "[x for x in many]", "'a'*9", "max(*many)",
        "9**9**9", "x := 1", "f'{found}'", "found if found else 1", "1 +", "", "(" * 400, "1+" * 600 + "1", "found is found",
        "max(found, key=abs)"])
    def test_nothing_else(self, text: str) -> None:
        with pytest.raises(ExpressionError):
            evaluate(text, {"found": 20.0, "many": [1, 2, 3]}, {"max": max})


class TestDriverNames:
    BENCH = 'schema = 1\nname = "b"\nbackend = "simulated"\n[twin]\nsample = "ying2021"\n' \
            '[instruments.x]\ndriver = "{}"\nresource = "ASRL1"\n'

    @pytest.mark.parametrize("name", ["os:system", "drivers.sc10:SC10", "../sc10", "sc10\\n", "SC10", "", "a b"])
    def test_pattern(self, name: str) -> None:
        with pytest.raises(ConfigError, match="entry point"):
            config.parse(self.BENCH.format(name), "b.toml")

    @pytest.mark.parametrize("name", ["/tmp/evil.so@ivi", "@evil", "evil.yaml@sim", "/tmp/evil.so"])  # noqa: S108  that is the attack
    def test_a_bench_file_names_no_library_that_visa_would_load(self, name: str) -> None:
        with pytest.raises(ConfigError, match="is no backend"):
            config.parse(f'visa = "{name}"\n{self.BENCH.format("sc10")}', "b.toml")

    @pytest.mark.parametrize("name", ["os", "subprocess", "this"])
    def test_a_module_that_is_no_entry_point_is_not_imported(self, name: str) -> None:
        config.parse(self.BENCH.format(name), "b.toml")
        with pytest.raises(Refused, match="no driver named"):
            registry.find("driver", name)

    def test_registry_imports_what_is_registered_only(self) -> None:
        for kind in registry.GROUPS:
            with pytest.raises(Refused):
                registry.find(kind, "os:getcwd")


# ------------------------------------------------------------------ names that lead elsewhere
FIELDS = {"sample": "s", "procedure": "p", "bench": "b", "user": "u", "start": datetime(2026, 1, 2, tzinfo=UTC)}


class TestNamesStayWhereTheyBelong:
    @pytest.mark.parametrize("template", [
        "../{run}", "/tmp/{run}", "a/../../{run}", "{sample.__class__}_{run}", "{run.__class__.__init__}",  # noqa: S108
        "{0}_{run}", "{run:0999999999d}", "{run!r}", "{sample:>99999999}_{run}", "{run:{sample}}",
        "{secret}_{run}", "\\\\host\\{run}", ".{run}"])
    def test_templates(self, template: str, tmp_path: Path) -> None:
        assert names.check(tmp_path, template, FIELDS)
        with pytest.raises(Refused):
            names.reserve(tmp_path / "data", template, FIELDS)
        assert not list(tmp_path.rglob("*.journal"))

    @pytest.mark.parametrize("template", ["{run}", "{run:04d}", "{date}/{sample}_{procedure}_{run:04d}", "{run:6}"])
    def test_honest_templates(self, template: str, tmp_path: Path) -> None:
        assert names.check(tmp_path, template, FIELDS) == []

    @pytest.mark.parametrize("word", ["../../x", "a/b", "..", "a\\b", "x\n", "con:", "\x00", "{run}/../x"])
    def test_words_in_them(self, word: str, tmp_path: Path) -> None:
        assert names.check(tmp_path, "{date}/{sample}_{run:04d}", {**FIELDS, "sample": word})

    @pytest.mark.parametrize("name", ["../b", "a/b", "", ".", "..", "a\\b"])
    def test_names_of_benches(self, name: str, tmp_path: Path) -> None:
        with pytest.raises(ConfigError):
            config.parse(TestDriverNames.BENCH.replace('"b"', f"'{name}'").format("sc10"), "b.toml")
        with pytest.raises(StoreError):
            state.newest_calibrations(tmp_path, name, "power_calibration")

    @pytest.mark.parametrize("name", ["../evil", "a/b", "a.b", "import"])
    def test_a_new_procedure_is_written_into_its_folder(self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        assert CliRunner().invoke(app, ["new-procedure", name]).exit_code != 0
        assert list(tmp_path.parent.rglob("*evil*")) == []


# ------------------------------------------------------------------ files that lead elsewhere
def _link(file: h5py.File, elsewhere: Path) -> None:
    file["entry/data"] = h5py.ExternalLink(str(elsewhere), "/")


def _stored_elsewhere(file: h5py.File, elsewhere: Path) -> None:
    file.create_dataset("entry/data", (4,), "u1", external=[(str(elsewhere), 0, 4)])


def _pieced_together(file: h5py.File, elsewhere: Path) -> None:
    layout = h5py.VirtualLayout((4,), "u1")
    layout[:] = h5py.VirtualSource(str(elsewhere), "x", (4,))
    file.create_virtual_dataset("entry/data", layout)


def _claims_too_much(file: h5py.File, elsewhere: Path) -> None:
    file.create_dataset("entry/data", (2**40,), "u1", chunks=(2**20,))


class TestFilesThatLeadElsewhere:
    """The seal of a run file is a checksum, which anybody can make: it does not let a file off."""

    @pytest.mark.parametrize(("plant", "said"), [
        (_link, "links to another file"), (_stored_elsewhere, "keeps its data in another file"),
        (_pieced_together, "put together from other files"), (_claims_too_much, "claims to be")])
    def test_in_a_forged_run_file(self, plant: Callable[[h5py.File, Path], None], said: str, tmp_path: Path) -> None:
        forged, elsewhere = tmp_path / "forged.nxs", tmp_path / "secret.txt"
        elsewhere.write_text("nobody's business")
        with h5py.File(forged, "w") as file:
            file.attrs.update({"labctl_schema": 1, "labctl_status": "done"})
            plant(file, elsewhere)
        seal.add(forged, {})
        with pytest.raises(StoreError, match=said):
            load(forged)

    def test_nothing_is_imported_from_the_folder_of_a_download(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "h5py.py").write_text("raise SystemExit('the reader imported a module that came with the data')\n")
        with h5py.File(tmp_path / "other.h5", "w") as file:
            file["counts"] = np.arange(6.0).reshape(2, 3)
        monkeypatch.chdir(tmp_path)
        with load("other.h5") as run:
            assert run.counts().shape == (2, 3)

    @pytest.mark.parametrize("how", ["utf-8", "utf-16"])
    def test_entities_in_the_xml_of_a_camera(self, how: str) -> None:
        bomb = f'<?xml version="1.0" encoding="{how}"?><!DOCTYPE a [<!ENTITY b "b">]><a>&b;</a>'
        with pytest.raises(StoreError, match="entities"):
            foreign_formats._lightfield(bomb.encode(how))


# ------------------------------------------------------------------ secrets
SECRET = "hunter2hunter2"  # noqa: S105  made up
TELLING = [f"visa://ann:{SECRET}@host/ASRL1", f"token={SECRET}", f'password = "{SECRET}"', f"api_key: {SECRET}, and more",
           f"LABCTL_TOKEN={SECRET}", f"{{'secret': '{SECRET}'}}", f"PASSWD={SECRET}&x=1", f"labctl serve --token {SECRET}",
           f"Authorization: Bearer {SECRET}", f"tcp://ann:p@ss{SECRET}@host:5025/x", f"tcp://ann:a/{SECRET}@host", f"http://:{SECRET}@h/"]


class TestSecrets:
    @pytest.mark.parametrize("text", TELLING)
    def test_are_hidden(self, text: str) -> None:
        assert SECRET not in without_secrets(text)
        assert "***" in without_secrets(text)

    @pytest.mark.parametrize("text", ["ASRL/dev/ttyUSB0::INSTR", "TCPIP::10.0.0.5::5025::SOCKET", "https://host/p?a=b",
                                      "http://host:8000/who@where", "visa://bench-computer/ASRL1", "--tokens are written down",
                                      "a: b", "",
                                      "the attenuator's token of light is 5 uW", 'name = "ying2021"'])
    def test_nothing_else_is(self, text: str) -> None:
        assert without_secrets(text) == text

    def test_a_bench_file_stays_one(self) -> None:
        told = tomllib.loads(without_secrets('name = "b"\noptions = {password = "x y", port = 3}\n'))
        assert told == {"name": "b", "options": {"password": "***", "port": 3}}

    def test_neither_log_nor_run_file_nor_environment_hold_one(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from labctl.bench.lookup import packaged

        monkeypatch.setenv("LABCTL_TOKEN", SECRET)
        text = packaged("ying2021").read_text(encoding="utf-8").replace("schema = 1", f"schema = 1   # token={SECRET}", 1)
        (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
        with api.open_bench(str(tmp_path / "mine.toml")) as bench:
            outcome = api.run("background", bench, SHORT, order=api.Order("background", tmp_path, seed=1))
        assert outcome.run is not None
        with load(outcome.run) as run:
            assert "token=***" in run.header["bench"]["text"]
        for path in [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "mine.toml"]:
            assert SECRET.encode() not in path.read_bytes(), path


# ------------------------------------------------------------------ who may read
@posix
class TestTheStateFolderIsItsOwners:
    @pytest.fixture(autouse=True)
    def careless(self) -> Iterator[None]:
        """Make files for everybody, as some accounts do."""
        old = os.umask(0)
        yield
        os.umask(old)

    def test_the_folder_around_ledger_and_queue(self, state_folder: Path) -> None:
        with Ledger(state.folder() / "dose.sqlite"):
            pass
        assert stat.S_IMODE(state_folder.stat().st_mode) == 0o700

    def test_a_folder_that_is_there_keeps_its_mode(self, state_folder: Path) -> None:
        state_folder.mkdir(mode=0o750, parents=True)
        state.make(state_folder / "locks")
        assert stat.S_IMODE(state_folder.stat().st_mode) == 0o750

    def test_outside_of_it_whoever_may_read_the_folder_may_read_a_report(self, tmp_path: Path) -> None:
        write_whole(tmp_path / "night.md", "all well")
        assert stat.S_IMODE((tmp_path / "night.md").stat().st_mode) == 0o666

    def test_a_mark_that_nobody_can_read_still_refuses(self, state_folder: Path) -> None:
        unsafe.mark("desk", [])
        (state_folder / "unsafe" / "desk.json").write_text('{"since": "20')
        with pytest.raises(Refused, match="left unsafe by an earlier run"):
            unsafe.refuse_if_marked("desk", simulated=False)

    def test_tokens_are_never_files(self) -> None:
        """The one token there is comes from the environment or the command line, and is written nowhere."""
        writers = [path for path in shipped() if re.search(r"token\b.*\.write|write_text\(.*token", read(path))]
        assert writers == []
        assert "LABCTL_TOKEN" in (TREE / "labctl/cli/serve.py").read_text(encoding="utf-8")
