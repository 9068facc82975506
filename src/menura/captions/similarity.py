"""How alike two captions are, and a quota for those that say the same again."""

from __future__ import annotations

from collections.abc import Sequence

from menura.captions.words import content_words

__all__ = ["distinct_captions", "overlap"]


def overlap(one: str, other: str) -> float:
    """Share of the content words of two texts that both have (Jaccard), in [0, 1]; order and inflection do not count.

    Example:
        >>> overlap("Dogs barking in a park", "a dog barks in the park"), overlap("rain", "wind")
        (1.0, 0.0)
    """
    first, second = set(content_words(one)), set(content_words(other))
    return len(first & second) / len(first | second) if first | second else 1.0


def distinct_captions(
    captions: Sequence[str], *, max_overlap: float, quota: int = 1, before: Sequence[str] = ()
) -> list[int]:
    """Which captions stay: a caption goes when ``quota`` captions that overlap with it more are kept already.

    Args:
        captions: In the order in which they are considered; the first of two alike stays.
        max_overlap: Two captions with a greater :func:`overlap` are near-duplicates; equal ones always are.
        quota: How many captions of one neighbourhood may stay.
        before: Captions that were kept earlier and count, too.

    Returns:
        Places in ``captions``, ascending.
    """
    kept: list[str] = list(before)
    places: list[int] = []
    for place, caption in enumerate(captions):
        words = content_words(caption)
        alike = sum(content_words(other) == words or overlap(caption, other) > max_overlap for other in kept)
        if alike < quota:
            kept.append(caption)
            places.append(place)
    return places
