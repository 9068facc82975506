"""Losses over pairs of embeddings."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

__all__ = ["Objective", "align_uniform", "alignment", "nt_xent", "pair_loss", "uniformity"]

Objective = Literal["nt_xent", "align_uniform", "masked", "nt_xent+masked"]


def alignment(first: Tensor, second: Tensor, *, alpha: float = 2.0) -> Tensor:
    """``mean ||x - y||^alpha``; 0 when both sounds of every pair have one embedding.

    Args:
        first, second: Embeddings of unit length, ``[pairs, dim]``.
        alpha: Exponent, > 0.

    Source:
        Wang and Isola 2020, arXiv:2005.10242, section 4.
    """
    apart: Tensor = (first - second).norm(dim=1)
    return apart.pow(alpha).mean()


def uniformity(embeddings: Tensor, *, t: float = 2.0) -> Tensor:
    """``log mean_{i<j} exp(-t ||x_i - x_j||^2)``; the lower, the more evenly they cover the sphere.

    Args:
        embeddings: Of unit length, ``[sounds, dim]``, at least two.
        t: Sharpness, > 0.

    Source:
        Wang and Isola 2020, arXiv:2005.10242, section 4.
    """
    squared = torch.pdist(embeddings).square()
    return torch.logsumexp(-t * squared, 0) - torch.log(squared.new_tensor(float(len(squared))))


def align_uniform(first: Tensor, second: Tensor) -> Tensor:
    """``alignment + (uniformity(first) + uniformity(second)) / 2`` of embeddings ``[pairs, dim]`` of any length.

    Source:
        Cherep and Singh 2024, arXiv:2406.05923: alpha 2, t 2, weights 1 and 1.
    """
    first, second = normalize(first, dim=1), normalize(second, dim=1)
    return alignment(first, second) + (uniformity(first) + uniformity(second)) / 2


def nt_xent(first: Tensor, second: Tensor, *, temperature: float = 0.1) -> Tensor:
    """Cross-entropy of finding the other sound of the pair among all sounds of the batch, by cosine similarity.

    Args:
        first, second: Embeddings of any length, ``[pairs, dim]``.
        temperature: > 0; smaller looks more at near misses.

    Source:
        Chen et al. 2020, arXiv:2002.05709, equation 1.
    """
    both = normalize(torch.cat([first, second]), dim=1)
    similarity = both @ both.T / temperature
    similarity = similarity.masked_fill(torch.eye(len(both), dtype=torch.bool, device=both.device), -torch.inf)
    partner = torch.arange(len(both), device=both.device).roll(len(first))
    return cross_entropy(similarity, partner)


def pair_loss(objective: Objective, first: Tensor, second: Tensor) -> Tensor:
    """The loss over pairs that is part of the objective, of embeddings ``[pairs, dim]``."""
    return align_uniform(first, second) if objective == "align_uniform" else nt_xent(first, second)
