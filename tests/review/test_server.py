"""Who gets in, and what a page of another origin, another program or a hostile name can do: nothing."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from menura.errors import ConfigError
from menura.offline import VARIABLE
from menura.review.application import Application, ReviewApplication
from menura.review.desk import Desk
from menura.review.server import ReviewServer

from .conftest import EVIL, Visitor

SECRET = "the only secret"


def first(visitor: Visitor) -> str:
    return visitor.server.application.desk.catalogue.items[0].id  # type: ignore[attr-defined,no-any-return]


def test_a_link_lets_one_browser_in_once(visitor: Visitor) -> None:
    link = visitor.server.link("bob").partition("/?")[2]
    stranger = Visitor(visitor.server)
    status, headers, _ = stranger.ask(f"/?{link}")
    assert (status, headers["Location"]) == (303, "/")
    assert "HttpOnly" in headers["Set-Cookie"]
    assert "SameSite=Strict" in headers["Set-Cookie"]
    assert link.partition("=")[2] not in headers["Set-Cookie"]
    assert Visitor(visitor.server).ask(f"/?{link}")[0] == 403
    stranger.cookie = headers["Set-Cookie"].split(";")[0]
    assert stranger.get("/api/facts")["reviewer"] == "bob"
    assert stranger.ask(f"/?{link}")[0] == 303  # pressed twice by the same browser


@pytest.mark.parametrize(
    "path", ["/", "/review.js", "/api/facts", "/api/query", "/sound?id=1", "/?token=", "/?token=x"]
)
@pytest.mark.parametrize("cookie", ["", "menura_review=x", "menura_review_{port}=", "menura_review_{port}=x; ;;=,"])
def test_nothing_is_told_without_a_session(visitor: Visitor, path: str, cookie: str) -> None:
    stranger = Visitor(visitor.server, cookie.format(port=visitor.port))
    status, headers, body = stranger.ask(path)
    assert status == 403
    assert "Set-Cookie" not in headers
    assert b"<" not in body


def test_a_name_that_is_pointed_here_is_not_answered(visitor: Visitor) -> None:
    port = visitor.port
    names = ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "0.0.0.0", "192.168.1.2", "@127.0.0.1")
    for host in ("evil.example", "127.0.0.1", "127.0.0.1:1", *(f"{name}:{port}" for name in names)):
        assert visitor.ask("/api/facts", headers={"Host": host})[0] == 403, host
        assert visitor.ask(visitor.server.link("eve").partition(str(visitor.port))[2], headers={"Host": host})[0] == 403
    for host in (f"localhost:{visitor.port}", f"[::1]:{visitor.port}", f"127.0.0.1:{visitor.port}"):
        assert visitor.ask("/api/facts", headers={"Host": host})[0] == 200, host


def test_a_request_without_or_with_two_hosts_is_not_answered(visitor: Visitor) -> None:
    assert visitor.ask("/api/facts", headers={"Host": ""})[0] == 403
    with socket.create_connection(("127.0.0.1", visitor.port), timeout=10) as raw:
        raw.sendall(
            f"GET /api/facts HTTP/1.1\r\nHost: {visitor.host}\r\nHost: evil.example\r\n"
            f"Cookie: {visitor.cookie}\r\n\r\n".encode()
        )
        assert raw.recv(100).startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": ""},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://{host}"},
        {"Origin": "http://{host}.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Cookie": ""},
    ],
)
def test_a_write_from_elsewhere_is_refused_and_leaves_nothing(visitor: Visitor, headers: dict[str, str]) -> None:
    given = {name: value.format(host=visitor.host) for name, value in headers.items()}
    status, answer = visitor.post("/api/decide", {"id": first(visitor), "action": "reject"}, **given)
    assert status in (403, 415)
    assert "error" in answer
    assert visitor.get("/api/facts")["counts"]["reject"] == 0
    assert not visitor.server.application.desk.catalogue.decisions_path.exists()  # type: ignore[attr-defined]


def test_reads_that_another_site_causes_are_refused(visitor: Visitor) -> None:
    for site in ("cross-site", "same-site"):
        assert visitor.ask(f"/sound?id={first(visitor)}", headers={"Sec-Fetch-Site": site})[0] == 403


@pytest.mark.parametrize(
    "path",
    ["/sound?id=../../secret.txt", "/sound?id=..%2f..%2fsecret.txt", "/picture?id=/etc/passwd", "/../secret.txt",
     "/%2e%2e/secret.txt", "/page/../secret.txt", "/review.js/../../secret.txt", "/api/clip?id=../secret",
     "//etc/passwd",
     "/server.py", "/__init__.py", "/sound?id={path}", "/sound", "/api/rows?query=1&offset=-1&limit=9",
     "/api/rows?query=%C2%B2&offset=0&limit=9",
     "//[", "/api/query?state=x", "/api/query?nonsense=1"],
)  # fmt: skip
def test_no_address_opens_a_file(visitor: Visitor, path: str) -> None:
    folder = visitor.server.application.desk.catalogue.folder  # type: ignore[attr-defined]
    (folder / "secret.txt").write_text(SECRET)
    status, _, body = visitor.ask(path.format(path=visitor.server.application.desk.catalogue.items[0].path))  # type: ignore[attr-defined]
    assert status in (400, 404)
    assert SECRET.encode() not in body
    assert str(folder).encode() not in body


def test_every_answer_forbids_frames_foreign_scripts_and_caches(visitor: Visitor) -> None:
    for path in ("/", "/review.js", "/api/facts", f"/sound?id={first(visitor)}", "/nothing"):
        _, headers, _ = visitor.ask(path)
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "Access-Control-Allow-Origin" not in headers


def test_the_page_asks_for_nothing_from_elsewhere() -> None:
    for path in (Path(__file__).parents[2] / "src" / "menura" / "review" / "page").iterdir():
        text = path.read_text(encoding="utf-8")
        assert "http://" not in text
        assert "https://" not in text
        assert "innerHTML" not in text
        assert " style=" not in text


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"[]", 400), (b"{", 400), (b"[" * 60000, 400), (b"x" * 70000, 413), (b'{"id": 3}', 400),
     (b'{"id": "x", "action": "flag", "note": "cut off \\ud83d"}', 400)],
)  # fmt: skip
def test_a_body_that_is_no_decision_is_refused(visitor: Visitor, body: bytes, status: int) -> None:
    headers = {"Origin": f"http://{visitor.host}", "Content-Type": "application/json"}
    assert visitor.ask("/api/decide", method="POST", body=body, headers=headers)[0] == status
    if status == 400:
        sent = {**headers, "Content-Length": "-5"}
        assert visitor.ask("/api/decide", method="POST", body=b"", headers=sent)[0] == 413


@pytest.mark.parametrize(
    "said",
    [{"action": "delete"}, {"action": "undo"}, {"action": "relabel"}, {"action": "relabel", "labels": "dog"},
     {"action": "relabel", "labels": ["cat"]}, {"action": "relabel", "labels": ["dog", EVIL]},
     {"action": "relabel", "labels": ["dog"]}, {"action": "flag"}, {"action": "flag", "note": "x" * 501},
     {"action": "accept", "id": "0" * 16}, {"action": "accept", "id": 5}],
)  # fmt: skip
def test_a_decision_that_makes_no_sense_is_refused_with_a_reason(visitor: Visitor, said: dict[str, Any]) -> None:
    status, answer = visitor.post("/api/decide", {"id": first(visitor), **said})
    assert status == 400
    assert answer["error"]


def test_other_methods_are_not_known(visitor: Visitor) -> None:
    for method in ("PUT", "DELETE", "OPTIONS", "HEAD", "TRACE"):
        assert visitor.ask("/api/facts", method=method)[0] == 501


def test_the_token_is_in_no_log(visitor: Visitor, capfd: pytest.CaptureFixture[str]) -> None:
    link = visitor.server.link("eve")
    Visitor(visitor.server).ask("/?" + link.partition("/?")[2])
    visitor.ask("/nothing")
    assert capfd.readouterr() == ("", "")


def test_an_invited_reviewer_has_a_name_and_decisions_of_their_own(visitor: Visitor) -> None:
    status, answer = visitor.post("/api/invite", {"reviewer": " bob  the builder "})
    assert (status, answer["reviewer"]) == (200, "bob the builder")
    assert answer["link"].startswith(f"http://{visitor.host}/?token=")
    bob = Visitor(visitor.server)
    bob.enter(answer["link"])
    bob.post("/api/decide", {"id": first(visitor), "action": "reject"})
    assert bob.get("/api/facts")["counts"]["reject"] == 1
    assert visitor.get("/api/facts")["counts"]["reject"] == 0
    assert visitor.get(f"/api/clip?id={first(visitor)}")["others"] == []  # until ada has an opinion of her own
    visitor.post("/api/decide", {"id": first(visitor), "action": "accept"})
    assert [one["said"] for one in visitor.get(f"/api/clip?id={first(visitor)}")["others"]] == ["reject"]
    assert visitor.get("/api/agreement")["disputed"] == [first(visitor)]  # who said what is not for a third one


def test_the_page_of_results_is_steady_while_decisions_are_taken(visitor: Visitor) -> None:
    asked = visitor.get("/api/query?state=undecided&sort=distance")
    rows = visitor.get(f"/api/rows?query={asked['query']}&offset=0&limit=100")["rows"]
    assert len(rows) == asked["total"] == 12
    visitor.post("/api/decide", {"id": rows[3]["id"], "action": "accept"})
    again = visitor.get(f"/api/rows?query={asked['query']}&offset=0&limit=100")["rows"]
    assert [row["id"] for row in again] == [row["id"] for row in rows]
    assert again[3]["said"] == "accept"
    assert visitor.get("/api/query?state=undecided")["total"] == 11


def test_an_undo_says_where_the_clip_stands_in_the_list_that_is_shown(visitor: Visitor) -> None:
    asked = visitor.get("/api/query?sort=label&order=down")
    rows = visitor.get(f"/api/rows?query={asked['query']}&offset=0&limit=100")["rows"]
    other = visitor.get("/api/query?state=rejected")["query"]
    for query, index in ((asked["query"], 7), (other, None), (10**6, None), ("1", None), (None, None), ([], None)):
        visitor.post("/api/decide", {"id": rows[7]["id"], "action": "accept"})
        status, answer = visitor.post("/api/undo", {"query": query})
        assert (status, answer["index"], answer["row"]["id"]) == (200, index, rows[7]["id"])


def test_a_range_of_no_score_is_refused(visitor: Visitor) -> None:
    for asked in ("least=0.5", "most=1&sort=label"):
        status, _, body = visitor.ask(f"/api/query?{asked}")
        assert status == 400
        assert "choose a score to sort by" in json.loads(body)["error"]
    assert visitor.get("/api/query?least=0.95&sort=distance")["total"] == 3


def test_sound_picture_and_gain_come_by_id(visitor: Visitor) -> None:
    status, headers, body = visitor.ask(f"/sound?id={first(visitor)}")
    assert (status, headers["Content-Type"], body[:4]) == (200, "audio/wav", b"RIFF")
    assert float(headers["X-Gain-dB"]) > 0
    status, headers, body = visitor.ask(f"/picture?id={first(visitor)}")
    assert (status, headers["Content-Type"], body[:4]) == (200, "image/png", b"\x89PNG")


def test_a_file_that_is_gone_is_said_and_the_server_goes_on(visitor: Visitor) -> None:
    item = visitor.server.application.desk.catalogue.items[1]  # type: ignore[attr-defined]
    Path(item.path).unlink()
    status, _, body = visitor.ask(f"/sound?id={item.id}")
    assert status == 400
    assert "error" in json.loads(body)
    assert visitor.ask("/api/facts")[0] == 200


def test_a_full_disk_is_told_and_the_decision_does_not_count(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("menura.decisions.os.write", full)
        status, answer = visitor.post("/api/decide", {"id": first(visitor), "action": "accept"})
    assert status == 507
    assert "the disk is full" in answer["error"]
    assert visitor.get("/api/facts")["counts"]["accept"] == 0
    assert visitor.post("/api/decide", {"id": first(visitor), "action": "accept"})[0] == 200


def test_other_machines_are_let_in_only_when_asked_and_never_offline(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, serve: Callable[[Application], ReviewServer]
) -> None:
    assert serve(ReviewApplication(desk)).server_address[0] == "127.0.0.1"
    monkeypatch.setenv(VARIABLE, "1")
    with pytest.raises(ConfigError, match="MENURA_OFFLINE is set and --host"):
        ReviewServer(ReviewApplication(desk), host="0.0.0.0")
    with pytest.raises(ConfigError, match="cannot be listened on"):
        ReviewServer(ReviewApplication(desk), port=serve(ReviewApplication(desk)).hosts.port)
