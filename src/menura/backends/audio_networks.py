"""Networks that are trained on with a head for labels: a pretrained encoder, how its frames become one, the head."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn

__all__ = ["EncoderWithHead", "Summary"]

Summary: TypeAlias = Literal["own", "tokens", "layers"]
"""How an encoder's frames become one vector: its own summary, the mean of the last, or of an average of all layers."""


class EncoderWithHead(nn.Module):
    """An encoder of transformers, a summary of its frames, normalisation, a linear layer with a score for each label.

    Args:
        encoder: With its pretrained weights, whose names and sizes are its configuration's.
        num_labels: Scores to give.
        summary: ``own`` takes ``pooler_output`` (AST: the mean of its two summary tokens); ``tokens`` the mean over the
            last layer; ``layers`` the mean over a learned average of the embedding and all layers.
        transposed: Whether the encoder wants ``[frames, mels]`` where it is given ``[mels, frames]``.
        trains_encoder: Whether the encoder learns too; else it stays as it is, and in evaluation mode.

    Source:
        The head is AST's: Gong et al. 2021, arXiv:2104.01778. ``tokens`` after SSAST: Gong et al. 2022,
        arXiv:2110.09784. ``layers`` after SUPERB: Yang et al. 2021, arXiv:2105.01051.
    """

    def __init__(
        self, encoder: Any, num_labels: int, *, summary: Summary, transposed: bool, trains_encoder: bool
    ) -> None:
        super().__init__()
        width = int(encoder.config.hidden_size)
        self.encoder: nn.Module = encoder
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, num_labels)
        self.layers = (
            nn.Parameter(torch.zeros(int(encoder.config.num_hidden_layers) + 1)) if summary == "layers" else None
        )
        self._summary, self._transposed, self._trains_encoder = summary, transposed, trains_encoder
        self._given = str(encoder.main_input_name)
        if not trains_encoder:
            encoder.requires_grad_(False)

    def train(self, mode: bool = True) -> EncoderWithHead:
        """Training or evaluation mode; an encoder that does not learn stays in evaluation mode."""
        super().train(mode)
        if not self._trains_encoder:
            self.encoder.eval()
        return self

    def forward(self, batch: Tensor, heard: Tensor) -> Tensor:
        """Scores ``[items, labels]``.

        Args:
            batch: ``[items, mels, frames]`` or ``[items, samples]``.
            heard: ``[items]`` in (0, 1]: how much of each is no padding.
        """
        given = batch.transpose(1, 2) if self._transposed else batch
        output = self.encoder(**{self._given: given}, output_hidden_states=self._summary == "layers")
        scores: Tensor = self.head(self.norm(self._one_vector(output, heard)))
        return scores

    def _one_vector(self, output: Any, heard: Tensor) -> Tensor:
        if self._summary == "own":
            own: Tensor = output.pooler_output
            return own
        if self.layers is None:
            tokens: Tensor = output.last_hidden_state
            return tokens.mean(dim=1)
        stacked = torch.stack(tuple(output.hidden_states))
        frames = torch.einsum("l,lifd->ifd", torch.softmax(self.layers, 0), stacked)
        counted = torch.ceil(heard * frames.shape[1] - 1e-4).clamp_min(1)[:, None]
        is_sound = torch.arange(frames.shape[1], device=frames.device)[None] < counted
        return (frames * is_sound[..., None]).sum(dim=1) / counted
