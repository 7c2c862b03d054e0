"""Small files: the old one or the new one, and on the disk before the old one is gone."""

from __future__ import annotations

import os
import stat

import pytest

from labctl.store import whole


def test_a_file_is_replaced_after_it_was_synced(tmp_path, monkeypatch):
    target, did = tmp_path / "report.md", []
    target.write_text("old", encoding="utf-8")
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(whole.os, "fsync", lambda handle: did.append("sync") or sync(handle))
    monkeypatch.setattr(whole.os, "replace", lambda *paths: did.append(target.read_text(encoding="utf-8")) or replace(*paths))
    whole.write_whole(target, "new")
    assert did == ["sync", "old", "sync"], "the file, then its name, then the folder"
    assert target.read_text(encoding="utf-8") == "new"
    assert os.listdir(tmp_path) == ["report.md"]


def test_what_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    target = tmp_path / "report.md"
    target.write_text("old", encoding="utf-8")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(whole.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        whole.write_whole(target, "new")
    assert target.read_text(encoding="utf-8") == "old"
    assert os.listdir(tmp_path) == ["report.md"]


def test_a_new_file_needs_a_free_name(tmp_path):
    (tmp_path / "kept.json").write_text("old", encoding="utf-8")
    with pytest.raises(FileExistsError):
        whole.write_whole(tmp_path / "kept.json", "new", new=True)
    assert (tmp_path / "kept.json").read_text(encoding="utf-8") == "old"


@pytest.mark.skipif(os.name == "nt", reason="permissions of this kind")
def test_a_report_may_be_read_by_whoever_may_read_other_files(tmp_path):
    (tmp_path / "plain").write_text("", encoding="utf-8")
    whole.write_whole(tmp_path / "report.md", "new")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "report.md")]
    assert modes[0] == modes[1]
