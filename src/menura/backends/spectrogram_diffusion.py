"""Generator ``spectrogram-diffusion``: a sound between two real ones, through the noise of a diffusion model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from menura.audio.level import within_full_scale
from menura.audio.resample import resample
from menura.backends.base import Parents
from menura.backends.licences import UNKNOWN
from menura.backends.mel_diffusion import check_layout
from menura.backends.weights.card import stated_licence
from menura.backends.weights.device import choose_device
from menura.backends.weights.hub import Download, Files, downloads_of, fetch
from menura.backends.weights.loading import lost_if_unloadable
from menura.backends.weights.names import find_weights
from menura.backends.weights.published import PUBLISHED
from menura.config import GeneratorSettings, ModelSettings
from menura.errors import BackendError, ConfigError
from menura.seeding import content_hash
from menura.types import Candidate, Clip, JsonValue, Params, Recording, Request

if TYPE_CHECKING:
    from menura.backends.mel_mixing import MelMixer

__all__ = ["SpectrogramDiffusion", "SpectrogramSettings"]

REQUIRES = ("diffusers",)

_VERSION = 1
"""Rises whenever the same request sounds different."""

_STEPS, _START = 50, 0.5
_GPU_BATCH, _BATCH_TOLERANCE = 32, 0.05


@dataclass(frozen=True, slots=True)
class SpectrogramSettings:
    """What decides how clips are drawn and made, apart from the weights.

    Attributes:
        strength: How far a clip may go from its first parent, in [0, 1]: scales ``alpha`` and ``start``.
        steps: Denoising steps of the whole way from noise.
        alpha: Least and most share of the second parent, before ``strength``.
        along: ``sphere`` or ``line``.
        refinements: Of the inversion.
        start: How much of the way a variation of one parent is denoised, before ``strength``.
    """

    strength: float
    steps: int
    alpha: tuple[float, float]
    along: str
    refinements: int
    start: float


class SpectrogramDiffusion:
    """Two real clips of a label, turned into the noise of a mel-image diffusion model, mixed there, and made again.

    One parent alone is varied: noise is laid over its image and taken away by the model.

    Args:
        settings: ``model.path`` is a folder in the ``audio-diffusion`` layout or a name on the Hub,
            ``model.interpolation`` says where between two parents, and ``delta`` pulls clips towards the first parent.

    Raises:
        ConfigError: A setting does not apply to this generator.
    """

    name = "spectrogram-diffusion"

    def __init__(self, settings: GeneratorSettings) -> None:
        asked = settings.model
        _refuse_what_does_not_apply(asked)
        self.settings = SpectrogramSettings(
            strength=1.0 if settings.delta is None else settings.delta,
            steps=asked.num_inference_steps or _STEPS,
            alpha=asked.interpolation.alpha,
            along=asked.interpolation.along,
            refinements=asked.interpolation.refinements,
            start=asked.strength or _START,
        )
        self._asked = asked
        self.weights = find_weights(asked.path or str(PUBLISHED[self.name].path), asked.revision)
        if self.weights.folder is not None:
            check_layout(self.weights.folder)
        vocoder = asked.interpolation.vocoder
        self.vocoder = None if vocoder is None else find_weights(vocoder)

    @cached_property
    def fingerprint(self) -> str:
        """Changes with the weights, the settings and the version of the method; not with the name of the folder."""
        sung = None if self.vocoder is None else self.vocoder.identity
        precision = self._asked.precision or "float32"
        return content_hash([self.name, _VERSION, self.settings, self.weights.identity, sung, precision])

    @property
    def parents_needed(self) -> tuple[int, int]:
        """One parent to vary, or two to interpolate."""
        return (1, 2)

    @cached_property
    def device(self) -> str:
        """Where it computes."""
        return choose_device(self._asked.device)

    @property
    def batch(self) -> int:
        """Most images in one call of the network: one on a processor, where more would change the last bits."""
        return self._asked.batch or (1 if self.device == "cpu" else _GPU_BATCH)

    @property
    def batch_tolerance(self) -> float:
        """Greatest difference to the clip made alone, as a share of its peak; 0 where images go one by one."""
        return 0.0 if self.batch == 1 else _BATCH_TOLERANCE

    @property
    def one_process(self) -> bool:
        """On a graphics card there is room for one; processors may have a copy in each process."""
        return self.device != "cpu"

    def downloads(self) -> list[Download]:
        """What :meth:`generate` would have to fetch."""
        return downloads_of([self.weights, self.vocoder])

    def draw(self, parents: Sequence[Clip], generator: np.random.Generator) -> Params:
        """The share of the second parent, or how much of the way a variation goes; and which phases to start from."""
        settings, phases = self.settings, int(generator.integers(1 << 53))
        if len(parents) > 1:
            alpha = settings.strength * float(generator.uniform(*settings.alpha))
            return {"alpha": round(alpha, 6), "phases": phases}
        return {"strength": round(settings.strength * settings.start, 6), "phases": phases}

    def generate(self, requests: Sequence[Request], parents: Parents) -> list[Candidate]:
        """One candidate per request; alone and in a batch the same within :attr:`batch_tolerance`.

        Raises:
            BackendError: A request names no parent or too many, or its numbers are not those of this generator.
            BackendLostError: The model cannot be loaded.
        """
        from menura.backends.mel_mixing import Mix

        with lost_if_unloadable():
            mixer = self._mixer
        mixes, recordings = [], []
        for request in requests:
            _check_request(request)
            of_request = [parents(parent) for parent in request.parents]
            if any(recording.waveform.size == 0 for recording in of_request):
                raise BackendError(f"a parent of request {request.id} has no samples, expected a sound")
            rate = mixer.mel.sample_rate
            mono = [resample(item.waveform.mean(0, keepdims=True), item.sample_rate, rate)[0] for item in of_request]
            mixes.append(
                Mix(
                    request.parents, tuple(mono), _number(request.params, "alpha"),
                    _number(request.params, "strength"), int(_number(request.params, "phases") or 0),
                )
            )  # fmt: skip
            recordings.append(of_request[0])
        made = mixer.make(mixes) if mixes else []
        return [self._candidate(*item) for item in zip(requests, recordings, made, strict=True)]

    @cached_property
    def _files(self) -> Files:
        return fetch(self.weights)

    @cached_property
    def _mixer(self) -> MelMixer:
        from menura.backends.mel_diffusion import load_model
        from menura.backends.mel_mixing import MelMixer
        from menura.backends.mel_vocoder import load_vocoder

        asked, settings = self._asked, self.settings
        model = load_model(self._files.folder, device=self.device, precision=asked.precision, compiled=asked.compile)
        return MelMixer(
            model, steps=settings.steps, along=settings.along, refinements=settings.refinements, batch=self.batch,
            vocoder=None if self.vocoder is None else load_vocoder(self.vocoder, model.mel, device=self.device),
        )  # fmt: skip

    def _candidate(self, request: Request, parent: Recording, made: np.ndarray) -> Candidate:
        """At the rate, with the channels and, if it was asked for, with the length of the first parent."""
        rate, waveform = parent.sample_rate, made[None].astype(np.float32)
        waveform = resample(waveform, self._mixer.mel.sample_rate, rate)
        if request.duration_s is not None:
            wanted = max(1, round(request.duration_s * rate))
            waveform = np.pad(waveform[:, :wanted], ((0, 0), (0, max(0, wanted - waveform.shape[1]))))
        waveform = within_full_scale(np.repeat(waveform, len(parent.waveform), axis=0))
        facts: dict[str, JsonValue] = {
            "generator": self.name, "model": self.weights.shown,
            "revision": self._files.revision or self._files.identity,
            "weights_licence": stated_licence(self._files.folder) or (UNKNOWN if self.weights.folder else None),
            "peak": round(float(np.abs(waveform).max(initial=0.0)), 6),
        }  # fmt: skip
        return Candidate(request, waveform, rate, facts)


def _refuse_what_does_not_apply(asked: ModelSettings) -> None:
    """A setting that would be ignored is a setting that someone believes in."""
    given = [name for name in ("adapter", "guidance_scale", "offload") if getattr(asked, name)]
    if given:
        raise ConfigError(f"generator spectrogram-diffusion knows no {', '.join(given)}; leave it out of the settings")
    if asked.scheduler not in (None, "DDIMScheduler"):
        raise ConfigError(
            f"generator spectrogram-diffusion inverts DDIM and cannot use {asked.scheduler}; leave scheduler out"
        )


def _check_request(request: Request) -> None:
    if not 1 <= len(request.parents) <= 2:
        raise BackendError(
            f"request {request.id} names {len(request.parents)} parents, spectrogram-diffusion needs one or two real "
            "clips"
        )
    needed = {"phases", "alpha" if len(request.parents) == 2 else "strength"}
    if set(request.params) != needed:
        raise BackendError(
            f"request {request.id} holds {sorted(request.params)}, spectrogram-diffusion expected {sorted(needed)} for "
            f"{len(request.parents)} parents; make the plan again"
        )


def _number(params: Mapping[str, JsonValue], name: str) -> float | None:
    value = params.get(name)
    return float(value) if isinstance(value, int | float) else None
