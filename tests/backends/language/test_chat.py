"""Each fault that a server can have, what the user sees, and that nothing is lost: docs/language-model.md."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_server import (
    GOOD,
    KEY,
    Bench,
    FakeServer,
    Step,
    cut,
    failed,
    hanging,
    question,
    raw,
    reset,
    spoken,
    trickling,
    without_field,
)

from menura.backends.chat import ChatModel
from menura.backends.language.faults import NoFurtherAnswersError
from menura.errors import BackendError, ConfigError, RunError

HALF = '{"choices": [{"message": {"content": "{\\"wor'


def test_a_good_answer_is_validated_and_never_asked_for_again(bench: Bench, server: FakeServer) -> None:
    model = bench.model()
    first = model.answer(question(), seed=1)
    assert first.words == ["bright", "dry"]
    assert model.answer(question(), seed=1) == first == bench.model().answer(question(), seed=1)
    assert len(server.calls) == 1
    assert model.spent.usage.tokens == 50


def test_another_seed_question_model_or_temperature_asks_anew(bench: Bench, server: FakeServer) -> None:
    model = bench.model()
    model.answer(question(), seed=1)
    model.answer(question(), seed=2)
    model.answer(question("wind"), seed=1)
    bench.model(model="other").answer(question(), seed=1)
    bench.model(temperature=0.1).answer(question(), seed=1)
    assert len(server.calls) == 5
    assert [call["seed"] for call in server.calls] == [1, 2, 1, 1, 1]


def test_the_question_arrives_with_its_schema_as_a_field_and_in_words(bench: Bench, server: FakeServer) -> None:
    bench.model(max_tokens=77).answer(question(), seed=5)
    call = server.calls[0]
    assert server.paths == ["/v1/chat/completions"]
    assert (call["model"], call["temperature"], call["max_tokens"], call["seed"]) == ("tiny", 0.7, 77, 5)
    assert [message["role"] for message in call["messages"]] == ["system", "user"]
    schema = call["response_format"]["json_schema"]["schema"]
    assert schema["required"] == ["words"]
    assert call["messages"][1]["content"].startswith("Words for rain?")
    assert json.dumps(schema, separators=(",", ":")) in call["messages"][1]["content"]


@pytest.mark.parametrize(
    "steps",
    [
        [failed(429)],
        [failed(500), failed(500)],
        [failed(503), failed(502), failed(529)],
        [reset],
        [cut],
        [raw(200, HALF)],
        [raw(200, "")],
        [raw(200, '{"choices": []}')],
        [raw(502, "<html><title>Bad gateway</title></html>", "text/html")],
        [raw(200, json.dumps({"error": {"code": 503, "message": "provider is down"}}))],
    ],
    ids=[
        "429",
        "500",
        "503",
        "reset",
        "cut off",
        "half JSON",
        "no body",
        "no choice",
        "page of a gateway",
        "503 inside of 200",
    ],
)
def test_a_fault_that_passes_is_waited_out(bench: Bench, server: FakeServer, steps: list[Step]) -> None:
    server.then(*steps)
    assert bench.model().answer(question(), seed=0).words == ["bright", "dry"]
    assert len(bench.waits) == len(steps)
    assert all(2 ** (number - 1) / 2 <= wait <= 2**number for number, wait in enumerate(bench.waits))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Retry_After": "17"}, 17),
        ({"retry_after_ms": "21500"}, 21.5),
        ({"Retry_After": "Wed, 21 Oct 2037 07:28:30 GMT", "Date": "Wed, 21 Oct 2037 07:28:00 GMT"}, 30),
    ],
)
def test_a_server_that_says_how_long_to_wait_is_given_that_time(
    bench: Bench, server: FakeServer, headers: dict[str, str], expected: float
) -> None:
    if "Date" in headers:  # http.server writes a date of its own first
        server.then(dated(headers))
    else:
        server.then(failed(429, **headers))
    bench.model().answer(question(), seed=0)
    assert bench.waits == [expected]


def dated(headers: dict[str, str]) -> Step:
    def step(handler: object, _: dict[str, object]) -> None:
        handler.send_response_only(429)  # type: ignore[attr-defined]
        for name, value in (headers | {"Content-Length": "0"}).items():
            handler.send_header(name.replace("_", "-"), value)  # type: ignore[attr-defined]
        handler.end_headers()  # type: ignore[attr-defined]

    return step


def test_a_wait_of_an_hour_is_not_sat_through(bench: Bench, server: FakeServer) -> None:
    server.otherwise = failed(429, "slow down", Retry_After="3600")
    with pytest.raises(NoFurtherAnswersError, match=r"429 .*slow down.*asks to wait 3600 s"):
        bench.model().answer(question(), seed=0)
    assert bench.waits == []


def test_waits_repeat_for_the_same_question_and_differ_between_questions(bench: Bench, server: FakeServer) -> None:
    server.otherwise = failed(500)
    for about in ("rain", "rain", "wind"):
        with pytest.raises(BackendError):
            bench.model().answer(question(about), seed=0)
    first, again, other = (bench.waits[start : start + 3] for start in (0, 3, 6))
    assert first == again != other


@pytest.mark.parametrize(
    ("step", "message", "tries"),
    [
        (failed(429, "too many"), r"429 \(Too Many Requests\): too many, and did so in 4 tries; .*concurrency", 4),
        (failed(429, "You exceeded your current quota"), r"429 .*current quota; the account's quota is used up", 1),
        (failed(500, "out of memory"), r"500 .*out of memory, and did so in 4 tries; look at the server's log", 4),
        (reset, r"broke the connection off .* in 4 tries; is the server running", 4),
        (failed(401, "bad key"), r"401 .*bad key; it wants a key: set the environment variable OPENAI_API_KEY", 1),
        (failed(404, "model 'tiny' not found"), r"404 .*not found; check url .*ends in /v1\) and model \('tiny'\)", 1),
        (raw(404, '{"error": "model not here"}'), r"404 \(Not Found\): model not here", 1),
        (raw(302, "", Location="https://elsewhere.example/v1"), r"sends on to https://elsewhere.*final address", 1),
        (raw(200, "<!doctype html><title>Log in</title>", "text/html"), r"a web page titled 'Log in' .*/v1", 1),
        (raw(200, "data: {}", "text/event-stream"), r"answers text/event-stream instead of JSON: data", 1),
        (raw(200, '{"models": []}'), r"answers JSON without choices: \{\"models\"", 1),
        (raw(200, HALF), r"answers half a JSON, which ends with: .* in 4 tries", 4),
        (failed(413, "prompt too long"), r"413 .*prompt too long; the server does not take the question", 2),
    ],
)
def test_a_fault_that_stays_is_named_with_what_to_do(
    bench: Bench, server: FakeServer, step: Step, message: str, tries: int
) -> None:
    server.otherwise = step
    with pytest.raises(BackendError, match=message):
        bench.model().answer(question(), seed=0)
    assert len(server.calls) == tries


@pytest.mark.parametrize("silence", [hanging, trickling])
def test_a_server_that_hangs_is_given_up_after_the_time_out(
    bench: Bench, server: FakeServer, silence: Callable[[FakeServer], Step]
) -> None:
    server.then(silence(server))
    model = bench.model(timeout_s=0.2)
    assert model.answer(question(), seed=0).words
    assert len(server.calls) == 2
    assert model.spent.assumed_calls == 1  # it may have been charged for
    server.otherwise = silence(server)
    with pytest.raises(BackendError, match=r"has not answered within 0\.2 s, .* in 2 tries; raise timeout_s"):
        bench.model(timeout_s=0.2, retries=1).answer(question("wind"), seed=0)


def test_a_server_that_is_not_there_is_named(bench: Bench) -> None:
    with pytest.raises(
        NoFurtherAnswersError, match=r"http://127\.0\.0\.1:9/v1 cannot be reached .*is the server running"
    ):
        bench.model(url="http://127.0.0.1:9/v1", retries=1).answer(question(), seed=0)


@pytest.mark.parametrize(
    "said",
    [
        f"Certainly! Here it is:\n\n{GOOD}\n\nI hope that helps.",
        f"```json\n{GOOD}\n```",
        f'<think>Perhaps {{"words": ["no"]}}? No.</think>\n{GOOD}',
    ],
)
def test_an_answer_is_found_in_what_stands_around_it(bench: Bench, server: FakeServer, said: str) -> None:
    server.then(spoken(said))
    assert bench.model().answer(question(), seed=0).words == ["bright", "dry"]
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (spoken('{"words": []}'), "words: List should have at least 1 item"),
        (spoken('{"words": ["a"], "mood": "sad"}'), 'mood: Extra inputs are not permitted (found "sad")'),
        (spoken("I would say bright."), "it holds no JSON object, it begins with: I would say bright."),
        (spoken(""), "it is empty"),
        (spoken(None), "it is empty"),
        (spoken('{"words": ["bright", "d', "length"), "its JSON is cut off after 23 characters"),
        (spoken('{"words": ["bright", "d', "length"), "cut off at the 2048 tokens of max_tokens, be brief"),
    ],
)
def test_a_wrong_answer_is_sent_back_with_exactly_what_is_wrong(
    bench: Bench, server: FakeServer, step: Step, told: str
) -> None:
    server.then(step)
    assert bench.model().answer(question(), seed=0).words == ["bright", "dry"]
    *_, said, complaint = server.calls[1]["messages"]
    assert (said["role"], complaint["role"]) == ("assistant", "user")
    assert told in complaint["content"]
    assert len(server.calls) == 2
    assert bench.waits == []


def test_a_model_that_never_gets_it_right_costs_one_question_and_is_quoted(bench: Bench, server: FakeServer) -> None:
    server.otherwise = spoken("\x1b[31mla la la")
    with pytest.raises(
        BackendError, match=r"'words': model 'tiny' at .* in 3 tries.*no JSON object.*said: \[31mla la la"
    ):
        bench.model().answer(question(), seed=0)
    assert len(server.calls) == 3


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (spoken(None, refusal="I will not."), "refuses to answer: I will not"),
        (spoken("", finish="content_filter"), "refuses to answer: its content filter"),
    ],
)
def test_a_refusal_is_said_and_not_argued_with(bench: Bench, server: FakeServer, step: Step, message: str) -> None:
    server.then(step)
    with pytest.raises(BackendError, match=message):
        bench.model().answer(question(), seed=0)
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("field", "complaint"),
    [
        ("response_format", "response_format is not supported"),
        ("response_format", "unknown field"),
        ("seed", "Unrecognized request argument supplied: seed"),
        ("max_tokens", "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."),
    ],
)
def test_a_field_that_the_server_refuses_is_left_out_from_then_on(
    bench: Bench, server: FakeServer, field: str, complaint: str
) -> None:
    server.otherwise = without_field(field, complaint)
    model = bench.model()
    assert model.answer(question(), seed=0).words == model.answer(question("wind"), seed=0).words
    assert [field in call for call in server.calls] == [True, False, False]
    assert ("max_completion_tokens" in server.calls[1]) == (field == "max_tokens")


def test_the_budget_stops_before_it_is_passed_and_a_rerun_goes_on_for_free(bench: Bench, server: FakeServer) -> None:
    model = bench.model(max_tokens=100, token_budget=2500)
    with pytest.raises(NoFurtherAnswersError, match=r"budget of 2500 tokens .*spent so far: \d+ tokens in \d+ calls"):
        [model.answer(question(), seed=seed) for seed in range(1000)]
    answered = len(server.calls)
    assert 0 < answered < 1000
    assert model.spent.usage.tokens == 50 * answered <= 2500
    again = bench.model(max_tokens=100, token_budget=0)
    assert [again.answer(question(), seed=seed).words for seed in range(answered)]
    assert len(server.calls) == answered


def test_a_reply_without_usage_counts_with_its_upper_bound(bench: Bench, server: FakeServer) -> None:
    server.otherwise = spoken(GOOD, usage=None)
    model = bench.model(max_tokens=100, price_prompt=1e6, price_completion=2e6)
    model.answer(question(), seed=0)
    spent = model.spent
    assert spent.assumed_calls == 1
    assert spent.usage.completion == 100
    sent = sum(len(message["content"]) for message in server.calls[0]["messages"])
    assert spent.usage.prompt > sent
    assert spent.money == pytest.approx(spent.usage.prompt + 200)


def test_calls_that_were_turned_away_cost_nothing(bench: Bench, server: FakeServer) -> None:
    server.then(failed(429), failed(503))
    model = bench.model()
    model.answer(question(), seed=0)
    assert (model.spent.calls, model.spent.usage.tokens) == (1, 50)


def test_a_damaged_entry_of_the_cache_is_asked_for_again_and_mended(bench: Bench, server: FakeServer) -> None:
    bench.model().answer(question(), seed=0)
    [entry] = bench.cache.rglob("*.json")
    whole = entry.read_text()
    unfit, of_another = whole.replace('"dry"', "7"), whole.replace('"seed": 0', '"seed": 1')
    assert whole not in (unfit, of_another)
    for damage in (whole[:40], "", "[]", "\x00\xff", unfit, of_another):
        entry.write_text(damage, encoding="latin-1")
        bench.model().answer(question(), seed=0)
        assert entry.read_text() == whole
    assert len(server.calls) == 7
    assert [path.name for path in bench.cache.rglob("*") if path.is_file()] == [entry.name]


def test_an_answer_may_be_corrected_by_hand(bench: Bench, server: FakeServer) -> None:
    bench.model().answer(question(), seed=0)
    [entry] = bench.cache.rglob("*.json")
    entry.write_text(entry.read_text().replace("bright", "muffled"))
    assert bench.model().answer(question(), seed=0).words == ["muffled", "dry"]
    assert len(server.calls) == 1


def test_a_cache_that_cannot_be_written_is_found_before_anything_is_paid_for(bench: Bench, server: FakeServer) -> None:
    bench.cache.write_text("a file stands where the folder should be")
    with pytest.raises(ConfigError, match=r"cannot be written; .* set cache to another folder"):
        bench.model()
    assert not server.calls


def test_a_disk_that_fills_up_is_one_clear_line(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device", str(path))

    model = bench.model()
    monkeypatch.setattr("menura.backends.language.cache.write_text", full)
    with pytest.raises(RunError, match="the disk is full"):
        model.answer(question(), seed=0)


def echo(handler: object, body: dict[str, object]) -> None:
    """A server that repeats the key wherever it can."""
    text = f"your {handler.headers['Authorization']} is wrong"  # type: ignore[attr-defined]
    failed(401, text, Location=text)(handler, body)  # type: ignore[arg-type]


def escaped(status: int, body: object) -> Step:
    """JSON in which the key is written in another way; parsed, it is the key."""
    text = json.dumps(body).replace("sk-", "\\u0073k-")
    assert KEY not in text
    return raw(status, text)


REPEATING_THE_KEY = (
    raw(200, f"<title>{KEY}</title>"),
    raw(302, "", Location=f"https://x/{KEY}"),
    escaped(200, {"choices": [{"message": {"content": f"no {KEY}"}}]}),
    escaped(400, {"error": {"message": f"bad {KEY}"}}),
)


def test_the_key_is_sent_and_stands_nowhere_else(
    bench: Bench, server: FakeServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f" {KEY}\n")
    caplog.set_level(logging.DEBUG)
    model = bench.model()
    server.then(failed(500), spoken(f"not JSON but {KEY}"))
    server.then(spoken(json.dumps({"words": [f"key {KEY}"]})))
    shown = [repr(model), str(vars(model)), str(model.answer(question(), seed=0))]
    for step in (echo, reset, cut, *REPEATING_THE_KEY):
        server.otherwise = step
        with pytest.raises(BackendError) as caught:
            model.answer(question("wind"), seed=0)
        seen = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
        shown += [str(caught.value), "".join(seen.format())]
    shown += [f"{record.getMessage()} {record.args} {record.__dict__}" for record in caplog.records]
    shown += [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"
    assert any("[key]" in text for text in shown)
    assert len(caplog.records) > 5
    assert not [text for text in shown if KEY in text]


def test_a_key_is_not_sent_to_another_host_or_unencrypted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(ConfigError, match=r"http://models\.example/v1 is not encrypted.* OPENAI_API_KEY") as caught:
        bench.model(url="http://models.example/v1")
    assert KEY not in str(caught.value)
    bench.model(url="https://models.example/v1")
    bench.model(url="http://models.example/v1", key_variable=None)


def test_without_a_key_no_key_is_sent(bench: Bench, server: FakeServer) -> None:
    bench.model().answer(question(), seed=0)
    assert "authorization" not in server.headers[0]


def test_a_wrong_key_is_said_to_be_wrong_by_its_variable(
    bench: Bench, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    server.otherwise = failed(403)
    with pytest.raises(NoFurtherAnswersError, match="the key in MY_KEY does not open it"):
        bench.model(key_variable="MY_KEY").answer(question(), seed=0)


def test_a_proxy_of_the_environment_is_not_shown_what_stays_on_this_machine(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert bench.model().answer(question(), seed=0).words


def test_offline_means_that_no_other_machine_is_asked(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENURA_OFFLINE", "1")
    with pytest.raises(ConfigError, match=r"MENURA_OFFLINE is set, so https://models\.example/v1 is not asked"):
        bench.model(url="https://models.example/v1")
    assert bench.model().answer(question(), seed=0).words


def test_the_fingerprint_follows_model_and_temperature_and_nothing_else(bench: Bench) -> None:
    plain = bench.model().fingerprint
    assert plain == bench.model(url="http://localhost:1/v1", concurrency=1, retries=0).fingerprint
    assert len({plain, bench.model(model="other").fingerprint, bench.model(temperature=0).fingerprint}) == 3


def test_a_client_without_a_url_says_what_it_needs() -> None:
    from menura.config import LanguageModelSettings

    with pytest.raises(ConfigError, match="needs url and model"):
        ChatModel(LanguageModelSettings())
