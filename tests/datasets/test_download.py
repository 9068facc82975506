from __future__ import annotations

import hashlib
import io
import socket
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


@pytest.mark.parametrize(
    "url", ["https://example.org/a b.zip", "http://[bad/x.zip", "http:///x.zip", "http://h:99999/x.zip", "http://h/é.zip",
            "http://h/x.zip\nHost: other"],
)  # fmt: skip
def test_an_address_that_cannot_be_asked_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match="not an http"):
        download(url, tmp_path / "set.bin")


def test_secrets_in_an_address_are_in_no_message(
    tmp_path: Path, server: tuple[str, type[_Handler]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="a name or a password") as refused:
        download("https://me:CANARY@example.org/set.bin", tmp_path / "set.bin")
    with pytest.raises(DatasetError, match=r"none.bin\?… answers 404") as missing:
        download(f"{server[0]}/none.bin?signature=CANARY", tmp_path / "set.bin")
    monkeypatch.setenv("MENURA_OFFLINE", "1")
    with pytest.raises(ConfigError, match=r"set.bin\?… is not fetched") as offline:
        download("https://example.org/set.bin?signature=CANARY", tmp_path / "set.bin")
    assert not any("CANARY" in str(one.value) for one in (refused, missing, offline))


@pytest.mark.parametrize("length", ["many", "1" * 5000, None])
def test_a_server_that_speaks_no_http_is_one_clear_line(tmp_path: Path, length: str | None) -> None:
    said = b"\0\xff\r\n\r\n" if length is None else f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            for _ in range(2):
                connection, _ = listening.accept()
                with connection:
                    connection.recv(1000)
                    connection.sendall(said)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        with pytest.raises(DatasetError, match="broke off 2 times"):
            download(f"http://127.0.0.1:{listening.getsockname()[1]}/a.zip", tmp_path / "a.zip", tries=2, wait_s=0.0)
        thread.join(10)


def test_an_address_without_the_name_of_a_file_is_refused(tmp_path: Path) -> None:
    for url in ("https://example.org/", "https://example.org/a/.."):
        with pytest.raises(ConfigError, match="names no file"):
            fetch("esc50", tmp_path, url=url)


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


def _marked(data: bytes, *, local: int, central: int) -> bytes:
    """A ZIP archive of one member with a one at these places of its two headers."""
    changed = bytearray(data)
    changed[local] = changed[data.index(b"PK\x01\x02") + central] = 1
    return bytes(changed)


@pytest.mark.parametrize("kind", ["encrypted", "damaged deflate", "damaged xz", "damaged bzip2"])
def test_an_archive_that_cannot_be_read_is_one_clear_line(tmp_path: Path, kind: str) -> None:
    noise = np.random.default_rng(0).bytes(20_000)
    method = zipfile.ZIP_DEFLATED if kind == "damaged deflate" else zipfile.ZIP_STORED
    archive = tmp_path / {"damaged xz": "a.tar.xz", "damaged bzip2": "a.tar.bz2"}.get(kind, "a.zip")
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w", method) as packed:
            packed.writestr("a", noise)
    else:
        item = tarfile.TarInfo("a")
        item.size = len(noise)
        with tarfile.open(str(archive), f"w:{archive.suffix[1:]}") as sink:  # type: ignore[call-overload]
            sink.addfile(item, io.BytesIO(noise))
    data = archive.read_bytes()
    data = _marked(data, local=6, central=8) if kind == "encrypted" else data[:60] + bytes(40) + data[100:]
    archive.write_bytes(data)
    with pytest.raises(DatasetError, match=r"is damaged or cannot be read \(.*fetch it again"):
        unpack(archive, tmp_path / "to")
    assert [path.name for path in tmp_path.iterdir()] == [archive.name]


def test_a_method_that_takes_as_much_memory_as_the_archive_says_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_LZMA) as packed:
        packed.writestr("a", b"1")
    with pytest.raises(DatasetError, match="packed by method 14, expected none, deflate or bzip2"):
        unpack(tmp_path / "a.zip", tmp_path / "to")


@pytest.mark.parametrize("names", [["a", "a/b"], ["a/b", "a"], ["a" * 300], ["/".join("a" * 2000)]])
def test_names_that_no_file_can_have_are_refused(tmp_path: Path, names: list[str]) -> None:
    archive = _zip(tmp_path / "bad.zip", dict.fromkeys(names, b"1"))
    with pytest.raises(DatasetError, match="is not trusted"):
        unpack(archive, tmp_path / "to")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.zip"]


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
