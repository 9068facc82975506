"""Text for a small model: words as bags of hashed letters, which need no vocabulary, and a short transformer.

A word is the mean of the vectors of itself and of its runs of three and four letters, each found by a hash. Words that
were never met get vectors of their own, near those that they share letters with.

Source:
    Bojanowski et al. 2017, "Enriching word vectors with subword information", arXiv:1607.04606.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor, nn

__all__ = ["HashedText", "word_features"]

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?", re.UNICODE)
_SIZES = (3, 4)


@lru_cache(maxsize=65_536)
def word_features(word: str, buckets: int) -> tuple[int, ...]:
    """Buckets of a word and of its runs of letters, the ends marked.

    Args:
        word: In small letters.
        buckets: How many there are.
    """
    marked = f"<{word}>"
    runs = [marked[i : i + size] for size in _SIZES for i in range(len(marked) - size + 1)]
    hashes = [hashlib.blake2b(run.encode(), digest_size=8).digest() for run in [marked, *runs]]
    return tuple(int.from_bytes(one) % buckets for one in hashes)


class HashedText(nn.Module):
    """Texts to a vector for each word.

    Args:
        width: Of a vector.
        buckets: Rows of the table.
        words: Most words of a text; the rest is not read.
        layers: Of the transformer.
        heads: Of its attention.
    """

    def __init__(self, width: int, *, buckets: int = 8192, words: int = 32, layers: int = 2, heads: int = 4) -> None:
        super().__init__()
        self.config = {"width": width, "buckets": buckets, "words": words, "layers": layers, "heads": heads}
        self.table = nn.EmbeddingBag(buckets, width, mode="mean")
        self.places = nn.Parameter(0.1 * torch.randn(words, width))
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.last = nn.LayerNorm(width)

    @property
    def words(self) -> int:
        """Most words of a text."""
        return self.config["words"]

    def forward(self, texts: Sequence[str]) -> Tensor:
        """Vectors ``[texts, words, width]``; zeros behind the end of a text, and of one without a word."""
        read = [_WORD.findall(text.lower())[: self.words] for text in texts]
        filled = torch.tensor([[place < len(words) for place in range(self.words)] for words in read])
        filled = filled.reshape(len(read), self.words).to(self.places.device)
        features = [word_features(word, self.config["buckets"]) for words in read for word in words]
        table = self.table.weight
        known = table.new_zeros(len(read), self.words, table.shape[1])
        if features:
            ends = torch.tensor([0, *map(len, features)]).cumsum(0)[:-1].to(table.device)
            bags = torch.tensor([number for one in features for number in one]).to(table.device)
            known = known.masked_scatter(filled[..., None], self.table(bags, ends).to(known.dtype))
        filled_or_first = filled.clone()
        filled_or_first[:, 0] = True  # attention over nothing has no mean
        seen = self.layers(known + self.places, src_key_padding_mask=~filled_or_first)
        read_out: Tensor = self.last(seen) * filled[..., None]
        return read_out
