"""The trained encoder that comes with Menura. It has never heard a recording; its model card is in docs/encoders.md."""

from __future__ import annotations

from pathlib import Path

from menura.encoders.learned import LearnedEncoder

__all__ = ["SHA256", "WEIGHTS", "ScenesEncoder"]

WEIGHTS = Path(__file__).with_name("weights") / "scenes.safetensors"
SHA256 = "c5276e2f604ddb42803c81794e42df71461d66cdc25e0e7b98b3fda9cc15a267"


class ScenesEncoder(LearnedEncoder):
    """A small network trained on procedural scenes alone, no recording among them; comes with Menura.

    Raises:
        BackendError: The file of weights is missing or damaged; install Menura again.
    """

    name = "scenes"

    def __init__(self) -> None:
        super().__init__(WEIGHTS)
