"""What a run would have to download, known before it starts."""

from __future__ import annotations

from menura.backends.registry import load_generator, paths_in
from menura.backends.several import pending
from menura.backends.weights.hub import Download, downloads_of
from menura.backends.weights.names import find_weights
from menura.config import RunSettings
from menura.recipes.registry import get_recipe

__all__ = ["listener_downloads", "pending_downloads"]

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
    heard = listener_downloads(settings.judge.encoder, settings.prompts.captioner, text_model=settings.judge.text_model)
    return list(dict.fromkeys([*pending(generator), *heard]))


def listener_downloads(*names: str, text_model: str | None = None) -> list[Download]:
    """The same for encoders and captioners (``KIND:PATH``, several with ``+`` between) and for a text model."""
    paths = [path for name in names for path in paths_in(name)]
    paths += [] if text_model is None else [text_model.removeprefix("clap:")]
    return downloads_of(find_weights(path) for path in paths)
