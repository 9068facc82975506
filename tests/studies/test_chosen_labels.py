"""Which labels synthetic clips serve, by inner folds that keep sources together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from menura.classify.base import TrainingExamples
from menura.studies.arms import Example
from menura.studies.chosen_labels import ServedLabel, inner_folds, served_labels

LABELS = ("a", "b", "c")


@dataclass
class Nearest:
    """Votes for the label of the nearest example, and remembers what it learned from."""

    learned: list[TrainingExamples]
    name: str = "nearest"
    feature_fingerprint: str = "0"

    def fit(self, training: TrainingExamples, *, validation: None, steps: int, seed: int) -> Nearest:
        self.learned.append(training)
        return self

    def predict(self, features: list[NDArray[np.float32]]) -> NDArray[np.float64]:
        known = self.learned[-1]
        near = [int(np.argmin([np.abs(one - other).sum() for other in known.features])) for one in features]
        return np.asarray(known.targets[near], dtype=np.float64)


def example(name: str, label: str, source: str, origin: str = "real") -> Example:
    return Example(name, (label,), (source,), origin)


def world() -> tuple[list[Example], list[Example], dict[str, NDArray[np.float32]]]:
    """Real clips of a at 0, b at 10 and once at 20, c at 30, 21 and once near a; synthetic b at 20, c near a."""
    real, made, features = [], [], {}
    for number in range(4):
        for label, place in (("a", 0.0), ("b", 10.0 if number else 20.0), ("c", 30.0 if number > 1 else 21.0)):
            name = f"{label}{number}"
            real.append(example(name, label, f"source {name}"))
            features[name] = np.array([place + 0.1 * number], dtype=np.float32)
    real.append(example("c4", "c", "source c4"))
    features["c4"] = np.array([-0.5], dtype=np.float32)
    for name, label, place in (("near", "b", 20.0), ("rescue", "c", -0.4), ("wrong", "c", 0.05), ("too", "c", 0.25)):
        made.append(example(name, label, f"synthetic {name}", "synthetic"))
        features[name] = np.array([place], dtype=np.float32)
    return real, made, features


def test_a_label_is_chosen_where_its_clips_are_found_and_not_where_they_take_those_of_others() -> None:
    real, made, features = world()
    found = served_labels(Nearest([]), real, made, features, LABELS, steps=1, seed=0, multilabel=False)
    assert [one.label for one in found] == list(LABELS)
    by_label = {one.label: one for one in found}
    assert by_label["b"].chosen
    assert by_label["b"].with_synthetic > by_label["b"].without
    assert not by_label["c"].chosen, "one of its clips is found, and all of a are taken"
    assert by_label["a"].with_synthetic < by_label["a"].without


def test_nothing_of_the_source_that_is_looked_at_is_learned_from() -> None:
    real, _, features = world()
    children = [example(f"child of {one.id}", one.labels[0], one.sources[0], "synthetic") for one in real]
    features |= {child.id: features[child.id.removeprefix("child of ")] for child in children}
    classifier = Nearest([])
    served_labels(classifier, real, children, features, LABELS, steps=1, seed=0, multilabel=False)
    folds = inner_folds(real, seed=0)
    assert len(classifier.learned) == 2 * len(folds)
    for fold, with_children in zip(folds, classifier.learned[1::2], strict=True):
        held = {real[place].sources for place in fold}
        assert not held & set(with_children.groups)
        assert len(with_children) == 2 * (len(real) - len(fold))


def test_inner_folds_hold_every_clip_once_and_spread_labels() -> None:
    real = [example(f"{label}{n}", label, f"{label} {n // 2}") for label in LABELS for n in range(8)]
    folds = inner_folds(real, seed=3)
    assert sorted(place for fold in folds for place in fold) == list(range(len(real)))
    for fold in folds:
        assert {real[place].labels[0] for place in fold} == set(LABELS)
        sources = {real[place].sources for place in fold}
        assert all(sum(real[place].sources == source for place in fold) == 2 for source in sources)
    backwards = real[::-1]
    names = {frozenset(real[place].id for place in fold) for fold in folds}
    assert names == {frozenset(backwards[place].id for place in fold) for fold in inner_folds(backwards, seed=3)}


def test_one_source_is_not_enough_to_validate_on() -> None:
    real = [example("x", "a", "one"), example("y", "b", "one")]
    assert inner_folds(real, seed=0) == []
    assert served_labels(Nearest([]), real, [], {}, LABELS, steps=1, seed=0, multilabel=False) == ()


@pytest.mark.parametrize(("without", "with_them", "probability", "chosen"), [
    (0.5, 0.6, -0.1, True), (0.6, 0.5, 0.1, False), (0.5, 0.5, 0.01, True), (0.5, 0.5, 0.0, False),
])  # fmt: skip
def test_equal_f1_is_decided_by_probability(without: float, with_them: float, probability: float, chosen: bool) -> None:
    assert ServedLabel("a", without, with_them, probability).chosen is chosen
