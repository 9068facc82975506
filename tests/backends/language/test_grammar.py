from __future__ import annotations

import pytest
from fake_server import Bench, FakeServer, Words, question
from pydantic import ValidationError

from menura.backends.base import Question
from menura.backends.language.grammar import PhraseGrammar
from menura.backends.registry import available, load_language_model
from menura.config import LanguageModelSettings
from menura.errors import BackendError


@pytest.mark.parametrize("kind", ["grammar", "chat"])
def test_every_language_model_answers_repeatably_with_validated_objects(
    bench: Bench, server: FakeServer, kind: str
) -> None:
    def load() -> object:
        return load_language_model(LanguageModelSettings() if kind == "grammar" else bench.settings())

    first, second = load(), load()
    answers = [model.answer(question(), seed=4) for model in (first, second, first)]  # type: ignore[attr-defined]
    assert all(type(answer) is Words and answer == answers[0] for answer in answers)
    assert first.fingerprint == second.fingerprint  # type: ignore[attr-defined]
    assert first.name  # type: ignore[attr-defined]


def test_phrases_differ_with_the_seed_and_the_question() -> None:
    model = PhraseGrammar()
    answers = [model.answer(question(about), seed=seed) for about in ("rain", "wind") for seed in range(10)]
    assert len({answer.words[0] for answer in answers}) > 15


def test_phrases_that_break_their_own_rules_are_not_passed_on() -> None:
    plain = question()
    broken = Question("words", plain.messages, Words, lambda _: Words.model_construct(words=[]))
    with pytest.raises(ValidationError, match="at least 1 item"):
        PhraseGrammar().answer(broken, seed=0)


def test_the_settings_choose_the_language_model(bench: Bench) -> None:
    assert load_language_model(LanguageModelSettings()).name == "grammar"
    assert load_language_model(bench.settings()).name == "tiny"
    assert load_language_model(bench.settings(backend="grammar")).name == "grammar"
    with pytest.raises(BackendError, match=r"no language model 'chatt'\. Installed: chat, grammar\. Did you mean"):
        load_language_model(LanguageModelSettings(backend="chatt"))


def test_both_are_listed_with_what_they_are() -> None:
    rows = {row.name: row for row in available("language_models")}
    assert set(rows) >= {"chat", "grammar"}
    assert all(row.available and row.summary for row in rows.values())
