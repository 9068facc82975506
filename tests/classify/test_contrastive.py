from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from menura.classify import contrastive
from menura.classify.contrastive import ContrastiveClassifier, children_of
from menura.classify.supervised_contrast import supervised_contrastive_loss
from menura.classify.training import TrainingSettings
from menura.errors import ConfigError

SMALL = TrainingSettings(batch_size=8)


def _by_loops(embeddings, shares, temperature):
    """Equation 2 of the paper, item by item, in float64."""
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    losses = []
    for i in range(len(unit)):
        others = [a for a in range(len(unit)) if a != i]
        positives = [p for p in others if shares(i, p)]
        total = sum(np.exp(unit[i] @ unit[a] / temperature) for a in others)
        if positives:
            terms = [np.log(np.exp(unit[i] @ unit[p] / temperature) / total) for p in positives]
            losses.append(-np.mean(terms))
    return np.mean(losses) if losses else 0.0


@settings(max_examples=40, deadline=None)
@given(
    labels=st.lists(st.integers(0, 3), min_size=2, max_size=12),
    temperature=st.floats(0.05, 2),
    seed=st.integers(0, 99),
)
def test_the_loss_is_that_of_the_paper(labels, temperature, seed):
    embeddings = np.random.default_rng(seed).standard_normal((len(labels), 5))
    loss = supervised_contrastive_loss(torch.from_numpy(embeddings), torch.tensor(labels), temperature)
    expected = _by_loops(embeddings, lambda i, p: labels[i] == labels[p], temperature)
    assert float(loss) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_items_with_several_labels_belong_together_when_they_share_one():
    targets = np.array([[1, 1, 0], [0, 1, 1], [0, 0, 1], [1, 0, 0], [0, 0, 0]], np.float32)
    embeddings = np.random.default_rng(0).standard_normal((5, 4))
    loss = supervised_contrastive_loss(torch.from_numpy(embeddings), torch.from_numpy(targets), 0.2)
    expected = _by_loops(embeddings, lambda i, p: bool(targets[i] @ targets[p]), 0.2)
    assert float(loss) == pytest.approx(expected)


def test_with_one_positive_each_it_is_the_loss_of_simclr():
    embeddings = torch.from_numpy(np.random.default_rng(0).standard_normal((8, 6)))
    unit = torch.nn.functional.normalize(embeddings, dim=1)
    logits = (unit @ unit.T / 0.1).fill_diagonal_(-torch.inf)
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor([4, 5, 6, 7, 0, 1, 2, 3]))
    loss = supervised_contrastive_loss(embeddings, torch.arange(4).repeat(2))
    torch.testing.assert_close(loss, expected)


def test_it_falls_when_clips_of_one_label_move_together_and_rises_when_labels_do():
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.randn(8, 6, generator=generator)
    labels = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])
    centres = torch.stack([embeddings[labels == label].mean(dim=0) for label in labels])
    together = 0.5 * embeddings + 0.5 * centres
    mixed = 0.5 * embeddings + 0.5 * embeddings.flip(0)
    before, apart, confused = (
        float(supervised_contrastive_loss(each, labels)) for each in (embeddings, together, mixed)
    )
    assert apart < before < confused


def test_no_two_of_a_label_give_nothing_to_learn_and_nonsense_is_refused():
    embeddings = torch.randn(3, 4, requires_grad=True)
    loss = supervised_contrastive_loss(embeddings, torch.arange(3))
    loss.backward()
    assert loss.item() == 0
    assert float(embeddings.grad.abs().sum()) == 0
    with pytest.raises(ConfigError, match="temperature is 0"):
        supervised_contrastive_loss(embeddings, torch.arange(3), 0.0)
    with pytest.raises(ConfigError, match="3 embeddings and 2 labels"):
        supervised_contrastive_loss(embeddings, torch.arange(2))


