"""What all pretrained generators share: from requests to jobs, calls and candidates."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

from menura.audio import resample
from menura.audio.level import peak_dbfs
from menura.backends.base import Parents
from menura.backends.licences import UNKNOWN
from menura.backends.text_to_audio.between import BATCH_TOLERANCE, check_interpolation, check_pair, draw_share, heard
from menura.backends.text_to_audio.calls import Job, render_all, shared_calls
from menura.backends.text_to_audio.clips import as_channels, finished, fitted
from menura.backends.text_to_audio.tuning import check_adapter
from menura.backends.weights.card import stated_licence
from menura.backends.weights.check import described_class
from menura.backends.weights.device import choose_device
from menura.backends.weights.hub import Download, Files, downloads_of, fetch
from menura.backends.weights.loading import lost_if_unloadable
from menura.backends.weights.names import Weights, find_weights
from menura.backends.weights.published import PUBLISHED
from menura.config import GeneratorSettings, ModelSettings
from menura.errors import BackendError, ConfigError
from menura.seeding import content_hash
from menura.types import Candidate, Clip, JsonValue, Params, Recording, Request, Waveform

__all__ = ["LoadedModel", "PretrainedGenerator"]

_DEFAULT_S = 10.0
_SEEDS = 2**32
_SOUND = (
    "num_inference_steps",
    "guidance_scale",
    "scheduler",
    "strength",
    "precision",
    "replace_s",
    "temperature",
    "top_k",
    "channels",
    "peak_dbfs",
)
"""Settings that are heard, and so belong to the fingerprint."""


class LoadedModel(Protocol):
    """Weights in memory. Each backend has one; what it is given has been checked."""

    sample_rate: int
    channels: int
    window_s: float | None

    def facts(self) -> dict[str, JsonValue]:
        """Settings as the model uses them, defaults filled in."""
        ...

    def ignores(self, job: Job) -> list[str]:
        """Fields of a request that the model cannot use."""
        ...

    def key(self, job: Job) -> Hashable:
        """Jobs with equal keys may share a call."""
        ...

    def cost_s(self, duration_s: float) -> float:
        """Seconds that the model works on for a clip of that duration."""
        ...

    def render(self, jobs: Sequence[Job]) -> list[Waveform]:
        """``[channels, samples]`` at the model's rate for each job, at least as long as the clip."""
        ...


