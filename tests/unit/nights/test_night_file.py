"""Night files: every error at once with its line, sweeps written out, names in scope; messages that hurt nobody."""

from __future__ import annotations

import logging
import re
import sys
from email import message_from_bytes
from pathlib import Path

import pytest
from pydantic import BaseModel

from labctl.core.errors import Refused
from labctl.engine.queue import AFTER_FAILURE, END_LEVELS
from labctl.nights import file, notify, report
from labctl.nights.expand import expand
from labctl.store.waiting import Item

DOCS = Path(__file__).parents[3] / "docs"
needs_a_shell = pytest.mark.skipif(sys.platform == "win32", reason="the mailer is a POSIX script")
HEAD = 'schema = 1\nname = "n"\nbench = "ying2021"\n'


def load(tmp_path, text):
    path = tmp_path / "night.toml"
    path.write_text(HEAD + text)
    return file.load(path)[0]


def entry(name, more="", procedure="snapshot"):
    return f'[[entry]]\nname = "{name}"\nprocedure = "{procedure}"\n{more}\n'


class TestFile:
    def test_all_errors_at_once_with_entry_and_line(self, tmp_path):
        wrong = 'set = {power = {value = "2 *", between = [1, 2]}}\non_failure = "cry"'
        text = entry("a", 'wen = "1 > 0"\nwhen = "1 >"') + entry("b", wrong)
        with pytest.raises(Refused) as refused:
            load(tmp_path, '[night]\nuntill = "7"\nlongest_lit = "3 nm"\n' + text)
        said = {(problem.field, int(re.search(r"toml:(\d+)", problem.text).group(1))) for problem in refused.value.problems}
        assert {("night", 5), ("night", 6), ("a", 10), ("a", 11), ("b", 15), ("b", 16)} <= said
        assert "see docs/reference/night-file.md" in str(refused.value)

    def test_not_toml_and_not_there(self, tmp_path):
        with pytest.raises(Refused, match="cannot be read"):
            load(tmp_path, "[[entry")
        with pytest.raises(Refused, match="cannot be read"):
            file.load(tmp_path / "nowhere.toml")

    def test_two_entries_of_one_name(self, tmp_path):
        with pytest.raises(Refused, match="two entries are named a"):
            load(tmp_path, entry("a") + entry("a"))

    def test_words_are_the_queues(self):
        assert set(file.OnFailure.__args__) == set(AFTER_FAILURE)
        assert set(file.Terms.model_fields["end"].annotation.__args__) == set(END_LEVELS)

    def test_every_key_is_documented(self):
        models = [model for model in vars(file).values() if isinstance(model, type) and issubclass(model, BaseModel)]
        keys = {field.alias or name for model in models for name, field in model.model_fields.items()}
        page = (DOCS / "reference" / "night-file.md").read_text(encoding="utf-8")
        assert sorted(key for key in keys if not re.search(rf"`\[*{key}\b|[`{{ ]{key}\b[ `,=]", page)) == []


class TestExpanding:
    def test_nested_sweeps_and_scope(self, tmp_path):
        own = 'when = "first.total_rate > 1"\nsweep = {over = {frames = [1, 2], exposure = ["1 s", "2 s"]}}\n'
        own += "set = {wavelength = 510}"
        text = '[sweep]\nover = {wavelength = [500, 505]}\n' + entry("first", 'set = {exposure = "1 s"}') + entry("second", own)
        runs = expand(load(tmp_path, text))
        assert [run.label for run in runs][:5] == [
            "at1_first", "at1_second[1]", "at1_second[2]", "at1_second[3]", "at1_second[4]"]
        assert [run.settings for run in runs[:3]] == [
            {"wavelength": 500, "exposure": "1 s"}, {"wavelength": 510, "frames": 1, "exposure": "1 s"},
            {"wavelength": 510, "frames": 1, "exposure": "2 s"}]
        assert [run.when for run in runs[5:7]] == ["", "at2_first.total_rate > 1"]

    def test_together(self, tmp_path):
        runs = expand(load(tmp_path, entry("a", "sweep = {over = {frames = [1, 2], dark_frames = [3, 4]}, together = true}")))
        assert [run.settings for run in runs] == [{"frames": 1, "dark_frames": 3}, {"frames": 2, "dark_frames": 4}]
        with pytest.raises(Refused, match="equally many"):
            load(tmp_path, entry("a", "sweep = {over = {frames = [1, 2], dark_frames = [3]}, together = true}"))

    @pytest.mark.parametrize(("text", "why"), [
        (entry("a", 'when = "b.x > 1"') + entry("b"), "b comes later"),
        (entry("a", 'when = "c.x > 1"'), "there is no entry c"),
        (entry("a", "sweep = {over = {frames = [1, 2]}}") + entry("b", 'when = "a.x > 1"'), r"a is swept.*e\.g\. a\[1\]"),
        (entry("not_a") + entry("b", 'when = "a.x > 1"'), r"there is no entry a\."),
        (entry("a", procedure="snapshit"), "Did you mean snapshot"),
        ("[sweep]\nover = {colour = [1]}\n" + entry("a"), "no entry has a parameter colour"),
        (entry("a", 'set = {powr = {value = "1 [W]", between = [0, 1]}}'), "Did you mean power"),
        (entry("a", 'set = {power = {value = "1 [W]", between = ["1 nm", 1]}}'), "between: '1 nm' is not a number in W"),
        (entry("a", 'set = {power = {value = "1 [W]", between = [1, 0]}}'), "lowest, then highest"),
        (entry("a", f"sweep = {{over = {{frames = {list(range(1, 60))}, dark_frames = {list(range(1, 60))}}}}}"), "3481 runs"),
        ('[night]\nstop_when = ["z.x > 1"]\n' + entry("a"), "there is no entry z"),
    ])
    def test_what_cannot_be_meant_is_refused(self, tmp_path, text, why):
        with pytest.raises(Refused, match=why):
            expand(load(tmp_path, text))


