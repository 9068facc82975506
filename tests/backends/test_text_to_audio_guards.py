"""What the libraries let pass without a word, and menura does not."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from menura.backends.registry import load_generator
from menura.backends.text_to_audio.generator import PretrainedGenerator
from menura.backends.text_to_audio.stable_audio import sigma_of_strength
from menura.backends.weights.content import content_of
from menura.backends.weights.convert import convert_folder
from menura.backends.weights.names import find_weights
from menura.config import GeneratorSettings, ModelSettings
from menura.errors import BackendError, ConfigError, RunError
from menura.generate.batches import generate_batch
from menura.types import Recording, Request

Tiny = Callable[[str], Path]


def make(name: str, folder: Path | str | None, *, rate: int | None = 8000, **model: Any) -> PretrainedGenerator:
    few = {} if name in ("musicgen", "audiogen") else {"num_inference_steps": 2}
    settings = ModelSettings(**{"path": str(folder) if folder else None, **few, **model})
    made = load_generator(GeneratorSettings(name=name, model=settings), sample_rate=rate)
    assert isinstance(made, PretrainedGenerator)
    return made


def clip(generator: PretrainedGenerator, prompt: str = "dog", seed: int = 1, **changed: Any) -> np.ndarray:
    fields = {"prompt": prompt, "duration_s": 0.2, "params": {"seed": seed}} | changed
    request = Request(("dog",), generator.fingerprint, **fields)
    return generator.generate([request], tone)[0].waveform


def tone(clip_id: str) -> Recording:
    seconds = np.arange(4000) / 8000
    return Recording((0.3 * np.sin(2 * np.pi * 440 * seconds))[None].astype(np.float32), 8000)


@pytest.fixture
def copied(tiny: Tiny, tmp_path: Path) -> Callable[[str], Path]:
    """A copy of a tiny model that a test may damage."""
    return lambda name: Path(shutil.copytree(tiny(name), tmp_path / name))


def without_tensor(file: Path, word: str) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(file)
    kept = {name: tensor for name, tensor in tensors.items() if word not in name}
    assert len(kept) < len(tensors)
    save_file(kept, file, metadata={"format": "pt"})


def as_pickle(file: Path, name: str) -> None:
    import torch
    from safetensors.torch import load_file

    torch.save(load_file(file), file.with_name(name))
    file.unlink()


@pytest.mark.parametrize(
    ("name", "folder", "part", "word"),
    [
        ("stable-audio", "stable_audio", "transformer/diffusion_pytorch_model.safetensors", "proj_out"),
        ("stable-audio", "stable_audio", "text_encoder/model.safetensors", "block.1"),
        ("audioldm2", "audioldm2", "projection_model/diffusion_pytorch_model.safetensors", "sos_embed"),
        ("musicgen", "musicgen", "model.safetensors", "lm_heads.0"),
    ],
)
def test_weights_that_would_be_filled_at_random_are_refused(
    copied: Callable[[str], Path], name: str, folder: str, part: str, word: str
) -> None:
    model = copied(folder)
    without_tensor(model / part, word)
    with pytest.raises(BackendError, match=rf"lacks \d+ weights of .*{word}.*random"):
        clip(make(name, model))


def test_pickled_weights_are_refused_with_the_command_that_converts_them(
    copied: Callable[[str], Path], tmp_path: Path
) -> None:
    model = copied("stable_audio")
    expected = clip(make("stable-audio", model))
    as_pickle(model / "transformer" / "diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin")
    as_pickle(model / "text_encoder" / "model.safetensors", "pytorch_model.bin")
    with pytest.raises(BackendError, match=r"pickled weights \(text_encoder/pytorch_model.bin.*menura models convert"):
        make("stable-audio", model)
    convert_folder(model, tmp_path / "safe")
    assert not list((tmp_path / "safe").rglob("*.bin"))
    np.testing.assert_array_equal(clip(make("stable-audio", tmp_path / "safe")), expected)


def test_the_conversion_does_not_run_what_a_pickle_holds(copied: Callable[[str], Path], tmp_path: Path) -> None:
    import torch

    model = copied("musicgen")
    (model / "model.safetensors").unlink()
    torch.save({"weight": Touch(tmp_path / "ran")}, model / "pytorch_model.bin")
    with pytest.raises(BackendError, match="more than tensors"):
        convert_folder(model, tmp_path / "safe")
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "safe").exists()


class Touch:
    """Unpickling it makes a file: what a malicious checkpoint would do."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return Path.touch, (self.path,)


