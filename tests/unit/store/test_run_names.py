"""Names of run files: below the root, never twice, never something an operating system chokes on."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from labctl.core.errors import Refused
from labctl.store import names

TEMPLATE = "{date}/{sample}_{procedure}_{run:04d}"
START = datetime(2026, 11, 21, 13, 5, 9, tzinfo=UTC)
FIELDS = {"sample": "CsPbBr₃", "procedure": "ple", "bench": "ying2021", "user": "", "start": START}


def refused(tmp_path, template=TEMPLATE, **fields):
    with pytest.raises(Refused) as caught:
        names.reserve(tmp_path / "data", template, {**FIELDS, **fields})
    assert not (tmp_path / "data").exists()
    return caught.value.problems[0]


class TestNumbers:
    """The next number, whatever lies there."""

    def test_first_run_is_number_one_and_its_journal_is_reserved(self, tmp_path):
        place = names.reserve(tmp_path, TEMPLATE, FIELDS)
        assert place.number == 1
        assert place.run == tmp_path / "2026-11-21" / "CsPbBr₃_ple_0001.nxs"
        assert place.journal == tmp_path / "2026-11-21" / "CsPbBr₃_ple_0001.journal"
        assert place.journal.stat().st_size == 0
        assert not place.run.exists()
        assert [p.name for p in tmp_path.iterdir()] == ["2026-11-21"]

    def test_number_counts_over_all_folders_samples_and_renderings(self, tmp_path):
        for name in ("2026-11-19/x_ple_0007.nxs", "2026-11-20/y_power_calibration_0009_r2.nxs", "2026-11-20/z_ple_0003.journal"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).touch()
        (tmp_path / "elsewhere_20261120.nxs").touch()
        (tmp_path / "notes_9999.txt").touch()
        assert names.reserve(tmp_path, TEMPLATE, {**FIELDS, "sample": "s123"}).number == 10
        assert names.reserve(tmp_path, "{bench}-{run}", FIELDS).number == 11

    def test_racing_threads_all_get_their_own_number(self, tmp_path):
        places, barrier = [], threading.Barrier(6)

        def race(k):
            barrier.wait(10)
            for _ in range(5):
                places.append(names.reserve(tmp_path, TEMPLATE, {**FIELDS, "sample": f"s{k}"}))

        threads = [threading.Thread(target=race, args=(k,)) for k in "abcdef"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len({place.number for place in places}) == 30
        assert len({place.journal for place in places}) == 30
        assert not list(tmp_path.glob(".run*"))

    def test_number_claimed_by_another_process_is_passed_over(self, tmp_path):
        (tmp_path / ".run-0001.claimed").touch()
        assert names.reserve(tmp_path, TEMPLATE, FIELDS).number == 2


class TestWords:
    """What goes into a name, and what may not."""

    def test_decomposed_letters_are_composed(self, tmp_path):
        place = names.reserve(tmp_path, "{sample}_{time}_{run}", {**FIELDS, "sample": "Mu\u0308ller"})
        assert place.run.name == "M\u00fcller_130509_1.nxs"

    @pytest.mark.parametrize("sample", ["../../etc/x", "a/b", "a\\b", "C:x", "what?", "line\nbreak", "a\0b", ".."])
    def test_names_that_lead_elsewhere_or_break_windows_are_refused(self, tmp_path, sample):
        problem = refused(tmp_path, sample=sample)
        assert problem.field == "sample"
        assert "cannot be part of a file name" in problem.text

    @pytest.mark.parametrize(("template", "words"), [
        ("{sample}", "no {run:04d}"), ("{operator}_{run}", "uses operator"), ("{run:q}", "may be formatted"),
        ("{sample!x}_{run}", "is not a template|may be formatted"), ("{sample_{run}", "is not a template|uses"),
        ("/srv/{run:04d}", "is empty or leads elsewhere"), ("../{run:04d}", "leads elsewhere"), ("{user}/{run}", "is empty"),
        ("NUL/{run}", "Windows cannot"), ("con.{run}", "Windows cannot"), ("a /{run}", "Windows cannot"),
        (".hidden{run}", "hidden"), ("a:b{run}", "contains :"), ("x" * 300 + "{run}", "too long"),
    ])
    def test_templates_that_cannot_work_are_refused(self, tmp_path, template, words):
        problem = refused(tmp_path, template)
        assert problem.field == "data.file"
        assert any(word in problem.text for word in words.split("|"))

    def test_link_out_of_the_root_is_not_followed(self, tmp_path):
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "out").symlink_to(tmp_path)
        with pytest.raises(Refused, match="outside of"):
            names.reserve(tmp_path / "data", "out/{run:04d}", FIELDS)

    def test_folder_that_cannot_be_made_is_explained(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(Refused, match=r"cannot be written.*--out"):
            names.reserve(tmp_path / "file" / "data", TEMPLATE, FIELDS)
