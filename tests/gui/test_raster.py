"""Rows on an even raster, and colours for them."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.read_off import NOTHING, inside, read_off
from labctl.gui.model.raster import NOT_MEASURED, Raster, grid_of, indexed, levels, lit


class TestGrid:
    def test_even_rows_are_one_line_each(self):
        grid = grid_of(np.array([3.0, 1.0, 2.0]))
        assert (grid.low, grid.high, grid.log, grid.even) == (0.5, 3.5, False, True)

    def test_geometric_rows_stand_on_a_logarithmic_axis(self):
        grid = grid_of(np.geomspace(1.0, 100.0, 5))
        assert grid.log
        assert grid.even
        assert grid.low == pytest.approx(-0.25)

    def test_uneven_rows_fill_lines_as_their_cells_are_high(self):
        grid = grid_of(np.array([0.0, 1.0, 3.0]))
        assert not grid.even
        share = np.bincount(grid.owner) / len(grid.owner)
        np.testing.assert_allclose(share, np.array([1.0, 1.5, 2.0]) / 4.5, atol=0.1)
        assert [grid.nearest(value) for value in (-0.4, 0.9, 2.9)] == [0, 1, 2]

    def test_one_row_and_none_have_room_too(self):
        assert grid_of(np.array([5.0])).high - grid_of(np.array([5.0])).low == 1.0
        assert grid_of(np.empty(0)).even is False

    def test_descending_places_come_out_ascending(self):
        raster = Raster(grid_of(np.array([1.0])), np.array([3.0, 2.0, 1.0]))
        raster.put(0, np.array([30.0, 20.0, 10.0]))
        np.testing.assert_allclose(raster.z[0], [10.0, 20.0, 30.0])
        assert raster.column(2.9) == 2


class TestColours:
    def test_what_was_not_measured_is_transparent(self):
        index = indexed(np.array([[np.nan, 0.0, 1.0, 2.0]]), 0.0, 1.0, False)
        np.testing.assert_array_equal(index, [[NOT_MEASURED, 1, 255, 255]])

    def test_zero_is_dark_not_missing_on_a_logarithmic_scale(self):
        np.testing.assert_array_equal(indexed(np.array([0.0, -1.0, 1.0, 100.0]), 0.0, 2.0, True), [1, 1, 1, 255])

    def test_levels_reach_from_the_noise_to_the_lines(self):
        z = np.random.default_rng(1).normal(0.0, 1.0, (50, 400))
        z[:, 200] = 1e4
        low, high = levels(z, True)
        assert 0.5 < 10**low < 2.0
        assert 10**high == pytest.approx(1e4)

    def test_light_is_found(self):
        z = np.random.default_rng(1).normal(0.0, 1.0, (50, 400))
        z[:, 180:220] += 20.0
        low, high = lit(z)
        assert 150 < low < 180
        assert 220 < high < 250
        assert lit(np.zeros((2, 10))) == (0, 9)


class TestReadOff:
    X = np.linspace(520.0, 540.0, 1024)

    def test_a_gaussian_is_read_off_to_a_fraction_of_a_pixel(self):
        found = read_off(self.X, 300.0 + 1000.0 * np.exp(-4 * np.log(2) * ((self.X - 531.003) / 2.0) ** 2))
        assert found.peak == pytest.approx(531.003, abs=0.01)
        assert found.centroid == pytest.approx(531.003, abs=0.01)
        assert found.fwhm == pytest.approx(2.0, rel=0.01)
        assert found.height == pytest.approx(1300.0, rel=1e-3)

    def test_a_cosmic_ray_is_no_peak(self):
        y = 100.0 * np.exp(-((self.X - 531.0) / 2.0) ** 2)
        y[100] = 1e5
        assert read_off(self.X, y).peak == pytest.approx(531.0, abs=0.05)

    def test_noise_alone_has_no_peak(self):
        assert read_off(self.X, np.random.default_rng(3).normal(300.0, 5.0, 1024)) == NOTHING

    def test_a_line_that_is_cut_off_has_no_width(self):
        assert np.isnan(read_off(self.X, np.exp(-((self.X - 520.0) / 3.0) ** 2)).fwhm)

    def test_sum_of_a_region(self):
        assert inside(np.arange(10.0), np.ones(10), 6.5, 2.5) == 4.0
