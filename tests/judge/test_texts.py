from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from menura.backends.base import AudioTextScorer
from menura.config import JudgeSettings, RunSettings, settings_from
from menura.errors import BackendError, ConfigError, RunError
from menura.judge.panel import JudgePanel
from menura.judge.texts import TextJudge, calibrate_texts, judge_text, text_thresholds
from menura.types import Recording

Bench = Any
LABELS = ("bell", "hiss", "knock")


@dataclass
class SpectrumScorer:
    """Compares sounds with the mean of six others of each label; knows no other words."""

    kit: ModuleType
    offset: float = 0.0
    name: str = "spectrum"
    version: int = 1

    @property
    def fingerprint(self) -> str:
        return f"spectrum-{self.version}"

    @property
    def scale(self) -> float:
        return 10.0

    def similarity(self, recordings: Sequence[Recording], texts: Sequence[str]) -> NDArray[np.float32]:
        texts_of, middle, spread = _known(self.kit)
        heard = [_unit((_heard(self.kit, one.waveform) - middle) / spread) for one in recordings]
        return np.array([[one @ texts_of[text] - self.offset for text in texts] for one in heard], np.float32)


@cache
def _known(kit: ModuleType) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.float32], NDArray[np.float32]]:
    known = np.stack([_heard(kit, kit.sound(label, seed)) for label in LABELS for seed in range(900, 906)])
    middle, spread = known.mean(axis=0), known.std(axis=0) + np.float32(1e-3)
    placed = ((known - middle) / spread).reshape(3, 6, -1).mean(axis=1)
    return dict(zip(map(judge_text, LABELS), map(_unit, placed), strict=True)), middle, spread


