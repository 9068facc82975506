"""What a command says before it downloads anything."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from menura.cli.terminal import visible

if TYPE_CHECKING:
    from menura.config import RunSettings

__all__ = ["announce_downloads", "announce_listeners"]


def announce_downloads(settings: RunSettings) -> None:
    """Say on standard error which weights a run would download; nothing where all are here.

    Raises:
        BackendError: Something is not here, and ``HF_HUB_OFFLINE=1`` forbids to download it.
    """
    from menura.recipes.downloads import pending_downloads

    for download in pending_downloads(settings):
        sys.stderr.write(visible(f"{download}\n"))


def announce_listeners(*encoders: str, text_model: str | None) -> None:
    """The same for encoders, pretrained classifiers and a text model alone."""
    from menura.recipes.downloads import listener_downloads

    for download in listener_downloads(*encoders, text_model=text_model):
        sys.stderr.write(visible(f"{download}\n"))
