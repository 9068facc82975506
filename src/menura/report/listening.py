"""Pairs to listen to: each synthetic clip beside the real clips that it came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from menura.errors import AudioError
from menura.pipeline.run import Ancestor
from menura.report import words
from menura.report.embedding_map import LabelColour
from menura.report.material import Child, Sound
from menura.report.media import Media, sound_media

__all__ = ["Family", "Listening", "Player", "Studio"]

_MAX_PARAMS = 40


@dataclass(frozen=True, slots=True)
class Player:
    """One clip with picture and sound."""

    anchor: str
    clip_id: str
    role: str
    label: str
    origin: str
    detail: str
    note: str
    media: Media

    @property
    def spoken(self) -> str:
        """What a screen reader says of it."""
        return f"{self.origin} clip of {self.label}, {self.detail}"


@dataclass(frozen=True, slots=True)
class Family:
    """A synthetic clip beside its parents."""

    label: str
    colour: str
    child: Player
    parents: tuple[Player, ...]
    scores: tuple[tuple[str, str], ...]
    params: tuple[tuple[str, str], ...]
    reason: str
    prompt: str
    lineage: tuple[Ancestor, ...]


@dataclass(frozen=True, slots=True)
class Listening:
    """The families of one section."""

    families: tuple[Family, ...]
    labels: tuple[str, ...]


@dataclass
class Studio:
    """Turns clips into players, each file once, and counts what could not be read.

    Attributes:
        colours: Colour of each label.
        unreadable: Paths that could not be read.
        anchors: Ids of the clips that have a player.
    """

    colours: Mapping[str, LabelColour]
    unreadable: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    _media: dict[str, Media | None] = field(default_factory=dict)

    def listening(self, children: Iterable[Child]) -> Listening:
        """The families that can be heard, in order."""
        families = tuple(family for child in children if (family := self._family(child)) is not None)
        return Listening(families, tuple(dict.fromkeys(family.label for family in families)))

    def _family(self, child: Child) -> Family | None:
        player = self._player(child.sound, "synthetic")
        if player is None:
            return None
        parents = [self._player(sound, role) for sound, role in zip(child.parents, _roles(child), strict=True)]
        colour = self.colours.get(child.sound.label)
        return Family(
            label=child.sound.label,
            colour=colour.colour if colour else "",
            child=player,
            parents=tuple(parent for parent in parents if parent is not None),
            scores=tuple((name.replace("_", " "), f"{value:.3g}") for name, value in child.scores.items()),
            params=tuple(words.flatten(child.params).items())[:_MAX_PARAMS],
            reason=child.reason,
            prompt=child.prompt,
            lineage=child.lineage,
        )

    def _player(self, sound: Sound, role: str) -> Player | None:
        media = self._media_of(sound.path)
        if media is None:
            return None
        anchor = "" if sound.clip_id in self.anchors else f"clip-{sound.clip_id}"
        self.anchors.add(sound.clip_id)
        length = words.duration(media.duration_s)
        if media.excerpt_s < media.duration_s - 0.05:
            length = f"{words.duration(media.excerpt_s)} of {length}"
        note = ", ".join(filter(None, (sound.group and f"group {sound.group}", sound.licence)))
        detail = f"{length}, up to {words.hertz(media.top_hz)}"
        return Player(anchor, sound.clip_id, role, sound.label, sound.origin, detail, note, media)

    def _media_of(self, path: str) -> Media | None:
        if path not in self._media:
            try:
                self._media[path] = sound_media(path)
            except AudioError:
                self._media[path] = None
                self.unreadable.append(path)
        return self._media[path]


def _roles(child: Child) -> list[str]:
    """What each parent gave; one of another label lent its background alone."""
    voices = sum(parent.label == child.sound.label for parent in child.parents)
    names = [f"parent {k}" if voices > 1 else "parent" for k in range(1, len(child.parents) + 1)]
    return [
        name if parent.label == child.sound.label else "background"
        for name, parent in zip(names, child.parents, strict=True)
    ]
