from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from menura.audio import gain
from menura.config import JudgeSettings
from menura.encoders.acoustic import AcousticStatistics
from menura.errors import DatasetError, RunError
from menura.judge import panel_file
from menura.judge.facts import ClipFacts
from menura.judge.panel import JudgePanel

Bench = Any


def reasons(panel: JudgePanel, kit: ModuleType, label: str, sounds: list[np.ndarray]) -> list[str]:
    return [panel.score(kit.candidate(one, label)).reason.split(":")[0] for one in sounds]


@pytest.mark.parametrize("label", ["bell", "hiss", "knock"])
def test_new_sounds_of_the_label_pass_and_sounds_of_other_labels_do_not(
    panel: JudgePanel, kit: ModuleType, label: str
) -> None:
    fresh = [kit.sound(label, seed) for seed in range(100, 110)]
    assert reasons(panel, kit, label, fresh).count("") >= 8
    others = [kit.sound(other, seed) for other in kit.LABELS if other != label for seed in range(100, 105)]
    assert reasons(panel, kit, label, others).count("") <= 1


def test_planted_copies_of_real_clips_are_caught_whoever_they_claim_to_be_from(
    panel: JudgePanel, six_each: Bench, kit: ModuleType
) -> None:
    for clip in six_each.training.clips:
        original = six_each.recordings[clip.id].waveform
        for copy in (original, gain(original, -15.0), np.pad(original, ((0, 0), (500, 0)))):
            for parents in ((), (clip.id,), ("hiss-0",)):
                scored = panel.score(kit.candidate(copy, *clip.labels, parents=parents))
                assert scored.reason.startswith(f"copy: nearly the real clip {clip.id}"), (clip.id, scored)


def test_a_label_whose_every_clip_is_also_there_under_another_one_is_refused(six_each: Bench) -> None:
    clips = six_each.training.clips
    twice = [replace(clip, labels=("other",)) for clip in clips if clip.labels == ("bell",)]
    training = replace(six_each.training, clips=(*clips, *twice))
    with pytest.raises(DatasetError, match=r"every training clip of 'bell' holds the same samples .*menura audit"):
        JudgePanel.calibrate(training, JudgeSettings(), six_each.parents, encoder=AcousticStatistics(), seed=0)
    fewer = replace(training, clips=(*clips, *twice[:-1]))
    panel = JudgePanel.calibrate(fewer, JudgeSettings(), six_each.parents, encoder=AcousticStatistics(), seed=0)
    assert panel.judges is not None


def test_technical_faults_are_found_before_anything_is_embedded(panel: JudgePanel, kit: ModuleType) -> None:
    silent = panel.score(kit.candidate(np.zeros((1, 6400), np.float32), "bell"))
    assert silent.reason.startswith("silence")
    assert silent.embedding.size == 0
    assert panel.score(kit.candidate(np.full((1, 6400), np.nan, np.float32), "bell")).reason.startswith("not finite")
    short = panel.score(kit.candidate(kit.sound("bell", 7), "bell", duration_s=2.0))
    assert short.reason.startswith("duration: it lasts 0.80 s, 2.00 s were asked for")


def test_a_reason_names_the_numbers_and_the_label_it_is_more_like(panel: JudgePanel, kit: ModuleType) -> None:
    scored = panel.score(kit.candidate(kit.sound("hiss", 50), "bell"))
    assert scored.reason.startswith("label: its agreement with 'bell' is")
    assert "more like 'hiss'" in scored.reason
    assert {"agreement", "margin", "distance", "copy_distance", "copy_correlation", "rms_dbfs"} <= set(scored.scores)
    assert scored.embedding.shape == (panel.encoder.dim,)


def test_a_score_does_not_depend_on_what_was_scored_before(panel: JudgePanel, six_each: Bench, kit: ModuleType) -> None:
    wanted = kit.candidate(kit.sound("knock", 60), "knock")
    first = panel.score(wanted)
    panel.score(kit.candidate(kit.sound("bell", 61), "bell"))
    again = six_each.calibrate().score(wanted)
    assert first.scores == again.scores
    assert first.embedding.tobytes() == again.embedding.tobytes()


