"""Whether the person forbids connections to other machines."""

from __future__ import annotations

import os

__all__ = ["VARIABLE", "is_offline"]

VARIABLE = "MENURA_OFFLINE"


def is_offline() -> bool:
    """Whether ``MENURA_OFFLINE`` is set to anything but nothing or 0."""
    return os.environ.get(VARIABLE, "") not in ("", "0")