def test_a_damaged_or_foreign_folder_is_named_in_one_line(copied: Callable[[str], Path], tmp_path: Path) -> None:
    model = copied("musicgen")
    file = model / "model.safetensors"
    (model / "tokenizer.json").write_text("{}")
    with pytest.raises(BackendError, match="cannot be loaded as AutoTokenizer"):
        make("musicgen", model)._load_once()
    made_before = make("musicgen", model)
    file.write_bytes(file.read_bytes()[:-100])
    for use in (lambda: make("musicgen", model), made_before._load_once):
        with pytest.raises(BackendError, match="cut off: download it again"):
            use()
    with pytest.raises(BackendError, match=r"no model folder .*nowhere; expected a folder"):
        make("musicgen", tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BackendError, match="holds no weights"):
        make("musicgen", tmp_path / "empty")
    with pytest.raises(BackendError, match="is a file, expected the folder"):
        make("musicgen", file)


def test_weights_that_cannot_be_loaded_stop_the_run_and_reject_no_request(copied: Callable[[str], Path]) -> None:
    model = copied("stable_audio")
    generator, whole = make("stable-audio", model), make("stable-audio", model)
    request = Request(("dog",), generator.fingerprint, prompt="dog", duration_s=0.2, params={"seed": 1})
    whole._load_once()
    shutil.rmtree(model / "vae")
    with pytest.raises(RunError, match="cannot be loaded as StableAudioPipeline"):
        generate_batch(generator, [request], tone)
    too_long = replace(request, duration_s=100.0)
    [reason] = generate_batch(whole, [too_long], tone)
    assert "at most" in str(reason)


def test_the_model_of_another_generator_is_refused_with_its_name(tiny: Tiny) -> None:
    with pytest.raises(BackendError, match=r"holds AudioLDM2Pipeline, .* take the generator audioldm2"):
        make("stable-audio", tiny("audioldm2"))
    with pytest.raises(BackendError, match="take the generator audioldm2, which knows its traps"):
        make("text-to-audio", tiny("audioldm2"))
    with pytest.raises(BackendError, match="works at 4000 Hz, but audiogen at 16000 Hz"):
        clip(make("audiogen", tiny("musicgen")))
    with pytest.raises(BackendError, match="audiogen needs a model folder"):
        make("audiogen", None)


def test_a_name_on_the_hub_is_not_looked_up_before_the_first_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    generator = make("audioldm2", "nobody/no-such-model", revision="0123abc")
    assert generator.fingerprint != make("audioldm2", "nobody/no-such-model").fingerprint
    with pytest.raises(BackendError, match="nobody/no-such-model is no folder here and cannot be fetched from the Hub"):
        clip(generator)


