"""What the searches for a policy found, over all folds and seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from menura.types import Finding

__all__ = ["policies_of", "policy_findings"]


def policies_of(units: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    """The policy of each fold and seed, for the protocol; empty where none was searched for."""
    found = [
        {"fold": unit["fold"], "seed": unit["seed"], **{key: unit["policy"][key] for key in _KEPT}}
        for unit in units
        if "policy" in unit
    ]
    return {"policies": found} if found else {}


_KEPT = ("found", "score", "score_without")


def policy_findings(units: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """A note that says what the policies are made of and how they did on validation clips; none without a search."""
    searches = [unit["policy"] for unit in units if "policy" in unit]
    if not searches:
        return []
    used = Counter(step["name"] for search in searches for step in search["found"])
    scores = [100 * float(np.mean([search[key] for search in searches])) for key in ("score", "score_without")]
    named = ", ".join(f"{name} {count}" for name, count in sorted(used.items(), key=lambda item: (-item[1], item[0])))
    return [
        Finding(
            "policy_found",
            "note",
            f"the policies of {len(searches)} searches have a score of {scores[0]:.1f} % on held-out training clips, "
            f"the real clips alone {scores[1]:.1f} %; picked by that score, theirs is too high. Made of: {named}",
            details={"operations": dict(used)},
        )
    ]
