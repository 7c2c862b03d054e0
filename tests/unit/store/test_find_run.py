"""Finding a run by path, number or id prefix."""

from __future__ import annotations

import shutil

import pytest

from labctl.core.errors import StoreError
from labctl.store import nexus
from labctl.store.find import find_run, journal_of


@pytest.fixture(scope="module")
def root(kit, tmp_path_factory):
    """A data folder with two runs, one of them resumed, a foreign file and an empty reservation."""
    top = tmp_path_factory.mktemp("find")
    data = top / "data" / "2026-11-21"
    data.mkdir(parents=True)
    for number, run_id, names in ((7, "aaaa1111" * 4, ["x_ple_0007", "x_ple_0007_r1"]), (12, "aaaa2222" * 4, ["x_ple_0012"])):
        journal = kit.journal(top / f"j{number}.journal", run_number=number, run_id=run_id)
        shutil.copy(journal, data / f"{names[0]}.journal")
        for name in names:
            nexus.render(journal, data / f"{name}.nxs")
    (data / "foreign_0012.nxs").write_bytes(b"text")
    (data / "x_ple_0013.journal").touch()
    return top / "data"


def test_path(root):
    path = root / "2026-11-21" / "x_ple_0007.nxs"
    assert find_run(str(path), root) == path


@pytest.mark.parametrize(("text", "name"), [
    ("12", "x_ple_0012.nxs"), ("0012", "x_ple_0012.nxs"), ("7", "x_ple_0007_r1.nxs"), ("aaaa2", "x_ple_0012.nxs"),
    ("AAAA1111", "x_ple_0007_r1.nxs"),
])
def test_number_and_id_give_the_newest_file_of_the_run(root, text, name):
    assert find_run(text, root).name == name


def test_journal_stands_in_until_there_is_a_file(root, tmp_path):
    shutil.copy(root / "2026-11-21" / "x_ple_0012.journal", tmp_path)
    assert find_run("12", tmp_path).name == "x_ple_0012.journal"


@pytest.mark.parametrize(("text", "words"), [
    ("99", "no run 99"), ("13", "no run 13"), ("bbbb", "no run bbbb"), ("aaa", "at least 4"), ("aaaa", "means 2 runs"),
    ("missing.nxs", "no run file"), ("a/b", "no run file"),
])
def test_what_is_not_there_or_not_unique_is_explained(root, text, words):
    with pytest.raises(StoreError, match=words):
        find_run(text, root)


def test_missing_data_folder_is_named(tmp_path):
    with pytest.raises(StoreError, match="no data folder"):
        find_run("7", tmp_path / "nowhere")


def test_the_journal_of_a_run_is_found_by_its_whole_id(root):
    assert journal_of("aaaa1111" * 4, root) == root / "2026-11-21" / "x_ple_0007.journal"
    assert journal_of("aaaa1111", root) is None
