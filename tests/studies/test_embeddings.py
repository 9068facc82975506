"""Embeddings are computed once, and again only where something is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from menura.audio import decode
from menura.backends.registry import load_encoder
from menura.datasets.dataset import Dataset
from menura.errors import BackendError
from menura.studies import embeddings
from menura.studies.embeddings import EncoderSpec, cache_places, embed_clips, load_spec, read_embeddings

ACOUSTIC = EncoderSpec("acoustic")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the clips that are computed."""
    seen: list[str] = []
    original = embeddings._embed
    monkeypatch.setattr(embeddings, "_embed", lambda job: seen.extend(clip.id for clip in job.clips) or original(job))
    return seen


def test_embeddings_are_those_of_the_encoder_and_are_computed_once(
    tones: Dataset, tmp_path: Path, asked: list[str]
) -> None:
    clips = tones.clips[:10]
    seen: list[tuple[int, int]] = []
    embed_clips([ACOUSTIC], clips, tmp_path, workers=1, progress=lambda _, done, total: seen.append((done, total)))
    assert sorted(asked) == sorted(clip.id for clip in clips)
    assert (seen[0], seen[-1]) == ((0, 10), (10, 10))
    found = read_embeddings(cache_places(ACOUSTIC, tmp_path), [clip.id for clip in clips])
    assert found is not None
    alone = load_encoder("acoustic").embed([decode(clips[3].path)])[0]
    np.testing.assert_array_equal(found[clips[3].id], alone)
    asked.clear()
    embed_clips([ACOUSTIC], tones.clips[:12], tmp_path, workers=1)
    assert sorted(asked) == sorted(clip.id for clip in tones.clips[10:12])
    assert read_embeddings(cache_places(ACOUSTIC, tmp_path), [tones.clips[20].id]) is None


def test_a_damaged_file_costs_its_clips_a_second_computation_and_nothing_else(
    tones: Dataset, tmp_path: Path, asked: list[str]
) -> None:
    clips = tones.clips[:20]
    ids = [clip.id for clip in clips]
    embed_clips([ACOUSTIC], clips, tmp_path, workers=1)
    places = cache_places(ACOUSTIC, tmp_path)
    before = read_embeddings(places, ids)
    files = sorted(places[0].iterdir())
    lost, torn = files[0], files[1]
    expected = {path.name: path.read_bytes() for path in files}
    lost.unlink()
    torn.write_bytes(torn.read_bytes()[:-3])
    (places[0] / ".tmp-left-by-a-killed-process").write_bytes(b"half")
    asked.clear()
    embed_clips([ACOUSTIC], clips, tmp_path, workers=1)
    assert 2 <= len(asked) < 20
    assert {path.name: path.read_bytes() for path in places[0].iterdir()} == expected
    after = read_embeddings(places, ids)
    assert all(np.array_equal(before[name], after[name]) for name in ids)


def test_an_interrupted_computation_keeps_what_is_finished(
    tones: Dataset, tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(stage: str, done: int, total: int) -> None:
        if done >= 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed_clips([ACOUSTIC], tones.clips[:12], tmp_path, workers=1, progress=stop)
    first = len(asked)
    embed_clips([ACOUSTIC], tones.clips[:12], tmp_path, workers=1)
    assert 6 <= first < 12
    assert len(asked) == len(set(asked)) == 12


def test_encoders_side_by_side_are_computed_part_by_part(
    tones: Dataset, tmp_path: Path, asked: list[str], weights: str
) -> None:
    clips = tones.clips[:4]
    specs = [ACOUSTIC, EncoderSpec(weights), EncoderSpec(f"acoustic+{weights}")]
    embed_clips(specs, clips, tmp_path, workers=1)
    assert len(asked) == 8
    one, other, both = (read_embeddings(cache_places(spec, tmp_path), [clip.id for clip in clips]) for spec in specs)
    for clip in clips:
        np.testing.assert_array_equal(both[clip.id], np.concatenate([one[clip.id], other[clip.id]]))


def test_the_first_seconds_are_another_cache(tones: Dataset, tmp_path: Path) -> None:
    short = EncoderSpec("acoustic", clip_s=0.05)
    clips = tones.clips[:2]
    embed_clips([ACOUSTIC, short], clips, tmp_path, workers=1)
    assert cache_places(ACOUSTIC, tmp_path) != cache_places(short, tmp_path)
    found = read_embeddings(cache_places(short, tmp_path), [clips[0].id])
    recording = decode(clips[0].path)
    start = type(recording)(recording.waveform[:, :400], recording.sample_rate)
    np.testing.assert_array_equal(found[clips[0].id], load_encoder("acoustic").embed([start])[0])


def test_two_processes_leave_the_same_bytes_as_one(tones: Dataset, tmp_path: Path) -> None:
    embed_clips([ACOUSTIC], tones.clips[:8], tmp_path / "one", workers=1)
    embed_clips([ACOUSTIC], tones.clips[:8], tmp_path / "two", workers=2)
    contents = [
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.safetensors")}
        for name in ("one", "two")
    ]
    assert contents[0] == contents[1]


def test_random_weights_are_the_same_network_with_other_numbers(tones: Dataset, weights: str) -> None:
    trained, drawn = EncoderSpec(weights), EncoderSpec(weights, random_weights=True)
    assert trained.is_trained
    assert not drawn.is_trained
    assert drawn.title.endswith("(random weights)")
    recording = decode(tones.clips[0].path)
    one, other = (load_spec(spec).embed([recording]) for spec in (trained, drawn))
    assert one.shape == other.shape
    assert np.isfinite(other).all()
    assert np.abs(other).max() > 1e-3
    assert not np.allclose(one, other)
    assert load_spec(trained).fingerprint != load_spec(drawn).fingerprint
    load_spec.cache_clear()
    np.testing.assert_array_equal(load_spec(drawn).embed([recording]), other)
    shipped = EncoderSpec("scenes")
    assert shipped.is_trained
    assert load_spec(shipped).dim == load_spec(replace(shipped, random_weights=True)).dim
    with pytest.raises(BackendError, match="not one trained network"):
        load_spec(EncoderSpec("acoustic", random_weights=True))
