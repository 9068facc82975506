"""What a command says before it downloads anything."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from menura.config import RunSettings

__all__ = ["announce_downloads", "announce_encoder"]


def announce_downloads(settings: RunSettings) -> None:
    """Say on standard error which weights a run would download; nothing where all are here.

    Raises:
        BackendError: Something is not here, and ``HF_HUB_OFFLINE=1`` forbids to download it.
    """
    from menura.recipes.downloads import pending_downloads

    for download in pending_downloads(settings):
        sys.stderr.write(f"{download}\n")


def announce_encoder(name: str) -> None:
    """The same for an encoder alone."""
    from menura.recipes.downloads import encoder_downloads

    for download in encoder_downloads(name):
        sys.stderr.write(f"{download}\n")
