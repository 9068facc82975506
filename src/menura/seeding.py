"""Random state and identity from content: equal keys give equal streams, equal records give equal ids.

Randomness belongs to the item and not to the moment, so that clip 17 is the same whether it is made first,
last, alone, in a batch or after a restart.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

__all__ = ["canonical_json", "content_hash", "item_generator", "item_seed"]


def canonical_json(value: object) -> str:
    """JSON text of ``value`` with sorted keys and no spaces: one text for equal values.

    Args:
        value: Anything JSON holds; dataclasses, tuples and mappings are turned into lists and objects, single numbers
            of NumPy and torch into plain ones.

    Raises:
        TypeError: The value holds something that JSON cannot express.
        ValueError: The value holds NaN or infinity.

    Example:
        >>> canonical_json({"b": (1, 2), "a": None})
        '{"a":null,"b":[1,2]}'
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_as_json
    )


def content_hash(value: object, *, length: int = 16) -> str:
    """First ``length`` hexadecimal digits of the SHA-256 of ``canonical_json(value)``.

    Example:
        >>> content_hash({"a": 1}) == content_hash({"a": 1})
        True
    """
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:length]


def item_seed(seed: int, *key: str | int) -> int:
    """A 128-bit seed of one item, from the seed of the run and the key of the item."""
    digest = hashlib.sha256(json.dumps([seed, *key]).encode()).digest()
    return int.from_bytes(digest[:16], "big")


def item_generator(seed: int, *key: str | int) -> np.random.Generator:
    """Random generator of one item. Equal keys give equal streams, whatever the order, batch or process.

    Example:
        >>> item_generator(0, "rain", 3).integers(100) == item_generator(0, "rain", 3).integers(100)
        np.True_
    """
    import numpy as np

    return np.random.default_rng(item_seed(seed, *key))


def _as_json(value: Any) -> Any:
    """What JSON has no notion of: dataclasses, other mappings than ``dict``, other sequences than lists and tuples, and
    single numbers of NumPy or torch."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): item for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return list(value)
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} {value!r} cannot be expressed in JSON")
