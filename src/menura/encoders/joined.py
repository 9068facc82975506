"""Several encoders side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from menura.errors import ConfigError
from menura.seeding import content_hash
from menura.types import Recording

if TYPE_CHECKING:
    from menura.backends.base import Encoder

__all__ = ["JoinedEncoder"]


class JoinedEncoder:
    """The embeddings of several encoders, one after the other; their scales differ, so standardise them.

    Args:
        parts: The encoders, at least one.

    Raises:
        ConfigError: There is none.
    """

    def __init__(self, parts: Sequence[Encoder]) -> None:
        if not parts:
            raise ConfigError("no encoder is named, expected one or several with + between")
        self.parts = tuple(parts)
        self.name = "+".join(part.name for part in parts)
        self.sample_rate = max(part.sample_rate for part in parts)
        self.dim = sum(part.dim for part in parts)

    @property
    def fingerprint(self) -> str:
        """Changes with any of the parts and with their order."""
        return content_hash([part.fingerprint for part in self.parts])

    def embed(self, recordings: Sequence[Recording]) -> NDArray[np.float32]:
        """Embeddings ``[len(recordings), dim]``."""
        return np.concatenate([part.embed(recordings) for part in self.parts], axis=1)
