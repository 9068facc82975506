"""Precision, recall, density and coverage."""

from __future__ import annotations

import numpy as np
import pytest

from menura.errors import ConfigError, DatasetError
from menura.metrics.diversity import coverage
from menura.metrics.manifolds import Overlap, overlap

GOLDEN = {
    3: Overlap(0.9222222222222223, 0.4583333333333333, 1.3444444444444443, 0.7333333333333333),
    5: Overlap(0.9777777777777777, 0.5833333333333334, 1.4022222222222223, 0.8583333333333333),
}
"""By prdc 0.2: ``compute_prdc(real_features=reference, fake_features=other, nearest_k=k)`` on the sets below."""


def sets() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(20250101)
    return generator.normal(0, 1, (120, 8)), generator.normal(0.4, 0.8, (90, 8))


@pytest.mark.parametrize("neighbours", [3, 5])
def test_all_four_are_those_of_the_reference_implementation(neighbours: int) -> None:
    found = overlap(*sets(), neighbours=neighbours)
    for name in ("precision", "recall", "density", "coverage"):
        assert getattr(found, name) == pytest.approx(getattr(GOLDEN[neighbours], name), abs=1e-12)
    assert found.coverage == coverage(*sets(), neighbours=neighbours)


def test_they_do_not_depend_on_the_size_of_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = overlap(*sets())
    monkeypatch.setattr("menura.metrics.diversity._ROWS", 7)
    assert overlap(*sets()) == whole


def test_a_copy_of_the_reference_has_all_and_a_far_set_has_nothing() -> None:
    reference, _ = sets()
    copied = overlap(reference, reference)
    assert (copied.precision, copied.recall, copied.coverage) == (1.0, 1.0, 1.0)
    assert overlap(reference, reference + 100) == Overlap(0.0, 0.0, 0.0, 0.0)


def test_a_crowd_at_one_place_is_precise_and_covers_little() -> None:
    reference, _ = sets()
    crowd = reference[np.abs(reference).sum(axis=1).argmin()] + 1e-3 * np.random.default_rng(0).normal(size=(120, 8))
    found = overlap(reference, crowd)
    assert found.precision == 1.0
    assert found.density > 1.5
    assert found.recall < 0.1
    assert found.coverage < 0.5


def test_too_few_sounds_and_no_neighbours_are_refused() -> None:
    reference, other = sets()
    with pytest.raises(DatasetError, match="expected more than 5 in each set"):
        overlap(reference, other[:5])
    with pytest.raises(ConfigError, match="neighbours is 0"):
        overlap(reference, other, neighbours=0)
