"""Pairs: both sides under the same conditions, real ones from the training part alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from menura.align.batches import draws_of, pairs_of, stacked
from menura.align.cache import LatentCache, cut_out
from menura.align.held_out import divide
from menura.align.pairs import (
    Cut,
    Group,
    Sound,
    crop_length_s,
    draw_cut,
    ranked_pairs,
    read_pairs,
    real_pairs,
    real_sound,
    write_pairs,
)
from menura.align.settings import AlignSettings
from menura.datasets.dataset import Dataset, TrainingPart
from menura.errors import DatasetError, RunError
from menura.seeding import item_generator
from menura.types import Clip, Recording


def part(*durations: float, groups: bool = False) -> TrainingPart:
    return TrainingPart(
        "made up",
        tuple(
            Clip(f"{place}", f"/{place}.wav", ("rain" if place % 2 else "wind",), duration, 8000,
                 group=f"g{place // 2}" if groups else None)
            for place, duration in enumerate(durations)
        ),
    )  # fmt: skip


def group(clip: Clip, *names: str) -> Group:
    return Group(clip, "Sound of rain", tuple(Sound(name, f"/{name}.flac") for name in names))


def test_each_loser_stands_against_its_real_clip_under_one_cut() -> None:
    training = part(3.0, 1.0)
    groups = [group(clip, f"{clip.id}a", f"{clip.id}b") for clip in training.clips]
    pairs = real_pairs(training, groups, length_s=1.0, longest_s=30, seed=0)
    assert [(pair.winner.id, pair.loser.id) for pair in pairs if pair.loser] == [
        ("0", "0a"), ("0", "0b"), ("1", "1a"), ("1", "1b")
    ]  # fmt: skip
    assert all(pair.cut.length_s == 1.0 and 0 <= pair.cut.start_s <= pair.duration_s - 1 for pair in pairs)
    assert pairs[0].cut != pairs[1].cut
    assert pairs == real_pairs(training, groups, length_s=1.0, longest_s=30, seed=0)


def test_a_clip_of_another_set_is_no_winner() -> None:
    stranger = replace(part(1.0).clips[0], id="test clip")
    with pytest.raises(DatasetError, match="only training clips may be learned from"):
        real_pairs(part(1.0, 1.0), [group(stranger, "a")], length_s=1, longest_s=9, seed=0)
    with pytest.raises(DatasetError, match="no training clip"):
        real_sound(part(1.0), "9")


def test_the_best_stands_against_the_worst_and_equal_ones_against_nobody() -> None:
    training = part(1.0, 1.0)
    groups = [group(training.clips[0], "a", "b", "c"), group(training.clips[1], "d", "e")]
    scores = {"a": 0.1, "b": 0.9, "c": -1.0, "d": 0.5, "e": 0.5}
    (pair,) = ranked_pairs(groups, scores, length_s=1, longest_s=9, seed=0)
    assert pair.loser is not None
    assert (pair.winner.id, pair.loser.id, pair.winner.origin) == ("b", "c", "synthetic")
    with pytest.raises(DatasetError, match="the same score"):
        ranked_pairs(groups[1:], scores, length_s=1, longest_s=9, seed=0)


def test_pairs_come_back_from_their_file(tmp_path: Path) -> None:
    training = part(1.0, 2.0)
    pairs = real_pairs(
        training, [group(training.clips[0], "a"), group(training.clips[1])], length_s=1, longest_s=9, seed=0
    )
    assert pairs[1].loser is None
    write_pairs(tmp_path / "pairs.jsonl", pairs)
    assert read_pairs(tmp_path / "pairs.jsonl") == pairs
    (tmp_path / "pairs.jsonl").write_text("{}\n")
    with pytest.raises(RunError, match="delete it to make the pairs again"):
        read_pairs(tmp_path / "pairs.jsonl")


def test_both_sides_are_as_long_as_the_median_clip_unless_asked() -> None:
    assert crop_length_s(part(1.0, 3.0, 9.0), crop_s=None, longest_s=30) == 3.0
    assert crop_length_s(part(60.0, 60.0), crop_s=None, longest_s=30) == 10.0
    assert crop_length_s(part(1.0), crop_s=50.0, longest_s=30) == 30.0


def test_both_polarities_are_drawn_and_a_short_clip_starts_at_its_beginning() -> None:
    cuts = [draw_cut(0.5, 1.0, item_generator(0, number)) for number in range(40)]
    assert {cut.polarity for cut in cuts} == {1, -1}
    assert {cut.start_s for cut in cuts} == {0.0}


def test_a_cut_takes_the_stretch_turns_it_over_and_fills_with_silence() -> None:
    ramp = Recording(np.arange(8, dtype=np.float32)[None], 4)
    assert cut_out(ramp, Cut(0.5, 1.0, -1)).waveform.tolist() == [[-2, -3, -4, -5]]
    assert cut_out(ramp, Cut(1.5, 1.0, 1)).waveform.tolist() == [[6, 7, 0, 0]]


def test_no_group_is_learned_from_and_compared_with_and_each_label_is_learned_from() -> None:
    division = divide(part(*[1.0] * 20, groups=True), share=0.2, seed=0)
    groups = [{clip.group for clip in side.clips} for side in (division.learned, division.validation)]
    assert not groups[0] & groups[1]
    assert len(division.validation.clips) == 4
    assert division.learned.labels == ("rain", "wind")


def test_a_whole_dataset_is_refused_and_so_are_too_few_clips(dataset: Dataset) -> None:
    with pytest.raises(DatasetError, match=r"pass dataset\.train"):
        divide(dataset, share=0.2, seed=0)  # type: ignore[arg-type]
    with pytest.raises(DatasetError, match="at least two"):
        divide(part(1.0), share=0.2, seed=0)


def test_a_batch_repeats_pairs_only_after_all_had_their_turn(settings_of: Callable[..., AlignSettings]) -> None:
    training = part(*[1.0] * 6)
    pairs = real_pairs(
        training, [group(clip, clip.id + "a") for clip in training.clips], length_s=1, longest_s=9, seed=0
    )
    settings = settings_of(batch=3)
    first, second, third = (pairs_of(pairs, index, settings, round_index=0, number=0) for index in range(3))
    assert {pair.winner.id for pair in (*first, *second)} == {clip.id for clip in training.clips}
    assert third != first or second != first
    two = settings_of(batch=3, processes=2)
    assert [pairs_of(pairs, 0, two, round_index=0, number=number) for number in (0, 1)] == [first, second]


def test_both_sides_and_both_models_get_the_same_noise_time_and_dropped_prompts(
    settings_of: Callable[..., AlignSettings], tiny_trainee: type, flow: Callable[[], torch.nn.Module], tmp_path: Path
) -> None:
    training = part(*[1.0] * 4)
    for name in ("win", "lose"):
        soundfile.write(tmp_path / f"{name}.wav", np.random.default_rng(len(name)).uniform(-0.5, 0.5, 1600), 8000)
    winner, loser = (Sound(name, str(tmp_path / f"{name}.wav")) for name in ("win", "lose"))
    one = real_pairs(training, [group(training.clips[0], "a")], length_s=0.2, longest_s=9, seed=0)[0]
    pairs = [replace(one, winner=winner, loser=loser, prompt="high")] * 64
    cache = LatentCache(tmp_path / "latents", tiny_trainee(flow()))
    batch = stacked(pairs, cache, losers=True)
    settings = settings_of(dropout=0.5)
    draws, again = draws_of(batch, settings, "draws", 3), draws_of(batch, settings, "draws", 3)
    assert torch.equal(draws.noise, again.noise)
    assert torch.equal(draws.time, again.time)
    told = draws.conditions["told"]
    assert torch.equal(told, again.conditions["told"])
    assert 10 < int((told == 0).sum()) < 54  # no prompt there
    assert not torch.equal(draws.noise, draws_of(batch, settings, "draws", 4).noise)


def test_what_was_encoded_once_is_not_encoded_again(tiny_trainee: type, tmp_path: Path) -> None:
    class Counting(tiny_trainee):  # type: ignore[misc]
        calls = 0

        def latents(self, recordings: list[Recording]) -> torch.Tensor:
            Counting.calls += 1
            found: torch.Tensor = super().latents(recordings)
            return found

    soundfile.write(tmp_path / "a.wav", np.linspace(-0.5, 0.5, 1600), 8000)
    sound = Sound("a", str(tmp_path / "a.wav"))
    cache = LatentCache(tmp_path / "latents", Counting(torch.nn.Identity()))
    first = cache.latents(sound, Cut(0, 0.2))
    assert torch.equal(cache.latents(sound, Cut(0, 0.2)), first)
    assert Counting.calls == 1
    cache.latents(sound, Cut(0, 0.1))
    assert Counting.calls == 2
    for file in (tmp_path / "latents").iterdir():
        file.write_bytes(b"damaged")
    assert torch.equal(cache.latents(sound, Cut(0, 0.2)), first)
