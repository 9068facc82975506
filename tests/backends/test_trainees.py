"""Generators as something to be trained: they are asked what their own pipelines ask, and learn what they prefer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from menura.backends.registry import load_generator
from menura.backends.trainee import TrainableGenerator, Trainee
from menura.config import GeneratorSettings, ModelSettings
from menura.errors import AudioError, BackendError
from menura.seeding import item_generator
from menura.types import Recording, Request

Tiny = Callable[[str], Path]

FOLDERS = {"stable-audio": "stable_audio", "audioldm2": "audioldm2", "stable-audio-3": "stable_audio_3_base"}
SECONDS = {"stable-audio": 0.3, "audioldm2": 0.32, "stable-audio-3": 0.3}
NAMES = pytest.mark.parametrize("name", FOLDERS)


def generator_of(tiny: Tiny, name: str, adapter: Path | None = None) -> Any:
    model = ModelSettings(
        path=str(tiny(FOLDERS[name])), num_inference_steps=3, guidance_scale=3.0, device="cpu",
        adapter=str(adapter) if adapter else None,
    )  # fmt: skip
    return load_generator(GeneratorSettings(name=name, model=model))


def trainee_of(tiny: Tiny, name: str) -> Trainee:
    generator = generator_of(tiny, name)
    assert isinstance(generator, TrainableGenerator)
    return generator.trainee()


def with_two_texts(trainee: Any) -> Any:
    """AudioLDM 2 with a UNet that hears both texts, as the published one does; the tiny one hears the first only."""
    import torch
    from diffusers import AudioLDM2UNet2DConditionModel

    torch.manual_seed(0)
    config = {**trainee.denoiser.config, "cross_attention_dim": ((None, 16, 16),) * 2}
    trainee.denoiser = trainee.pipeline.unet = AudioLDM2UNet2DConditionModel.from_config(config).eval()
    return trainee


def recordings(trainee: Trainee, count: int, seconds: float, kind: str = "noise") -> list[Recording]:
    samples, found = int(seconds * trainee.sample_rate), []
    for number in range(count):
        noise = item_generator(0, kind, number).normal(0, 0.3, (trainee.channels, samples))
        tone = np.sin(np.arange(samples) * (0.1 + 0.05 * number))[None] * np.ones((trainee.channels, 1))
        found.append(Recording((noise if kind == "noise" else tone).astype(np.float32), trainee.sample_rate))
    return found


def asked_by_the_pipeline(pipeline: Any, part: str, prompts: list[str], **options: Any) -> tuple[Any, ...]:
    """Latents, times and answers of each call of the denoiser."""
    seen: list[Any] = []

    def keep(module: Any, given: tuple[Any, ...], named: dict[str, Any], said: Any) -> None:
        seen.append((given[0].clone(), given[1].clone(), said[0].clone()))

    hook = getattr(pipeline, part).register_forward_hook(keep, with_kwargs=True)
    pipeline(prompts, num_inference_steps=3, guidance_scale=3.0, **options)
    hook.remove()
    return tuple(seen)


@NAMES
def test_a_trainee_says_what_the_pipeline_hears_with_and_without_a_prompt(tiny: Tiny, name: str) -> None:
    import torch

    trainee: Any = trainee_of(tiny, name)
    seconds, prompt = SECONDS[name], "" if name == "audioldm2" else "a dog"  # AudioLDM 2 fills "" up to the prompt
    half = (np.ceil(seconds * trainee.sample_rate) + 0.5) / trainee.sample_rate
    duration = {"stable-audio": "audio_end_in_s", "audioldm2": "audio_length_in_s", "stable-audio-3": "duration"}[name]
    calls = asked_by_the_pipeline(
        trainee.pipeline, trainee.part, [prompt], **{duration: half, "output_type": "pt"},
    )  # fmt: skip
    told, without = trainee.conditions([prompt], seconds), trainee.unprompted(seconds)
    for noisy, time, said in calls:
        share = (time.reshape(-1)[:1].double() + (0.5 if name == "audioldm2" else 0)) / (
            1 if name == "stable-audio" else 1000
        )
        with torch.no_grad():
            found = [trainee.predict(noisy[:1], share.float(), row) for row in (without, told)]
        assert torch.allclose(torch.cat(found), said, rtol=1e-4, atol=1e-5 * float(said.abs().max()))
    if name != "audioldm2":
        assert not torch.allclose(found[0], found[1], rtol=1e-3, atol=0)


def test_audioldm2_says_what_its_pipeline_hears_of_a_prompt(tiny: Tiny) -> None:
    import torch

    trainee = with_two_texts(trainee_of(tiny, "audioldm2"))
    noisy, time, said = asked_by_the_pipeline(
        trainee.pipeline, "unet", ["a long prompt"], audio_length_in_s=0.32, output_type="pt"
    )[0]
    told = trainee.conditions(["a long prompt"], 0.32)
    share = (time.reshape(1).double() + 0.5) / 1000
    with torch.no_grad():
        found = trainee.predict(noisy[1:], share.float(), told)
        other = trainee.predict(noisy[1:], share.float(), trainee.conditions(["rain"], 0.32))
    assert torch.allclose(found, said[1:], rtol=1e-4, atol=1e-5 * float(said.abs().max()))
    assert not torch.allclose(other, said[1:], rtol=1e-3, atol=1e-3 * float(said.abs().max()))


@NAMES
def test_rows_of_different_calls_stack_and_say_what_they_say_alone(tiny: Tiny, name: str) -> None:
    import torch

    trainee, seconds = trainee_of(tiny, name), SECONDS[name]
    trainee = with_two_texts(trainee) if name == "audioldm2" else trainee
    latents = trainee.latents(recordings(trainee, 2, seconds))
    rows = [trainee.conditions([prompt], seconds) for prompt in ("a much longer prompt", "dog")]
    both = {key: torch.cat([row[key] for row in rows]) for key in rows[0]}
    together = trainee.conditions(["a much longer prompt", "dog"], seconds)
    assert all(torch.allclose(both[key], together[key], atol=1e-5) for key in both)
    time = torch.tensor([0.3, 0.8])
    with torch.no_grad():
        stacked = trainee.predict(latents, time, both)
        alone = [trainee.predict(latents[i : i + 1], time[i : i + 1], rows[i]) for i in range(2)]
    assert stacked.shape == latents.shape
    assert latents.dtype == torch.float32
    assert torch.allclose(stacked, torch.cat(alone), rtol=1e-3, atol=1e-4 * float(stacked.abs().max()))


def test_the_path_of_stable_audio_is_that_of_its_scheduler(tiny: Tiny) -> None:
    import torch

    from menura.diffusion.paths import noised

    trainee: Any = trainee_of(tiny, "stable-audio")
    scheduler = trainee.pipeline.scheduler
    clean, noise = (torch.randn(1, 8, 64, generator=torch.Generator().manual_seed(i)) for i in range(2))
    for sigma in (0.3, 1.0, 20.0, 500.0):
        time = scheduler.precondition_noise(sigma)
        sample = clean + sigma * noise
        assert torch.allclose(
            scheduler.precondition_inputs(sample, sigma), noised(trainee.path, clean, noise, time), atol=1e-5
        )
        denoised = scheduler.precondition_outputs(sample, trainee.path.target(clean, noise, time), sigma)
        assert torch.allclose(denoised, clean, atol=1e-4 * max(1.0, sigma))


def test_the_path_of_audioldm2_is_that_of_its_scheduler(tiny: Tiny) -> None:
    import torch

    from menura.diffusion.paths import noised

    trainee: Any = trainee_of(tiny, "audioldm2")
    clean, noise = (torch.randn(3, 4, 8, 16, generator=torch.Generator().manual_seed(i)) for i in range(2))
    time = torch.tensor([0.0, 0.4205, 0.9995])
    steps = trainee.path.steps(time)
    assert steps.tolist() == [0, 420, 999]
    expected = trainee.pipeline.scheduler.add_noise(clean, noise, steps)
    assert torch.allclose(noised(trainee.path, clean, noise, time), expected, atol=1e-5)
    assert torch.equal(trainee.path.target(clean, noise, time), noise)


@NAMES
@pytest.mark.parametrize("kind", ["lora", "prefix"])
def test_a_few_steps_teach_the_winners_and_the_adapter_is_heard(
    tiny: Tiny, name: str, kind: str, tmp_path: Path
) -> None:
    import torch

    from menura.backends.adapters import attach_lora, attach_prefix
    from menura.diffusion.pairs import draw_batch, pair_errors
    from menura.diffusion.preference import anchored_loss, dpo_loss, measured

    pytest.importorskip("peft")
    if (name, kind) == ("stable-audio-3", "prefix"):
        with pytest.raises(BackendError, match="no attention layers of diffusers' Attention class"):
            attach_prefix(trainee_of(tiny, name))
        return
    trainee, seconds = trainee_of(tiny, name), SECONDS[name]
    frozen = {key: weight.clone() for key, weight in trainee.denoiser.state_dict().items()}
    inner = trainee.denoiser
    adapter = attach_lora(trainee, rank=4) if kind == "lora" else attach_prefix(trainee, tokens=4)
    winner = trainee.latents(recordings(trainee, 2, seconds, "tone"))
    loser = trainee.latents(recordings(trainee, 2, seconds, "noise"))
    told = trainee.conditions(["a tone", "another tone"], seconds)
    draws = [
        draw_batch(winner, told, torch.Generator().manual_seed(i), times="stratified",
                   unprompted=trainee.unprompted(seconds), dropout=0.1)
        for i in range(2)
    ]  # fmt: skip
    optimiser = torch.optim.Adam(adapter.parameters(), lr=0.03)
    found = []
    for step in range(12):
        one = draws[step % 2]
        model = pair_errors(trainee.predict, trainee.path, winner=winner, loser=loser, draws=one)
        with adapter.reference():
            before = pair_errors(trainee.predict, trainee.path, winner=winner, loser=loser, draws=one)
        preference = dpo_loss(model.winner, model.loser, before.winner, before.loser, beta=10)
        loss = anchored_loss(preference, model.winner, anchor=1.0)
        found.append(measured(preference, model, before))
        optimiser.zero_grad()
        loss.mean().backward()
        trained = {id(weight) for weight in adapter.parameters()}
        assert all(weight.grad is None for weight in trainee.denoiser.parameters() if id(weight) not in trained)
        optimiser.step()
    assert found[0].loss == pytest.approx(np.log(2), abs=1e-6)
    assert found[0].margin == 0.0
    assert found[-1].winner_change < 0
    assert found[-1].winner_change < found[2].winner_change
    now = {key.replace(".base_layer", ""): weight for key, weight in inner.state_dict().items()}
    assert all(torch.equal(weight, now[key]) for key, weight in frozen.items())

    folder = adapter.save(tmp_path / "adapter", base_model=str(tiny(FOLDERS[name])))
    assert str(tmp_path) not in (folder / "adapter_config.json").read_text()
    request = Request(("a",), "g", prompt="a tone", duration_s=seconds, params={"seed": 3})
    plain, heard = (
        generator_of(tiny, name, adapter).generate([request], lambda _: pytest.fail("no parents"))[0].waveform
        for adapter in (None, folder)
    )
    assert np.linalg.norm(plain - heard) > 1e-3 * np.linalg.norm(plain)


def test_recordings_that_the_model_does_not_take_are_refused(tiny: Tiny) -> None:
    trainee = trainee_of(tiny, "audioldm2")
    short, long = (Recording(np.zeros((1, samples), np.float32), 16000) for samples in (100, 200))
    with pytest.raises(AudioError, match=r"recordings of \[100, 200\] samples, expected some of one length"):
        trainee.latents([short, long])
    with pytest.raises(AudioError, match="the model takes 1 at 16000 Hz"):
        trainee.latents([Recording(np.zeros((2, 100), np.float32), 16000)])
    with pytest.raises(AudioError, match="the model takes 1 at 16000 Hz"):
        trainee.latents([Recording(np.zeros((1, 100), np.float32), 8000)])


def test_distilled_weights_and_clips_beyond_the_window_are_refused(tiny: Tiny) -> None:
    model = ModelSettings(path=str(tiny("stable_audio_3")), device="cpu")
    generator = load_generator(GeneratorSettings(name="stable-audio-3", model=model))
    assert isinstance(generator, TrainableGenerator)
    with pytest.raises(BackendError, match="is distilled"):
        generator.trainee()
    with pytest.raises(BackendError, match="the model makes at most"):
        trainee_of(tiny, "stable-audio").conditions(["dog"], 60.0)
