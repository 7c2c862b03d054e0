"""A PLE scan through drivers, wire, emulators, twin, journal and analysis."""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from labctl import api
from labctl.engine.control import Control


class TestDefaultScan:
    """The result emerges from the physics and is reported with its errors."""

    def test_resonance(self, ple_run):
        found = ple_run.results["resonance_nm"]
        assert ple_run.status == "done", ple_run.problems
        assert found.value == pytest.approx(526.4, abs=0.3)
        assert 0 < found.stderr <= 0.1
        assert found.unit == "nm"

    def test_energy_and_wavelength_agree(self, ple_run):
        assert ple_run.results["resonance_eV"].value == pytest.approx(1239.841984 / ple_run.results["resonance_nm"].value, rel=1e-9)

    def test_constant_flux_was_held(self, ple_run):
        with api.load(ple_run.run) as run:
            flux = run["pump.photon_flux_measured"]
            assert np.allclose(flux, run["pump.photon_flux"], rtol=0.02)

    def test_overlapping_points_are_recorded_and_flagged(self, ple_run):
        with api.load(ple_run.run) as run:
            wavelength = run["pump.wavelength"]
            assert len(wavelength) == 61
            assert set(wavelength[run.flag("pump_overlap")]) == {527.5, 528.0, 528.5, 529.0, 529.5, 530.0}

    def test_truth_is_kept_apart(self, ple_run):
        with api.load(ple_run.run) as run:
            assert run.truth
            assert not [name for name in run.truth if "resonance_nm" in name or "resonance_eV" in name], "the maximum emerges"

    def test_figure_was_drawn(self, ple_run):
        assert ple_run.figure.stat().st_size > 20_000

    def test_sample_stayed_within_its_limit(self, run_ple):
        seen = []
        run_ple(stop=505, inspect=lambda bench: seen.append(bench.twin.sample_port.fluence_max_j_cm2))
        assert 0 < seen[0] < 65e-6 * 1.6 / 78e6 / (np.pi * (1.2e-4) ** 2 / 4)


class TestDeterminism:
    """The seed decides everything."""

    def test_same_seed_same_counts_other_seed_other_counts(self, run_ple):
        counts = []
        for seed in (5, 5, 6):
            outcome = run_ple(seed=seed, start=520, stop=522)
            with api.load(outcome.run) as run:
                counts.append(run.counts())
        assert np.array_equal(counts[0], counts[1])
        assert not np.array_equal(counts[0], counts[2])


Change = tuple[str, str] | None


def altered_bench(tmp_path: Path, sample_change: Change = None, bench_change: Change = None) -> Path:
    """Copy the packaged bench and sample files, change one line of one of them."""
    benches, samples = (Path(str(resources.files(f"sim_instruments.{kind}"))) for kind in ("benches", "samples"))
    bench, sample = tmp_path / "altered.toml", tmp_path / "sample.toml"
    shutil.copy(samples / "ying2021.toml", sample)
    text = (benches / "ying2021.toml").read_text(encoding="utf-8").replace('name = "ying2021"', 'name = "altered"')
    text = text.replace('sample = "ying2021"', f'sample = "{sample.as_posix()}"')
    for path, change in ((sample, sample_change), (None, bench_change)):
        if change is None:
            continue
        before = text if path is None else path.read_text(encoding="utf-8")
        assert change[0] in before, change[0]
        if path is None:
            text = before.replace(*change)
        else:
            path.write_text(before.replace(*change), encoding="utf-8")
    bench.write_text(text, encoding="utf-8")
    return bench


class TestItEmerges:
    """Shift a constant of the sample and the result follows; it is not typed in."""

    def test_raising_the_stokes_shift_moves_the_resonance(self, run_ple, ple_run, tmp_path):
        bench = altered_bench(tmp_path, sample_change=SAMPLE_SHIFT)
        moved = run_ple(bench, seed=1).results["resonance_nm"].value - ple_run.results["resonance_nm"].value
        assert moved == pytest.approx(-1.18, abs=0.15)

    def test_a_broad_band_is_refused_by_the_fit_with_the_reason(self, run_ple, tmp_path):
        bench = altered_bench(tmp_path, bench_change=("bandwidth_nm = 1.75", "bandwidth_nm = 2.0"))
        outcome = run_ple(bench, seed=1)
        assert outcome.status == "done"
        assert "resonance_nm" not in outcome.results
        assert any(problem.field == "resonance_nm" and "maximum" in problem.text for problem in outcome.problems)


SAMPLE_SHIFT = ("d_S = {value = 18,", "d_S = {value = 23,")


class TestAbort:
    """A signal in mid-scan leaves a closed shutter and a readable file."""

    def test_ctrl_c_in_mid_scan(self, run_ple, tmp_path):
        control, state = Control(), {}

        def look(bench):
            state["closed"] = bench.twin.element("shutter").closed

        with api.open_bench("ying2021") as bench:
            bench.clock.call_at(120.0, lambda: control.request("Ctrl-C"))
            outcome = api.run("ple", bench, order=api.Order("ple", tmp_path, seed=3, figure=False), control=control)
            look(bench)
        assert outcome.status == "aborted"
        assert state["closed"]
        assert 0 < outcome.points < 65
        with api.load(outcome.run) as run:
            assert run.status == "aborted"
            assert len(run["pump.wavelength"]) > 0


class TestCalibration:
    """The power head stands before the shutter: its zero has to be taken behind something else."""

    def test_meter_is_zeroed_in_the_dark_also_the_second_time(self, tmp_path):
        with api.open_bench("ying2021") as bench:
            for seed in (1, 2):
                order = api.Order("power_calibration", tmp_path, seed=seed, figure=False)
                outcome = api.run("power_calibration", bench, {"wavelengths": 5}, order=order)
                assert abs(bench.twin.heads["power_meter"].zero_w) < 0.5e-6, "light was taken for zero"
                found = outcome.results["offset_deg"]
                assert found.value == pytest.approx(bench.truth()["attenuator.offset_deg"]["value"], abs=5 * found.stderr + 0.01)


def test_the_alternative_bench_says_why_it_cannot_resolve_the_resonance(run_ple):
    outcome = run_ple("ying2021-varia", step=2.0)
    assert outcome.status == "done", outcome.problems
    assert "resonance_nm" not in outcome.results
    assert any(problem.field == "resonance_nm" for problem in outcome.problems)