def _heard(kit: ModuleType, waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = kit.ENCODER.embed([Recording(waveform, kit.RATE)])[0]
    return found


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def judged(
    panel: JudgePanel,
    bench: Bench,
    scorer: AudioTextScorer,
    text_of: Callable[[str], str] = judge_text,
    **settings: Any,
) -> JudgePanel:
    """A panel with another text judge; the other judges stay."""
    asked = JudgeSettings(text_model="somewhere", **settings)
    texts = calibrate_texts(scorer, asked, panel.references, bench.parents, text_of)
    return replace(panel, settings=asked, texts=texts)


@pytest.fixture(scope="module")
def read(six_each: Bench, kit: ModuleType) -> JudgePanel:
    """Calibrated as a run does it."""
    settings, scorer = JudgeSettings(text_model="somewhere"), SpectrumScorer(kit)
    return JudgePanel.calibrate(
        six_each.training, settings, six_each.parents, encoder=kit.ENCODER, seed=0, scorer=scorer
    )  # fmt: skip


def judge_of(panel: JudgePanel) -> TextJudge:
    assert panel.texts is not None
    return panel.texts


def text_reason(panel: JudgePanel, waveform: NDArray[np.float32], label: str, rate: int) -> str:
    """What the text judge alone says."""
    judge = judge_of(panel)
    return judge.reason(judge.read(Recording(waveform, rate), [LABELS.index(label)]))


def test_new_sounds_of_the_label_pass_and_others_are_told_with_both_numbers(read: JudgePanel, kit: ModuleType) -> None:
    for label in LABELS:
        own = [text_reason(read, kit.sound(label, seed), label, kit.RATE) for seed in range(100, 110)]
        assert own.count("") >= 8, own
        for other in set(LABELS) - {label}:
            reasons = [text_reason(read, kit.sound(other, seed), label, kit.RATE) for seed in range(100, 105)]
            assert reasons.count("") <= 1, (label, other, reasons)
    said = text_reason(read, kit.sound("hiss", 50), "bell", kit.RATE)
    assert said.startswith("text: its cosine with 'Sound of bell' is ")
    assert "at most 1 expected; it is more like 'Sound of hiss' (" in said


def test_the_panel_asks_it_last_and_keeps_its_numbers(read: JudgePanel, panel: JudgePanel, kit: ModuleType) -> None:
    fresh = kit.candidate(kit.sound("bell", 103), "bell")
    scored = read.score(fresh)
    assert scored.reason == ""
    assert {"text_cosine", "text_rank", "text_score"} <= set(scored.scores)
    assert scored.scores["text_rank"] == 1
    without = panel.score(fresh)
    assert {name: scored.scores[name] for name in without.scores} == without.scores
    rejected = read.score(kit.candidate(kit.sound("hiss", 50), "bell"))
    assert rejected.reason.startswith("label")
    assert "text_cosine" not in rejected.scores


def test_it_can_reject_what_all_other_judges_pass(panel: JudgePanel, six_each: Bench, kit: ModuleType) -> None:
    strict = judged(panel, six_each, SpectrumScorer(kit), text_rule="synthio", text_least_score=0.999)
    scored = strict.score(kit.candidate(kit.sound("bell", 103), "bell"))
    assert scored.reason.startswith(
        "text: its score for 'Sound of bell' is 0.99, at least 1.00 expected (cosine 0.497, 0.691 "
    )


def test_synthios_rule_is_a_threshold_on_the_cosine(panel: JudgePanel, six_each: Bench, kit: ModuleType) -> None:
    """At a scale of 10, a score of 0.85 is a cosine of 0.173."""
    panel = judged(panel, six_each, SpectrumScorer(kit), text_rule="synthio")
    judge = judge_of(panel)
    for label in LABELS:
        for seed in range(5):
            for column in range(3):
                read = judge.read(Recording(kit.sound(label, seed), kit.RATE), [column])
                assert (judge.reason(read) == "") == (read.cosine >= 0.17346)


def test_a_model_whose_cosines_are_all_low_rejects_no_more_when_calibrated(
    panel: JudgePanel, six_each: Bench, kit: ModuleType
) -> None:
    """Synthio's threshold rejects everything then; the calibrated one is where the real clips are."""
    low = SpectrumScorer(kit, offset=0.9)
    moved = judged(panel, six_each, low)
    plain = judged(panel, six_each, SpectrumScorer(kit))
    fixed = judged(panel, six_each, low, text_rule="synthio")
    sounds = [(label, kit.sound(label, seed)) for label in LABELS for seed in range(100, 105)]
    told = [[text_reason(panel, one, label, kit.RATE) == "" for label, one in sounds] for panel in (moved, plain)]
    assert told[0] == told[1]
    assert sum(told[0]) >= 12
    assert sum(text_reason(fixed, one, label, kit.RATE) == "" for label, one in sounds) <= 3


def test_real_clips_pass_at_the_acceptance_rate(read: JudgePanel) -> None:
    rows = read.describe()
    assert np.mean([row["text_real_pass"] for row in rows]) >= 0.9  # type: ignore[misc]
    assert rows[0]["text"] == "Sound of bell"
    assert rows[0]["text_rank"] == 1


def test_a_text_that_the_model_does_not_understand_rejects_nothing_of_its_label() -> None:
    """Label b scores 0.1 for its own clips and 0.6 for those of a; still the clips of b pass."""
    draw = np.random.default_rng(0)
    targets = np.repeat(np.eye(2, dtype=bool), 8, axis=0)
    cosine = np.where(targets[:, :1], [0.7, 0.6], [0.5, 0.1]) + 0.03 * draw.standard_normal((16, 2))
    rows = text_thresholds(["a", "b"], ["A", "B"], cosine.astype(np.float32), targets, acceptance=0.95)
    assert [row.real_pass for row in rows] == [1.0, 1.0]
    assert [row.real_first for row in rows] == [1.0, 0.0]
    assert rows[1].cosine is not None
    assert rows[1].cosine < 0.1 < rows[0].cosine  # type: ignore[operator]


def test_the_threshold_of_a_large_label_is_nearly_its_own_quantile() -> None:
    draw = np.random.default_rng(1)
    targets = np.zeros((400, 2), bool)
    targets[:390, 0] = targets[390:, 1] = True
    cosine = (0.4 + 0.1 * draw.standard_normal((400, 2))).astype(np.float32)
    [many, _] = text_thresholds(["a", "b"], ["A", "B"], cosine, targets, acceptance=0.9)
    assert many.cosine == pytest.approx(np.quantile(cosine[:390, 0], 0.1), abs=0.01)


def test_single_clips_of_each_label_reject_nothing(kit: ModuleType) -> None:
    few = kit.bench({"bell": 1, "hiss": 1, "knock": 1})
    few = judged(few.calibrate(), few, SpectrumScorer(kit))
    assert [row["text_cosine"] for row in few.describe()] == [None] * 3
    assert text_reason(few, kit.sound("hiss", 50), "bell", kit.RATE) == ""


def test_a_panel_is_loaded_with_the_same_model_only(
    read: JudgePanel, panel: JudgePanel, six_each: Bench, kit: ModuleType, tmp_path: Path
) -> None:
    read.save(tmp_path / "one")
    judged(panel, six_each, SpectrumScorer(kit)).save(tmp_path / "two")
    assert (tmp_path / "one" / "panel.json").read_bytes() == (tmp_path / "two" / "panel.json").read_bytes()
    loaded = JudgePanel.load(tmp_path / "one", kit.ENCODER, scorer=SpectrumScorer(kit))
    assert loaded.fingerprint == read.fingerprint
    fresh = kit.candidate(kit.sound("knock", 70), "knock")
    assert loaded.score(fresh).scores == read.score(fresh).scores
    with pytest.raises(RunError, match=r"audio-text model spectrum \(spectrum-1\), this one is spectrum \(spectrum-2"):
        JudgePanel.load(tmp_path / "one", kit.ENCODER, scorer=SpectrumScorer(kit, version=2))
    with pytest.raises(BackendError, match="no model folder somewhere"):
        JudgePanel.load(tmp_path / "one", kit.ENCODER)


def test_the_fingerprint_tells_models_rules_and_texts_apart(
    read: JudgePanel, panel: JudgePanel, six_each: Bench, kit: ModuleType
) -> None:
    scorer = SpectrumScorer(kit)
    named = judged(
        panel, six_each, scorer, lambda label: judge_text({"bell": "hiss", "hiss": "bell"}.get(label, label))
    )
    others = [
        judged(panel, six_each, SpectrumScorer(kit, version=2)),
        judged(panel, six_each, scorer, text_rule="synthio"),
        named,
    ]
    assert len({read.fingerprint, *(panel.fingerprint for panel in others)}) == 4


def test_without_a_model_nothing_is_different(panel: JudgePanel, tmp_path: Path) -> None:
    panel.save(tmp_path)
    assert panel.texts is None
    assert "text" not in (tmp_path / "panel.json").read_text()
    assert set(JudgeSettings().model_dump()) == {"acceptance", "encoder", "surplus", "enabled"}
    again = settings_from(RunSettings, {"judge": JudgeSettings(text_model="m", text_rule="synthio").model_dump()})
    assert again.judge == JudgeSettings(text_model="m", text_rule="synthio")


def test_a_rule_without_a_model_is_refused() -> None:
    with pytest.raises(ConfigError, match="text_rule and text_least_score need a text_model"):
        settings_from(JudgeSettings, {"text_rule": "synthio"})


def test_the_model_is_not_loaded_when_nothing_is_judged(six_each: Bench) -> None:
    settings = JudgeSettings(enabled=False, text_model="nowhere")
    assert six_each.calibrate(settings).texts is None