@pytest.fixture
def with_children(bands):
    """Four real clips of each label, three of which have one to three children."""
    real = bands(num_frames=32)
    children, groups, rows = [], [], []
    for i, count in enumerate((1, 2, 3, 0, 1, 2, 3, 0)):
        for number in range(count):
            children.append(real.features[i] + np.float32(0.1 * number))
            groups.append(real.groups[i] if number else (real.groups[i], "another"))
            rows.append(i)
    return replace(
        real,
        features=[*real.features, *children],
        targets=np.concatenate([real.targets, real.targets[rows]]),
        weights=np.ones(8 + len(rows)),
        groups=[*real.groups, *groups],
        is_real=np.arange(8 + len(rows)) < 8,
    ), rows


def test_children_are_those_of_the_source_and_the_label(with_children):
    training, rows = with_children
    expected = {i: tuple(8 + n for n, row in enumerate(rows) if row == i) for i in range(8)}
    assert children_of(training) == expected
    other_label = replace(training, targets=np.concatenate([training.targets[:8], training.targets[8:, ::-1]]))
    assert set(children_of(other_label).values()) == {()}


def test_a_label_without_real_clips_is_shown_by_its_synthetic_ones(with_children):
    training, _ = with_children
    half = replace(training, is_real=training.is_real & (training.targets[:, 0] > 0))
    shown = children_of(half)
    assert sorted(shown) == sorted([0, 1, 2, 3, *np.flatnonzero(training.targets[:, 1] > 0).tolist()])
    assert all(shown[i] == () for i in shown if i > 3)


def test_a_batch_holds_real_clips_and_four_views_each_of_their_own_children(with_children):
    training, rows = with_children
    clips = [np.full((4, 8), i, np.float32) for i in range(len(training))]
    classifier = ContrastiveClassifier(8000, SMALL)
    for (batch,), targets in classifier._views(training, clips, 8, 3, np.random.default_rng(0)):
        assert batch.shape[0] == 24 * 5
        seen = batch.amax(dim=(1, 2)).numpy().astype(int).reshape(5, 24)
        np.testing.assert_array_equal(targets.numpy(), training.targets[np.tile(seen[0], 5)])
        for column in seen.T:
            own = [8 + n for n, row in enumerate(rows) if row == column[0]]
            assert sorted(set(column[1:])) == (own or [column[0]])  # three children at most: all are seen
        is_masked = (batch == 0).any(dim=2).any(dim=1).numpy().reshape(5, 24) & (seen > 0)
        assert not is_masked[0].any()
        assert not is_masked[1:][:, seen[0] % 4 != 3].any()
        assert is_masked[1:][:, (seen[0] % 4 == 3)].any()


def test_bands_are_told_apart(with_children, bands):
    training = with_children[0]
    fitted = ContrastiveClassifier(8000, SMALL).fit(training, validation=None, steps=36, seed=0)
    test = bands(seed=1, num_frames=32)
    predicted = fitted.predict(test.features)
    assert (predicted.argmax(axis=1) == test.targets.argmax(axis=1)).all()
    assert np.array_equal(np.concatenate([fitted.predict([one]) for one in test.features]), predicted)


def test_both_stages_share_the_steps_and_the_second_trains_the_head_alone(bands, monkeypatch):
    taken, networks = [], []
    for name in ("optimise", "train"):
        inner = getattr(contrastive, name)

        def counted(*given, inner=inner, **named):
            taken.append(named["steps"])
            network = inner(*given, **named)
            networks.append({key: value.clone() for key, value in network.network.state_dict().items()})
            return network

        monkeypatch.setattr(contrastive, name, counted)
    classifier = ContrastiveClassifier(8000, SMALL)
    classifier.fit(bands(num_frames=32), validation=None, steps=7, seed=0)
    assert taken == [5, 2]
    changed = {key for key in networks[0] if not torch.equal(networks[0][key], networks[1][key])}
    assert changed == {"head.weight", "head.bias"}
    taken.clear()
    classifier.fit(bands(num_frames=32), validation=None, steps=1, seed=0)
    assert taken == [1]


def test_the_same_seed_gives_the_same_bits_and_several_labels_are_decided_one_by_one(with_children):
    training = replace(with_children[0], multilabel=True, augment=True)
    classifier = ContrastiveClassifier(8000, SMALL)
    first, again, other = (
        classifier.fit(training, validation=None, steps=3, seed=seed).predict(training.features) for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.allclose(first.sum(axis=1), 1)
