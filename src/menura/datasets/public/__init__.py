"""Public datasets as data: address, checksum, licence, and how their own files say folds and groups."""

from __future__ import annotations

from menura.datasets.public.record import Layout, PublicSet
from menura.datasets.public.registry import PUBLIC_SETS, place_of, public_set, recognise

__all__ = ["PUBLIC_SETS", "Layout", "PublicSet", "place_of", "public_set", "recognise"]
