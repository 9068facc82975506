from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from menura.backends.base import Generator
from menura.config import GeneratorSettings
from menura.errors import BackendError, ConfigError
from menura.generate import patches
from menura.generate.mixing import sounding_level
from menura.generate.synth import SynthGenerator
from menura.generate.synth_params import KINDS, SynthParams
from menura.seeding import item_generator
from menura.types import Candidate, Clip, JsonValue, Recording, Request

_RATE = 8000
_CLIP = Clip(id="knock", path="knock.wav", labels=("knock",), duration_s=1.0, sample_rate=_RATE)
_EVENT: dict[str, JsonValue] = {"source": "impact", "at": 0.5, "duration_s": 0.2, "level_db": -6.0}


@pytest.fixture(autouse=True)
def _small_pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(patches, "POOL_SIZE", 12)
    yield
    patches._pool.cache_clear()


def _recording(name: str) -> Recording:
    """A tone that decays, softer than full scale, on as many channels as the name says."""
    time_s = np.arange(_RATE) / _RATE
    tone = 0.2 * np.sin(2 * np.pi * 440 * time_s) * np.exp(-3 * time_s)
    channels = {"stereo": np.stack([tone, 0.5 * tone]), "silent": np.zeros((1, _RATE)), "none": np.zeros((1, 0))}
    return Recording(channels.get(name, tone[None]).astype(np.float32), _RATE)


def _made(parent: str = "knock", *, duration_s: float | None = None, **params: JsonValue) -> Candidate:
    request = Request(("knock",), "", parents=(parent,), duration_s=duration_s, params=params)
    return SynthGenerator(GeneratorSettings()).generate([request], _recording)[0]


def _drawn(count: int, **settings: Any) -> list[dict[str, Any]]:
    generator = SynthGenerator(GeneratorSettings(**settings))
    return [dict(generator.draw([_CLIP], item_generator(0, index))) for index in range(count)]


def test_it_is_a_generator_of_one_parent() -> None:
    generator = SynthGenerator(GeneratorSettings())
    assert isinstance(generator, Generator)
    assert generator.parents_needed == (1, 1)


def test_kinds_are_drawn_in_their_shares() -> None:
    counts = Counter(params["kind"] for params in _drawn(2000))
    for kind, share in KINDS.items():
        assert counts[kind] / 2000 == pytest.approx(share, abs=0.035)  # three standard deviations


def test_a_clip_is_the_same_alone_in_any_order_and_in_any_batch() -> None:
    generator = SynthGenerator(GeneratorSettings())
    requests = [
        Request(("knock",), generator.fingerprint, parents=(("knock", "stereo")[index % 2],), params=params)
        for index, params in enumerate(_drawn(16))
    ]
    assert {str(request.params["kind"]) for request in requests} == set(KINDS)
    together = [candidate.waveform for candidate in generator.generate(requests, _recording)]
    backwards = [candidate.waveform for candidate in generator.generate(requests[::-1], _recording)][::-1]
    for request, one, two in zip(requests, together, backwards, strict=True):
        alone = SynthGenerator(GeneratorSettings()).generate([request], _recording)[0].waveform
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, alone)


@pytest.mark.parametrize("snr_db", [0.0, 3.0, 12.5, 25.0])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_scene_lies_as_far_below_the_parent_as_asked(snr_db: float, seed: int) -> None:
    candidate, parent = _made(seed=seed, snr_db=snr_db), _recording("knock").waveform
    scene = candidate.waveform - parent
    ratio_db = 20 * np.log10(sounding_level(parent, _RATE) / sounding_level(scene, _RATE))
    assert ratio_db == pytest.approx(snr_db, abs=0.01)  # of float32 sums
    assert candidate.facts["kind"] == "background"
    assert str(candidate.facts["synthetic"]).endswith(("dry", "room"))


