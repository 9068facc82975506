"""How varied the prompts of each style are, on the 50 labels of ESC-50, without a language model.

    python benchmarks/prompt_diversity.py [--prompts 8] [--seed 0] [--data ESC50]

For every label ``--prompts`` prompts of each style are made from the phrase grammar. Figures are means over the
labels; the vocabulary is that of all labels together. MixCap and the style ``caption`` start from captions of real
clips: with ``--data``, what the acoustic captioner says of the first clips of each label, otherwise captions from the
label alone.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar, get_args

os.environ.setdefault("OMP_NUM_THREADS", "1")

from pydantic import BaseModel

import menura.datasets
from menura.audio import decode
from menura.backends.base import Question
from menura.captions import AcousticCaptioner, caption_clips, prepare_cards, prepare_prompts, prompt_for, text_diversity
from menura.captions.diversity import vocabulary
from menura.captions.plain import label_captions_question
from menura.config import PromptSettings, PromptStyle
from menura.seeding import item_generator

LABELS = (
    "airplane breathing brushing_teeth can_opening car_horn cat chainsaw chirping_birds church_bells clapping "
    "clock_alarm clock_tick coughing cow crackling_fire crickets crow crying_baby dog door_wood_creaks "
    "door_wood_knock drinking_sipping engine fireworks footsteps frog glass_breaking hand_saw helicopter hen insects "
    "keyboard_typing laughing mouse_click pig pouring_water rain rooster sea_waves sheep siren sneezing snoring "
    "thunderstorm toilet_flush train vacuum_cleaner washing_machine water_drops wind"
)
CLIPS = 4

AnswerT = TypeVar("AnswerT", bound=BaseModel)


class Grammar:
    """The phrase grammar as a language model."""

    name = "grammar"
    fingerprint = "grammar"

    def answer(self, question: Question[AnswerT], *, seed: int) -> AnswerT:
        """What the question itself has to offer."""
        return question.offline(item_generator(seed, question.name, *(message.text for message in question.messages)))


def main() -> None:
    """Print a table of the figures, one row a style."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=8, help="prompts for each label")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything that is drawn")
    parser.add_argument("--data", help="folder or name of ESC-50")
    asked = parser.parse_args()
    labels = LABELS.split()
    captions = _heard(labels, asked.data) if asked.data else _told(labels, seed=asked.seed)
    print("| style | different prompts | words | vocabulary | distinct-1 | distinct-2 | self-BLEU | overlap |")
    print("|---|---|---|---|---|---|---|---|")
    rows: dict[str, PromptSettings] = {style: PromptSettings(style=style) for style in get_args(PromptStyle)}
    rows["scene, place alone"] = PromptSettings(style="scene", slots=("place",))
    for name, settings in rows.items():
        print(_row(name, settings, labels, captions, count=asked.prompts, seed=asked.seed))


def _row(
    name: str,
    settings: PromptSettings,
    labels: Sequence[str],
    captions: Mapping[str, Mapping[str, str]],
    *,
    count: int,
    seed: int,
) -> str:
    material = prepare_prompts(labels, settings, model=Grammar(), domain="environment", seed=seed, captions=captions)
    texts = {
        label: [
            prompt_for(material[label], settings, generator=item_generator(seed, label, n), place=n).text
            for n in range(count)
        ]
        for label in labels
    }
    found = [text_diversity(told) for told in texts.values()]
    num_words = vocabulary([text for told in texts.values() for text in told])
    figures = [
        f"{sum(getattr(one, figure) for one in found) / len(labels):.2f}"
        for figure in ("distinct_1", "distinct_2", "self_bleu", "mean_overlap")
    ]
    unique = sum(one.num_unique for one in found) / len(labels)
    length = sum(one.mean_words for one in found) / len(labels)
    return f"| {name} | {unique:.1f} of {count} | {length:.1f} | {num_words} | {' | '.join(figures)} |"


def _told(labels: Sequence[str], *, seed: int) -> dict[str, dict[str, str]]:
    """Four captions of each label from the label alone, in place of captions of clips."""
    cards = prepare_cards(labels, model=Grammar(), domain="environment", seed=seed)
    settings = PromptSettings(captions_per_clip=CLIPS)
    return {
        label: {
            f"clip {n}": text
            for n, text in enumerate(
                Grammar()
                .answer(label_captions_question(cards[label], domain="environment", settings=settings), seed=seed)
                .captions
            )
        }
        for label in labels
    }


def _heard(labels: Sequence[str], data: str) -> dict[str, dict[str, str]]:
    """What the acoustic captioner says of the first four clips of each label."""
    clips = menura.datasets.load(data).clips
    chosen = [clip for label in labels for clip in [one for one in clips if one.labels == (label,)][:CLIPS]]
    told = caption_clips(chosen, captioner=AcousticCaptioner(), recording_of=lambda clip: decode(Path(clip.path)))
    return {label: {clip.id: told[clip.id] for clip in chosen if clip.labels == (label,)} for label in labels}


if __name__ == "__main__":
    main()
