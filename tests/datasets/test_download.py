from __future__ import annotations

import hashlib
import io
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from menura.datasets.download import download, unpack
from menura.datasets.local import fetch
from menura.errors import ConfigError, DatasetError, RunError
from menura.lock import locked

CONTENT = bytes(range(256)) * 4000
SHA256 = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


class _Handler(BaseHTTPRequestHandler):
    """Serves files from memory and can be told to cut, ignore ranges or fail."""

    files: dict[str, bytes]
    cut_after: int | None
    failures: int
    honours_range: bool
    asked: list[str | None]

    def do_GET(self) -> None:
        kind = type(self)
        kind.asked.append(self.headers.get("Range"))
        if kind.failures:
            kind.failures -= 1
            self.send_error(503)
            return
        content = kind.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        start = 0
        if kind.honours_range and (wanted := self.headers.get("Range")):
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.end_headers()
                return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        rest = content[start:]
        self.wfile.write(rest if kind.cut_after is None else rest[: kind.cut_after])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[tuple[str, type[_Handler]]]:
    handler = type(
        "Handler",
        (_Handler,),
        {"files": {"/set.bin": CONTENT}, "cut_after": None, "failures": 0, "honours_range": True, "asked": []},
    )
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}", handler
    httpd.shutdown()
    httpd.server_close()


def test_a_connection_that_keeps_breaking_still_ends_in_the_whole_file(
    tmp_path: Path, server: tuple[str, type[_Handler]]
) -> None:
    url, handler = server
    handler.cut_after = 300_000
    assert download(f"{url}/set.bin", tmp_path / "set.bin", checksum=SHA256, wait_s=0) == SHA256
    assert (tmp_path / "set.bin").read_bytes() == CONTENT
    assert handler.asked == [None, "bytes=300000-", "bytes=600000-", "bytes=900000-"]


def test_a_second_command_goes_on_where_the_first_stopped(tmp_path: Path, server: tuple[str, type[_Handler]]) -> None:
    url, handler = server
    (tmp_path / "set.bin.part").write_bytes(CONTENT[:1000])
    download(f"{url}/set.bin", tmp_path / "set.bin", checksum=SHA256, wait_s=0)
    assert handler.asked == ["bytes=1000-"]
    assert (tmp_path / "set.bin").read_bytes() == CONTENT


def test_a_part_that_is_complete_already_is_taken(tmp_path: Path, server: tuple[str, type[_Handler]]) -> None:
    (tmp_path / "set.bin.part").write_bytes(CONTENT)
    download(f"{server[0]}/set.bin", tmp_path / "set.bin", checksum=SHA256, wait_s=0)
    assert (tmp_path / "set.bin").read_bytes() == CONTENT


def test_a_server_without_ranges_starts_anew(tmp_path: Path, server: tuple[str, type[_Handler]]) -> None:
    url, handler = server
    handler.honours_range = False
    (tmp_path / "set.bin.part").write_bytes(b"of another attempt")
    download(f"{url}/set.bin", tmp_path / "set.bin", checksum=SHA256, wait_s=0)
    assert (tmp_path / "set.bin").read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(tmp_path: Path, server: tuple[str, type[_Handler]]) -> None:
    url, handler = server
    handler.failures = 3
    download(f"{url}/set.bin", tmp_path / "set.bin", wait_s=0)
    assert len(handler.asked) == 4


def test_a_server_that_never_answers_keeps_what_came(tmp_path: Path, server: tuple[str, type[_Handler]]) -> None:
    url, handler = server
    handler.failures = 99
    (tmp_path / "set.bin.part").write_bytes(CONTENT[:10])
    with pytest.raises(DatasetError, match=r"broke off 5 times .*10 bytes are kept, run the command again"):
        download(f"{url}/set.bin", tmp_path / "set.bin", wait_s=0)
    assert (tmp_path / "set.bin.part").read_bytes() == CONTENT[:10]


def test_a_missing_file_is_said_at_once(tmp_path: Path, server: tuple[str, type[_Handler]]) -> None:
    with pytest.raises(DatasetError, match="answers 404"):
        download(f"{server[0]}/other.bin", tmp_path / "other.bin", wait_s=0)
    assert len(server[1].asked) == 1


def test_a_wrong_checksum_removes_the_file(tmp_path: Path, server: tuple[str, type[_Handler]]) -> None:
    with pytest.raises(DatasetError, match="expected 00; the file was removed"):
        download(f"{server[0]}/set.bin", tmp_path / "set.bin", checksum="sha256:00", wait_s=0)
    assert list(tmp_path.iterdir()) == []


def test_offline_opens_no_socket(
    tmp_path: Path, server: tuple[str, type[_Handler]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MENURA_OFFLINE", "1")
    with pytest.raises(ConfigError, match="MENURA_OFFLINE is set"):
        download(f"{server[0]}/set.bin", tmp_path / "set.bin")
    assert server[1].asked == []


def test_other_kinds_of_address_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not an http"):
        download("file:///etc/hostname", tmp_path / "set.bin")


def _zip(path: Path, names: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in names.items():
            archive.writestr(name, content)
    return path


def _tar(path: Path, *items: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for item in items:
            archive.addfile(item, io.BytesIO(np.random.default_rng(0).bytes(item.size)))
    return path


@pytest.mark.parametrize("name", ["../out.txt", "/etc/out.txt", "a/../../out.txt", "..\\out.txt", "C:\\out.txt"])
def test_a_path_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    archive = _zip(tmp_path / "bad.zip", {"good.txt": b"1", name: b"2"})
    with pytest.raises(DatasetError, match="leaves its folder"):
        unpack(archive, tmp_path / "to")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.zip"]


def test_links_are_refused(tmp_path: Path) -> None:
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with pytest.raises(DatasetError, match="a link or device"):
        unpack(_tar(tmp_path / "bad.tar.gz", link), tmp_path / "to")


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "bomb.zip", {f"{n}.bin": b"\0" * 4_000_000 for n in range(3)})
    with pytest.raises(DatasetError, match="more than 200 times its size"):
        unpack(archive, tmp_path / "to")


def test_half_an_archive_is_said_to_be_damaged(tmp_path: Path) -> None:
    item = tarfile.TarInfo("a.bin")
    item.size = 100_000
    whole = _tar(tmp_path / "a.tar.gz", item).read_bytes()
    (tmp_path / "a.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DatasetError, match="is damaged"):
        unpack(tmp_path / "a.tar.gz", tmp_path / "to")
    assert not (tmp_path / "to").exists()


def test_two_do_not_fetch_into_one_archive(tmp_path: Path, server: tuple[str, type[_Handler]]) -> None:
    with locked(tmp_path / ".fsdd"), pytest.raises(RunError, match="in use by process"):
        fetch("fsdd", tmp_path, url=f"{server[0]}/fsdd.zip")
    assert not (tmp_path / "fsdd.zip.part").exists()


def test_a_named_set_is_fetched_unpacked_and_pinned(tmp_path: Path, server: tuple[str, type[_Handler]]) -> None:
    url, handler = server
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("fsdd-master/recordings/0_jackson_0.wav", b"not decoded here")
    handler.files["/fsdd.zip"] = packed.getvalue()
    folder, checksum = fetch("fsdd", tmp_path, url=f"{url}/fsdd.zip")
    assert folder == tmp_path / "fsdd" / "fsdd-master"
    (tmp_path / "fsdd.zip").unlink()
    handler.files["/fsdd.zip"] = b"something else"
    with pytest.raises(DatasetError, match=checksum.removeprefix("sha256:")):
        fetch("fsdd", tmp_path, url=f"{url}/fsdd.zip")
