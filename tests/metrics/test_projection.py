import numpy as np
import pytest

from menura.errors import DatasetError
from menura.metrics.projection import Standard, cosine, principal_plane


def test_standardised_sounds_have_mean_zero_and_deviation_one_where_they_vary() -> None:
    sounds = np.random.default_rng(0).normal(3.0, [2.0, 0.5, 0.0], (500, 3))
    found = Standard.of(sounds).apply(sounds)
    assert found.mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-2)  # values beyond the limit are held there
    assert found.std(axis=0) == pytest.approx([1.0, 1.0, 0.0], abs=1e-2)
    assert np.abs(Standard.of(sounds).apply(sounds + 1000)).max() == 5.0


def test_the_plane_finds_the_directions_of_the_largest_spread() -> None:
    generator = np.random.default_rng(0)
    sounds = generator.normal(0, [0.1, 3.0, 0.1, 1.0], (400, 4))
    plane = principal_plane(sounds)
    assert np.abs(plane.axes).argmax(axis=0).tolist() == [1, 3]
    assert plane.shares == pytest.approx([0.9, 0.1], abs=0.03)
    assert np.corrcoef(plane.place(sounds)[:, 0], sounds[:, 1])[0, 1] > 0.99


def test_cosine_is_one_along_zero_across_and_zero_for_nothing() -> None:
    rows = np.array([[1.0, 0.0], [0.0, 2.0], [-3.0, 0.0], [0.0, 0.0]])
    assert cosine(rows[:1], rows).tolist() == [[1.0, 0.0, -1.0, 0.0]]


def test_too_few_sounds_are_refused() -> None:
    with pytest.raises(DatasetError, match="span no plane"):
        principal_plane(np.zeros((2, 3)))
    with pytest.raises(DatasetError, match="all embeddings are equal"):
        Standard.of(np.ones((4, 3)))
