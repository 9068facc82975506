"""When a difference counts, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from menura.classify.results import Difference, LabelGain
from menura.config import AmountSettings, RunSettings
from menura.studies.advice import Facts, advice_for
from menura.studies.settings import EvaluationSettings
from menura.studies.verdict import outcome_of, verdict_text

CLEAR = Difference("synthetic", "classic", 0.04, (0.02, 0.06), 0.001, 0.002)
LABELS = [
    LabelGain("rain", 0.1, (0.04, 0.16), 0.9, 0.5, 0.6),
    LabelGain("dog", -0.08, (-0.12, -0.02), 0.3, 0.9, 0.82),
    LabelGain("clock", 0.01, (-0.05, 0.07), None, 0.7, 0.71),
]


@pytest.mark.parametrize(
    ("difference", "outcome"),
    [
        (CLEAR, "helped"),
        (replace(CLEAR, gain=-0.04, interval=(-0.06, -0.02)), "hurt"),
        (replace(CLEAR, interval=(-0.001, 0.06)), "undecided"),  # a small p alone proves nothing
        (replace(CLEAR, p_corrected=0.06), "undecided"),  # nor does an interval that was picked out of two
        (replace(CLEAR, p_corrected=None), "helped"),
    ],
)
def test_an_outcome_needs_both_the_interval_and_the_corrected_p(difference: Difference, outcome: str) -> None:
    assert outcome_of(difference) == outcome


def test_the_verdict_says_by_how_much_and_for_which_labels() -> None:
    other = replace(CLEAR, arm="synthetic+classic", gain=0.01, interval=(-0.02, 0.04), p=0.5, p_corrected=0.5)
    text = verdict_text([CLEAR, other], LABELS, metric="accuracy", baseline_mean=0.783)
    assert text.startswith("Helped: 'synthetic' reaches 82.3 % accuracy and beats 'classic' (78.3 %)")
    assert "+4.0 points (95 % interval +2.0 to +6.0, p = 0.002)" in text
    assert "Recall rises for rain (+10.0: +4.0 to +16.0)." in text
    assert "Recall falls for dog" in text
    assert "'synthetic+classic' cannot be told apart from it" in text
    assert "clock" not in text


def facts(**more: object) -> Facts:
    known = {
        "outcome": "undecided", "decisive": replace(CLEAR, interval=(-0.02, 0.02)), "labels": LABELS,
        "baseline_mean": 0.8, "settings": EvaluationSettings(), "smallest_label": 5, "metric": "accuracy",
        "num_folds": 5, "own_run": False,
    }  # fmt: skip
    return Facts(**{**known, **more})


def test_undecided_says_what_could_have_been_seen() -> None:
    advice = " ".join(advice_for(facts()))
    assert "A gain under 2.9 points cannot be seen with 5 x 5 folds and seeds: try --seeds 10" in advice
    assert "dog (30 %)" in advice
    assert "rain" not in advice
    assert "try --seeds 5." in " ".join(advice_for(facts(settings=EvaluationSettings(seeds=2))))
    assert "test on more clips" in " ".join(advice_for(facts(num_folds=1)))


def test_a_network_with_few_clips_is_advised_to_try_linear_first() -> None:
    cnn = EvaluationSettings(classifier="cnn")
    assert any("linear or best" in sentence for sentence in advice_for(facts(settings=cnn)))
    assert not any("linear or best" in sentence for sentence in advice_for(facts(settings=cnn, smallest_label=6)))


def test_harm_asks_for_a_gentler_hand_and_a_ceiling_for_fewer_clips() -> None:
    assert advice_for(facts(outcome="hurt"))[0].startswith("Stay nearer to the recordings")
    assert "leaves little to gain" in advice_for(facts(baseline_mean=0.98))[0]
    assert any("--balance" in sentence for sentence in advice_for(facts(metric="macro_f1")))
    helped = advice_for(facts(outcome="helped", labels=LABELS[:1]))
    assert any("--classifier best" in sentence for sentence in helped)
    assert any("--doses" in sentence for sentence in helped)


def test_a_network_that_gained_nothing_is_advised_to_use_more_clips_and_steps() -> None:
    def advised(**more: object) -> bool:
        settings = EvaluationSettings(**{"classifier": "cnn", **more})  # type: ignore[arg-type]
        return any("--times 24 --steps 1500" in sentence for sentence in advice_for(facts(settings=settings)))

    many = RunSettings(amount=AmountSettings(times=24))
    assert advised()
    assert advised(classifier="best", run=many)
    assert not advised(run=many, steps=1500)
    assert not advised(classifier="linear")
    assert not advised(run=RunSettings(amount=AmountSettings(balance=True)))
    helped = facts(settings=EvaluationSettings(classifier="cnn"), outcome="helped")
    assert not any("--steps" in sentence for sentence in advice_for(helped))