class TestMessages:
    @pytest.fixture
    def sendmail(self, tmp_path, monkeypatch):
        """Put a mailer on the PATH that keeps the words it was called with, and the mail; its script may be replaced."""
        (tmp_path / "bin").mkdir()
        program = tmp_path / "bin" / "sendmail"
        program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/words\ncat > {tmp_path}/mail\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
        return program

    def test_nobody_is_told_unless_named(self, monkeypatch):
        monkeypatch.setattr(notify, "send", lambda *what: pytest.fail("sent"))
        messenger = notify.Messenger(file.Notify())
        messenger.tell("failure", "subject", "text")
        messenger.finish()
        assert messenger.failures == notify.lacking(file.Notify()) == []

    def test_a_command_gets_the_message_and_no_shell(self, tmp_path):
        told = tmp_path / "told"
        words = [sys.executable, "-c", f"import sys; open({str(told)!r}, 'w').write(sys.argv[1] + sys.stdin.read())", "$HOME; ls"]
        messenger = notify.Messenger(file.Notify(command=words))
        messenger.tell("entry", "not wanted", "")
        messenger.tell("end", "subject", "text \udcff of a strange file name")
        messenger.finish()
        assert told.read_text() == "$HOME; lssubject\n\ntext ? of a strange file name\n"

    @pytest.mark.parametrize("words", [["/nowhere/at/all"], [sys.executable, "-c", "raise SystemExit(3)"]])
    def test_what_fails_is_logged_and_that_is_all(self, words, caplog):
        messenger = notify.Messenger(file.Notify(command=words))
        with caplog.at_level(logging.WARNING):
            messenger.tell("end", "subject", "text")
            messenger.finish()
        assert caplog.messages == messenger.failures
        assert messenger.failures[0].startswith(f"nobody could be told by {words[0]}: ")

    @needs_a_shell
    def test_a_mail_goes_through_the_mailer_with_its_picture_and_reaches_one_reader(self, tmp_path, sendmail):
        (tmp_path / "a.png").write_bytes(b"png")
        messenger = notify.Messenger(file.Notify(mail="you@example.org"))
        pictures = [tmp_path / "a.png", tmp_path / "gone.png"]
        messenger.tell("end", "labctl night: done", "all\n.\nTo: all@example.org\n \udcff", pictures)
        messenger.finish()
        assert messenger.failures == []
        assert (tmp_path / "words").read_text() == "-t -oi\n", "recipients from the head alone, and a lone dot does not end it"
        made = message_from_bytes((tmp_path / "mail").read_bytes())
        assert (made.get_all("To"), made.get_all("Subject")) == (["you@example.org"], ["labctl night: done"])
        assert (made["Cc"], made["Bcc"], made["Auto-Submitted"]) == (None, None, "auto-generated")
        text, picture = made.get_payload()
        assert "To: all@example.org" in text.get_payload(decode=True).decode()
        assert (picture.get_filename(), picture.get_payload(decode=True)) == ("a.png", b"png")

    @needs_a_shell
    def test_a_mailer_that_hangs_is_given_up_and_holds_nobody_up(self, sendmail, monkeypatch):
        sendmail.write_text("#!/bin/sh\nexec sleep 600\n")
        monkeypatch.setattr(notify, "PATIENCE_S", 0.3)
        messenger = notify.Messenger(file.Notify(mail="you@example.org"))
        messenger.tell("end", "subject", "text")
        for thread in messenger._threads:
            thread.join()
        messenger.finish()
        assert "timed out after 0.3 seconds" in messenger.failures[0]

    def test_an_address_can_not_bring_lines_of_its_own(self, tmp_path):
        for mail in ("you@example.org\\nBcc: all@example.org", "you@example.org, ", "-oQ/tmp you", "<you@example.org>"):
            with pytest.raises(Refused, match="no address of a mail"):
                load(tmp_path, f'[notify]\nmail = "{mail}"\n' + entry("a"))
        assert load(tmp_path, '[notify]\nmail = "you@example.org, root"\n' + entry("a")).notify.mail == "you@example.org, root"
        with pytest.raises(ValueError, match="linefeed"):
            notify.mail("you@example.org\nBcc: all@example.org", "done", "all")

    def test_what_cannot_be_told_is_said_before_the_night(self, monkeypatch, tmp_path):
        monkeypatch.setattr(notify, "MAILERS_LIE", ())
        monkeypatch.setenv("PATH", str(tmp_path))
        said = notify.lacking(file.Notify(mail="you@example.org", command=["notify-somebody"]))
        assert [(problem.level, "notify-somebody" in problem.text, "sendmail" in problem.text) for problem in said] == [
            ("warning", True, False), ("warning", False, True)]


def test_a_report_of_what_has_no_file_is_escaped(tmp_path):
    items = [Item(1, "b", "ple", status="refused", message="<script> | no", options={"entry": "a"}),
             Item(2, "b", "ple", status="done", run=str(tmp_path / "gone.nxs"), options={"entry": "b"})]
    markdown, page = (path.read_text(encoding="utf-8") for path in report.write(tmp_path / "r", "Night", ["ended"],
                                                                                         [report.line(item) for item in items]))
    assert r"| a | ple | refused |  |  |  | <script> \| no |" in markdown
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.html", "r.md"]
