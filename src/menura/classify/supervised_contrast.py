"""Supervised contrast: clips of one label shall lie together, and clips of different labels apart."""

from __future__ import annotations

import torch
from torch import Tensor

from menura.errors import ConfigError

__all__ = ["supervised_contrastive_loss"]


def supervised_contrastive_loss(embeddings: Tensor, labels: Tensor, temperature: float = 0.1) -> Tensor:
    """Mean over the items of ``-mean_p log(exp(z_i z_p / t) / sum_a exp(z_i z_a / t))``.

    ``z`` are embeddings of unit length, ``p`` runs over the other items that share a label with item ``i``, ``a`` over
    all other items. An item that shares a label with none has no part in the mean. With one ``p`` for each item it is
    the loss of SimCLR (NT-Xent).

    Args:
        embeddings: ``[items, dim]`` of any length but 0; brought to unit length here.
        labels: Label ids ``[items]``, or ``[items, labels]`` of zeros and ones where an item may have several.
        temperature: > 0; lower looks harder at what is near.

    Returns:
        One number; 0, with zero gradients, where no two items share a label.

    Raises:
        ConfigError: The temperature is not positive, or there are not as many labels as embeddings.

    Source:
        Khosla et al. 2020, arXiv:2004.11362, equation 2 (``L_out``).
    """
    if not temperature > 0:
        raise ConfigError(f"temperature is {temperature}, expected a number > 0")
    if len(labels) != len(embeddings):
        raise ConfigError(
            f"{len(embeddings)} embeddings and {len(labels)} labels, expected as many of one as of the other"
        )
    unit = torch.nn.functional.normalize(embeddings, dim=1)
    itself = torch.eye(len(unit), dtype=torch.bool, device=unit.device)
    logits = (unit @ unit.T / temperature).masked_fill(itself, -torch.inf)
    log_share = (logits - torch.logsumexp(logits, dim=1, keepdim=True)).masked_fill(itself, 0.0)
    same = (labels[:, None] == labels[None] if labels.ndim == 1 else labels.float() @ labels.float().T > 0) & ~itself
    count = same.sum(dim=1)
    of_each = -(log_share * same).sum(dim=1) / count.clamp_min(1)
    return of_each.sum() / (count > 0).sum().clamp_min(1)
