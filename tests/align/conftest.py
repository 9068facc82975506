"""A flow model over eight numbers, as small as a model can be: a sound is eight levels, a latent its levels."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor, nn

from menura.align.held_out import divide
from menura.align.rounds import Work
from menura.align.settings import AlignSettings
from menura.backends.base import Parents
from menura.backends.text_to_audio.tuning import adapted, check_adapter
from menura.backends.trainee import Conditions
from menura.datasets import load
from menura.datasets.dataset import Dataset
from menura.diffusion.paths import FlowPath, NoisePath
from menura.types import Candidate, Clip, Params, Recording, Request, Waveform

RATE, DIM, HOLD = 8000, 8, 200
LABELS = ("high", "low")


def sound(levels: np.ndarray) -> Waveform:
    """Eight levels, each the height of a stretch of 25 ms of a tone."""
    tone = np.sin(2 * np.pi * 880 * np.arange(DIM * HOLD) / RATE)
    return (np.repeat(levels, HOLD) * tone).astype(np.float32)[None]


def levels_of(recording: Recording) -> np.ndarray:
    """The levels of a sound: inverse of :func:`sound`, and of its polarity."""
    tone = np.sin(2 * np.pi * 880 * np.arange(DIM * HOLD) / RATE)
    wave = np.zeros(DIM * HOLD)
    wave[: recording.waveform.shape[1]] = recording.waveform[0, : DIM * HOLD]
    return 2 * (wave * tone).reshape(DIM, HOLD).mean(axis=1)


class Flow(nn.Module):
    """A small network of noisy latents, time and what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(DIM + 2, 32)
        self.middle = nn.Linear(32, 32)
        self.outer = nn.Linear(32, DIM)

    def forward(self, noisy: Tensor, time: Tensor, told: Tensor) -> Tensor:
        hidden = torch.tanh(self.inner(torch.cat([noisy, time[:, None], told], dim=1)))
        return self.outer(torch.tanh(self.middle(hidden)))


def new_flow() -> Flow:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return Flow().requires_grad_(False)


@dataclass
class TinyTrainee:
    denoiser: nn.Module
    sample_rate: int = RATE
    channels: int = 1
    path: NoisePath = field(default_factory=FlowPath)
    targets: tuple[str, ...] = ("inner", "middle", "outer")
    part: str = "flow"

    def latents(self, recordings: Sequence[Recording]) -> Tensor:
        return torch.from_numpy(np.stack([4 * np.abs(levels_of(one)) for one in recordings])).float()

    def conditions(self, prompts: Sequence[str], duration_s: float) -> Conditions:
        return {"told": torch.tensor([[1.0 if "high" in prompt else -1.0] for prompt in prompts])}

    def unprompted(self, duration_s: float) -> Conditions:
        return {"told": torch.zeros(1, 1)}

    def predict(self, noisy: Tensor, time: Tensor, conditions: Conditions) -> Tensor:
        said: Tensor = self.denoiser(noisy, time, conditions["told"])
        return said.float()


class TinyGenerator:
    """Makes eight levels from noise in six steps."""

    name = "tiny-flow"
    parents_needed = (0, 0)
    calls = 0

    def __init__(self, adapter: Path | None = None) -> None:
        self._adapter = adapter
        self._identity = check_adapter(str(adapter)) if adapter else "none"

    @property
    def fingerprint(self) -> str:
        return f"tiny-flow-{self._identity}"

    def draw(self, parents: Sequence[Clip], generator: np.random.Generator) -> Params:
        return {"seed": int(generator.integers(1 << 31))}

    def generate(self, requests: Sequence[Request], parents: Parents) -> list[Candidate]:
        TinyGenerator.calls += 1
        model = adapted(new_flow(), str(self._adapter)) if self._adapter else new_flow()
        trainee = TinyTrainee(model)
        made = []
        for request in requests:
            latents = torch.from_numpy(np.random.default_rng(int(str(request.params["seed"]))).standard_normal(DIM))
            latents, told = latents.float()[None], trainee.conditions([str(request.prompt)], 0.2)
            for step in range(6):
                with torch.no_grad():
                    latents = latents - trainee.predict(latents, torch.tensor([1 - step / 6]), told) / 6
            made.append(Candidate(request, sound(latents[0].numpy() / 4), RATE))
        return made

    def trainee(self) -> TinyTrainee:
        return TinyTrainee(new_flow())


class EightLevels:
    """Hears the eight levels, whatever the polarity."""

    name, sample_rate, dim, fingerprint = "levels", RATE, DIM, "levels-1"

    def embed(self, recordings: Sequence[Recording]) -> np.ndarray:
        return np.stack([np.abs(levels_of(one)) for one in recordings]).astype(np.float32)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten clips of two labels in five folds: `high` is loud at its end, `low` at its beginning."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("levels")
    rows = ["file_name,label,fold,license"]
    for label in LABELS:
        for take in range(10):
            draw = np.random.default_rng([LABELS.index(label), take])
            shape = np.linspace(0.1, 0.9, DIM) if label == "high" else np.linspace(0.9, 0.1, DIM)
            soundfile.write(root / f"{label}{take}.wav", sound(shape + 0.05 * draw.standard_normal(DIM))[0], RATE)
            rows.append(f"{label}{take}.wav,{label},{take % 5 + 1},CC-BY-4.0")
    (root / "metadata.csv").write_text("\n".join(rows) + "\n")
    return root


@pytest.fixture(scope="session")
def dataset(folder: Path) -> Dataset:
    return load(folder, test_fold="5")


def tiny_settings(**changes: object) -> AlignSettings:
    values: dict[str, object] = {
        "generator": {"name": "tiny-flow", "model": {"peak_dbfs": None}}, "steps": 12, "batch": 4, "check_every": 4,
        "check_clips": 8, "check_pairs": 4, "rank": 4, "warm_up": 2, "validation": 0.25, "learning_rate": 3e-3,
        "ema": 0.5, "crop_s": 0.2, "encoder": "acoustic",
    }  # fmt: skip
    return AlignSettings.model_validate(values | changes)


@pytest.fixture(scope="session")
def settings_of() -> Callable[..., AlignSettings]:
    return tiny_settings


@pytest.fixture(scope="session")
def work_of(dataset: Dataset) -> Callable[..., Work]:
    def work(out: Path, **changes: object) -> Work:
        settings = tiny_settings(**changes)
        division = divide(dataset.train, share=settings.validation, seed=settings.seed)
        return Work(
            settings,
            division,
            lambda clip, number, key: f"Sound of {clip.labels[0]}",
            TinyGenerator,
            EightLevels(),
            out,
        )

    return work


@pytest.fixture(scope="session")
def tiny_generator() -> type[TinyGenerator]:
    return TinyGenerator


@pytest.fixture(scope="session")
def tiny_trainee() -> type[TinyTrainee]:
    return TinyTrainee


@pytest.fixture(scope="session")
def flow() -> Callable[[], Flow]:
    return new_flow


def log_of(out: Path) -> list[Mapping[str, object]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
