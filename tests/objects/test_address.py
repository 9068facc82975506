"""Addresses on object storage."""

from __future__ import annotations

from pathlib import Path

import pytest

from menura.errors import ConfigError
from menura.objects.address import is_address, name_of, place_of, refuse_address


@pytest.mark.parametrize("text", ["s3://bucket/a/b", "s3://bucket//a/b/", "S3://bucket/a/b"])
def test_an_address_has_one_spelling_and_comes_back_from_a_path(text: str) -> None:
    assert place_of(text) == place_of(Path(text)) == "s3://bucket/a/b"
    assert name_of("s3://bucket/a/b") == "b"


@pytest.mark.parametrize("text", ["runs/first", "/runs/first", "file:///runs/first", "./s3/x", "C:/runs"])
def test_folders_of_this_machine_are_no_addresses(text: str) -> None:
    assert not is_address(text)
    assert isinstance(place_of(text), Path)


def test_a_file_address_is_a_plain_folder() -> None:
    assert place_of("file:///runs/the%20first") == Path("/runs/the first")


@pytest.mark.parametrize("text", ["s3://KEY:SeCrEt@bucket/x", "s3://bucket/x?sig=SeCrEt", "s3://bucket/x#SeCrEt"])
def test_an_address_with_a_secret_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ConfigError, match="give keys in the environment") as caught:
        place_of(text)
    assert "SeCrEt" not in str(caught.value)


@pytest.mark.parametrize("text", ["s3://bucket", "s3://bucket/", "s3://bucket/../other/x", "s3://bucket/a*"])
def test_an_address_that_names_no_folder_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="names no folder"):
        place_of(text)


def test_what_is_written_to_a_disk_alone_refuses_an_address() -> None:
    refuse_address("exported")
    with pytest.raises(ConfigError, match="give a folder of this machine"):
        refuse_address(Path("s3://bucket/exported"))
