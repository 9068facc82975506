"""When a difference counts, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from menura.classify.results import Difference, LabelGain
from menura.config import AmountSettings, RunSettings
from menura.studies.advice import Facts, advice_for
from menura.studies.power import power_sentence
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
        "num_folds": 5, "own_run": False, "power": POWER,
    }  # fmt: skip
    return Facts(**{**known, **more})


POWER = {
    "test_clips": 80, "detectable": 0.041, "shares": {"folds": 0.0, "seeds": 0.1, "clips": 0.9},
    "targets": [{"gain": 0.02, "measured": True, "more_clips": 237, "more_seeds": None, "more_folds": 30}],
}  # fmt: skip


def test_undecided_says_what_could_have_been_seen() -> None:
    sentence = (
        "With these 80 test clips a gain under 4.1 points cannot be seen; about 240 more would show the 2.0 points "
        "measured here."
    )
    assert power_sentence(POWER) == sentence
    unsure = replace(CLEAR, interval=(-0.02, 0.06), p_corrected=0.3)
    assert sentence in verdict_text([unsure], LABELS, metric="accuracy", baseline_mean=0.8, power=sentence)
    assert sentence not in verdict_text([CLEAR], LABELS, metric="accuracy", baseline_mean=0.8, power=sentence)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"more_clips": None, "more_seeds": 11}, "not show the 2.0 points measured here, about 11 more seeds would."),
        ({"more_clips": None, "more_seeds": None}, "about 30 more folds like these would."),
        ({"more_clips": None, "more_seeds": None, "more_folds": None}, "it takes more of both."),
        ({"gain": 0.05}, "what was measured here is of that size"),
        ({"measured": False}, "about 240 more would show one of 2 points."),
    ],
)  # fmt: skip
def test_the_sentence_names_what_would_help(target: dict[str, object], said: str) -> None:
    targets = [{**POWER["targets"][0], **target}]
    assert said in power_sentence({**POWER, "targets": targets})


def test_a_label_is_named_when_its_corrected_p_agrees_with_its_interval() -> None:
    sure = replace(LABELS[0], p=0.001, p_corrected=0.003)
    lucky = replace(LABELS[0], label="wind", p=0.03, p_corrected=0.09)
    text = verdict_text([CLEAR], [sure, lucky, LABELS[2]], metric="accuracy", baseline_mean=0.8)
    assert "Recall rises for rain (" in text
    assert "wind" not in text
    assert "(3 labels were looked at, and p corrected for that.)" in text
    nothing = verdict_text([CLEAR], [lucky, LABELS[2]], metric="accuracy", baseline_mean=0.8)
    assert "Of 2 labels looked at, none changes beyond what chance explains." in nothing


def test_undecided_advises_what_shrinks_the_largest_share() -> None:
    advice = " ".join(advice_for(facts()))
    assert "test on more clips: more seeds would show little more" in advice
    assert "dog (30 %)" in advice
    assert "rain" not in advice
    assert "try --seeds 5." in " ".join(advice_for(facts(settings=EvaluationSettings(seeds=2))))
    assert "test on more clips" in " ".join(advice_for(facts(num_folds=1)))
    seeds = {**POWER, "shares": {"folds": 0.0, "seeds": 0.8, "clips": 0.2}}
    assert "try --seeds 10." in " ".join(advice_for(facts(power=seeds)))
    folds = {**POWER, "shares": {"folds": 0.6, "seeds": 0.1, "clips": 0.3}}
    assert "more --folds" in " ".join(advice_for(facts(power=folds)))
    assert "Not one answer changed" in " ".join(advice_for(facts(power={})))


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
