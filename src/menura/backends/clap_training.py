"""A CLAP model that goes on learning from a few labelled clips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from menura.backends.clap import ClapScorer
from menura.backends.windows import windows_of
from menura.errors import ConfigError, RunError
from menura.seeding import item_generator
from menura.types import Recording

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["contrastive_loss", "finetune_clap"]


def finetune_clap(
    path: str,
    recordings: Sequence[Recording],
    texts: Sequence[str],
    *,
    out: Path,
    steps: int = 100,
    batch: int = 8,
    learning_rate: float = 1e-5,
    seed: int = 0,
    device: str = "auto",
    on_step: Callable[[int], None] | None = None,
) -> list[float]:
    """Train a CLAP model on clips and the texts of their labels, and save it as safetensors.

    Each step draws clips and one window of each, by seed and step alone. Clips of one text in a batch are all right for
    it, see :func:`contrastive_loss`. Dropout and the statistics of batch normalisation rest: the clips are few.

    A judge with this model must not be calibrated on the same clips, whose cosines are too high by now.

    Args:
        path: Model to begin with, as for :class:`menura.backends.clap.ClapScorer`.
        recordings: Training clips, and never test clips.
        texts: Text of each.
        out: New folder for the model.
        steps: Optimiser steps (AdamW).
        batch: Clips in each step.
        learning_rate: Of AdamW.
        seed: Of everything drawn.
        device: As for the scorer.
        on_step: Called after each step with how many are done.

    Returns:
        The loss of each step.

    Raises:
        ConfigError: There are fewer than two texts, or not one for each recording.
        RunError: ``out`` is not empty.
    """
    import torch

    if len(recordings) != len(texts) or len(set(texts)) < 2:
        raise ConfigError(
            f"{len(recordings)} recordings and {len(texts)} texts, {len(set(texts))} of them different; expected one "
            "text for each recording, and two different ones at least"
        )
    if out.exists() and any(out.iterdir()):
        raise RunError(f"{out} is not empty; give a new folder for the model")
    scorer = ClapScorer(path, device=device)
    model: Any = scorer.model
    optimiser = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=0.0)
    cut = [windows_of(one, sample_rate=scorer.sample_rate, window_s=scorer.window_s) for one in recordings]
    losses = []
    for step in range(steps):
        chosen, windows = _drawn(cut, min(batch, len(cut)), seed=seed, step=step)
        names = sorted({texts[row] for row in chosen})
        right = torch.tensor([[texts[row] == name for name in names] for row in chosen], device=model.device)
        output = model(**scorer.front_end(windows), **scorer.tokens(names))
        loss: Any = contrastive_loss(output.logits_per_audio, output.logits_per_text, right)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
        if on_step is not None:
            on_step(step + 1)
    scorer.save(out)
    return losses


def contrastive_loss(per_audio: Tensor, per_text: Tensor, right: Tensor) -> Tensor:
    """Symmetric cross-entropy between clips and texts, where several clips may be right for one text.

    ``(mean_a -log p(text of a | a) + mean_t -log sum_{a right for t} p(a | t)) / 2``; with one clip a text it is the
    loss that CLAP was trained with.

    Args:
        per_audio: Scaled cosines, ``[clips, texts]``.
        per_text: The same with the scale of the texts, ``[texts, clips]``.
        right: Which text belongs to which clip, one each, ``[clips, texts]``.

    Source:
        Wu et al. 2023 (arXiv:2211.06687), equation 1; the sum over the right clips is ours, because labels repeat.
    """
    of_texts = per_audio.log_softmax(1).masked_fill(~right, -np.inf).logsumexp(1)
    of_clips = per_text.log_softmax(1).masked_fill(~right.T, -np.inf).logsumexp(1)
    return -(of_texts.mean() + of_clips.mean()) / 2


def _drawn(
    cut: Sequence[Sequence[NDArray[np.float32]]], batch: int, *, seed: int, step: int
) -> tuple[list[int], list[NDArray[np.float32]]]:
    """Clips of a step and a window of each."""
    draw = item_generator(seed, "finetune_clap", step)
    chosen = [int(row) for row in draw.choice(len(cut), batch, replace=False)]
    return chosen, [cut[row][int(draw.integers(len(cut[row])))] for row in chosen]
