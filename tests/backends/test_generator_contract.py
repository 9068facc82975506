"""What every generator must do, whoever wrote it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from menura.backends.base import Generator
from menura.backends.registry import available, load_generator
from menura.backends.weights.published import PUBLISHED
from menura.config import GeneratorSettings
from menura.errors import BackendError
from menura.types import Candidate, Clip, Recording, Request

WITH_WEIGHTS = {*PUBLISHED, "worker"}
"""They need a folder, and are asked the same in tests of their own, on what those build."""

EXAMPLE = "reversed_time"
"""The one of docs/extend/generator.md, which is not installed."""

NAMES = [row.name for row in available("generators") if row.available and row.name not in WITH_WEIGHTS] + [EXAMPLE]
RATE, DURATION_S = 8000, 0.6


def load(name: str, delta: float | None = None) -> Generator:
    settings = GeneratorSettings(name=name, delta=delta)
    if name != EXAMPLE:
        return load_generator(settings, sample_rate=RATE)
    file = Path(__file__).resolve().parents[2] / "examples" / f"{EXAMPLE}.py"
    spec = importlib.util.spec_from_file_location(EXAMPLE, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made: Generator = module.ReversedTime(settings)
    return made


@pytest.fixture(scope="module", params=NAMES)
def generator(request: pytest.FixtureRequest) -> Generator:
    return load(request.param)


def recording(clip_id: str) -> Recording:
    """A burst in quiet noise, another one for each id."""
    draw = np.random.default_rng(int(clip_id, 16))
    waveform = 0.003 * draw.standard_normal((1, round(RATE * DURATION_S)))
    seconds = np.arange(1600) / RATE
    waveform[0, 800:2400] += 0.4 * np.sin(2 * np.pi * draw.uniform(300, 900) * seconds) * np.exp(-10 * seconds)
    return Recording(waveform.astype(np.float32), RATE)


def clip(number: int) -> Clip:
    return Clip(f"{number:016x}", f"{number}.wav", ("bell",), DURATION_S, RATE)


def requests(generator: Generator, count: int) -> list[Request]:
    least, most = generator.parents_needed
    made = []
    for number in range(count):
        parents = [clip(number + step) for step in range(max(least, min(most, 1 + number % 2)))]
        params = generator.draw(parents, np.random.default_rng(number))
        made.append(
            Request(
                ("bell",),
                generator.fingerprint,
                parents=tuple(parent.id for parent in parents),
                duration_s=DURATION_S,
                seed_key=("contract", number),
                params=params,
            )
        )
    return made


def generate(generator: Generator, wanted: list[Request]) -> list[Candidate]:
    return generator.generate(wanted, recording)


def test_a_generator_keeps_the_protocol(generator: Generator) -> None:
    assert isinstance(generator, Generator)
    least, most = generator.parents_needed
    assert 0 <= least <= most


def test_candidates_are_sound_and_come_in_order(generator: Generator) -> None:
    wanted = requests(generator, 4)
    candidates = generate(generator, wanted)
    assert [candidate.request for candidate in candidates] == wanted
    for candidate in candidates:
        assert candidate.waveform.dtype == np.float32
        assert candidate.waveform.ndim == 2
        assert candidate.waveform.shape[1] == round(DURATION_S * candidate.sample_rate)
        assert np.isfinite(candidate.waveform).all()
        assert np.abs(candidate.waveform).max() > 1e-4


def test_a_clip_is_the_same_alone_and_in_any_batch_and_order(generator: Generator) -> None:
    wanted = requests(generator, 4)
    together = generate(generator, wanted)
    backwards = generate(generator, wanted[::-1])[::-1]
    alone = [generate(generator, [request])[0] for request in wanted]
    for one, two, three in zip(together, backwards, alone, strict=True):
        np.testing.assert_array_equal(one.waveform, two.waveform)
        np.testing.assert_array_equal(one.waveform, three.waveform)


def test_a_request_that_was_written_down_and_read_again_makes_the_same_clip(generator: Generator) -> None:
    request = requests(generator, 1)[0]
    params = json.loads(json.dumps(dict(request.params)))
    again = Request(
        request.labels,
        request.generator,
        parents=request.parents,
        duration_s=request.duration_s,
        seed_key=request.seed_key,
        params=params,
    )
    assert again.id == request.id
    np.testing.assert_array_equal(generate(generator, [request])[0].waveform, generate(generator, [again])[0].waveform)


def test_different_requests_make_different_clips(generator: Generator) -> None:
    one, _, other = generate(generator, requests(generator, 3))
    assert not np.array_equal(one.waveform, other.waveform)


def test_drawing_depends_on_the_random_state_alone(generator: Generator) -> None:
    parents = [clip(number) for number in range(max(1, generator.parents_needed[0]))]
    drawn = [generator.draw(parents, np.random.default_rng(seed)) for seed in (3, 3, 4)]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


def test_the_fingerprint_changes_with_the_settings(generator: Generator) -> None:
    weak = load(generator.name, delta=0.1)
    strong = load(generator.name, delta=0.9)
    again = load(generator.name, delta=0.1)
    assert weak.fingerprint == again.fingerprint != strong.fingerprint


def test_a_request_without_the_parents_it_needs_is_refused(generator: Generator) -> None:
    if generator.parents_needed[0] == 0:
        pytest.skip("this generator takes no parents")
    bare = Request(("bell",), generator.fingerprint, duration_s=DURATION_S, seed_key=("bare",))
    with pytest.raises(BackendError, match="parents"):
        generate(generator, [bare])