def test_a_panel_is_saved_to_the_same_bytes_and_loaded_to_the_same_scores(
    panel: JudgePanel, six_each: Bench, kit: ModuleType, tmp_path: Path
) -> None:
    panel.save(tmp_path / "one")
    six_each.calibrate().save(tmp_path / "two")
    for name in ("panel.json", "panel.safetensors"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    loaded = JudgePanel.load(tmp_path / "one", kit.ENCODER)
    assert loaded.fingerprint == panel.fingerprint
    for label in kit.LABELS:
        wanted = kit.candidate(kit.sound(label, 70), label, parents=(f"{label}-0",))
        assert loaded.score(wanted).scores == panel.score(wanted).scores


def test_a_panel_of_before_a_fact_was_measured_is_still_read(
    panel: JudgePanel, kit: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dataclass(frozen=True, slots=True)
    class MoreFacts(ClipFacts):
        hum_db: float = -200.0

    MoreFacts.__slots__ = (*ClipFacts.__slots__, "hum_db")  # as a field of the class itself would have it
    panel.save(tmp_path)
    monkeypatch.setattr(panel_file, "ClipFacts", MoreFacts)
    facts = JudgePanel.load(tmp_path, kit.ENCODER).references.facts
    assert [fact.hum_db for fact in facts] == [-200.0] * len(facts)
    assert [fact.rms_dbfs for fact in facts] == [fact.rms_dbfs for fact in panel.references.facts]


def test_the_fingerprint_changes_with_settings_and_clips(panel: JudgePanel, kit: ModuleType) -> None:
    fewer = kit.bench(dict.fromkeys(kit.LABELS, 5)).calibrate()
    stricter = kit.bench(dict.fromkeys(kit.LABELS, 6)).calibrate(JudgeSettings(acceptance=0.8))
    assert len({panel.fingerprint, fewer.fingerprint, stricter.fingerprint}) == 3


def test_the_order_of_the_training_clips_does_not_matter(panel: JudgePanel, six_each: Bench) -> None:
    from menura.datasets.dataset import TrainingPart

    backwards = TrainingPart("bench", six_each.training.clips[::-1])
    again = JudgePanel.calibrate(backwards, JudgeSettings(), six_each.parents, encoder=panel.encoder, seed=0)
    assert again.fingerprint == panel.fingerprint


def test_a_stricter_acceptance_rejects_more(six_each: Bench, kit: ModuleType) -> None:
    lax, strict = (six_each.calibrate(JudgeSettings(acceptance=share)) for share in (1.0, 0.3))
    rows = zip(lax.describe(), strict.describe(), strict=True)
    assert all(one["response"] < other["response"] for one, other in rows)  # type: ignore[operator]


def test_held_out_real_clips_pass_at_the_acceptance_rate(panel: JudgePanel) -> None:
    rows = panel.describe()
    assert [row["label"] for row in rows] == ["bell", "hiss", "knock"]
    assert np.mean([row["real_pass"] for row in rows]) >= 0.9  # type: ignore[misc]
    json.dumps(rows)


def test_without_judges_everything_that_is_sound_passes(six_each: Bench, kit: ModuleType, tmp_path: Path) -> None:
    gates = six_each.calibrate(JudgeSettings(enabled=False))
    assert gates.score(kit.candidate(kit.sound("hiss", 3), "bell")).reason == ""
    assert gates.score(kit.candidate(np.zeros((1, 6400), np.float32), "bell")).reason.startswith("silence")
    gates.save(tmp_path)
    assert JudgePanel.load(tmp_path, kit.ENCODER).judges is None
    assert gates.describe() == []


@pytest.mark.parametrize("counts", [{"bell": 1}, {"bell": 1, "hiss": 1}, {"bell": 3}, {"bell": 5, "hiss": 1}])
def test_labels_with_hardly_any_clip_are_judged_leniently(kit: ModuleType, counts: dict[str, int]) -> None:
    few = kit.bench(counts).calibrate()
    fresh = few.score(kit.candidate(kit.sound("bell", 200), "bell"))
    assert not fresh.reason.startswith(("copy", "silence"))
    copied = few.score(kit.candidate(kit.sound("bell", 0), "bell"))
    assert copied.reason.startswith("copy")


def test_a_group_is_left_out_whole(kit: ModuleType) -> None:
    """Two takes of every sound in one group: judged by its twin, each real clip would pass anyway."""
    twins = kit.bench(dict.fromkeys(kit.LABELS, 6), groups=lambda label, seed: f"{label}{seed // 2}")
    alone = kit.bench(dict.fromkeys(kit.LABELS, 6))
    assert twins.calibrate().fingerprint != alone.calibrate().fingerprint


def test_a_clip_with_two_labels_must_agree_with_both(kit: ModuleType) -> None:
    base = kit.bench(dict.fromkeys(kit.LABELS, 6))
    clips, recordings = list(base.training.clips), dict(base.recordings)
    for seed in range(6):
        both = 0.5 * (kit.sound("bell", seed + 20) + kit.sound("hiss", seed + 20))
        clips.append(replace(clips[0], id=f"both-{seed}", labels=("bell", "hiss")))
        recordings[f"both-{seed}"] = kit.Recording(both, kit.RATE)
    mixed = kit.Bench(kit.TrainingPart("mixed", tuple(clips)), recordings).calibrate()
    fresh = 0.5 * (kit.sound("bell", 40) + kit.sound("hiss", 40))
    assert mixed.score(kit.candidate(fresh, "bell", "hiss")).reason == ""
    assert mixed.score(kit.candidate(kit.sound("knock", 40), "bell", "hiss")).reason.startswith("label")


def test_an_unknown_label_is_refused(panel: JudgePanel, kit: ModuleType) -> None:
    with pytest.raises(RunError, match=r"no training clip has \['theremin'\]"):
        panel.score(kit.candidate(kit.sound("bell", 0), "theremin"))


def test_a_panel_of_another_encoder_or_a_damaged_one_is_refused(
    panel: JudgePanel, kit: ModuleType, tmp_path: Path
) -> None:
    panel.save(tmp_path)
    with pytest.raises(RunError, match="was calibrated with encoder acoustic"):
        JudgePanel.load(tmp_path, AcousticStatistics(16_000))
    (tmp_path / "panel.safetensors").write_bytes(b"half a file")
    with pytest.raises(RunError, match="no readable panel"):
        JudgePanel.load(tmp_path, kit.ENCODER)
    with pytest.raises(RunError, match="no readable panel"):
        JudgePanel.load(tmp_path / "nowhere", kit.ENCODER)
