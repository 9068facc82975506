from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from menura.backends.audio_captioner import TransformersCaptioner, one_line
from menura.backends.base import Captioner
from menura.errors import BackendError


@pytest.fixture(scope="module", params=["save_qwen2_audio", "save_audio_flamingo"])
def folder(request: pytest.FixtureRequest, tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    saved: Path = getattr(tiny, request.param)(tmp_path_factory.mktemp("models") / request.param)
    return saved


@pytest.fixture(scope="module")
def captioner(folder: Path) -> TransformersCaptioner:
    return TransformersCaptioner(str(folder), max_new_tokens=12)


def test_a_caption_changes_with_the_audio_and_not_with_its_company(
    captioner: TransformersCaptioner, tiny: ModuleType
) -> None:
    assert isinstance(captioner, Captioner)
    clips = [tiny.noise(0), tiny.tone(300, rate=8000), tiny.noise(5, channels=2, duration_s=2.5), tiny.tone(2000)]
    together = captioner.caption(clips)
    assert len(set(together)) > 1
    assert all(text and "\n" not in text for text in together)
    assert [captioner.caption([clip])[0] for clip in clips[::-1]][::-1] == together
    assert captioner.caption([]) == []


def test_the_instruction_is_part_of_the_question_and_of_the_fingerprint(
    captioner: TransformersCaptioner, folder: Path, tiny: ModuleType
) -> None:
    other = TransformersCaptioner(str(folder), instruction="What is it?", max_new_tokens=12)
    assert other.fingerprint != captioner.fingerprint
    clips = [tiny.noise(0), tiny.tone(300), tiny.tone(2000)]
    assert other.caption(clips) != captioner.caption(clips)
    assert TransformersCaptioner(str(folder), max_new_tokens=12).fingerprint == captioner.fingerprint


def test_a_model_that_cannot_listen_is_refused(clap_folder: Path) -> None:
    with pytest.raises(BackendError, match="kind 'clap', expected one that takes audio and text: qwen2_audio"):
        TransformersCaptioner(str(clap_folder))


@pytest.mark.parametrize(
    ("said", "caption"),
    [
        ("  A dog barks.\n\nIt rains.  ", "A dog barks. It rains."),
        ('"A dog barks."', "A dog barks."),
        ("Wind. Wind. A gate. wind.", "Wind. A gate."),
        ("a dog a dog a dog barks", "a dog barks"),
        ("Rain, rain, rain.", "Rain."),
        ("", ""),
        ("a\x00b\u2028c", "a b c"),
    ],
)
def test_an_answer_becomes_one_line_that_says_nothing_twice(said: str, caption: str) -> None:
    assert one_line(said).casefold() == caption.casefold()
