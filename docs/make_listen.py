"""The sounds, pictures and players of docs/listen.md, made by Menura from its own procedural sounds.

``mkdocs build`` makes them through docs/site_hooks.py, so the page always sounds like the code beside it, and no sound
is kept in the repository. ``python docs/make_listen.py FOLDER`` writes them to a folder; twice gives the same bytes.

MP3 because every browser plays it, as in the report: Safari plays FLAC only since version 11, and Opus in Ogg only
since 18.4. Each file is tagged as synthetic, as the clips of a run are.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from menura import __version__, datasets
from menura.audio import decode, encode
from menura.audio.picture import png, spectrogram_levels
from menura.backends.base import Generator
from menura.backends.registry import load_encoder, load_generator
from menura.config import GeneratorSettings, JudgeSettings
from menura.datasets import Dataset
from menura.datasets.demo import make_demo_dataset
from menura.generate.synth_params import SynthParams
from menura.judge.panel import JudgePanel
from menura.seeding import item_generator
from menura.synth import Sounds, Synthesizer, doppelgangers, draw_sounds, voice_named
from menura.synth.captions import captions
from menura.types import Candidate, Clip, Recording, Request, Waveform

__all__ = ["Player", "figures", "make", "sections"]

RATE = 16000
_PEAK = 0.7
_TRIES = 60
_TAGS = {"comment": "synthetic=true; generated audio, not a recording", "genre": "synthetic"}


@dataclass(frozen=True, slots=True)
class Player:
    """A sound of the page: what it is called, what is said of it, and its samples ``[1, samples]``."""

    name: str
    title: str
    note: str
    waveform: Waveform


def make(folder: Path) -> dict[str, list[list[Player]]]:
    """Writes ``NAME.mp3`` and ``NAME.png`` of each player; gives the rows of players of each section."""
    folder.mkdir(parents=True, exist_ok=True)
    made = sections()
    for player in (player for rows in made.values() for row in rows for player in row):
        peak = float(np.max(np.abs(player.waveform)))
        heard = Recording((player.waveform * (_PEAK / max(peak, 1e-6))).astype(np.float32), RATE)
        tags = {**_TAGS, "title": f"{player.title}, Menura {__version__}"}
        encode(heard, folder / f"{player.name}.mp3", container="MP3", subtype="MPEG_LAYER_III", tags=tags)
        (folder / f"{player.name}.png").write_bytes(png(spectrogram_levels(heard)))
    return made


def figures(rows: list[list[Player]]) -> str:
    """The players of a section as HTML; files are named from where the page is."""
    return "\n".join(f'<div class="sounds">{"".join(map(_figure, row))}</div>' for row in rows)


def sections() -> dict[str, list[list[Player]]]:
    """Rows of players by the name of the section. Drawn by seed; nobody picked the good ones."""
    with tempfile.TemporaryDirectory() as folder:
        make_demo_dataset(Path(folder) / "sounds", seed=0, clips_per_label=(5, 1))
        dataset = datasets.load(Path(folder) / "sounds")
        world = _World(dataset)
        return {
            "strengths": [_strengths(world, label) for label in ("chirp", "bell", "footsteps")],
            "two-parents": [_two_parents(world, "chirp")],
            "backgrounds": [_mixed(world), _synthesized(world)],
            "scenes": [list(_scenes())],
            "doppelgangers": [list(_pairs("voice", 3)), list(_pairs("scene", 1))],
            "rejected": [_copied(world), *_lost(world, 2)],
        }


class _World:
    """The training clips of the demo, and the judges that were calibrated on them."""

    def __init__(self, dataset: Dataset) -> None:
        self.clips: dict[str, list[Clip]] = {}
        for clip in sorted(dataset.train.clips, key=lambda clip: clip.path):
            self.clips.setdefault(clip.labels[0], []).append(clip)
        self._recordings = {clip.id: decode(clip.path) for clip in dataset.train.clips}
        encoder = load_encoder(JudgeSettings().encoder)
        self.panel = JudgePanel.calibrate(dataset.train, JudgeSettings(), self.recording, encoder=encoder, seed=0)

    def recording(self, clip_id: str) -> Recording:
        return self._recordings[clip_id]

    def parent(self, clip: Clip, role: str = "parent") -> Player:
        """A training clip as it is."""
        return Player(Path(clip.path).stem, clip.labels[0], role, self.recording(clip.id).waveform)

    def child(self, generator: Generator, parents: list[Clip], key: str, **changed: Any) -> Candidate:
        """What a generator makes of these parents, with numbers drawn by ``key``, some of them ``changed``."""
        params = {**generator.draw(parents, item_generator(0, "listen", key)), **changed}
        request = Request(
            parents[0].labels, generator.fingerprint, parents=tuple(clip.id for clip in parents), params=params,
            seed_key=("listen", key),
        )  # fmt: skip
        return generator.generate([request], self.recording)[0]


def _resynth(delta: float | None = None) -> Generator:
    return load_generator(GeneratorSettings(delta=delta), sample_rate=RATE)


def _strengths(world: _World, label: str) -> list[Player]:
    parent = world.clips[label][0]
    row = [world.parent(parent)]
    for delta in (0.2, 0.5, 1.0):
        child = world.child(_resynth(delta), [parent], label)
        row.append(Player(f"{label}-{delta:g}", label, f"child at delta {delta:g}", child.waveform))
    return row


def _two_parents(world: _World, label: str) -> list[Player]:
    one, other = world.clips[label][1:3]
    child = world.child(_resynth(), [one, other], f"{label} and {label}")
    return [world.parent(one, "first parent"), world.parent(other, "second parent"),
            Player(f"{label}-both", label, "child of both", child.waveform)]  # fmt: skip


def _mixed(world: _World) -> list[Player]:
    event, behind = world.clips["bell"][1], world.clips["rain"][0]
    generator = load_generator(GeneratorSettings(name="mix"), sample_rate=RATE)
    child = world.child(generator, [event, behind], "mix", snr_db=12.0)
    return [world.parent(event), world.parent(behind, "background"),
            Player("bell-over-rain", "bell", "a child of the bell over the rain, 12 dB louder than it, where it sounds",
                   child.waveform)]  # fmt: skip


def _synthesized(world: _World) -> list[Player]:
    parent, row = world.clips["chirp"][3], [world.parent(world.clips["chirp"][3])]
    generator = load_generator(GeneratorSettings(name="synth"), sample_rate=RATE)
    for kind, said in (("background", "the same before a synthetic scene"), ("layers", "the same under soft events")):
        key = next(
            key for key in (f"{kind} {k}" for k in range(_TRIES))
            if SynthParams.from_params(generator.draw([parent], item_generator(0, "listen", key))).kind == kind
        )  # fmt: skip
        child = world.child(generator, [parent], key)
        row.append(Player(f"chirp-{kind}", "chirp", f"{said}: {child.facts['synthetic']}", child.waveform))
    return row


def _scenes() -> Iterator[Player]:
    synthesizer = Synthesizer(voice_named("scene"), duration_s=2.5, sample_rate=RATE)
    sounds = draw_sounds(synthesizer.space, seed=0, keys=range(3))
    for number, words in enumerate(captions(sounds, duration_s=2.5)):
        yield Player(f"scene-{number}", f"scene {number + 1}", words, _rendered(synthesizer, sounds)[number])


def _pairs(voice: str, count: int) -> Iterator[Player]:
    synthesizer = Synthesizer(voice_named(voice), duration_s=1.5, sample_rate=RATE)
    for number, delta in zip(range(count), (0.05, 0.25, 0.5), strict=False):
        sounds = draw_sounds(synthesizer.space, seed=1, keys=[number])
        for side, twin in zip("ab", doppelgangers(sounds, delta=delta, seed=1, keys=[number]), strict=True):
            yield Player(
                f"{voice}-{number}{side}", f"{voice} {number + 1}{side}", f"one of a pair at delta {delta:g}",
                _rendered(synthesizer, twin)[0],
            )  # fmt: skip


def _rendered(synthesizer: Synthesizer, sounds: Sounds) -> list[Waveform]:
    waveforms: NDArray[np.float32] = synthesizer.render(sounds).detach().numpy()
    return [waveform[None] for waveform in waveforms]


def _copied(world: _World) -> list[Player]:
    """A copy that somebody would call new: half as loud, a tenth of a second later, with a little noise."""
    parent = world.clips["siren"][0]
    shifted = 0.5 * np.roll(world.recording(parent.id).waveform, RATE // 10, axis=1)
    noise = 0.001 * item_generator(0, "listen", "copy").standard_normal(shifted.shape)
    child = world.child(_resynth(), [parent], "copy")
    copy = replace(child, waveform=(shifted + noise).astype(np.float32))
    return [world.parent(parent), _judged(world, copy, "siren-copy", "a copy, later, softer and with noise")]


def _lost(world: _World, count: int) -> Iterator[list[Player]]:
    """The first children at full strength that the judges throw out, of labels that are hard."""
    generator, found = _resynth(1.0), 0
    for number in range(_TRIES):
        label = ("clock", "keyboard")[found % 2]
        parent = world.clips[label][number % 5]
        child = world.child(generator, [parent], f"lost {number}")
        if world.panel.score(child).reason and found < count:
            found += 1
            yield [world.parent(parent), _judged(world, child, f"{label}-lost-{number}", "child at delta 1")]


def _judged(world: _World, candidate: Candidate, name: str, said: str) -> Player:
    reason = world.panel.score(candidate).reason
    assert reason, f"the judges pass {name}; choose another"
    return Player(
        name, f"{candidate.request.labels[0]}, rejected", f"{said}. Thrown out: “{reason}”", candidate.waveform
    )


def _figure(player: Player) -> str:
    title, note = escape(player.title), escape(player.note)
    seconds = f"{player.waveform.shape[1] / RATE:.1f} s"
    return (
        f'<figure><img src="{player.name}.png" width="200" height="72" loading="lazy" alt="Spectrogram of {title}, '
        f'{note}, {seconds}, 0 to {RATE // 2000} kHz"><audio controls preload="metadata" src="{player.name}.mp3" '
        f'aria-label="{title}: {note}"></audio><figcaption><strong>{title}</strong>: {note}</figcaption></figure>'
    )


if __name__ == "__main__":
    for section, rows in make(Path(sys.argv[1] if len(sys.argv) > 1 else "listen")).items():
        for row in rows:
            print(section, *(f"\n  {player.name}: {player.title}, {player.note}" for player in row))
