"""A sound as a JSON file: voice, length, rates, and every parameter by name in its unit; a scene with its caption."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from menura.errors import ConfigError
from menura.records import parse_json
from menura.synth.captions import caption
from menura.synth.render import Sounds, Synthesizer
from menura.synth.scenes import SceneDesign
from menura.synth.voices import Design

__all__ = ["from_patch", "load_patch", "save_patch", "to_patch"]

_FIELDS = ("voice", "duration_s", "sample_rate", "control_rate", "noise_seed", "parameters")
_CAPTION = "caption"


def to_patch(synthesizer: Synthesizer, sounds: Sounds, position: int = 0) -> dict[str, Any]:
    """One of the sounds as JSON holds it; a scene is told in words too."""
    parameters = synthesizer.space.as_patch(sounds.parameters[position])
    is_scene = isinstance(synthesizer.design, SceneDesign)
    words = {_CAPTION: caption(parameters, duration_s=synthesizer.duration_s)} if is_scene else {}
    return {
        **words,
        "voice": asdict(synthesizer.design),
        "duration_s": synthesizer.duration_s,
        "sample_rate": synthesizer.sample_rate,
        "control_rate": synthesizer.control_rate,
        "noise_seed": int(sounds.noise_seeds[position]),
        "parameters": parameters,
    }


def from_patch(patch: Mapping[str, Any]) -> tuple[Synthesizer, Sounds]:
    """Undoes :func:`to_patch`: the synthesizer, and the sound alone.

    Parameters that are not named lie in the middle of their range; a caption is not looked at.

    Raises:
        ConfigError: An entry is missing, unknown or impossible.
    """
    missing, unknown = sorted(set(_FIELDS) - set(patch)), sorted(set(patch) - {*_FIELDS, _CAPTION})
    if missing or unknown:
        raise ConfigError(f"a patch has the entries {', '.join(_FIELDS)}; missing: {missing}, unknown: {unknown}")
    voice, noise_seed = patch["voice"], patch["noise_seed"]
    if not isinstance(voice, Mapping) or not isinstance(patch["parameters"], Mapping) or type(noise_seed) is not int:
        raise ConfigError("a patch needs objects under voice and parameters, and an integer under noise_seed")
    try:
        is_scene = dict(voice) == asdict(SceneDesign())
        design = SceneDesign() if is_scene else Design(**{**voice, "sources": tuple(voice["sources"])})
        synthesizer = Synthesizer(design, patch["duration_s"], patch["sample_rate"], patch["control_rate"])
    except (TypeError, KeyError, ValueError, OverflowError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"the voice of a patch cannot be built: {error}") from error
    parameters = synthesizer.space.from_patch(patch["parameters"])
    return synthesizer, Sounds(parameters[None], torch.tensor([noise_seed]))


def save_patch(synthesizer: Synthesizer, sounds: Sounds, position: int, path: Path) -> None:
    """Writes one of the sounds."""
    path.write_text(json.dumps(to_patch(synthesizer, sounds, position), indent=1) + "\n", encoding="utf-8")


def load_patch(path: Path) -> tuple[Synthesizer, Sounds]:
    """Reads what :func:`save_patch` wrote.

    Raises:
        ConfigError: The file is missing, no JSON, or no patch.
    """
    try:
        patch = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read as a patch: {error}") from error
    if not isinstance(patch, dict):
        raise ConfigError(f"{path} holds no JSON object, expected a patch as `menura synth draw` writes it")
    return from_patch(patch)
