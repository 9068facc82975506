from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from menura.backends.clap import ClapScorer
from menura.backends.clap_training import contrastive_loss, finetune_clap
from menura.errors import ConfigError, RunError

TEXTS = ["Sound of rain", "Sound of a siren"]


def test_training_lowers_the_loss_changes_the_weights_and_is_repeatable(
    clap_folder: Path, tiny: ModuleType, tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    clips = [tiny.noise(0), tiny.noise(1), tiny.tone(700), tiny.tone(900)]
    texts = [TEXTS[0]] * 2 + [TEXTS[1]] * 2
    told = {"steps": 8, "batch": 4, "learning_rate": 3e-3, "device": "cpu"}
    losses = finetune_clap(str(clap_folder), clips, texts, out=tmp_path / "one", **told)
    assert losses[-1] < losses[0] - 0.05
    before, after = (load_file(folder / "model.safetensors") for folder in (clap_folder, tmp_path / "one"))
    assert before.keys() == after.keys()
    still = {name for name in before if tiny.torch.equal(before[name], after[name])}
    assert {name for name in still if not _rests(name)} == set()
    finetune_clap(str(clap_folder), clips, texts, out=tmp_path / "two", **told)
    for name, weight in load_file(tmp_path / "two" / "model.safetensors").items():
        assert tiny.torch.equal(weight, after[name]), name
    tuned, plain = ClapScorer(str(tmp_path / "one")), ClapScorer(str(clap_folder))
    assert tuned.fingerprint != plain.fingerprint
    gain = [scorer.similarity(clips, TEXTS) @ np.array([1, -1]) * [1, 1, -1, -1] for scorer in (plain, tuned)]
    assert gain[1].mean() > gain[0].mean()


def _rests(name: str) -> bool:
    """Statistics of batch normalisation, tables that nothing reads, and biases of keys, to which attention is blind."""
    return name.endswith(("running_mean", "running_var", "num_batches_tracked", "relative_position_index", "_ids")) or (
        ".key.bias" in name
    )


def test_a_batch_with_one_clip_a_text_has_the_loss_of_clap(tiny: ModuleType) -> None:
    torch = tiny.torch
    torch.manual_seed(0)
    logits = torch.randn(5, 5)
    matched = torch.eye(5, dtype=torch.bool)
    cross_entropy = torch.nn.functional.cross_entropy
    expected = (cross_entropy(logits, torch.arange(5)) + cross_entropy(logits.T, torch.arange(5))) / 2
    torch.testing.assert_close(contrastive_loss(logits, logits.T, matched), expected)


def test_two_clips_of_one_text_do_not_push_each_other_away(tiny: ModuleType) -> None:
    """However the text shares itself between its two clips, the loss is the same; a pairwise loss would forbid it."""
    torch = tiny.torch
    right = torch.tensor([[True, False], [True, False], [False, True]])
    high = torch.tensor([[9.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
    assert contrastive_loss(high, high.T, right) < 0.001


def test_what_cannot_be_learned_is_refused(clap_folder: Path, tiny: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="two different ones at least"):
        finetune_clap(str(clap_folder), [tiny.noise(0)], TEXTS[:1], out=tmp_path / "new")
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(RunError, match="is not empty"):
        finetune_clap(str(clap_folder), [tiny.noise(0), tiny.tone(440)], TEXTS, out=tmp_path)