def test_an_event_sounds_where_and_as_loud_as_asked() -> None:
    events: list[JsonValue] = [{**_EVENT, "source": source} for source in ("voice", "impact", "texture")]
    for event in events:
        parent = _recording("knock").waveform
        added = _made(kind="layers", seed=3, events=[event]).waveform - parent
        start, stop = round(0.5 * 0.8 * _RATE), round((0.5 * 0.8 + 0.2) * _RATE)
        assert not added[:, :start].any()
        assert not added[:, stop:].any()
        heard = sounding_level(added[:, start:stop], _RATE)
        assert 20 * np.log10(heard / sounding_level(parent, _RATE)) == pytest.approx(-6.0, abs=0.01)


def test_events_of_one_clip_are_different_sounds() -> None:
    apart: list[JsonValue] = [{**_EVENT, "at": at} for at in (0.0, 1.0)]
    added = _made(kind="layers", seed=3, events=apart).waveform - _recording("knock").waveform
    assert not np.allclose(added[:, :1600], added[:, -1600:], atol=1e-3)


def test_a_layered_clip_names_each_of_its_events() -> None:
    for params in _drawn(40):
        if params["kind"] == "layers":
            facts = _made(**params).facts
            assert 1 <= len(params["events"]) <= 3
            assert str(facts["synthetic"]).count(";") == len(params["events"]) - 1


def test_a_parent_played_faster_sounds_higher_and_starts_over_to_fill_its_length() -> None:
    faster = _made(kind="layers", speed=1.25).waveform
    assert faster.shape == (1, _RATE)
    peak_hz = float(np.argmax(np.abs(np.fft.rfft(faster[0, :4000]))) * _RATE / 4000)
    assert peak_hz == pytest.approx(550, abs=3)
    # decayed by the end of the parent at 0.8 s, and loud again after it
    assert sounding_level(faster[:, 6000:6300], _RATE) < 0.3 * sounding_level(faster[:, 6500:6800], _RATE)


def test_a_shift_goes_around_the_end() -> None:
    moved, parent = _made(kind="layers", shift=0.25).waveform, _recording("knock").waveform
    np.testing.assert_allclose(moved[:, 2100:], parent[:, 100:6000], atol=1e-7)
    np.testing.assert_allclose(moved[:, 100:1900], parent[:, 6100:7900], atol=1e-7)


def test_the_nearest_patch_to_a_scene_of_the_pool_is_that_scene() -> None:
    pool = patches._pool(patches.POOL_SIZE).sounds
    for row in (0, 7):
        waveform = patches.pool_synthesizer().render(patches.one_sound(pool, row)).numpy()
        found = patches.nearest_patch(Recording(0.1 * waveform, 16_000))
        assert found.noise_seeds.tolist() == [int(pool.noise_seeds[row])]


def test_a_match_has_the_level_the_rate_and_the_channels_of_its_parent() -> None:
    candidate, parent = _made("stereo", kind="match", seed=5, perturbation=0.1), _recording("stereo").waveform
    assert candidate.waveform.shape == parent.shape
    np.testing.assert_array_equal(candidate.waveform[0], candidate.waveform[1])
    assert sounding_level(candidate.waveform, _RATE) == pytest.approx(sounding_level(parent, _RATE), rel=0.01)
    assert not np.array_equal(candidate.waveform, _made("stereo", kind="match", seed=6, perturbation=0.1).waveform)


@pytest.mark.parametrize("params", [{"kind": "layers", "events": [_EVENT]}, {"kind": "background"}, {"kind": "match"}])
@pytest.mark.parametrize("duration_s", [1 / _RATE, 0.01, 2.5, 21.0])
def test_the_request_says_how_long_the_clip_is(duration_s: float, params: dict[str, JsonValue]) -> None:
    waveform = _made("stereo", duration_s=duration_s, **params).waveform
    assert waveform.shape == (2, max(1, round(duration_s * _RATE)))
    assert np.isfinite(waveform).all()
    assert np.abs(waveform).max() <= 1


def test_a_silent_parent_stays_silent() -> None:
    for kind in KINDS:
        assert not _made("silent", kind=kind, events=[_EVENT] if kind == "layers" else []).waveform.any()