def test_planning_imports_no_model_library(tiny: Tiny) -> None:
    program = f"""
import sys
from menura.backends.registry import available, load_generator
from menura.config import GeneratorSettings, ModelSettings
settings = GeneratorSettings(name="stable-audio", model=ModelSettings(path={str(tiny("stable_audio"))!r}))
assert load_generator(settings, sample_rate=8000).fingerprint
assert {{"audioldm2", "musicgen", "stable-audio", "stable-audio-3"}} <= {{row.name for row in available("generators")}}
loaded = {{"torch", "diffusers", "transformers", "peft"}} & set(sys.modules)
assert not loaded, loaded
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("whole", [0, 1 << 26])
def test_the_identity_of_weights_sees_other_values_in_every_tensor(
    tiny: Tiny, copied: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, whole: int
) -> None:
    from safetensors.torch import load_file, save_file

    monkeypatch.setattr("menura.backends.weights.content._WHOLE", whole)
    model = copied("stable_audio")
    assert content_of(model) == content_of(tiny("stable_audio")) == find_weights(str(model)).identity
    file = model / "transformer" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(file)
    for name in list(tensors)[::5]:
        save_file(tensors | {name: tensors[name] + 0.001}, file, metadata={"format": "pt"})
        assert content_of(model) != content_of(tiny("stable_audio")), name
    save_file(tensors, file, metadata={"format": "pt"})
    config = json.loads((model / "scheduler" / "scheduler_config.json").read_text())
    (model / "scheduler" / "scheduler_config.json").write_text(json.dumps(config | {"sigma_max": 80.0}))
    assert content_of(model) != content_of(tiny("stable_audio"))


def test_stable_audio_takes_no_scheduler_but_the_one_it_was_trained_for(copied: Callable[[str], Path]) -> None:
    model = copied("stable_audio")
    with pytest.raises(ConfigError, match=r"feed it wrong ones without an error.*Allowed: CosineDPMSolver"):
        make("stable-audio", model, scheduler="DDIMScheduler")
    from diffusers import EDMEulerScheduler

    EDMEulerScheduler(prediction_type="v_prediction").save_pretrained(model / "scheduler")
    index = json.loads((model / "model_index.json").read_text())
    index["scheduler"] = ["diffusers", "EDMEulerScheduler"]
    (model / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(BackendError, match="comes with EDMEulerScheduler"):
        clip(make("stable-audio", model))


def test_decoding_the_beginning_of_the_window_gives_what_decoding_all_of_it_does(tiny: Tiny) -> None:
    import torch

    model: Any = make("stable-audio", tiny("stable_audio"))._load_once()[0]
    latents = torch.randn(2, 8, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole = model.pipeline.vae.decode(latents).sample
    for num_samples in (100, 500, 900):
        part = model._decoded(latents, num_samples)
        assert part.shape[-1] == num_samples
        torch.testing.assert_close(part, whole[:, :, :num_samples], atol=2e-6, rtol=1e-5)


def test_strength_goes_from_the_clip_itself_to_no_trace_of_it(tiny: Tiny) -> None:
    levels = [sigma_of_strength(strength, sigma_min=0.3, sigma_max=500.0) for strength in (0.01, 0.25, 0.5, 0.75, 1.0)]
    assert levels == sorted(levels)
    assert levels[0] > 0.3
    assert levels[-1] == pytest.approx(500.0)
    assert levels[2] == pytest.approx(np.tan((np.arctan(0.3) + np.arctan(500.0)) / 2))

    def moved_by_parent(strength: float) -> float:
        generator = make("stable-audio", tiny("stable_audio"), strength=strength)
        parents = [lambda _: tone(""), lambda _: Recording(tone("").waveform[:, ::-1].copy() * 0.5, 8000)]
        request = Request(("a",), "", prompt="dog", parents=("0",), duration_s=0.3, params={"seed": 1})
        one, other = (generator.generate([request], parent)[0].waveform for parent in parents)
        return float(np.linalg.norm(one / np.abs(one).max() - other / np.abs(other).max()))

    assert moved_by_parent(0.1) > 10 * moved_by_parent(1.0)


def test_an_old_conversion_of_audioldm2_loads_with_the_same_weights(copied: Callable[[str], Path]) -> None:
    model = copied("audioldm2")
    expected = clip(make("audioldm2", model))
    index = json.loads((model / "model_index.json").read_text())
    index["language_model"] = ["transformers", "GPT2Model"]
    (model / "model_index.json").write_text(json.dumps(index))
    from safetensors.torch import load_file, save_file

    file = model / "language_model" / "model.safetensors"
    bare = {name.removeprefix("transformer."): tensor for name, tensor in load_file(file).items()}
    assert set(bare) != set(load_file(file))
    save_file(bare, file, metadata={"format": "pt"})
    np.testing.assert_array_equal(clip(make("audioldm2", model)), expected)


def test_prompts_of_other_lengths_share_no_call_in_audioldm2(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = make("audioldm2", tiny("audioldm2"), num_inference_steps=1)
    model = generator._load_once()[0]
    calls: list[list[str]] = []
    render = model.render
    monkeypatch.setattr(model, "render", lambda jobs: calls.append([job.prompt for job in jobs]) or render(jobs))
    prompts = ["dog", "a long way off", "owl", "cat", "far far far off"]
    wanted = [
        Request(("a",), "", prompt=prompt, duration_s=0.1, params={"seed": number})
        for number, prompt in enumerate(prompts)
    ]
    generator.generate(wanted, tone)
    assert calls == [["dog", "owl", "cat"], ["a long way off"], ["far far far off"]]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_schedulers_of_audioldm2_change_the_clip_and_all_run(tiny: Tiny) -> None:
    from menura.backends.text_to_audio.audioldm2 import AudioLDM2Generator

    pytest.importorskip("scipy")
    made = [
        clip(make("audioldm2", tiny("audioldm2"), num_inference_steps=4, scheduler=name))
        for name in AudioLDM2Generator.schedulers
    ]
    for number, one in enumerate(made):
        for other in made[number + 1 :]:
            assert np.linalg.norm(one - other) > 1e-3 * np.linalg.norm(one)
    with pytest.raises(ConfigError, match="cannot start midway"):
        make("audioldm2", tiny("audioldm2"), scheduler="HeunDiscreteScheduler", strength=0.5)


def test_musicgen_keeps_the_beginning_of_the_parent(tiny: Tiny) -> None:
    generator = make("musicgen", tiny("musicgen"), strength=0.5, rate=None)
    one, other = (clip(generator, seed=seed, duration_s=2.0, parents=("0",)) for seed in (1, 2))
    kept, ahead = 12 * 320, 6 * 320  # frames of the first half; how far EnCodec's decoder looks ahead
    start, its_start = one[0, : kept - ahead], other[0, : kept - ahead]
    scale = np.dot(start, its_start) / np.dot(its_start, its_start)
    np.testing.assert_allclose(start, scale * its_start, atol=1e-3)
    assert np.abs(one[0, kept:] - scale * other[0, kept:]).max() > 0.05


def test_the_state_of_torch_is_left_as_it_was(tiny: Tiny) -> None:
    import torch

    generator = make("musicgen", tiny("musicgen"))
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    clip(generator)
    torch.testing.assert_close(torch.rand(3), expected)


@pytest.mark.parametrize("name", ["stable-audio", "musicgen"])
def test_half_precision_makes_nearly_the_same_kind_of_clip(tiny: Tiny, name: str) -> None:
    folder = tiny(name.replace("-", "_"))
    made = clip(make(name, folder, precision="bfloat16"))
    assert np.isfinite(made).all()
    assert not np.array_equal(made, clip(make(name, folder)))


def test_two_channels_are_kept_where_the_model_has_them(tiny: Tiny) -> None:
    both = clip(make("stable-audio", tiny("stable_audio"), channels=2, peak_dbfs=None))
    mono = clip(make("stable-audio", tiny("stable_audio"), peak_dbfs=None))
    assert both.shape[0] == 2
    assert not np.allclose(both[0], both[1])
    np.testing.assert_allclose(both.mean(axis=0, keepdims=True), mono, atol=1e-5)


def test_off_load_and_cards_that_are_not_there_are_refused(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BackendError, match="torch sees no graphics card"):
        clip(make("stable-audio", tiny("stable_audio"), device="cuda"))
    with pytest.raises(BackendError, match="the device is cpu"):
        clip(make("stable-audio", tiny("stable_audio"), offload=True))


def test_compilation_is_asked_of_the_denoiser(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    asked: list[Any] = []
    monkeypatch.setattr(torch, "compile", lambda module: asked.append(module) or module)
    generator = make("stable-audio", tiny("stable_audio"), compile=True)
    model: Any = generator._load_once()[0]
    assert asked == [model.pipeline.transformer]
    np.testing.assert_array_equal(clip(generator), clip(make("stable-audio", tiny("stable_audio"))))
