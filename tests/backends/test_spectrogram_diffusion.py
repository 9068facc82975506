"""The generator ``spectrogram-diffusion``, on a tiny model with random weights in the published layout."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from menura.audio.mel_image import MelImageSettings, to_mel_images
from menura.backends.base import Generator
from menura.backends.mel_diffusion import load_model, new_unet, save_model
from menura.backends.registry import load_generator
from menura.config import GeneratorSettings, InterpolationSettings, ModelSettings, settings_from
from menura.diffusion.inversion import denoise, invert
from menura.diffusion.schedules import NoiseSchedule
from menura.errors import BackendError, ConfigError
from menura.types import Clip, Recording, Request

pytest.importorskip("diffusers")

MEL = MelImageSettings(mels=16, frames=32, sample_rate=4000, n_fft=256, hop=64, overlap=4, iterations=8)
RATE, DURATION_S = 8000, 0.7


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in the layout of the published checkpoints."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("mel-model")
    torch.manual_seed(3)
    unet = new_unet(16, 32, (8, 16), layers=1, attention=1)
    with torch.no_grad():
        unet.conv_out.weight.mul_(0.05)  # type: ignore[union-attr, operator]  # random weights answer more steeply
    save_model(folder, unet, NoiseSchedule(), MEL, card="# Tiny\n")
    return folder


def settings_of(model: Path, *, alpha: tuple[float, float] = (0.5, 0.5), **changes: Any) -> GeneratorSettings:
    inner: dict[str, Any] = {"path": str(model), "num_inference_steps": 2, "device": "cpu"}
    delta = changes.pop("delta", None)
    between = InterpolationSettings(alpha=alpha, **changes.pop("interpolation", {}))
    return GeneratorSettings(
        name="spectrogram-diffusion", delta=delta, model=ModelSettings(interpolation=between, **inner | changes)
    )


def recording(clip_id: str) -> Recording:
    """A tone in quiet noise, another one for each id; two channels for ids that begin with s."""
    draw = np.random.default_rng(int(clip_id[1:], 16))
    seconds = np.arange(round(RATE * (DURATION_S + (clip_id[0] == "l")))) / RATE
    waveform = 0.01 * draw.standard_normal(len(seconds)) + 0.3 * np.sin(2 * np.pi * draw.uniform(200, 900) * seconds)
    return Recording(np.tile(waveform.astype(np.float32), (1 + (clip_id[0] == "s"), 1)), RATE)


def request_for(generator: Generator, *parents: str, key: int = 0, duration_s: float | None = None) -> Request:
    clips = [Clip(parent, f"{parent}.wav", ("bell",), DURATION_S, RATE) for parent in parents]
    params = generator.draw(clips, np.random.default_rng(key))
    return Request(
        ("bell",), generator.fingerprint, parents=parents, params=params, seed_key=("t", key), duration_s=duration_s
    )


def made(generator: Generator, *requests: Request) -> list[np.ndarray[Any, np.dtype[np.float32]]]:
    return [candidate.waveform for candidate in generator.generate(requests, recording)]


def test_clips_are_the_same_alone_in_any_batch_and_order_and_after_reading_them_back(model: Path) -> None:
    generator = load_generator(settings_of(model, alpha=(0.2, 0.8)))
    assert isinstance(generator, Generator)
    requests = [
        request_for(generator, "a1", "a2", key=1), request_for(generator, "a1", key=2),
        request_for(generator, "a3", key=3), request_for(generator, "a2", "l3", key=4),
    ]  # fmt: skip
    together, backwards = made(generator, *requests), made(generator, *requests[::-1])[::-1]
    fresh = load_generator(settings_of(model, alpha=(0.2, 0.8)))
    for request, one, two in zip(requests, together, backwards, strict=True):
        read = Request(**{**vars(request), "params": json.loads(json.dumps(dict(request.params)))} | {})
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, made(fresh, read)[0])
        assert one.dtype == np.float32
        assert np.isfinite(one).all()
        assert np.abs(one).max() > 1e-4
    assert len({wave.tobytes() for wave in together}) == 4  # the partner of equality: others are others


def test_larger_batches_stay_within_the_stated_tolerance(model: Path) -> None:
    alone, batched = (load_generator(settings_of(model, batch=batch)) for batch in (1, 8))
    pairs = [("a1", "a2"), ("a3", "l4"), ("a1",), ("a5", "a2")]
    requests = [request_for(alone, *parents, key=key) for key, parents in enumerate(pairs)]
    tolerance = batched.batch_tolerance  # type: ignore[attr-defined]
    assert alone.batch_tolerance == 0 < tolerance  # type: ignore[attr-defined]
    for one, other in zip(made(alone, *requests), made(batched, *requests), strict=True):
        assert np.abs(one - other).max() <= tolerance * np.abs(one).max()


def test_a_share_of_0_or_1_gives_the_parents_back(model: Path) -> None:
    for alpha, parent in ((0.0, "a1"), (1.0, "a2")):
        generator = load_generator(
            settings_of(model, alpha=(alpha, alpha), num_inference_steps=4, interpolation={"refinements": 4})
        )
        request = request_for(generator, "a1", "a2")
        found = torch.from_numpy(made(generator, request)[0][0])
        expected = torch.from_numpy(recording(parent).waveform[0])
        other = torch.from_numpy(recording("a1" if parent == "a2" else "a2").waveform[0])
        assert found.shape == expected.shape
        assert abs(_pitch_hz(found) - _pitch_hz(expected)) < 70  # half of a band
        assert abs(_pitch_hz(found) - _pitch_hz(other)) > 140


def _pitch_hz(waveform: torch.Tensor) -> float:
    return float(torch.fft.rfft(waveform).abs().argmax()) * RATE / len(waveform)


def test_invert_then_denoise_returns_the_image_of_a_real_network(model: Path) -> None:
    loaded = load_model(model)
    pixels = to_mel_images(torch.from_numpy(recording("a1").waveform[0]), MEL).pixels[:1]
    bars = loaded.schedule.alphas_bar().tolist()

    def say(image: torch.Tensor, time: int) -> torch.Tensor:
        """Random weights see no noise; so the noise in images of unit variance, and what the network makes of it."""
        return (1 - bars[time]) ** 0.5 * image + loaded.say(image, time)

    errors = []
    for refinements in (0, 3, 12):
        noise = invert(pixels, say, loaded.schedule, steps=20, refinements=refinements)
        back = denoise(noise, say, loaded.schedule, steps=20)
        errors.append(float((back - pixels).abs().max()))
    assert errors[2] < 1e-3 < errors[0]  # float32 through twenty steps
    assert errors == sorted(errors, reverse=True)


def test_length_channels_and_rate_are_those_asked_for(model: Path) -> None:
    generator = load_generator(settings_of(model))
    stereo, long, short = (
        request_for(generator, "s1", "a2"), request_for(generator, "a1", "l2"),
        request_for(generator, "a1", "a2", duration_s=0.25),
    )  # fmt: skip
    shapes = [wave.shape for wave in made(generator, stereo, long, short)]
    assert shapes == [(2, 5600), (1, 9600), (1, 2000)]  # 0.7 s; half-way between 0.7 and 1.7 s; as asked


def test_strength_pulls_towards_the_first_parent(model: Path) -> None:
    calm, full = (load_generator(settings_of(model, delta=delta)) for delta in (0.5, None))
    assert request_for(full, "a1", "a2").params["alpha"] == 0.5
    assert request_for(calm, "a1", "a2").params["alpha"] == 0.25
    assert request_for(full, "a1").params["strength"] == 0.5
    still = load_generator(settings_of(model, delta=0.0))
    wave = made(still, request_for(still, "a1"))[0]
    images = to_mel_images(torch.from_numpy(recording("a1").waveform[0][::2].copy()), MEL)
    assert images.pixels.shape[0] == 2
    assert np.abs(wave).max() > 0.1


def test_the_fingerprint_tells_weights_and_settings_but_not_folders(model: Path, tmp_path: Path) -> None:
    first = load_generator(settings_of(model)).fingerprint
    moved = shutil.copytree(model, tmp_path / "moved")
    assert load_generator(settings_of(moved)).fingerprint == first
    others = [
        settings_of(model, delta=0.1),
        settings_of(model, num_inference_steps=5),
        settings_of(model, alpha=(0, 1)),
    ]
    weights = next((moved / "unet").glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    others.append(settings_of(moved))
    assert len({load_generator(settings).fingerprint for settings in others} | {first}) == 5


def test_requests_of_another_making_are_refused(model: Path) -> None:
    generator = load_generator(settings_of(model))
    with pytest.raises(BackendError, match="names 0 parents, spectrogram-diffusion needs one or two"):
        generator.generate([Request(("bell",), generator.fingerprint)], recording)
    wrong = Request(("bell",), generator.fingerprint, parents=("a1", "a2"), params={"strength": 0.5, "phases": 1})
    with pytest.raises(BackendError, match=r"holds \['phases', 'strength'\].* expected \['alpha', 'phases'\]"):
        generator.generate([wrong], recording)


def test_settings_that_would_be_ignored_are_refused(model: Path) -> None:
    with pytest.raises(ConfigError, match="knows no adapter, guidance_scale"):
        load_generator(settings_of(model, adapter="x", guidance_scale=3.0))
    with pytest.raises(ConfigError, match="cannot use PNDMScheduler"):
        load_generator(settings_of(model, scheduler="PNDMScheduler"))
    with pytest.raises(ConfigError, match=r"alpha is 0.9 to 0.1"):
        settings_from(InterpolationSettings, {"alpha": (0.9, 0.1)})


def _pickle_only(folder: Path) -> None:
    os.rename(next((folder / "unet").glob("*.safetensors")), folder / "unet" / "diffusion_pytorch_model.bin")


def _without_a_weight(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = next((folder / "unet").glob("*.safetensors"))
    tensors = load_file(path)
    del tensors["conv_in.weight"]
    save_file(tensors, path)


def _other_mel(folder: Path) -> None:
    path = folder / "mel" / "mel_config.json"
    path.write_text(path.read_text().replace('"x_res": 32', '"x_res": 64'))


def _no_hop(folder: Path) -> None:
    path = folder / "mel" / "mel_config.json"
    path.write_text(path.read_text().replace("hop_length", "hop"))


def _network_alone(folder: Path) -> None:
    shutil.copytree(folder / "unet", folder, dirs_exist_ok=True)
    (folder / "model_index.json").unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            _pickle_only,
            r"pickled weights \(unet/diffusion_pytorch_model.bin\); a pickle can run .*menura models convert",
        ),
        (_without_a_weight, r"lacks 1 weights of UNet2DModel \(conv_in.weight.*random"),
        (_other_mel, "makes mel images of 16 x 64 and its network takes 16 x 32"),
        (_no_hop, "lack hop_length"),
        (lambda folder: (folder / "model_index.json").unlink(), "holds no weights: .* or model_index.json"),
        (_network_alone, "has no model_index.json, expected the audio-diffusion layout"),
    ],
)
def test_a_model_that_would_sound_wrong_is_refused(
    model: Path, tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    folder = shutil.copytree(model, tmp_path / "model")
    damage(folder)
    request = request_for(load_generator(settings_of(model)), "a1")
    with pytest.raises(BackendError, match=message):
        made(load_generator(settings_of(folder)), request)


def test_the_latent_variant_works_on_the_latents_of_its_autoencoder(model: Path, tmp_path: Path) -> None:
    from diffusers import AutoencoderKL

    folder = shutil.copytree(model, tmp_path / "latent")
    shutil.rmtree(folder / "unet")
    torch.manual_seed(5)
    coder = AutoencoderKL(
        in_channels=1, out_channels=1, latent_channels=1, block_out_channels=(8, 8), norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    )  # fmt: skip
    coder.save_pretrained(folder / "vqvae")
    new_unet(8, 16, (8, 16), layers=1, attention=0).save_pretrained(folder / "unet")  # type: ignore[operator]
    index = json.loads((folder / "model_index.json").read_text()) | {"vqvae": ["diffusers", "AutoencoderKL"]}
    (folder / "model_index.json").write_text(json.dumps(index))
    generator = load_generator(settings_of(folder))
    one, other = made(generator, request_for(generator, "a1", "a2"), request_for(generator, "a3"))
    assert np.isfinite(one).all()
    assert np.abs(one).max() > 1e-4
    assert not np.array_equal(one, other)
    loaded = load_model(folder)
    assert loaded.latents_of(torch.zeros(2, 1, 16, 32)).shape == (2, 1, 8, 16)


def test_a_network_that_takes_a_condition_is_asked_with_an_empty_one(model: Path, tmp_path: Path) -> None:
    from diffusers import UNet2DConditionModel

    folder = shutil.copytree(model, tmp_path / "conditional")
    shutil.rmtree(folder / "unet")
    UNet2DConditionModel(
        sample_size=(16, 32), in_channels=1, out_channels=1, layers_per_block=1, block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        norm_num_groups=4, attention_head_dim=4, cross_attention_dim=12,
    ).save_pretrained(folder / "unet")  # fmt: skip
    index = json.loads((folder / "model_index.json").read_text()) | {"unet": ["diffusers", "UNet2DConditionModel"]}
    (folder / "model_index.json").write_text(json.dumps(index))
    (folder / "README.md").write_text("---\ntags: [audio]\nlicense: cc0-1.0\n---\n# Model\n")
    generator = load_generator(settings_of(folder))
    candidate = generator.generate([request_for(generator, "a1", "a2")], recording)[0]
    assert np.isfinite(candidate.waveform).all()
    assert candidate.facts["weights_licence"] == "cc0-1.0"


def test_diffusers_own_pipeline_loads_the_same_folder_and_ours_loads_its(model: Path, tmp_path: Path) -> None:
    pytest.importorskip("librosa")
    from diffusers import AudioDiffusionPipeline

    theirs = AudioDiffusionPipeline.from_pretrained(str(model), use_safetensors=True)
    assert theirs.mel.config.hop_length == MEL.hop
    theirs.save_pretrained(tmp_path / "again")
    ours, again = (load_model(path) for path in (model, tmp_path / "again"))
    assert (again.mel, again.schedule) == (ours.mel, ours.schedule)
    image = torch.zeros(1, 1, 16, 32)
    assert torch.equal(ours.say(image, 7), again.say(image, 7))
    assert torch.equal(ours.say(image, 7), theirs.unet(image, 7).sample)


def test_a_vocoder_decodes_only_the_mel_spectrograms_that_it_knows(model: Path, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.SpeechT5HifiGanConfig(
        model_in_dim=16, sampling_rate=4000, upsample_initial_channel=8, upsample_rates=[8, 8],
        upsample_kernel_sizes=[16, 16], resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1]],
        normalize_before=False,
    )  # fmt: skip
    transformers.SpeechT5HifiGan(config).save_pretrained(tmp_path / "vocoder")
    with_vocoder = settings_of(model, interpolation={"vocoder": str(tmp_path / "vocoder")})
    generator, plain = load_generator(with_vocoder), load_generator(settings_of(model))
    assert generator.fingerprint != plain.fingerprint
    one, other = (made(chosen, request_for(chosen, "a1", "a2"))[0] for chosen in (generator, plain))
    assert one.shape == other.shape
    assert not np.array_equal(one, other)
    config.sampling_rate = 16_000
    transformers.SpeechT5HifiGan(config).save_pretrained(tmp_path / "vocoder")
    other_rate = load_generator(with_vocoder)
    with pytest.raises(BackendError, match="trained with sample_rate 16000, not 4000"):
        made(other_rate, request_for(other_rate, "a1", "a2"))
