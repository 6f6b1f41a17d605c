"""Goal: calibration does what Platt scaling says, AU by AU. Method: closed-form values."""

import numpy as np
import pytest

from operators.calibrate import Calibration, calibrate, calibration_from
from schemas.names import AU_NAMES

HALF = np.full((2, len(AU_NAMES)), 0.5)


def test_no_pairs_change_nothing() -> None:
    raw = np.linspace(0, 1, len(AU_NAMES))
    assert np.array_equal(calibrate(raw, calibration_from({})), raw)


def test_an_offset_moves_one_au_only() -> None:
    moved = calibrate(HALF, calibration_from({"AU12": (1.0, 1.0)}))
    column = AU_NAMES.index("AU12")
    assert moved[:, column] == pytest.approx(1 / (1 + np.exp(-1.0)))
    assert np.array_equal(np.delete(moved, column, 1), np.delete(HALF, column, 1))


def test_a_slope_sharpens_around_one_half() -> None:
    raw = np.full(len(AU_NAMES), 0.8)
    by = calibration_from({"AU01": (2.0, 0.0)})
    assert calibrate(raw, by)[0] == pytest.approx(0.8**2 / (0.8**2 + 0.2**2))


def test_not_observed_stays_not_observed() -> None:
    raw = np.full(len(AU_NAMES), np.nan)
    assert np.isnan(calibrate(raw, calibration_from({"AU12": (2.0, 1.0)}))).all()


def test_a_wrong_number_of_pairs_is_refused() -> None:
    with pytest.raises(ValueError, match="needs 25"):
        Calibration(np.ones(3), np.zeros(25))
