"""The text that a model of sounds and texts compares with a recording, for each label of a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from menura.backends.language.grammar import PhraseGrammar
from menura.captions.cards import prepare_cards
from menura.captions.templates import sound_of
from menura.config import Domain

__all__ = ["label_texts"]


def label_texts(
    labels: Sequence[str], *, domain: Domain = "environment", cards: str | Path | None = None
) -> dict[str, str]:
    """Label to ``Sound of …``, with the phrase of its card where a person has written one, else by rule.

    No language model is asked, and no file is written.

    Args:
        labels: As published.
        domain: Of the dataset; "yes" is a word that is said, where sounds are speech.
        cards: File of label cards, if there is one.

    Raises:
        ConfigError: The file is not TOML, a card in it is of an unknown label or wrong, or a label has no word.

    Example:
        >>> label_texts(["church_bells", "Airplane", "hour_chime"])["Airplane"]
        'Sound of an airplane'
        >>> label_texts(["yes"], domain="speech")
        {'yes': 'Sound of a person saying "yes"'}
    """
    path = Path(cards) if cards is not None else None
    drafted = prepare_cards(labels, model=PhraseGrammar(), domain=domain, seed=0, path=path, keep=False)
    return {label: sound_of(card) for label, card in drafted.items()}
