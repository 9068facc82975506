"""Addresses on object storage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from menura.cli.main import app
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


def test_every_command_but_augment_refuses_to_write_to_an_address() -> None:
    refused = []
    for name, command in commands():
        for option in command.params:
            if "--out" in option.opts and name != "menura augment":
                with pytest.raises(ConfigError, match="takes runs alone"):
                    option.process_value(typer.Context(command), "s3://bucket/folder")
                refused.append(name)
    assert len(refused) > 15


def commands() -> Iterator[tuple[str, Any]]:
    waiting: list[tuple[str, Any]] = [("menura", typer.main.get_command(app))]
    while waiting:
        name, command = waiting.pop()
        yield name, command
        waiting += [(f"{name} {short}", other) for short, other in getattr(command, "commands", {}).items()]
