"""What a run would have to download, known before it starts."""

from __future__ import annotations

from menura.backends.registry import load_generator, paths_in
from menura.backends.several import pending
from menura.backends.weights.hub import Download, downloads_of
from menura.backends.weights.names import find_weights
from menura.config import RunSettings
from menura.recipes.registry import get_recipe

__all__ = ["encoder_downloads", "pending_downloads"]

_ANY_RATE = 16_000
"""Some generators ask for one to be built; it moves nothing that is downloaded."""


def pending_downloads(settings: RunSettings) -> list[Download]:
    """Weights that a run of these settings would download: of generators, encoder, text model and captioner.

    Nothing is loaded, and nothing is downloaded. Empty where all are folders or in the local cache.

    Raises:
        BackendError: Something is not here, and ``HF_HUB_OFFLINE=1`` forbids to download it; or a generator cannot be
            built.
    """
    settings = get_recipe(settings.recipe).defaults(settings)
    generator = load_generator(settings.generator, sample_rate=settings.sample_rate or _ANY_RATE)
    names = [settings.judge.encoder, settings.prompts.captioner]
    if settings.judge.text_model is not None:
        names.append(f"clap:{settings.judge.text_model.removeprefix('clap:')}")
    return list(dict.fromkeys([*pending(generator), *encoder_downloads(*names)]))


def encoder_downloads(*names: str) -> list[Download]:
    """The same for encoders and whatever else is named ``KIND:PATH``, several with ``+`` between."""
    return downloads_of(find_weights(path) for name in names for path in paths_in(name))
