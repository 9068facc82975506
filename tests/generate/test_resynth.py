from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from menura.backends.base import Generator
from menura.config import GeneratorSettings
from menura.errors import BackendError, ConfigError
from menura.generate.resynth import ResynthGenerator
from menura.seeding import item_generator
from menura.types import Clip, Recording, Request

_RATE = 8000


def _recording(name: str) -> Recording:
    seed = sum(map(ord, name))
    noise = np.random.default_rng(seed).standard_normal((1, 4000 + 100 * (seed % 7)))
    return Recording((0.1 * noise).astype(np.float32), _RATE if name != "other_rate" else 16_000)


def _clip(name: str, duration_s: float = 0.5) -> Clip:
    return Clip(id=name, path=f"{name}.wav", labels=("rain",), duration_s=duration_s, sample_rate=_RATE)


def _requests(generator: ResynthGenerator, count: int, duration_s: float | None = None) -> list[Request]:
    requests = []
    for index in range(count):
        parents = ("first", "second", "third")[index % 3 :][: 1 + index % 2]
        drawn = generator.draw([_clip(name) for name in parents], item_generator(0, index))
        requests.append(
            Request(
                labels=("rain",), generator=generator.fingerprint, parents=parents, duration_s=duration_s,
                seed_key=("rain", index), params=json.loads(json.dumps(drawn)),
            )
        )  # fmt: skip
    return requests


def test_it_is_a_generator() -> None:
    generator = ResynthGenerator(GeneratorSettings())
    assert isinstance(generator, Generator)
    assert generator.parents_needed == (1, 2)


def test_a_clip_is_the_same_alone_in_any_order_and_in_any_batch() -> None:
    generator = ResynthGenerator(GeneratorSettings(delta=1.0))
    requests = _requests(generator, 7)
    together = [candidate.waveform for candidate in generator.generate(requests, _recording)]
    alone = [generator.generate([request], _recording)[0].waveform for request in requests]
    backwards = [candidate.waveform for candidate in generator.generate(requests[::-1], _recording)][::-1]
    for one, two, three in zip(together, alone, backwards, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, three)


def test_another_seed_key_gives_another_clip() -> None:
    generator = ResynthGenerator(GeneratorSettings(delta=1.0))
    params = {"floor_db": -30.0}
    made = [
        generator.generate([Request(("rain",), "", parents=("first",), seed_key=(key,), params=params)], _recording)
        for key in (1, 2)
    ]
    assert not np.array_equal(made[0][0].waveform, made[1][0].waveform)


def test_the_request_says_how_long_the_clip_is() -> None:
    generator = ResynthGenerator(GeneratorSettings(delta=1.0))
    for candidate in generator.generate(_requests(generator, 4, duration_s=0.75), _recording):
        assert candidate.waveform.shape == (1, 6000)
        assert candidate.sample_rate == _RATE


def test_parents_of_equal_length_keep_it_in_every_domain() -> None:
    for domain in ("speech", "animal", "environment"):
        generator = ResynthGenerator(GeneratorSettings(domain=domain, delta=1.0))  # type: ignore[arg-type]
        drawn = [generator.draw([_clip("first"), _clip("second")], item_generator(0, index)) for index in range(20)]
        assert all("duration_scale" not in params for params in drawn)
    drawn = [
        ResynthGenerator(GeneratorSettings(domain="speech", delta=1.0)).draw([_clip("a", 0.4)], item_generator(0, i))
        for i in range(20)
    ]
    assert any("duration_scale" in params for params in drawn)


def test_the_fingerprint_tells_settings_apart_but_not_the_way_they_were_given() -> None:
    def fingerprint(**values: Any) -> str:
        return ResynthGenerator(GeneratorSettings(**values)).fingerprint

    assert fingerprint(preserve=("pitch", "tempo")) == fingerprint(preserve=("tempo", "pitch"))
    assert (
        len({fingerprint(), fingerprint(delta=0.123), fingerprint(domain="speech"), fingerprint(preserve=("pitch",))})
        == 4
    )


def test_requests_that_cannot_be_rendered_say_why() -> None:
    generator = ResynthGenerator(GeneratorSettings())
    with pytest.raises(BackendError, match="names 0 parents, resynthesis needs one or two real clips"):
        generator.generate([Request(("rain",), "")], _recording)
    with pytest.raises(BackendError, match="have 8000 Hz, 16000 Hz, expected one rate"):
        generator.generate([Request(("rain",), "", parents=("first", "other_rate"))], _recording)
    with pytest.raises(ConfigError, match="no such parameter of a resynthesis: speed"):
        generator.generate([Request(("rain",), "", parents=("first",), params={"speed": 2})], _recording)
    with pytest.raises(ConfigError, match="preserve names 'hue'"):
        ResynthGenerator(GeneratorSettings(preserve=("hue",)))


def test_a_clip_longer_than_a_section_is_rendered_too() -> None:
    long = Recording((0.1 * np.random.default_rng(0).standard_normal((1, 40_000))).astype(np.float32), 1000)
    request = Request(("rain",), "", parents=("long",), params={"pitch_semitones": 2.0})
    candidate = ResynthGenerator(GeneratorSettings()).generate([request], lambda _: long)[0]
    assert candidate.waveform.shape == (1, 40_000)


def test_a_parent_of_another_label_is_a_scene() -> None:
    generator = ResynthGenerator(GeneratorSettings())
    scene = Clip(id="street", path="street.wav", labels=("traffic",), duration_s=0.5, sample_rate=_RATE)
    params = generator.draw([_clip("first"), scene], item_generator(0, 1))
    assert "scene_db" in params
    assert "morph" not in params
    request = Request(("rain",), "", parents=("first", "street"), seed_key=(1,), params=params)
    made = generator.generate([request], _recording)[0].waveform
    again = ResynthGenerator(GeneratorSettings()).generate([request], _recording)[0].waveform
    np.testing.assert_array_equal(made, again)
    other = Request(("rain",), "", parents=("first", "forest"), seed_key=(1,), params=params)
    assert not np.array_equal(made, generator.generate([other], _recording)[0].waveform)


def test_a_scene_of_another_rate_or_without_a_parent_is_refused() -> None:
    generator = ResynthGenerator(GeneratorSettings())
    for parents, words in ((("first", "other_rate"), "a scene"), (("first",), "0 parents")):
        request = Request(("rain",), "", parents=parents, seed_key=(1,), params={"scene_db": -3.0})
        with pytest.raises(BackendError, match=words):
            generator.generate([request], _recording)
