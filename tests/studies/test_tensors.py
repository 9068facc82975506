from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from menura.studies.tensors import read_arrays, write_arrays

ARRAYS = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.zeros(4, np.float32)}
ABOUT = {"fold": "1", "clips": 3, "score": 0.5}


def test_arrays_and_words_come_back_and_equal_ones_give_equal_bytes(tmp_path: Path) -> None:
    write_arrays(tmp_path / "deep" / "one", ARRAYS, ABOUT)
    found = read_arrays(tmp_path / "deep" / "one")
    assert found is not None
    assert found[1] == ABOUT
    assert found[0].keys() == ARRAYS.keys()
    for name, array in found[0].items():
        np.testing.assert_array_equal(array, ARRAYS[name])
    write_arrays(tmp_path / "two", dict(reversed(ARRAYS.items())), ABOUT)
    assert (tmp_path / "two").read_bytes() == (tmp_path / "deep" / "one").read_bytes()


@pytest.mark.parametrize("where", [3, -1, -20])
def test_one_changed_byte_makes_a_file_count_as_absent(tmp_path: Path, where: int) -> None:
    file = tmp_path / "file"
    write_arrays(file, ARRAYS, ABOUT)
    data = bytearray(file.read_bytes())
    data[where] ^= 0x10
    file.write_bytes(data)
    assert read_arrays(file) is None


def test_a_torn_an_empty_and_a_foreign_file_count_as_absent(tmp_path: Path) -> None:
    file = tmp_path / "file"
    assert read_arrays(file) is None
    write_arrays(file, ARRAYS, ABOUT)
    file.write_bytes(file.read_bytes()[:-5])
    assert read_arrays(file) is None
    file.write_bytes(b"")
    assert read_arrays(file) is None
    save_file(ARRAYS, file)
    assert read_arrays(file) is None