def test_the_fingerprint_tells_settings_apart_but_not_the_way_they_were_given() -> None:
    def fingerprint(**values: Any) -> str:
        return SynthGenerator(GeneratorSettings(**values)).fingerprint

    assert fingerprint(preserve=("pitch", "tempo")) == fingerprint(preserve=("tempo", "pitch"))
    assert fingerprint() == fingerprint(delta=0.8)
    assert len({fingerprint(), fingerprint(delta=0.1), fingerprint(domain="speech")}) == 3


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"loudness": 2}, "no such parameter of generator synth: loudness; known: kind, seed"),
        ({"kind": "scene"}, "kind is 'scene', expected one of background, layers, match"),
        ({"seed": 0.5}, r"seed is 0.5, expected an integer in \[0"),
        ({"speed": 0}, r"speed is 0, expected a number in \[0.5, 2\]"),
        ({"snr_db": "loud"}, r"snr_db is 'loud', expected a number"),
        ({"snr_db": True}, r"snr_db is True, expected a number"),
        ({"gain_db": float("nan")}, "gain_db is nan, expected a number"),
        ({"events": 3}, "events is 3, expected a list of at most 3 objects"),
        ({"events": [_EVENT] * 4}, "expected a list of at most 3 objects"),
        ({"events": ["knock"]}, "an event is 'knock', expected an object"),
        ({"events": [{**_EVENT, "source": "choir"}]}, "source is 'choir', expected one of voice, impact, texture"),
    ],
)
def test_parameters_that_cannot_be_rendered_are_refused(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        _made(**params)


def test_parents_that_cannot_be_used_are_refused() -> None:
    generator = SynthGenerator(GeneratorSettings())
    for parents, message in (
        ((), "names 0 parents, synth needs one real clip"),
        (("knock", "stereo"), "names 2 parents"),
        (("none",), "has no samples, expected a sound"),
    ):
        with pytest.raises(BackendError, match=message):
            generator.generate([Request(("knock",), "", parents=parents)], _recording)
    with pytest.raises(ConfigError, match="preserve names 'hue'"):
        SynthGenerator(GeneratorSettings(preserve=("hue",)))


def test_drawn_numbers_are_read_back_as_they_were_written() -> None:
    for params in _drawn(50):
        assert SynthParams.from_params(json.loads(json.dumps(params))).to_params() == params


def test_nothing_that_carries_the_label_is_changed() -> None:
    assert all(params["speed"] == 1 and params["shift"] == 0 for params in _drawn(50, domain="music"))
    assert all(params["kind"] != "match" for params in _drawn(100, domain="speech"))
    assert all(params["shift"] == 0 for params in _drawn(100, domain="speech"))
    kept = _drawn(100, preserve=("background", "level", "pitch"))
    assert all(params["kind"] == "layers" and params["gain_db"] == 0 and params["speed"] == 1 for params in kept)


def test_one_attribute_preserved_leaves_the_other_numbers_as_they_were() -> None:
    for one, other in zip(_drawn(30), _drawn(30, preserve=("level",)), strict=True):
        assert one | {"gain_db": 0} == other | {"gain_db": 0}


def test_a_strength_of_nought_changes_the_parent_least() -> None:
    for params in _drawn(30, delta=0.0):
        assert params["gain_db"] == 0
        assert params.get("speed", 1) == 1
        assert params.get("snr_db", 25) == 25
        assert all(event["level_db"] == -30 for event in params.get("events", []))


def test_the_length_follows_the_speed_where_the_domain_lets_it() -> None:
    request = Request(("knock",), "", parents=("knock",), params={"speed": 0.8})
    lengths = [
        SynthGenerator(GeneratorSettings(domain=domain)).generate([request], _recording)[0].waveform.shape[1]
        for domain in ("speech", "environment")  # type: ignore[arg-type]
    ]
    assert lengths == [10_000, 8000]
