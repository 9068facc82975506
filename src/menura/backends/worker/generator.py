"""The generator that asks another program, in its own environment."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import JsonValue

from menura.backends.base import Parents
from menura.backends.worker.description import Worker, read_worker
from menura.backends.worker.messages import PROTOCOL, Generate, Ready
from menura.backends.worker.session import WorkerSession, session_of
from menura.config import GeneratorSettings
from menura.errors import BackendError, ConfigError, MenuraError, RunError
from menura.seeding import content_hash
from menura.types import Candidate, Clip, Params, Recording, Request

if TYPE_CHECKING:
    import numpy as np

__all__ = ["WorkerGenerator"]

_VERSION = 1
"""Rises whenever Menura does something else to what a worker gives."""

_MAX_SEED = 2**31
_UNKNOWN_DURATION_S = 10.0


class WorkerGenerator:
    """Any program that speaks the worker protocol, named by its folder: --generator worker:FOLDER.

    Nothing is started to plan a run: what ``worker.toml`` says decides, and the running worker must agree with it.

    Args:
        settings: ``model.path`` is the folder of the worker; the rest of ``model`` is passed to it.
        sample_rate: Rate of the clips to be made, in Hz; None leaves them at the rate of the worker.

    Raises:
        BackendError: There is no worker in that folder.
        ConfigError: ``worker.toml`` is not valid, or the settings ask for what the worker does not do.
    """

    name = "worker"

    def __init__(self, settings: GeneratorSettings, sample_rate: int | None = None) -> None:
        if settings.model.path is None:
            raise ConfigError(
                "generator 'worker' needs the folder of a worker: --generator worker:FOLDER. "
                "`menura worker new FOLDER` writes one"
            )
        self.worker: Worker = read_worker(settings.model.path)
        self.strength = settings.model.strength
        stated = self.worker.file.worker
        if self.strength is not None and not {"parents", "strength"} <= set(stated.takes):
            raise ConfigError(
                f"strength is {self.strength:g}, but worker '{stated.name}' takes "
                f"{', '.join(stated.takes) or 'nothing'}; leave the strength out, or take another worker"
            )
        self._settings: dict[str, JsonValue] = settings.model.model_dump(
            mode="json", exclude={"path"}, exclude_defaults=True
        )
        self._sample_rate = sample_rate
        self._kept: dict[str, Candidate | MenuraError] = {}
        key = content_hash([str(self.worker.folder), self.worker.identity, self._settings, sample_rate])
        self.session: WorkerSession = session_of(key, self.worker, self._settings, sample_rate)

    @property
    def fingerprint(self) -> str:
        """Changes with ``worker.toml``, the Python files beside it, the settings and the rate; not with time-outs."""
        return content_hash([self.name, _VERSION, PROTOCOL, self.worker.identity, self._settings, self._sample_rate])

    @property
    def parents_needed(self) -> tuple[int, int]:
        """One parent where the strength asks for it, or where the worker takes nothing else."""
        takes = self.worker.file.worker.takes
        needs_one = "parents" in takes and (self.strength is not None or "prompt" not in takes)
        return (1, 1) if needs_one else (0, 0)

    @property
    def weights_licence(self) -> str | None:
        """As ``worker.toml`` states it."""
        return self.worker.file.worker.licence

    @property
    def one_process(self) -> bool:
        """One program, whatever the number of processes that a run might have."""
        return True

    def draw(self, parents: Sequence[Clip], generator: np.random.Generator) -> Params:
        """The seed of one request."""
        return {"seed": int(generator.integers(_MAX_SEED))}

    def generate(self, requests: Sequence[Request], parents: Parents) -> list[Candidate]:
        """One candidate per request, each asked for alone.

        When one of several requests fails, the outcomes of the others are kept until they are asked for one by one,
        so that nothing is made, or waited for, twice.

        Raises:
            BackendError: The worker failed at a request.
            BackendLostError: The worker cannot be started, or has failed too often in a row.
            RunError: A parent is missing or altered.
        """
        if len(requests) == 1 and requests[0].id in self._kept:
            outcomes = [self._kept.pop(requests[0].id)]
        else:
            outcomes = [self._outcome(request, parents) for request in requests]
            self._kept = {}
        failed = [outcome for outcome in outcomes if isinstance(outcome, MenuraError)]
        if failed:
            if len(requests) > 1:
                self._kept = {request.id: outcome for request, outcome in zip(requests, outcomes, strict=True)}
            raise failed[0]
        return [outcome for outcome in outcomes if isinstance(outcome, Candidate)]

    def close(self) -> None:
        """End the worker now, and not when the generator is forgotten. It starts again when it is needed."""
        self.session.close()

    def _outcome(self, request: Request, parents: Parents) -> Candidate | MenuraError:
        try:
            return self._candidate(request, parents)
        except RunError:  # BackendLostError is one
            raise
        except MenuraError as error:
            return error

    def _candidate(self, request: Request, parents: Parents) -> Candidate:
        self._check(request)
        recordings = [parents(parent) for parent in request.parents]
        with self.session.turn:
            return self._asked(request, recordings)

    def _asked(self, request: Request, recordings: Sequence[Recording]) -> Candidate:
        ready = self.session.start()
        duration_s = request.duration_s
        if duration_s is None and recordings:
            duration_s = min(recordings[0].duration_s, ready.max_duration_s or math.inf)
        try:
            asked = self._message(request, ready, recordings, duration_s)
            timeouts = self.worker.file.timeouts
            seconds = duration_s or ready.max_duration_s or _UNKNOWN_DURATION_S
            answer = self.session.ask(asked, timeouts.request_s + timeouts.per_second_s * seconds)
            recording = self._read(answer.file, ready, duration_s)
        finally:
            self.session.clear_scratch()
        return self._finished(request, recording, ready, answer.facts)

    def _check(self, request: Request) -> None:
        stated = self.worker.file.worker
        least, most = self.parents_needed
        if not least <= len(request.parents) <= most:
            wanted = "one real clip" if least else "none: give a strength to start from a clip"
            raise BackendError(f"request {request.id} names {len(request.parents)} parents, worker needs {wanted}")
        if "prompt" in stated.takes and not least and not request.prompt:
            raise BackendError(
                f"request {request.id} has no prompt, which worker '{stated.name}' makes clips from; take a recipe "
                "that writes prompts, such as label_guided"
            )
        if not isinstance(request.params.get("seed"), int):
            raise BackendError(f"request {request.id} has no seed among its numbers; draw() gives one")
        longest = stated.max_duration_s
        if longest is not None and request.duration_s is not None and request.duration_s > longest:
            raise BackendError(
                f"request {request.id} asks for {request.duration_s:g} s, worker '{stated.name}' makes at most "
                f"{longest:g} s"
            )

    def _message(
        self, request: Request, ready: Ready, recordings: Sequence[Recording], duration_s: float | None
    ) -> Generate:
        from menura.backends.worker.audio import write_parent

        scratch = self.session.scratch()
        files = [
            write_parent(recording, scratch, f"parent-{number}.wav", sample_rate=ready.sample_rate)
            for number, recording in enumerate(recordings)
        ]
        takes = self.worker.file.worker.takes
        return Generate(
            id=request.id,
            prompt=request.prompt if "prompt" in takes else None,
            negative_prompt=request.negative_prompt if "negative_prompt" in takes else None,
            duration_s=duration_s,
            seed=int(request.params["seed"]),  # type: ignore[arg-type]  # checked before
            strength=self.strength,
            parents=tuple(files),
            params={name: value for name, value in request.params.items() if name != "seed"},
        )

    def _read(self, file: str, ready: Ready, duration_s: float | None) -> Recording:
        from menura.backends.worker.audio import read_clip

        try:
            return read_clip(
                self.session.scratch(),
                file,
                sample_rate=ready.sample_rate,
                channels=ready.channels,
                duration_s=duration_s,
                to_rate=self._sample_rate,
            )
        except BackendError as error:
            raise BackendError(f"worker '{ready.name}' {error}") from error

    def _finished(self, request: Request, recording: Recording, ready: Ready, said: dict[str, JsonValue]) -> Candidate:
        import numpy as np

        stated = self.worker.file.worker
        facts: dict[str, JsonValue] = {
            "generator": self.name,
            "worker": ready.name,
            "version": ready.version,
            "revision": ready.revision,
            "weights_licence": ready.licence,
            "peak": round(float(np.abs(recording.waveform).max(initial=0.0)), 6),
        }
        if request.negative_prompt and "negative_prompt" not in stated.takes:
            facts["ignored"] = ["negative_prompt"]
        if said:
            facts["said"] = dict(said)
        return Candidate(request, recording.waveform, recording.sample_rate, facts)
