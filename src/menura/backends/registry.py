"""Finds generators, encoders, captioners and language models by name: Menura's own, and others' by entry points.

Listing imports nothing: a backend is looked up by the text of its module. It is imported when it is loaded. A backend
module names what else must be installed in a constant, which the listing reads::

    REQUIRES = ("diffusers", "transformers")
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import entry_points
from inspect import getattr_static, signature
from pathlib import Path
from typing import Any, Literal, cast

from menura.backends.base import AudioTextScorer, Captioner, Encoder, Generator, LanguageModel, TrainableModel
from menura.config import GeneratorSettings, LanguageModelSettings
from menura.errors import BackendError, MenuraError

__all__ = [
    "Availability",
    "Group",
    "available",
    "by_path",
    "load_captioner",
    "load_encoder",
    "load_generator",
    "load_language_model",
    "load_scorer",
    "load_trainable",
    "names",
    "paths_in",
    "trainable_by_path",
]

Group = Literal["generators", "encoders", "classifiers", "captioners", "language_models"]

_WEIGHTS = ".safetensors"

_BUILT_IN: dict[Group, dict[str, str]] = {
    "generators": {
        "audiogen": "menura.backends.text_to_audio.musicgen:AudioGenGenerator",
        "audioldm2": "menura.backends.text_to_audio.audioldm2:AudioLDM2Generator",
        "menura-mini": "menura.backends.text_to_audio.mini:MiniGenerator",
        "mix": "menura.generate.mix:MixGenerator",
        "musicgen": "menura.backends.text_to_audio.musicgen:MusicGenGenerator",
        "resynth": "menura.generate.resynth:ResynthGenerator",
        "spectrogram-diffusion": "menura.backends.spectrogram_diffusion:SpectrogramDiffusion",
        "stable-audio": "menura.backends.text_to_audio.stable_audio:StableAudioGenerator",
        "stable-audio-3": "menura.backends.text_to_audio.stable_audio_3:StableAudio3Generator",
        "synth": "menura.generate.synth:SynthGenerator",
        "text-to-audio": "menura.backends.text_to_audio.generic:GenericGenerator",
        "worker": "menura.backends.worker.generator:WorkerGenerator",
    },
    "encoders": {
        "acoustic": "menura.encoders.acoustic:AcousticStatistics",
        "scenes": "menura.encoders.scenes:ScenesEncoder",
    },
    "classifiers": {},
    "captioners": {
        "acoustic": "menura.captions.acoustic:AcousticCaptioner",
        "transformers": "menura.backends.audio_captioner:TransformersCaptioner",
    },
    "language_models": {
        "chat": "menura.backends.chat:ChatModel",
        "grammar": "menura.backends.language.grammar:PhraseGrammar",
    },
}

_BY_PATH = {
    "clap": "menura.backends.clap:ClapEncoder",
    "transformers": "menura.backends.audio_models:TransformersEncoder",
}
"""Kinds of encoders that are asked for as ``KIND:PATH``, PATH being a folder or a name on the Hub."""

_TRAINABLE = {
    "ast": "menura.backends.trainable_audio:AstModel",
    "transformers": "menura.backends.trainable_audio:TransformersModel",
}
"""Kinds of models that classifiers train on, asked for in the same way."""

_GENERATOR_MEMBERS = ("name", "fingerprint", "parents_needed", "draw", "generate")
"""Of the protocol; asked for without evaluating any, as a fingerprint may have to read weights."""

_SCORER = "menura.backends.clap:ClapScorer"


@dataclass(frozen=True, slots=True)
class Availability:
    """What is known of a backend without importing it.

    Attributes:
        name: Name to ask for it by.
        group: ``generators``, ``encoders``, ``classifiers``, ``captioners``, ``language_models`` and the like.
        available: Whether all that it needs is installed.
        reason: Why it is not available; empty when it is.
        summary: First line of its documentation.
    """

    name: str
    group: str
    available: bool
    reason: str
    summary: str


def names(group: Group) -> tuple[str, ...]:
    """Names in the group, sorted."""
    return tuple(sorted(_references(group)))


def available(group: Group) -> list[Availability]:
    """All backends of the group by name, each with the reason if it cannot be used. Imports none of them."""
    return [_look_up(name, group, reference) for name, reference in sorted(_references(group).items())]


def load_generator(settings: GeneratorSettings, *, sample_rate: int | None = None) -> Generator:
    """The generator that the settings name, built with them; several in one where there is a ``+`` in the name.

    Args:
        settings: Name and settings of the generator.
        sample_rate: Rate of the clips to be made, in Hz, if its constructor asks for one; others follow the parents.

    Raises:
        BackendError: It is unknown, or cannot be imported or built; the message says what is installed.
    """

    parts = [_generator(part, sample_rate) for part in settings.parts]
    if len(parts) == 1:
        return parts[0]
    from menura.backends.several import SeveralGenerators

    return SeveralGenerators(parts)


def _generator(settings: GeneratorSettings, sample_rate: int | None) -> Generator:
    def make(factory: Any) -> Any:
        wants_rate = sample_rate is not None and "sample_rate" in signature(factory).parameters
        return factory(settings, sample_rate=sample_rate) if wants_rate else factory(settings)

    made = _build(settings.name, "generators", make)
    lacking = [member for member in _GENERATOR_MEMBERS if getattr_static(made, member, None) is None]
    if lacking and not hasattr(type(made), "__getattr__"):
        raise BackendError(
            f"generator '{settings.name}' cannot be used: {type(made).__name__} has no {', '.join(lacking)}; "
            f"expected {', '.join(_GENERATOR_MEMBERS)}"
        )
    return cast(Generator, made)


def by_path() -> list[Availability]:
    """Encoders of pretrained models, as ``KIND:PATH``, each with the reason if it cannot be used. Imports none."""
    return [_look_up(f"{kind}:PATH", "encoders", reference) for kind, reference in sorted(_BY_PATH.items())]


def trainable_by_path() -> list[Availability]:
    """Pretrained models that classifiers train on, as ``KIND:PATH``; as :func:`by_path` has it."""
    return [_look_up(f"{kind}:PATH", "classifiers", reference) for kind, reference in sorted(_TRAINABLE.items())]


def load_trainable(name: str, *, mean_of_tokens: bool = False, trains_encoder: bool = True) -> TrainableModel:
    """The pretrained model that a classifier trains on, ``ast:PATH`` or ``transformers:PATH``.

    Args:
        name: Kind and path, PATH being a folder or a name on the Hub.
        mean_of_tokens: Whether AST's head sees the mean of all tokens instead of its summary tokens.
        trains_encoder: Whether more than the head learns.

    Raises:
        BackendError: It is unknown, or cannot be imported or loaded.
    """
    kind, colon, path = name.partition(":")
    if not (colon and path and kind in _TRAINABLE):
        expected = " or ".join(f"{known}:PATH" for known in _TRAINABLE)
        raise BackendError(f"no pretrained model {name!r} to train on; expected {expected}")

    def make(factory: Any) -> Any:
        return factory(path, mean_of_tokens=mean_of_tokens, trains_encoder=trains_encoder)

    return cast(TrainableModel, _make("classifier", name, _TRAINABLE[kind], make))


def load_scorer(name: str) -> AudioTextScorer:
    """The audio-text scorer of a CLAP model: its folder or name on the Hub, with or without ``clap:`` before it.

    Raises:
        BackendError: It cannot be loaded; the message says why.
    """
    path = name.removeprefix("clap:")
    return cast(AudioTextScorer, _make("scorer", name, _SCORER, lambda factory: factory(path)))


def load_encoder(name: str) -> Encoder:
    """The encoder of that name, of a file or of a folder, or several with ``+`` between.

    Args:
        name: ``acoustic`` and the like; a trained one's file (``….safetensors``); or a pretrained model as
            ``clap:PATH`` or ``transformers:PATH``, PATH being a folder or a name on the Hub.

    Raises:
        BackendError: It is unknown, or cannot be imported or built; the message says what is installed.
    """
    parts = [_encoder(part) for part in name.split("+")]
    if len(parts) == 1:
        return parts[0]
    from menura.encoders.joined import JoinedEncoder

    return JoinedEncoder(parts)


def paths_in(name: str) -> list[str]:
    """Paths of pretrained models in the name of an encoder, captioner or classifier: ``PATH`` of each ``KIND:PATH``."""
    parts = [part.partition(":") for part in name.split("+")]
    return [path for kind, _, path in parts if (kind in _BY_PATH or kind in _TRAINABLE) and path]


def load_language_model(settings: LanguageModelSettings) -> LanguageModel:
    """The language model that the settings name; unnamed: behind the URL if there is one, else phrases.

    Raises:
        BackendError: It is unknown, or cannot be imported or built; the message says what is installed.
        ConfigError: Its settings do not go together, such as a key for an address that is not encrypted.
    """
    return cast(LanguageModel, _build(settings.backend_name, "language_models", lambda factory: factory(settings)))


def load_captioner(name: str) -> Captioner:
    """The captioner of that name, or ``NAME:PATH`` with the folder of its model.

    Raises:
        BackendError: It is unknown, or cannot be imported or built; the message says what is installed.
    """
    name, _, path = name.partition(":")
    return cast(Captioner, _build(name, "captioners", lambda factory: factory(path) if path else factory()))


def _encoder(name: str) -> Encoder:
    """One encoder; only a trained one brings torch with it."""
    kind, colon, path = name.partition(":")
    if colon and kind in _BY_PATH:
        return cast(Encoder, _make("encoder", name, _BY_PATH[kind], lambda factory: factory(path)))
    if not name.endswith(_WEIGHTS):
        return cast(Encoder, _build(name, "encoders", lambda factory: factory()))
    from menura.encoders.learned import LearnedEncoder

    return LearnedEncoder(name)


def _build(name: str, group: Group, make: Callable[[Any], Any]) -> Any:
    references = _references(group)
    if name not in references:
        raise BackendError(_unknown(name, group, list(references)))
    return _make(group[:-1], name, references[name], make)


def _make(what: str, name: str, reference: str, make: Callable[[Any], Any]) -> Any:
    module_name, _, attribute = reference.partition(":")
    try:
        return make(getattr(importlib.import_module(module_name), attribute))
    except MenuraError:
        raise
    except Exception as error:  # whatever a foreign package raises while it loads
        seen = _look_up(name, f"{what}s", reference)
        reason = seen.reason or f"{type(error).__name__}: {error}"
        raise BackendError(f"{what} '{name}' cannot be loaded: {reason}") from error


def _references(group: Group) -> dict[str, str]:
    """Name to ``module:attribute``. Menura's own stand here too, for a checkout that was never installed."""
    return _BUILT_IN[group] | {point.name: point.value for point in entry_points(group=f"menura.{group}")}


