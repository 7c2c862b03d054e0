"""Every code block of the documents: carried out, or a sentence on the page says why not."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from pathlib import Path

import pytest

from labctl import api
from labctl.bench import config
from labctl.core import registry
from labctl.engine.planning import lacking
from tests.docs.cheaper import cheaper
from tests.docs.pages import EXIT, INSTALLING, LANGUAGES, SHELLS, TREE, Block, Reader, blocks, call, commands, documents, parsed
from tests.runs.conftest import calibrate
from tests.unit.test_repository import shipped

# Pages that need more than an empty folder: served instruments, a made-up package. Their tests run every block of theirs.
ELSEWHERE = {
    "docs/tutorials/first-real-bench.md": "tests/docs/test_first_real_bench.py",
    "docs/tutorials/write-a-driver.md": "tests/docs/test_write_a_driver.py",
    "docs/tutorials/write-a-procedure.md": "tests/runs/test_own_procedures.py",
    "docs/how-to/add-an-instrument.md": "tests/unit/test_documents.py",
    "docs/how-to/write-a-procedure.md": "tests/unit/test_documents.py",
    "docs/how-to/point-your-own-script.md": "tests/protocol/test_own_scripts.py",
    "docs/how-to/run-a-night.md": "tests/runs/test_night.py",
    "docs/how-to/run-an-ensemble.md": "tests/docs/test_run_an_ensemble.py",
    "docs/how-to/reproduce-a-paper.md": "tests/runs/test_reproduce.py",
    "docs/how-to/fit-numbers.md": "tests/runs/test_fit_command.py",
}
BENCH = re.compile(r"""(?:--bench |bench=["']|open_bench\(["'])([\w-]+)""")
BLOCKS = [block for page in documents() for block in blocks(page)]
RUN = [page for page in documents() if page not in ELSEWHERE
       and any(block.language in {"python", *SHELLS} for block in blocks(page))]


class TestWithoutRunning:
    """What can be seen from the text."""

    @pytest.mark.parametrize("block", BLOCKS, ids=str)
    def test_language_is_one_that_the_harness_knows(self, block: Block) -> None:
        assert block.language in LANGUAGES

    @pytest.mark.parametrize("block", [block for block in BLOCKS if block.language in SHELLS], ids=str)
    def test_every_command_exists_with_its_options(self, block: Block) -> None:
        targets = re.findall(r"^([a-z-]+):", (TREE / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        for command in commands(block):
            if command.labctl and command.exit_code == 0:
                values = parsed(command.labctl).params
                if command.labctl[0] in ("run", "rehearse") and "bench" in values:
                    settings = dict(text.split("=", 1) for text in values.get("set_") or [])
                    assert api.make_procedure(values["procedure"], settings).check() == []
            elif command.words[0] == "make" and len(command.words) > 1:
                assert command.words[1] in targets, f"{block}: make has no {command.words[1]}"

    @pytest.mark.parametrize("block", [block for block in BLOCKS if block.language in ("toml", "json")], ids=str)
    def test_data_can_be_read_and_benches_are_benches(self, block: Block) -> None:
        if block.language == "json":
            assert json.loads(block.code)
            return
        told = tomllib.loads(block.code)
        if "instruments" in told and "schema" in told:
            assert config.parse(block.code, str(block)).name == told["name"]

    @pytest.mark.parametrize(("page", "test"), ELSEWHERE.items())
    def test_pages_tested_elsewhere_are_named_there(self, page: str, test: str) -> None:
        assert Path(page).name in (TREE / test).read_text(encoding="utf-8")

    def test_every_message_among_the_symptoms_is_one_that_labctl_has(self) -> None:
        """Searched for in the code, with its line breaks and the places of its values (…) left out."""
        source = "".join((TREE / path).read_text(encoding="utf-8") for path in [*shipped(), ".ci/system-packages"])
        words = re.sub(r'"\s*f?"', "", source)
        page = (TREE / "docs/how-to/troubleshooting.md").read_text(encoding="utf-8")
        symptoms = [text for row in re.findall(r"^\| (.*?) \|", page, re.MULTILINE) for text in re.findall(r"`([^`]+)`", row)]
        assert len(symptoms) >= 12
        assert [text for text in symptoms if any(part.strip() not in words for part in text.split("…"))] == []

    def test_little_is_left_out(self) -> None:
        """Whoever leaves a block out raises this number, and is asked why."""
        assert sum(bool(block.reason) for block in BLOCKS) <= 2


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory, session_state: Path) -> Path:
    """A data folder with one PLE scan: what somebody has who has made the first steps."""
    folder = tmp_path_factory.mktemp("first_run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABCTL_STATE", str(session_state))
        patch.chdir(folder)
        calibrate("ying2021", folder / "calibrations")
        assert call("run", "ple", "--bench", "ying2021", "--set", "start=515", "--set", "stop=530", "--seed", "7", "--sample",
                    "ying2021")[0] == 0
    return folder / "labctl_data"


def calibrates(page: str, bench: str = "") -> bool:
    """Tell whether a page calibrates the power of a bench, or of any, itself."""
    return f"power_calibration --bench {bench}" + "\n" * bool(bench) in (TREE / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", RUN)
def test_page(page: str, first_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, labctl_state: Path) -> None:
    """Follow the page from beginning to end, in a folder in which one scan has been measured."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(first_run, tmp_path / "labctl_data")
    if calibrates(page):        # in a state folder of its own: other tests compare runs with the calibrations these were made with
        monkeypatch.setenv("LABCTL_STATE", str(shutil.copytree(labctl_state, tmp_path / "state_of_page")))
    (day,) = [path.name for path in first_run.iterdir() if path.is_dir()]
    dates = {found: day for block in blocks(page) for found in re.findall(r"(?<=labctl_data/)\d{4}-\d\d-\d\d", block.code)}
    for bench in sorted({name for block in blocks(page) for name in BENCH.findall(block.code)} & registry.points("bench").keys()):
        with api.open_bench(bench) as opened:
            lacks = lacking(opened)
        if lacks and not calibrates(page, bench):
            calibrate(bench, tmp_path / "calibrations")         # coarsely; else it would be done in full
    assert Reader(cheaper, dates).follow(page) or all(block.reason for block in blocks(page) if block.language)


class TestHarness:
    """It would notice."""

    def block(self, code: str, language: str = "console") -> Block:
        return Block("planted.md", 1, language, code)

    def test_wrong_output_is_noticed(self) -> None:
        Reader().do(self.block("$ labctl --version\nlabctl 0.0.0\n"))
        with pytest.raises(AssertionError, match="the page shows"):
            Reader().do(self.block("$ labctl --version\nsomething else\n"))

    def test_wrong_exit_code_is_noticed(self) -> None:
        Reader().do(self.block("labctl procedures no_such_thing     # exit code 2\n", "sh"))
        with pytest.raises(AssertionError, match="exit code 2, not 0"):
            Reader().do(self.block("labctl procedures no_such_thing\n", "sh"))

    def test_python_shares_names_and_fails_loudly(self) -> None:
        reader = Reader()
        reader.do(self.block("x = 1\n", "python"))
        reader.do(self.block("assert x == 1\n", "python"))
        with pytest.raises(NameError):
            reader.do(self.block("y + x\n", "python"))

    def test_a_stranger_is_not_passed_over(self) -> None:
        with pytest.raises(AssertionError, match="nobody knows how to test"):
            Reader().do(self.block("rm -rf data\n", "sh"))

    def test_markers(self, tmp_path: Path) -> None:
        page = tmp_path / "page.md"
        page.write_text("*Not run by the tests: needs a laser.*\n\n```sh\nlabctl gui\n```\n\n"
                        "Save this as `a/b.py`:\n\n```python\nx = 1\n```\n")
        first, second = blocks(str(page))
        assert (first.reason, first.saved) == ("needs a laser", "")
        assert (second.reason, second.saved) == ("", "a/b.py")
        assert EXIT.search("x  # refused, exit code 2")
        assert INSTALLING.match("make run")
