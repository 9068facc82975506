"""Clips between two real ones in the latents of the text-to-audio models that can be inverted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import menura
from menura.audio import encode
from menura.audio.level import peak_dbfs
from menura.backends.base import PromptedGenerator
from menura.backends.registry import load_generator
from menura.backends.text_to_audio.between import between
from menura.backends.text_to_audio.calls import Job
from menura.backends.text_to_audio.clips import finished
from menura.backends.text_to_audio.generator import PretrainedGenerator, _for_model
from menura.config import (
    AmountSettings,
    GeneratorSettings,
    InterpolationSettings,
    JudgeSettings,
    ModelSettings,
    RunSettings,
)
from menura.diffusion.continuous import CosineSchedule
from menura.diffusion.interpolation import lerp, slerp
from menura.diffusion.inversion import denoise
from menura.diffusion.schedules import NoiseSchedule
from menura.errors import BackendError, ConfigError
from menura.types import Recording, Request

RATE, DURATION_S = 8000, 0.4
STEPS, REFINEMENTS = 12, 6
RETURNS = 0.005
"""Greatest distance of a share of 0 or 1 to the parent through the autoencoder, as a share of its norm."""
Tiny = Callable[[str], Path]


@dataclass(frozen=True)
class Row:
    """One generator on one tiny model."""

    name: str
    folder: str

    def make(self, tiny: Tiny, *, delta: float | None = None, **model: Any) -> PretrainedGenerator:
        asked = ModelSettings(**{"path": str(tiny(self.folder)), "interpolate": True, "device": "cpu"} | model)
        made = load_generator(GeneratorSettings(name=self.name, delta=delta, model=asked), sample_rate=RATE)
        assert isinstance(made, PretrainedGenerator)
        return made


ROWS = [
    Row("audioldm2", "audioldm2"),
    Row("stable-audio", "stable_audio"),
    Row("stable-audio-3", "stable_audio_3_base"),
]


@pytest.fixture(scope="module", params=ROWS, ids=lambda row: row.folder)
def row(request: pytest.FixtureRequest) -> Row:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def generator(row: Row, tiny: Tiny) -> PretrainedGenerator:
    return as_if_trained(row.make(tiny, num_inference_steps=STEPS, interpolation={"refinements": REFINEMENTS}))


@pytest.fixture(scope="module")
def quick(row: Row, tiny: Tiny) -> PretrainedGenerator:
    """With two steps: for what does not depend on how well an inversion is undone."""
    return as_if_trained(row.make(tiny, num_inference_steps=2))


def as_if_trained(made: PretrainedGenerator) -> PretrainedGenerator:
    """Random weights see no noise, and what goes up through them comes down elsewhere.

    So they say what is right for latents that are normal with variance 1, and a twentieth of what the network makes of
    them. For velocities on the circle what is right is 0, and the network of that model is calm enough as it is.
    """
    model: Any = made._load_once()[0]
    if made.name == "stable-audio":
        return made
    asked = model._denoiser
    bars = NoiseSchedule.from_config(model.pipeline.scheduler.config).alphas_bar() if made.name == "audioldm2" else None

    def right(latents: torch.Tensor, time: float) -> torch.Tensor:
        if bars is not None:
            return float(1 - bars[int(time)]) ** 0.5 * latents
        return (2 * time / 1000 - 1) / ((time / 1000) ** 2 + (1 - time / 1000) ** 2) * latents

    def denoiser(*question: Any) -> Any:
        say = asked(*question)
        return lambda latents, time: right(latents, time) + 0.05 * say(latents, time)

    model._denoiser = denoiser
    return made


def recording(clip_id: str) -> Recording:
    """A tone in noise, another one for each id; ids from 80 on are half as long and half as loud."""
    draw, far = np.random.default_rng(int(clip_id, 16)), int(clip_id, 16) >= 128
    seconds = np.arange(round(RATE * DURATION_S / (2 if far else 1))) / RATE
    tone = 0.4 * np.sin(2 * np.pi * draw.uniform(300, 900) * seconds) + 0.05 * draw.standard_normal(seconds.size)
    return Recording((tone / (2 if far else 1))[None].astype(np.float32), RATE)


def pair(generator: PretrainedGenerator, alpha: Any, first: str = "1", second: str = "2", **changed: Any) -> Request:
    fields = {"prompt": "dog", "parents": (first, second), "duration_s": DURATION_S, "params": {"alpha": alpha}}
    return Request(("dog",), generator.fingerprint, **(fields | changed))


def made(generator: PretrainedGenerator, *wanted: Request) -> list[np.ndarray]:
    return [candidate.waveform for candidate in generator.generate(wanted, recording)]


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """Difference as a share of the norm of the first."""
    return float(np.linalg.norm(one - other) / np.linalg.norm(one))


def through_the_autoencoder(generator: PretrainedGenerator, clip_id: str) -> np.ndarray:
    """What the model's own coder and decoder leave of a clip, at the clip's level."""
    model: Any = generator._load_once()[0]
    real = recording(clip_id)
    fitted = _for_model(model, real, DURATION_S)
    with torch.no_grad():
        latents = model._encoded([fitted])
        again = model._decoded(latents, *([] if generator.name == "audioldm2" else [fitted.waveform.shape[1]]))[0]
    return finished(
        np.asarray(again), model.sample_rate, sample_rate=RATE, num_samples=round(RATE * DURATION_S), channels=1,
        target_dbfs=peak_dbfs(real.waveform),
    )  # fmt: skip


def test_a_share_of_0_gives_the_first_parent_and_a_share_of_1_the_second(generator: PretrainedGenerator) -> None:
    first, last, swapped = made(generator, pair(generator, 0.0), pair(generator, 1.0), pair(generator, 1.0, "2", "1"))
    one, two = (through_the_autoencoder(generator, name) for name in "12")
    assert distance(one, first) < RETURNS
    assert distance(two, last) < RETURNS
    assert distance(one, two) > 5 * RETURNS
    assert distance(first, swapped) <= generator.batch_tolerance


def test_the_share_the_parents_and_the_prompt_are_heard(generator: PretrainedGenerator) -> None:
    middle, later, other, told = made(
        generator, pair(generator, 0.5), pair(generator, 0.7), pair(generator, 0.5, "1", "3"),
        pair(generator, 0.5, prompt="a cat in the rain"),
    )  # fmt: skip
    ends = [through_the_autoencoder(generator, name) for name in "12"]
    least = 10 * 1e-6
    assert min(distance(middle, wave) for wave in (*ends, later, other)) > 1000 * least
    assert distance(middle, told) > least


def test_with_a_linear_model_the_clip_is_the_mixture_of_its_parents_latents_and_each_is_asked_as_it_should_be() -> None:
    asked: list[tuple[Any, ...]] = []

    def denoiser_for(prompts: Any, negative: Any, guidance: float) -> Any:
        asked.append((list(prompts), list(negative), guidance))
        return lambda latents, time: torch.zeros_like(latents)  # right for latents that are normal with variance 1

    def job(alpha: float, first: str, second: str, prompt: str, negative: str | None) -> Job:
        request = Request(("dog",), "g", parents=(first, second))
        return Job(request, prompt, negative, DURATION_S, 0, recording(first), recording(second), alpha)

    def encoded(recordings: Any) -> torch.Tensor:
        return torch.stack([torch.from_numpy(item.waveform[0, :256].reshape(4, 64)) for item in recordings])

    jobs = [job(0.3, "1", "2", "dog", None), job(0.6, "2", "3", "dog", "bad"), job(0.5, "1", "3", "owl", None)]
    schedule = CosineSchedule((100.0, 10.0, 1.0, 0.0))
    for along, mix in (("sphere", slerp), ("line", lerp)):
        asked.clear()
        made_of = between(
            jobs, encode=encoded, denoiser_for=denoiser_for, schedule=schedule, steps=3, guidance=2.5,
            settings=InterpolationSettings(along=along),
        )  # fmt: skip
        for one, latents in zip(jobs, made_of, strict=True):
            ends = encoded([one.parent, one.partner])
            torch.testing.assert_close(latents, mix(ends[0], ends[1], one.alpha), rtol=1e-4, atol=1e-5)
        inverted, denoised = asked
        assert inverted == (["dog", "dog", "dog", "owl", "owl"], [None] * 5, 1.0)  # 1, 2 and 3 once, and 1, 3 again
        assert denoised == (["dog", "dog", "owl"], [None, "bad", None], 2.5)


def test_the_line_and_the_sphere_lead_to_other_clips(row: Row, tiny: Tiny) -> None:
    generators = [row.make(tiny, num_inference_steps=2, interpolation={"along": way}) for way in ("sphere", "line")]
    one, other = (made(generator, pair(generator, 0.5))[0] for generator in generators)
    assert distance(one, other) > 1e-3


def test_a_clip_made_alone_and_in_a_batch_are_as_near_as_the_backend_says(quick: PretrainedGenerator) -> None:
    wanted = [
        pair(quick, 0.5), pair(quick, 0.3, "1", "3"), pair(quick, 0.5, "4", "1", prompt="owl"),
        pair(quick, 0.4, duration_s=0.3), pair(quick, 0.6, "3", "2", prompt="a cat in the rain"),
    ]  # fmt: skip
    candidates = quick.generate(wanted, recording)
    assert [candidate.request for candidate in candidates] == wanted
    backwards = made(quick, *wanted[::-1])[::-1]
    for request, candidate, two in zip(wanted, candidates, backwards, strict=True):
        alone = made(quick, request)[0]
        assert distance(alone, candidate.waveform) <= quick.batch_tolerance
        assert distance(alone, two) <= quick.batch_tolerance
        np.testing.assert_array_equal(alone, made(quick, request)[0])


def test_length_and_level_lie_between_those_of_the_parents(quick: PretrainedGenerator) -> None:
    candidate = quick.generate([pair(quick, 0.25, "1", "80", duration_s=None)], recording)[0]
    assert candidate.waveform.shape == (1, round(0.875 * DURATION_S * RATE))
    levels = [peak_dbfs(recording(name).waveform) for name in ("1", "80")]
    assert peak_dbfs(candidate.waveform) == pytest.approx(0.75 * levels[0] + 0.25 * levels[1], abs=1e-4)
    assert candidate.facts["along"] == "sphere"
    assert candidate.facts["refinements"] == 1
    assert candidate.facts["guidance_scale"] == 1.0


def test_a_negative_prompt_is_heard_with_guidance_alone(row: Row, tiny: Tiny) -> None:
    for scale, hears in ((None, False), (4.0, True)):
        generator = row.make(tiny, num_inference_steps=2, guidance_scale=scale)
        plain, negated = generator.generate(
            [pair(generator, 0.5), pair(generator, 0.5, negative_prompt="low quality")], recording
        )
        assert (distance(plain.waveform, negated.waveform) > 1e-5) == hears
        assert negated.facts.get("ignored") == (None if hears else ["negative_prompt"])


@pytest.mark.filterwarnings("ignore:Should have t:UserWarning")  # torchsde on the edges of its interval
@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_denoising_is_that_of_the_pipeline(row: Row, tiny: Tiny, scale: float) -> None:
    """AudioLDM 2 with DDIM and Stable Audio 3 go the same way; of Stable Audio, whose sampler is random, a step."""
    model: Any = row.make(tiny, num_inference_steps=4, guidance_scale=scale)._load_once()[0]
    pipe, prompts, negative = model.pipeline, ["dog", "cat"], ["bad", "low"]
    noise = torch.randn(2, *_shape(row, model), generator=torch.Generator().manual_seed(0))
    asked = {"negative_prompt": negative, "guidance_scale": scale, "num_inference_steps": 4, "output_type": "latent"}
    with torch.no_grad():
        if row.name == "audioldm2":
            schedule: Any = NoiseSchedule.from_config(pipe.scheduler.config)
            ours = denoise(noise, model._denoiser(prompts, negative, scale), schedule, steps=4)
            theirs = pipe(prompts, latents=noise, audio_length_in_s=DURATION_S, **asked).audios
        elif row.name == "stable-audio-3":
            ours = denoise(noise, model._denoiser(prompts, negative, scale, 1600), model._flow(), steps=4)
            theirs = pipe(prompts, latents=noise, duration=model._seconds(1600), **asked).audios
        else:
            heard = []
            step = pipe.scheduler.step
            pipe.scheduler.step = lambda said, time, *rest, **more: (
                heard.append((said, float(time))) or step(said, time, *rest, **more)  # type: ignore[func-returns-value]
            )
            pipe(prompts, latents=noise, audio_end_in_s=model._end_s(1600), **asked)
            theirs, time = heard[0]
            ours = model._denoiser(prompts, negative, scale, 1600)(noise, time)
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4 * float(theirs.std()))


def _shape(row: Row, model: Any) -> tuple[int, ...]:
    """Of the latents of 0.4 s."""
    if row.name == "audioldm2":
        return (4, round(DURATION_S * 100) // 4, 16)
    return (8, 64) if row.name == "stable-audio" else (8, 1600 // model.pipeline.vae.downsampling_ratio)


def test_shares_are_drawn_in_their_range_and_scaled_by_delta(row: Row, tiny: Tiny) -> None:
    asked = {"interpolation": {"alpha": (0.2, 0.6)}}
    generators = [row.make(tiny, **asked), row.make(tiny, delta=0.5, **asked)]
    drawn = [[one.draw([], np.random.default_rng(n)) for n in range(100)] for one in generators]
    shares = [[params["alpha"] for params in of_one] for of_one in drawn]
    assert 0.2 <= min(shares[0]) < 0.25
    assert 0.55 < max(shares[0]) <= 0.6
    np.testing.assert_allclose(shares[1], np.array(shares[0]) / 2, atol=1e-6)
    assert all(set(params) == {"alpha"} for params in drawn[0])
    assert generators[0].parents_needed == (2, 2)
    assert isinstance(generators[0], PromptedGenerator)


def test_the_fingerprint_changes_with_the_interpolation_where_there_is_one(row: Row, tiny: Tiny) -> None:
    ways = [{}, {"interpolation": {"alpha": (0, 1)}}, {"interpolation": {"along": "line"}}, {"interpolate": False}]
    found = {row.make(tiny, **way).fingerprint for way in ways} | {row.make(tiny, delta=0.5).fingerprint}
    assert len(found) == 5
    assert "interpolate" not in ModelSettings().model_dump()  # so that older runs keep their identity


def test_requests_that_cannot_be_answered_are_refused(quick: PretrainedGenerator) -> None:
    for bad, words in (
        (pair(quick, 0.5, parents=("1",)), "names 1 parents, but .* needs two real clips"),
        (pair(quick, 1.5), r"alpha 1.5, expected a number in \[0, 1\]"),
        (pair(quick, None), "alpha None"),
        (pair(quick, 0.5, prompt=None), "no prompt"),
        (pair(quick, 0.5, duration_s=-1.0), "more than 0"),
    ):
        with pytest.raises(BackendError, match=words):
            quick.generate([bad], recording)


def test_settings_that_would_not_be_heard_are_refused(row: Row, tiny: Tiny) -> None:
    with pytest.raises(ConfigError, match=r"strength\) or lies between two"):
        row.make(tiny, strength=0.5)
    with pytest.raises(ConfigError, match=r"only with model\.interpolate = true"):
        row.make(tiny, interpolate=False, interpolation={"alpha": (0, 1)})
    with pytest.raises(ConfigError, match="vocoder is for spectrogram-diffusion"):
        row.make(tiny, interpolation={"vocoder": "x"})
    with pytest.raises(ConfigError, match="replace_s"):
        menura.config.settings_from(ModelSettings, {"interpolate": True, "replace_s": (0, 1)})


def test_models_that_cannot_be_inverted_say_so(tiny: Tiny) -> None:
    for name, folder in (("musicgen", "musicgen"), ("text-to-audio", "audioldm")):
        with pytest.raises(ConfigError, match=f"{name} cannot be inverted"):
            Row(name, folder).make(tiny)
    with pytest.raises(ConfigError, match="take DDIMScheduler"):
        ROWS[0].make(tiny, scheduler="PNDMScheduler")
    with pytest.raises(ConfigError, match=r"distilled: .* model\.path = stabilityai/stable-audio-3-medium-base"):
        ROWS[2].make(tiny, path=None)
    distilled = Row("stable-audio-3", "stable_audio_3").make(tiny)
    with pytest.raises(BackendError, match="distilled: its sampler jumps"):
        made(distilled, pair(distilled, 0.5))


def test_the_recipe_makes_a_run_of_clips_between_real_ones(tiny: Tiny, tmp_path: Path) -> None:
    for label in ("dog", "rain"):
        (tmp_path / "sounds" / label).mkdir(parents=True)
        for take in range(3):
            sound = recording(f"{len(label)}{take}")
            encode(sound, tmp_path / "sounds" / label / f"{take}.wav", container="WAV")
    training = menura.datasets.load(str(tmp_path / "sounds")).train
    model = ModelSettings(path=str(tiny("stable_audio")), interpolate=True, num_inference_steps=3, device="cpu")
    settings = RunSettings(
        recipe="interpolation", generator=GeneratorSettings(name="stable-audio", model=model), rounds=0,
        amount=AmountSettings(times=1), judge=JudgeSettings(enabled=False),
    )  # fmt: skip
    run = menura.augment(training, settings=settings, out=tmp_path / "run", workers=1)
    records = list(run.records())
    assert len(records) >= 6
    assert all("generator" not in record.judgement.reason for record in records)  # made, not failed
    for record in records:
        assert record.request.prompt == f"Sound of {'a dog' if record.request.labels == ('dog',) else 'rain'}"
        assert len(set(record.request.parents)) == 2
        assert record.request.params == {"alpha": 0.5}
