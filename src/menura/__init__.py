"""Menura grows small labelled audio datasets with synthetic clips and proves whether they help.

>>> import menura
>>> dataset = menura.datasets.load("my_sounds/")                                    # doctest: +SKIP
>>> run = menura.augment(dataset.train, recipe="resynth", times=3, out="runs/first")  # doctest: +SKIP
>>> result = menura.evaluate(dataset, run, seeds=5)                                 # doctest: +SKIP
>>> print(result.verdict)                                                           # doctest: +SKIP

Importing the package loads neither numpy nor torch: the names below are resolved on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from menura import audio, datasets
    from menura.recipes.augment import augment
    from menura.studies.evaluate import evaluate
    from menura.studies.score import score

__version__ = "0.1.0"
__all__ = ["__version__", "audio", "augment", "datasets", "evaluate", "score"]

_LAZY = {
    "audio": ("menura.audio", None),
    "datasets": ("menura.datasets", None),
    "augment": ("menura.recipes.augment", "augment"),
    "evaluate": ("menura.studies.evaluate", "evaluate"),
    "score": ("menura.studies.score", "score"),
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'menura' has no attribute {name!r}")
    module_name, attribute = _LAZY[name]
    module = importlib.import_module(module_name)
    return module if attribute is None else getattr(module, attribute)


def __dir__() -> list[str]:
    return sorted(__all__)
