"""Filters in the detection: their tables, what preflight makes of them, and what a run remembers."""

from __future__ import annotations

import pytest

from labctl.bench.config import parse
from labctl.bench.filter_table import Filter, read_table
from labctl.bench.filters import PASSES, DetectionFilters, FilterAxis
from labctl.bench.lookup import packaged
from labctl.bench.opening import open_bench
from labctl.core.clock import VirtualClock
from labctl.core.errors import ConfigError
from labctl.core.plan import Point

BENCH = packaged("qin2021").read_text(encoding="utf-8")
TABLES = sorted((packaged("qin2021").parent / "filters").glob("*.txt"))
PUMP_NM = 400.0


@pytest.fixture(scope="module")
def bench():
    opened, problems = open_bench(parse(BENCH, "qin2021"), BENCH, VirtualClock())
    assert problems == []
    with opened:
        yield opened


def lit(slot: float | None = None, **more) -> Point:
    moves = {"pump.wavelength": PUMP_NM} | ({} if slot is None else {"detection.filter": slot})
    return Point(set=moves | more.pop("set", {}), exposure_s=1.0, **more)


class TestTables:
    @pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
    def test_a_packaged_table_is_a_filter_with_its_source_and_the_worth_of_it(self, path):
        found = Filter(**read_table(path))
        assert found.source
        assert found.evidence in ("measured", "data sheet", "assumed")
        assert 0.0 < found.uncertainty < 0.01
        assert found.wavelength_nm[0] <= 400.0
        assert found.wavelength_nm[-1] >= 1000.0

    def test_a_table_is_looked_for_beside_the_bench_file_first(self, tmp_path):
        folder = tmp_path / "filters"
        folder.mkdir()
        text = "# source: mine\n# evidence: measured\n400 0.5\n600, 0.7\n"
        (folder / "lp450.txt").write_text(text, encoding="utf-8")
        slots = parse(BENCH, str(tmp_path / "mine.toml")).detection.filters["detection_filter"]
        assert slots[1].at(500.0) == pytest.approx(0.6)
        assert slots[1].name == "lp450"
        assert slots[2].name == "long pass 500 nm"                 # not beside it: the packaged one

    @pytest.mark.parametrize(("text", "words"), [
        ("# source: x\n# evidence: measured\n400 0.5\n500\n", "line 4: two numbers"),
        ("# evidence: measured\n400 0.5\n500 0.6\n", "# source"),
        ("# source: x\n# evidence: hearsay\n400 0.5\n500 0.6\n", "measured, data sheet, assumed"),
        ("# source: x\n# evidence: measured\n500 0.5\n400 0.6\n", "ascend"),
        ("# source: x\n# evidence: measured\n400 0.5\n500 1.6\n", "between 0 and 1")])
    def test_bad_tables_are_refused_with_the_reason(self, tmp_path, text, words):
        (tmp_path / "mine.txt").write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match=words):
            parse(BENCH.replace("filters/lp450.txt", "mine.txt"), str(tmp_path / "mine.toml"))

    def test_a_missing_table_names_the_line(self):
        with pytest.raises(ConfigError, match=r"mine\.toml:\d+: detection\.filters\.detection_filter.*no table nowhere\.txt"):
            parse(BENCH.replace("filters/lp450.txt", "nowhere.txt"), "mine.toml")

    def test_a_table_and_a_number_contradict_each_other(self):
        with pytest.raises(ConfigError, match="not both"):
            parse(BENCH.replace('{table = "filters/lp450.txt"}', '{table = "filters/lp450.txt", transmission = 0.5}'), "mine.toml")


class TestPreflight:
    def test_a_filter_that_passes_the_pump_is_refused_and_those_that_do_not_are_named(self, bench):
        [problem] = bench.check_light([lit(1)])
        assert problem.level == "error"
        assert problem.field == "detection.filter"
        assert "slot 1 (open) for the pump line of 400 nm is 1" in problem.text
        assert "Choose slot 2 (long pass 450 nm), 3 (long pass 500 nm)." in problem.text

    def test_a_filter_that_blocks_it_is_not(self, bench):
        assert bench.check_light([lit(2), lit(3)]) == []

    def test_the_slot_holds_until_the_plan_changes_it(self, bench):
        assert [problem.point for problem in bench.check_light([lit(), lit(1), lit(), lit(2), lit()])] == [1, 2]

    @pytest.mark.parametrize("point", [
        lit(1, light=False), lit(1, read=("power",)), lit(1, flags=("pump_overlap",)), lit(1, set={"emission.centre": 401.0})],
        ids=["dark", "pick-off only", "overlap known", "looks at the pump on purpose"])
    def test_what_does_not_look_at_the_emission_is_left_alone(self, bench, point):
        assert bench.check_light([point]) == []

    def test_a_line_outside_the_table_is_not_known_to_be_blocked(self, bench):
        wheel = next(wheel for wheel in bench.filters.wheels if wheel.name == "detection.filter")
        filters = DetectionFilters((wheel,), lambda: (1500.0, 1500.0))
        [problem] = filters.check([Point(exposure_s=1.0)], ["spectrum"])
        assert "is not known" in problem.text

    def test_a_source_of_unknown_wavelength_is_refused_where_it_always_passes(self, bench):
        wheel = next(wheel for wheel in bench.filters.wheels if wheel.name == "detection.filter")
        for slot, refused in ((1, True), (2, False)):
            filters = DetectionFilters((wheel,), lambda: (395.0, 405.0))
            assert bool(filters.check([Point(set={"detection.filter": slot}, exposure_s=1.0)], ["spectrum"])) is refused

    def test_a_bench_without_a_spectral_filter_has_nothing_to_refuse(self, bench):
        assert DetectionFilters((), lambda: (400.0, 400.0)).check([lit(1)], ["spectrum"]) == []

    def test_the_packaged_benches_begin_with_the_pump_kept_out(self, bench):
        for name in ("qin2021", "qin2021-trpl", "wang2015"):
            text = packaged(name).read_text(encoding="utf-8")
            config = parse(text, str(packaged(name)))
            slot = config.instruments["detection_filter"].initial["slot"]
            assert config.detection.filters["detection_filter"][int(slot) - 1].at(PUMP_NM) < PASSES


def test_every_reading_of_light_says_where_the_wheels_stand(bench):
    from labctl.core.steps import drive

    detector = bench.detectors["spectrum"]
    bench.move({"detection.nd": 3.0, "detection.filter": 2.0})
    drive(bench.clock, detector.configure(0.01))
    drive(bench.clock, detector.expose())
    _, scalars, _ = drive(bench.clock, detector.fetch())
    assert scalars["detection.nd_measured"] == 3.0
    assert scalars["detection.filter_measured"] == 2.0
    assert all(isinstance(wheel, FilterAxis) for wheel in bench.filters.wheels)
    assert bench.filters.as_json()["detection.nd"][2]["name"] == "ND 1"
