from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from menura.seeding import canonical_json, content_hash, item_generator, item_seed

keys = st.lists(st.text(max_size=8) | st.integers(), max_size=4)


@given(seed=st.integers(0, 2**64), key=keys)
def test_equal_keys_give_equal_streams(seed: int, key: list[str | int]) -> None:
    first, second = item_generator(seed, *key), item_generator(seed, *key)
    assert first.integers(2**62, size=4).tolist() == second.integers(2**62, size=4).tolist()


@given(order=st.permutations(range(8)))
def test_a_stream_does_not_depend_on_the_order_of_creation(order: list[int]) -> None:
    drawn = {item: item_generator(0, "esc50", item).random() for item in order}
    assert drawn == {item: item_generator(0, "esc50", item).random() for item in range(8)}


def test_keys_that_concatenate_to_the_same_text_differ() -> None:
    assert len({item_seed(0, "ab", "c"), item_seed(0, "a", "bc"), item_seed(0, "abc"), item_seed(0, "ab", "c", 0)}) == 4


def test_a_number_and_its_text_are_different_keys() -> None:
    assert item_seed(0, 1) != item_seed(0, "1")


def test_the_stream_is_pinned_so_that_an_update_cannot_change_it_unnoticed() -> None:
    assert item_seed(0, "esc50", 17) == 126230379085660683628878599486556723969
    assert item_generator(0, "esc50", 17).integers(1000, size=4).tolist() == [952, 656, 181, 693]


def test_streams_of_many_items_look_independent() -> None:
    drawn = np.array([item_generator(0, item).normal(size=64) for item in range(200)])
    correlation = np.corrcoef(drawn)[np.triu_indices(200, k=1)]
    assert abs(correlation.mean()) < 0.005  # standard error of the mean of 19,900 correlations is 0.0009
    assert correlation.std() == pytest.approx(1 / np.sqrt(64), rel=0.1)


def test_canonical_json_does_not_depend_on_the_order_of_keys() -> None:
    assert canonical_json({"b": (1, 2.5), "a": {"d": None, "c": True}}) == '{"a":{"c":true,"d":null},"b":[1,2.5]}'


def test_numbers_of_numpy_are_plain_numbers_and_arrays_are_refused() -> None:
    numbers = {"a": np.float32(0.5), "b": np.int64(3), "c": np.bool_(True), "d": (np.float64(0.25),)}
    assert canonical_json(numbers) == '{"a":0.5,"b":3,"c":true,"d":[0.25]}'
    with pytest.raises(TypeError, match="ndarray"):
        canonical_json({"a": np.zeros(2)})
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"a": np.float32("nan")})


def test_canonical_json_refuses_nan_because_no_two_nans_are_equal() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical_json({"score": float("nan")})


@given(value=st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=5))
def test_a_hash_changes_when_a_value_is_added(value: dict[str, object]) -> None:
    assert content_hash(value) != content_hash({**value, "one more key": 1})


def test_importing_menura_loads_neither_numpy_nor_torch() -> None:
    code = "import sys, menura, menura.types; print(sorted({'numpy', 'torch', 'scipy', 'pyarrow'} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
