"""Seals: a listing alone says whether a folder is whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from menura.objects.seal import Seal, is_sealed, seal_of
from menura.objects.store import ObjectFacts

FILES = {"a.flac": ObjectFacts(3, "0" * 32), "shard.parquet": ObjectFacts(5, "1" * 32)}
SEAL = seal_of(FILES, table="shard.parquet")
LISTED = {**FILES, SEAL.name: ObjectFacts(2, "2" * 32)}


def test_a_whole_folder_is_sealed_and_the_seal_comes_back_from_its_name() -> None:
    assert Seal.from_name(SEAL.name) == SEAL
    assert is_sealed(LISTED) == SEAL
    assert SEAL.fits_table(FILES["shard.parquet"])
    assert not SEAL.fits_table(FILES["a.flac"])


@pytest.mark.parametrize(
    "changed",
    [
        {name: facts for name, facts in LISTED.items() if name != "a.flac"},
        {name: facts for name, facts in LISTED.items() if name != SEAL.name},
        {**LISTED, "more.flac": ObjectFacts(1, "3" * 32)},
        {**LISTED, "a.flac": ObjectFacts(4, "0" * 32)},
        {**LISTED, "a.flac": ObjectFacts(3, "4" * 32)},
    ],
    ids=["missing", "unsealed", "more", "longer", "other bytes"],
)
def test_a_folder_that_is_not_as_it_was_is_not_sealed(changed: dict[str, ObjectFacts]) -> None:
    assert is_sealed(changed) is None


def test_where_the_store_says_no_md5_names_and_sizes_decide() -> None:
    silent = {name: replace(facts, md5=None) for name, facts in LISTED.items()}
    assert is_sealed(silent) == SEAL
    assert is_sealed({**silent, "a.flac": ObjectFacts(4)}) is None


def test_files_that_are_uploaded_in_parts_count_by_their_size() -> None:
    large = {"a.flac": ObjectFacts(1 << 30, "5" * 32), "b": ObjectFacts(1, "6" * 32)}
    listed = {**large, "a.flac": ObjectFacts(1 << 30), seal_of(large).name: ObjectFacts(0)}
    assert is_sealed(listed) == seal_of(large)
