"""What every text-to-audio generator must do, on tiny models read by the very code that reads the published ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from menura.backends.base import Generator
from menura.backends.registry import load_generator
from menura.backends.text_to_audio.generator import PretrainedGenerator
from menura.config import GeneratorSettings, ModelSettings
from menura.errors import BackendError, ConfigError
from menura.types import Candidate, Recording, Request

RATE, DURATION_S = 8000, 0.4
Tiny = Callable[[str], Path]


@dataclass(frozen=True)
class Row:
    """One generator on one tiny model."""

    name: str
    folder: str
    options: dict[str, Any] = field(default_factory=dict)
    hears_negative: bool = True

    def make(self, tiny: Tiny, *, sample_rate: int | None = RATE, **changed: Any) -> PretrainedGenerator:
        model = ModelSettings(**{"path": str(tiny(self.folder)), **self.options, **changed})
        made = load_generator(GeneratorSettings(name=self.name, model=model), sample_rate=sample_rate)
        assert isinstance(made, PretrainedGenerator)
        return made


STEPS = {"num_inference_steps": 2}
ROWS = [
    Row("stable-audio", "stable_audio", STEPS),
    Row("audioldm2", "audioldm2", STEPS),
    Row("stable-audio-3", "stable_audio_3", STEPS, hears_negative=False),
    Row("stable-audio-3", "stable_audio_3_base", STEPS | {"guidance_scale": 3.0}),
    Row("musicgen", "musicgen", hears_negative=False),
    Row("text-to-audio", "audioldm", STEPS),
    Row("menura-mini", "menura_mini", STEPS, hears_negative=False),
]
FROM_PARENTS = [
    Row("stable-audio", "stable_audio", STEPS | {"strength": 0.6}),
    Row("audioldm2", "audioldm2", {"num_inference_steps": 3, "strength": 0.8}),
    Row("stable-audio-3", "stable_audio_3", STEPS | {"strength": 0.6}, hears_negative=False),
    Row("stable-audio-3", "stable_audio_3", STEPS | {"replace_s": (0.1, 0.3)}, hears_negative=False),
    Row("musicgen", "musicgen", {"strength": 0.5}, hears_negative=False),
    Row("menura-mini", "menura_mini", STEPS | {"strength": 0.6}, hears_negative=False),
]


def named(row: Row) -> str:
    how = next((word for word in ("strength", "replace_s") if word in row.options), "text")
    return f"{row.folder}-{how}"


@pytest.fixture(scope="module", params=[*ROWS, *FROM_PARENTS], ids=named)
def row(request: pytest.FixtureRequest) -> Row:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def generator(row: Row, tiny: Tiny) -> PretrainedGenerator:
    return row.make(tiny)


def recording(clip_id: str) -> Recording:
    """A tone in noise, another one for each id."""
    draw = np.random.default_rng(int(clip_id, 16))
    seconds = np.arange(round(RATE * DURATION_S)) / RATE
    tone = 0.4 * np.sin(2 * np.pi * draw.uniform(300, 900) * seconds)
    return Recording((tone + 0.05 * draw.standard_normal(seconds.size))[None].astype(np.float32), RATE)


def request_for(generator: Generator, number: int, prompt: str | None = "dog", **changed: Any) -> Request:
    parents = tuple(f"{number:016x}" for _ in range(generator.parents_needed[0]))
    params = generator.draw([], np.random.default_rng(number))
    fields = {"prompt": prompt, "parents": parents, "duration_s": DURATION_S, "params": params} | changed
    return Request(("dog",), generator.fingerprint, seed_key=("contract", number), **fields)


def waveforms(generator: Generator, wanted: list[Request]) -> list[np.ndarray]:
    return [candidate.waveform for candidate in generator.generate(wanted, recording)]


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """Difference as a share of the norm of the first."""
    return float(np.linalg.norm(one - other) / np.linalg.norm(one))


def mixed_requests(generator: Generator) -> list[Request]:
    """Prompts of several lengths, one of them twice, another duration and a negative prompt in between."""
    return [
        request_for(generator, 1, "dog"),
        request_for(generator, 2, "a cat in the rain, far away"),
        request_for(generator, 3, "owl"),
        request_for(generator, 4, "dog", duration_s=0.3),
        request_for(generator, 5, "dog", negative_prompt="low quality"),
    ]


@pytest.fixture(scope="module")
def mixed(generator: PretrainedGenerator) -> list[Candidate]:
    """Answers to the mixed requests, made in one call."""
    return generator.generate(mixed_requests(generator), recording)


def test_a_generator_keeps_the_protocol(generator: PretrainedGenerator, row: Row) -> None:
    assert isinstance(generator, Generator)
    assert generator.parents_needed == ((1, 1) if row in FROM_PARENTS else (0, 0))


def test_candidates_come_in_order_as_long_and_as_loud_as_they_should_be(
    generator: PretrainedGenerator, mixed: list[Candidate]
) -> None:
    assert [candidate.request for candidate in mixed] == mixed_requests(generator)
    for candidate in mixed:
        check_clip(candidate)


def check_clip(candidate: Candidate) -> None:
    asked_s = candidate.request.duration_s
    assert asked_s is not None
    assert candidate.waveform.shape == (1, round(asked_s * RATE))
    assert candidate.waveform.dtype == np.float32
    assert candidate.sample_rate == RATE
    assert np.isfinite(candidate.waveform).all()
    expected = 10 ** (-1 / 20)
    if candidate.request.parents:
        expected = float(np.abs(recording(candidate.request.parents[0]).waveform).max())
    assert np.abs(candidate.waveform).max() == pytest.approx(expected, rel=1e-5)


def test_a_clip_made_alone_and_in_a_batch_are_as_near_as_the_backend_says(
    generator: PretrainedGenerator, mixed: list[Candidate]
) -> None:
    wanted = mixed_requests(generator)
    backwards = waveforms(generator, wanted[::-1])[::-1]
    for request, one, two in zip(wanted, mixed, backwards, strict=True):
        alone = waveforms(generator, [request])[0]
        assert distance(alone, one.waveform) <= generator.batch_tolerance
        assert distance(alone, two) <= generator.batch_tolerance


def test_the_same_request_gives_the_same_samples_and_another_seed_does_not(generator: PretrainedGenerator) -> None:
    one, again, other = (waveforms(generator, [request_for(generator, number)])[0] for number in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert distance(one, other) > 100 * max(generator.batch_tolerance, 1e-6)


def test_the_prompt_and_the_negative_prompt_are_heard(generator: PretrainedGenerator, row: Row) -> None:
    plain, prompted, negated = generator.generate(
        [
            request_for(generator, 1),
            request_for(generator, 1, "cat"),
            request_for(generator, 1, negative_prompt="low quality"),
        ],
        recording,
    )
    least = 10 * max(generator.batch_tolerance, 1e-6)
    assert distance(plain.waveform, prompted.waveform) > least
    assert (distance(plain.waveform, negated.waveform) > least) == row.hears_negative
    assert negated.facts.get("ignored") == (None if row.hears_negative else ["negative_prompt"])


def test_the_first_parent_is_heard(generator: PretrainedGenerator) -> None:
    if not generator.starts_from_parent:
        pytest.skip("made from text alone")
    one = waveforms(generator, [request_for(generator, 1)])[0]
    other = waveforms(generator, [request_for(generator, 1, parents=("ff",))])[0]
    assert distance(one, other) > 100 * max(generator.batch_tolerance, 1e-6)


def test_facts_say_what_made_the_clip(generator: PretrainedGenerator, row: Row) -> None:
    facts = generator.generate([request_for(generator, 1)], recording)[0].facts
    assert facts["generator"] == row.name
    assert generator.weights.folder is not None
    assert facts["model"] == generator.weights.folder.name
    assert str(generator.weights.folder.parent) not in json.dumps(facts)
    assert facts["revision"] == generator.weights.identity
    assert facts["peak"] > 0
    for name in ("num_inference_steps", "strength"):
        if name in row.options:
            assert facts[name] == row.options[name]


def test_a_seed_is_drawn_and_fits_what_torch_reads(generator: PretrainedGenerator) -> None:
    drawn = [generator.draw([], np.random.default_rng(number))["seed"] for number in range(200)]
    assert len(set(drawn)) == 200
    assert all(0 <= int(str(seed)) < 2**32 for seed in drawn)


def test_the_fingerprint_changes_with_what_is_heard_and_with_nothing_else(row: Row, tiny: Tiny) -> None:
    known = row.make(tiny).fingerprint
    assert row.make(tiny).fingerprint == known
    assert row.make(tiny, device="cpu").fingerprint == known
    for changed in ({"guidance_scale": 1.0}, {"peak_dbfs": -6.0}, {"channels": 2}, {"precision": "bfloat16"}):
        assert row.make(tiny, **changed).fingerprint != known
    assert row.make(tiny, sample_rate=16_000).fingerprint != known


def test_requests_that_cannot_be_answered_are_refused_before_anything_is_made(
    generator: PretrainedGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = request_for(generator, 1)
    generator.generate([good], recording)
    assert generator._loaded is not None
    model = generator._loaded[0]
    monkeypatch.setattr(model, "render", lambda jobs: pytest.fail("something was made"))
    for bad, words in (
        (request_for(generator, 1, None), "no prompt"),
        (request_for(generator, 1, "  "), "no prompt"),
        (request_for(generator, 1, parents=("1", "2")), "names 2 parents"),
        (request_for(generator, 1, params={}), "seed None"),
        (request_for(generator, 1, duration_s=-1.0), "more than 0"),
    ):
        with pytest.raises(BackendError, match=words):
            generator.generate([good, bad], recording)
    if model.window_s is not None:
        with pytest.raises(BackendError, match=f"at most {model.window_s:g} s"):
            generator.generate([good, request_for(generator, 1, duration_s=model.window_s + 0.1)], recording)


def test_settings_that_mean_nothing_to_the_model_are_refused(row: Row, tiny: Tiny) -> None:
    kind = type(row.make(tiny))
    values = {"num_inference_steps": 3, "strength": 0.5, "replace_s": (0.0, 0.1), "temperature": 1.0, "top_k": 5}
    for name in kind.unsupported:
        value = str(tiny(row.folder)) if name == "adapter" else values[name]
        with pytest.raises(ConfigError, match=f"no setting model.{name}"):
            Row(row.name, row.folder).make(tiny, **{name: value})
    with pytest.raises(ConfigError, match="scheduler NoSuchScheduler is not for"):
        Row(row.name, row.folder).make(tiny, scheduler="NoSuchScheduler")
