import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from menura.metrics.pitch import chroma_accuracy

NOTES = st.lists(st.integers(0, 127), min_size=1, max_size=30)


@given(notes=NOTES, octaves=st.integers(-3, 3))
def test_an_error_of_whole_octaves_is_none(notes: list[int], octaves: int) -> None:
    truth = np.array(notes)
    assert chroma_accuracy(truth, truth + 12 * octaves) == 1.0


@given(notes=NOTES, error=st.integers(1, 11))
def test_any_other_error_is_one(notes: list[int], error: int) -> None:
    truth = np.array(notes)
    assert chroma_accuracy(truth, truth + error) == chroma_accuracy(truth, truth - error) == 0.0
