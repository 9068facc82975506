"""What is known of the published models before anything is downloaded."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PUBLISHED", "PublishedModel", "size_in_words"]


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """Sizes and needs of one generator's published weights.

    Attributes:
        path: Hub name of the weights that are taken when none are named; None where the person has to name a folder.
        pipeline: Class that ``model_index.json`` or ``config.json`` must name.
        sample_rate: Of the model, in Hz.
        channels: Of the model.
        window_s: Longest clip in seconds; None where there is no limit but the memory.
        parameters_millions: Of all parts together, or of the denoiser alone.
        needs: In words: access, memory, conversion.
        others: Further weights that the same generator takes by ``model.path``.
        counts_all: Whether all parts are counted.
    """

    path: str | None
    pipeline: str
    sample_rate: int
    channels: int
    window_s: float | None
    parameters_millions: int
    needs: str = ""
    others: tuple[str, ...] = ()
    counts_all: bool = True


PUBLISHED: dict[str, PublishedModel] = {
    "stable-audio": PublishedModel(
        "stabilityai/stable-audio-open-1.0", "StableAudioPipeline", 44_100, 2, 47.55, 1323,
        "accept the licence on the Hub and log in; about 3 GB in float16, 6 GB in float32",
    ),
    "stable-audio-3": PublishedModel(
        "stabilityai/stable-audio-3-medium", "StableAudio3Pipeline", 44_100, 2, 384.0, 1453,
        "weights in the layout of diffusers; the licence accepted on the Hub",
        ("stabilityai/stable-audio-3-medium-base",), counts_all=False,
    ),
    "audioldm2": PublishedModel(
        "cvssp/audioldm2", "AudioLDM2Pipeline", 16_000, 1, None, 1078,
        "about 2.5 GB in float16; best near 10 s",
        ("cvssp/audioldm2-large", "cvssp/audioldm2-music"),
    ),
    "musicgen": PublishedModel(
        "facebook/musicgen-small", "MusicgenForConditionalGeneration", 32_000, 1, 30.0, 590,
        "about 2.5 GB in float32",
        ("facebook/musicgen-medium", "facebook/musicgen-large", "facebook/musicgen-stereo-small"),
    ),
    "audiogen": PublishedModel(
        None, "MusicgenForConditionalGeneration", 16_000, 1, 10.0, 2200,
        "a folder converted from facebook/audiogen-medium by `menura models convert-audiogen`",
    ),
    "text-to-audio": PublishedModel(
        None, "any diffusers pipeline that takes prompt and a duration", 0, 0, None, 0,
        "a folder or Hub name in model.path",
    ),
    "menura-mini": PublishedModel(
        None, "MenuraMini", 16_000, 1, 30.0, 9, "a folder that `menura train-generator` made",
    ),
    "spectrogram-diffusion": PublishedModel(
        "teticio/audio-diffusion-ddim-256", "AudioDiffusionPipeline", 22_050, 1, None, 114,
        "music; `menura diffusion train` makes one of your own clips",
    ),
}  # fmt: skip


def size_in_words(path: str) -> str:
    """About how large the published weights of that name are; empty where that is not known here."""
    for known in PUBLISHED.values():
        if known.path == path and known.parameters_millions:
            least = "about" if known.counts_all else "more than"
            return f"{least} {4 * known.parameters_millions / 1000:.1f} GB in float32"
    return ""