def _unknown(name: str, group: Group, known: list[str]) -> str:
    installed = ", ".join(sorted(known)) or "none"
    close = get_close_matches(name, known, n=1)
    guess = f" Did you mean '{close[0]}'?" if close else ""
    others = f" A pretrained model is asked for as {' or '.join(f'{kind}:PATH' for kind in sorted(_BY_PATH))}."
    return f"no {_kind(group)} '{name}'. Installed: {installed}.{guess}{others if group == 'encoders' else ''}"


def _kind(group: Group) -> str:
    return group[:-1].replace("_", " ")


def _look_up(name: str, group: str, reference: str) -> Availability:
    module_name, _, attribute = reference.partition(":")
    try:
        found = importlib.util.find_spec(module_name)
    except (ImportError, ValueError) as error:
        return Availability(name, group, False, f"its package cannot be imported ({error})", "")
    if found is None:
        return Availability(name, group, False, f"its module {module_name} is not installed", "")
    if not found.origin or not found.origin.endswith(".py"):
        return Availability(name, group, True, "", "")
    try:
        tree = ast.parse(Path(found.origin).read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError) as error:  # of a foreign package: it must not break the whole listing
        return Availability(name, group, False, f"its module {module_name} cannot be read ({error})", "")
    missing = [needed for needed in _requires(tree) if importlib.util.find_spec(needed) is None]
    reason = f"needs {', '.join(missing)}: pip install {' '.join(missing)}" if missing else ""
    return Availability(name, group, not missing, reason, _summary(tree, attribute))


def _requires(tree: ast.Module) -> tuple[str, ...]:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "REQUIRES" for t in targets):
            return tuple(str(value) for value in ast.literal_eval(node.value))
    return ()


def _summary(tree: ast.Module, attribute: str) -> str:
    documented = [node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    texts = [ast.get_docstring(node) for node in documented if node.name == attribute]
    first = ((texts and texts[0]) or ast.get_docstring(tree) or "").split("\n\n")[0].replace("\n", " ")
    return re.sub(r":\w+:`~?([^`]+)`", r"\1", first)