class PretrainedGenerator:
    """Base of the generators with weights.

    Weights are looked for when it is built and loaded at the first clip, so that a plan costs nothing.

    Args:
        settings: Which weights, and how to use them (``settings.model``).
        sample_rate: Of the clips, in Hz; None takes the model's.

    Raises:
        BackendError: The weights are not where they should be, or pickled, or of another model.
        ConfigError: The model has no such setting.
    """

    name: str = ""
    version: ClassVar[int] = 1
    """Rises whenever the same request sounds different."""
    batch_tolerance: float = 0.0
    """Greatest distance of a clip made in a batch to the same clip made alone, as a share of its norm, in float32."""
    seconds_per_call: ClassVar[float] = 80.0
    """Seconds of the model's audio in one call, about, where the settings say nothing."""
    inverts: ClassVar[bool] = False
    """Whether it can tell which noise it would make a real clip from, and so go between two of them."""
    unsupported: ClassVar[tuple[str, ...]] = ()
    """Settings that mean nothing to the model."""
    schedulers: ClassVar[tuple[str, ...]] = ()
    """Schedulers that are right for the model."""
    why_schedulers: ClassVar[str] = "the others are not known to work with it"

    def __init__(self, settings: GeneratorSettings, *, sample_rate: int | None = None) -> None:
        self.settings = settings
        self.sample_rate = sample_rate
        self._check_settings()
        if self.model.interpolate:
            self.batch_tolerance = BATCH_TOLERANCE
        self.weights = self._find()
        self._adapter = check_adapter(self.model.adapter) if self.model.adapter else None
        self._loaded: tuple[LoadedModel, Files] | None = None

    @property
    def model(self) -> ModelSettings:
        """How the weights are used."""
        return self.settings.model

    @cached_property
    def fingerprint(self) -> str:
        """Changes with the weights, the adapter, the method and every setting that is heard.

        Device, batch, compilation and off-load move the last digits only (``batch_tolerance``) and are left out: a run
        can go on where another machine stopped.
        """
        alone = {name: getattr(self.model, name) for name in _SOUND}
        between = heard(self.model, self.settings.delta)
        return content_hash(
            [self.name, self.version, self.weights.identity, self._adapter, alone, self.sample_rate, *between]
        )

    @property
    def parents_needed(self) -> tuple[int, int]:
        """No parent from the prompt alone; one where a clip starts from a real one; two where it lies between two."""
        if self.model.interpolate:
            return (2, 2)
        return (1, 1) if self.starts_from_parent else (0, 0)

    @property
    def starts_from_parent(self) -> bool:
        """Whether clips are made from real ones."""
        return self.model.strength is not None or self.model.replace_s is not None or self.model.interpolate

    @property
    def needs_prompt(self) -> bool:
        """Always, with or without parents."""
        return True

    @property
    def one_process(self) -> bool:
        """On a graphics card there is room for one; processors may have a copy in each process."""
        return self.device != "cpu"

    @cached_property
    def device(self) -> str:
        """Where the model computes."""
        return choose_device(self.model.device, offload=self.model.offload)

    def downloads(self) -> list[Download]:
        """What :meth:`generate` would have to fetch."""
        return downloads_of([self.weights])

    def draw(self, parents: Sequence[Clip], generator: np.random.Generator) -> Params:
        """The seed of one request; 32 bits, as torch's generator on the processor reads no more.

        Between two clips nothing is drawn but the share of the second: their noise is found, not drawn.
        """
        if self.model.interpolate:
            return draw_share(self.model.interpolation, self.settings.delta, generator)
        return {"seed": int(generator.integers(_SEEDS))}

    def generate(self, requests: Sequence[Request], parents: Parents) -> list[Candidate]:
        """One candidate per request, in order.

        Raises:
            BackendError: A request cannot be answered (no prompt, too long, a parent missing or superfluous), said
                before anything is made; or memory ran out on a single clip.
            BackendLostError: The weights cannot be loaded.
        """
        for request in requests:
            self._check_request(request)
        if not requests:
            return []
        model, files = self._load_once()
        jobs = [self._job(model, request, parents) for request in requests]
        calls = shared_calls(range(len(jobs)), lambda place: model.key(jobs[place]), most=self._most(model, jobs))
        order = [place for call in calls for place in call]
        made = render_all(calls, lambda call: model.render([jobs[place] for place in call]))
        waveforms = dict(zip(order, made, strict=True))
        return [self._candidate(model, files, job, waveforms[place], parents) for place, job in enumerate(jobs)]

    def _load(self, files: Files) -> LoadedModel:
        """The weights in memory."""
        raise NotImplementedError

    def _find(self) -> Weights:
        known = PUBLISHED[self.name]
        path = self.model.path or known.path
        if path is None:
            raise BackendError(f"{self.name} needs a model folder in model.path: {known.needs}")
        weights = find_weights(path, self.model.revision)
        if weights.folder is not None:
            self._check_class(described_class(weights.folder), path)
        return weights

    def _check_class(self, found: str, path: str) -> None:
        expected = PUBLISHED[self.name].pipeline
        if found != expected:
            fitting = [name for name, known in PUBLISHED.items() if known.pipeline == found]
            hint = f"take the generator {fitting[0]}" if fitting else "take a model of that class"
            raise BackendError(f"{path} holds {found}, but {self.name} needs {expected}: {hint}")

    def _check_settings(self) -> None:
        check_interpolation(self.name, self.model, inverts=self.inverts)
        if self.settings.delta is not None and not self.model.interpolate:
            raise ConfigError(
                f"delta is for generators without weights; {self.name} goes from a real clip by model.strength"
            )
        for name in self.unsupported:
            if getattr(self.model, name) is not None:
                raise ConfigError(f"{self.name} has no setting model.{name}: leave it out")
        scheduler = self.model.scheduler
        if scheduler is not None and scheduler not in self.schedulers:
            allowed = ", ".join(self.schedulers) or "none but its own"
            raise ConfigError(
                f"scheduler {scheduler} is not for {self.name}: {self.why_schedulers}. Allowed: {allowed}"
            )

    def _check_request(self, request: Request) -> None:
        least, most = self.parents_needed
        if not request.prompt or not request.prompt.strip():
            raise BackendError(f"request {request.id} has no prompt, but {self.name} makes clips from text")
        if request.duration_s is not None and not request.duration_s > 0:
            raise BackendError(f"request {request.id} asks for {request.duration_s} s, expected more than 0")
        if self.model.interpolate:
            check_pair(self.name, request)
            return
        if not least <= len(request.parents) <= most:
            why = "starts from one real clip" if most else "takes no parents without model.strength"
            raise BackendError(f"request {request.id} names {len(request.parents)} parents, but {self.name} {why}")
        seed = request.params.get("seed")
        if not isinstance(seed, int) or not 0 <= seed < _SEEDS:
            raise BackendError(f"request {request.id} has seed {seed!r}, expected a whole number in [0, {_SEEDS})")

    def _load_once(self) -> tuple[LoadedModel, Files]:
        if self._loaded is None:
            with lost_if_unloadable():
                files = self._fetch()
                self._loaded = self._load(files), files
        return self._loaded

    def _fetch(self) -> Files:
        """The weights on this machine, of the right class."""
        _ = self.device  # a card that is not there is said before gigabytes are read
        files = fetch(self.weights)
        self._check_class(described_class(files.folder), self.weights.path)
        return files

    def _job(self, model: LoadedModel, request: Request, parents: Parents) -> Job:
        real = [parents(parent) for parent in request.parents]
        for name, recording in zip(request.parents, real, strict=True):
            if not recording.waveform.size:
                raise BackendError(f"parent {name} of request {request.id} has no samples, expected a sound")
        alpha = float(str(request.params.get("alpha", 0.0)))
        unasked_s = min(_DEFAULT_S, model.window_s or _DEFAULT_S)
        if real:
            unasked_s = (1 - alpha) * real[0].duration_s + alpha * real[-1].duration_s
        duration_s = request.duration_s or unasked_s
        if model.window_s is not None and duration_s > model.window_s:
            raise BackendError(
                f"request {request.id} asks for {duration_s:g} s, but {self.name} makes at most {model.window_s:g} s"
            )
        starts = [_for_model(model, recording, duration_s) for recording in real]
        return Job(
            request, str(request.prompt), request.negative_prompt or None, duration_s,
            seed=int(str(request.params.get("seed", 0))), alpha=alpha,
            parent=starts[0] if starts else None, partner=starts[1] if len(starts) > 1 else None,
        )  # fmt: skip

    def _most(self, model: LoadedModel, jobs: Sequence[Job]) -> int:
        if self.model.batch is not None:
            return self.model.batch
        longest_s = max(model.cost_s(job.duration_s) for job in jobs)
        return max(1, min(32, int(self.seconds_per_call / longest_s)))

    def _candidate(self, model: LoadedModel, files: Files, job: Job, made: Waveform, parents: Parents) -> Candidate:
        rate = self.sample_rate or model.sample_rate
        target_dbfs = self.model.peak_dbfs
        if job.parent is not None and target_dbfs is not None:
            peaks = [peak_dbfs(parents(parent).waveform) for parent in job.request.parents]
            target_dbfs = min(0.0, (1 - job.alpha) * peaks[0] + job.alpha * peaks[-1])
        waveform = finished(
            made, model.sample_rate, sample_rate=rate, num_samples=max(1, round(job.duration_s * rate)),
            channels=self.model.channels, target_dbfs=target_dbfs,
        )  # fmt: skip
        return Candidate(job.request, waveform, rate, self._facts(model, files, job, waveform))

    def _facts(self, model: LoadedModel, files: Files, job: Job, waveform: Waveform) -> Params:
        facts: dict[str, JsonValue] = {
            "generator": self.name,
            "model": self.weights.shown,
            "revision": files.revision or files.identity,
            **model.facts(),
        }
        if self.weights.folder is not None:
            facts["weights_licence"] = stated_licence(self.weights.folder) or UNKNOWN
        if self._adapter is not None:
            folder = Path(str(self.model.adapter)).expanduser()
            facts["adapter"] = f"{folder.absolute().name}@{self._adapter}"
            if stated := stated_licence(folder):
                facts["adapter_licence"] = stated
        ignored = model.ignores(job)
        if ignored:
            facts["ignored"] = list[Any](ignored)
        return facts | {"peak": round(float(np.abs(waveform).max(initial=0.0)), 6)}


def _for_model(model: LoadedModel, parent: Recording, duration_s: float) -> Recording:
    """The parent as the model takes it: its rate and channels, and as long as the clip."""
    waveform = resample(as_channels(parent.waveform, model.channels), parent.sample_rate, model.sample_rate)
    return Recording(fitted(waveform, math.ceil(duration_s * model.sample_rate)), model.sample_rate)
