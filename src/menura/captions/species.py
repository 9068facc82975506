"""Names of species: the common one, the scientific one, and labels that hold both."""

from __future__ import annotations

import re
from dataclasses import dataclass

from menura.captions.words import label_words, set_of

__all__ = ["SpeciesName", "species_name"]

_LATIN = re.compile(
    r"(us|um|is|ae|ii|ens|ensis|oides|ops|ix|ax|ula|ella|ica|ina|ana|ata|osa|atra|ea|ia|ola|aria|ura|alba|ista|ra|ta|la|da)$"
)
_ENGLISH = set_of(
    "camera caracara cicada chinchilla galah gorilla hippopotamus hyena ibis iguana impala jacana kea koala llama "
    "mantis minivet myna octopus panda platypus puma rhea sora walrus zebra orca drosophila tuatara cuscus ani "
    "albatross grouse grosbeak avocet vireo euphonia tanager mynah"
)


@dataclass(frozen=True, slots=True)
class SpeciesName:
    """What a species is called.

    Attributes:
        common: Name in English, lower case but for proper adjectives; empty when only the other one is known.
        scientific: Genus and epithet, the genus with a capital; empty when unknown.
    """

    common: str
    scientific: str

    @property
    def name(self) -> str:
        """The common name, or the scientific one where there is no other."""
        return self.common or self.scientific


def species_name(label: str) -> SpeciesName:
    """Both names of a species from a label.

    Understands ``Superb Lyrebird (Menura novaehollandiae)``, ``Menura novaehollandiae_Superb Lyrebird`` (BirdNET),
    ``menura_novaehollandiae`` and a common name alone.

    Example:
        >>> species_name("Turdus merula_Eurasian Blackbird")
        SpeciesName(common='Eurasian blackbird', scientific='Turdus merula')
    """
    bracketed = re.fullmatch(r"\s*([^()]+?)\s*\(([^()]+)\)\s*", label)
    if bracketed:
        first, second = bracketed.groups()
        if _is_scientific(first) and not _is_scientific(second):
            first, second = second, first
        return SpeciesName(label_words(first), _scientific(second))
    before, _, after = label.partition("_")
    if after and " " in before and _is_scientific(before):
        return SpeciesName(label_words(after), _scientific(before))
    if _is_scientific(label):
        return SpeciesName("", _scientific(label))
    return SpeciesName(label_words(label), "")


def _is_scientific(text: str) -> bool:
    """Two or three words, all but the first in lower case, with Latin endings."""
    words = text.replace("_", " ").split()
    if len(words) not in (2, 3) or not all(re.fullmatch(r"[A-Za-z-]+", word) for word in words):
        return False
    epithets = words[1:]
    return all(word.islower() and word not in _ENGLISH and bool(_LATIN.search(word)) for word in epithets)


def _scientific(text: str) -> str:
    words = text.replace("_", " ").split()
    return " ".join([word.capitalize() for word in words[:1]] + [word.lower() for word in words[1:]])
