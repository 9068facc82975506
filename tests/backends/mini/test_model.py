"""menura-mini: groups of frames, its way between two clips, and what training asks of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from menura.backends.adapters import attach_lora
from menura.backends.mini.model import load_mini
from menura.backends.registry import load_generator
from menura.backends.text_to_audio.mini import MiniGenerator
from menura.backends.trainee import TrainableGenerator
from menura.backends.training_memory import estimate_training
from menura.config import GeneratorSettings, ModelSettings
from menura.diffusion.paths import FlowPath, noised
from menura.errors import BackendError
from menura.types import Recording, Request

Tiny = Callable[[str], Path]


def make(tiny: Tiny, **model: Any) -> MiniGenerator:
    asked = ModelSettings(path=str(tiny("menura_mini")), device="cpu", **model)
    made = load_generator(GeneratorSettings(name="menura-mini", model=asked), sample_rate=4000)
    assert isinstance(made, MiniGenerator)
    return made


def noise(seed: int, seconds: float = 0.4) -> Recording:
    waveform = np.random.default_rng(seed).uniform(-0.5, 0.5, (1, round(4000 * seconds)))
    return Recording(waveform.astype(np.float32), 4000)


def test_groups_hold_the_frames_in_order(tiny: Tiny) -> None:
    model = load_mini(tiny("menura_mini"))
    waveform = torch.from_numpy(noise(0).waveform)
    groups = model.to_groups(waveform)
    assert groups.shape == (1, 16 * 4, model.groups(0.4))
    frames = model.mel.encode(waveform)
    torch.testing.assert_close(model.from_groups(groups)[..., : frames.shape[-1]], frames, atol=1e-4, rtol=1e-4)


def test_a_share_of_nought_or_one_gives_the_frames_of_a_parent(tiny: Tiny) -> None:
    generator = make(tiny, interpolate=True, num_inference_steps=24, interpolation={"refinements": 6})
    loaded: Any = generator._load_once()[0]
    asked = loaded._denoiser

    def calm(*question: Any) -> Any:
        """What is right for latents that are normal with variance 1, and a twentieth of random weights."""
        say = asked(*question)
        return lambda latents, time: (
            (2 * time - 1) / (time**2 + (1 - time) ** 2) * latents + 0.05 * say(latents, time)
        )  # fmt: skip

    loaded._denoiser = calm
    heard: list[torch.Tensor] = []
    loaded._heard = lambda jobs, groups: (heard.append(groups), [np.zeros((1, 1600), np.float32)] * len(jobs))[1]
    parents = {"1": noise(1), "2": noise(2)}
    requests = [
        Request(
            ("a",), generator.fingerprint, prompt="hum", parents=("1", "2"), duration_s=0.4, seed_key=("t", share),
            params={"alpha": share},
        )
        for share in (0.0, 1.0)
    ]  # fmt: skip
    generator.generate(requests, parents.__getitem__)
    real = loaded._encoded([noise(1), noise(2)])
    assert (heard[0] - real).norm() < 0.02 * real.norm()


def test_a_clip_from_a_parent_keeps_more_of_it_with_less_strength(tiny: Tiny) -> None:
    weak, strong = (make(tiny, strength=strength, num_inference_steps=8) for strength in (0.25, 1.0))
    starts = []
    for generator in (weak, strong):
        loaded: Any = generator._load_once()[0]
        request = Request(
            ("a",), generator.fingerprint, prompt="hum", parents=("1",), duration_s=0.4, seed_key=("t",),
            params={"seed": 3},
        )  # fmt: skip
        job = generator._job(loaded, request, lambda _: noise(1))
        starts.append(loaded._starts([job], generator.model.strength))
    real = loaded._encoded([noise(1)])
    near, far = (torch.nn.functional.cosine_similarity(start.flatten(), real.flatten(), dim=0) for start in starts)
    assert near > 0.8
    assert abs(far) < 0.3


def test_what_training_asks_is_what_the_generator_does(tiny: Tiny) -> None:
    generator = make(tiny)
    assert isinstance(generator, TrainableGenerator)
    trainee, loaded = generator.trainee(), generator._load_once()[0]
    latents = trainee.latents([noise(1), noise(2)])
    assert latents.shape == (2, 64, loaded.model.groups(0.4))  # type: ignore[attr-defined]
    told = trainee.conditions(["rain", "a long bell"], 0.4)
    alone = trainee.conditions(["rain"], 0.4)
    for name, rows in told.items():
        torch.testing.assert_close(rows[:1], alone[name], atol=1e-6, rtol=0)
    assert not any(rows.any() for rows in trainee.unprompted(0.4).values())
    time = torch.tensor([0.3, 0.7])
    noisy = noised(FlowPath(), latents, torch.randn_like(latents), time)
    with torch.no_grad():
        said = trainee.predict(noisy, time, told)
        asked = loaded._denoiser(["a long bell"], (), 1.0)(noisy[1:], 0.7)  # type: ignore[attr-defined]
    torch.testing.assert_close(said[1:], asked, atol=1e-5, rtol=1e-4)


def test_gradients_reach_the_denoiser_alone(tiny: Tiny) -> None:
    trainee = make(tiny).trainee()
    latents = trainee.latents([noise(1)])
    trainee.predict(latents, torch.tensor([0.5]), trainee.conditions(["hum"], 0.4)).sum().backward()
    assert any(parameter.grad is not None for parameter in trainee.denoiser.parameters())
    ends = tuple(trainee.targets)
    assert sum(name.endswith(ends) for name, _ in trainee.denoiser.named_modules()) >= 8


def test_what_a_training_takes_is_counted_without_touching_the_model(tiny: Tiny) -> None:
    trainee = make(tiny).trainee()
    latents, conditions = trainee.latents([noise(1)]), trainee.conditions(["hum"], 0.4)
    told = estimate_training(
        trainee, lambda hollow: attach_lora(hollow, rank=2, seed=0), latents=latents, conditions=conditions, pairs=2
    )
    assert told.total > 0
    with torch.no_grad():
        assert trainee.predict(latents, torch.tensor([0.5]), conditions).isfinite().all()


def test_a_folder_without_weights_is_told(tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="train-generator"):
        load_generator(GeneratorSettings(name="menura-mini"))
    with pytest.raises(BackendError):
        load_generator(GeneratorSettings(name="menura-mini", model=ModelSettings(path=str(tmp_path))))
