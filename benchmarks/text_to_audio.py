"""How far a clip made in a batch is from the same clip made alone, and how fast clips are made against a plain loop.

    python benchmarks/text_to_audio.py                                    # all backends, small models, processor
    python benchmarks/text_to_audio.py --generator audioldm2 --clips 16
    python benchmarks/text_to_audio.py --generator stable-audio --size real --device cuda --precision float16

Weights are random and are built here: nothing is downloaded. ``--size real`` is the published configuration. The plain
loop is that of the birdsong article: one prompt at a time, the same number of steps, the first waveform is taken. Both
sides run by turns in one process, and the ratio is the median over the repeats.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from menura.backends.registry import load_generator
from menura.backends.text_to_audio.generator import PretrainedGenerator
from menura.config import GeneratorSettings, ModelSettings
from menura.types import Recording, Request

TINY = {
    "stable-audio": "stable_audio",
    "audioldm2": "audioldm2",
    "stable-audio-3": "stable_audio_3",
    "musicgen": "musicgen",
}
DURATIONS_S = {"stable-audio": "audio_end_in_s", "audioldm2": "audio_length_in_s", "stable-audio-3": "duration"}
PROMPTS = ("a dog barks", "rain falls", "an engine hums far away in the rain", "dog", "a small bird sings")


def main() -> None:
    """Print one JSON object for each generator."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generator", choices=sorted(TINY), action="append", help="default: all")
    parser.add_argument("--size", choices=("small", "real"), default="small")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=("float32", "float16", "bfloat16"), default="float32")
    parser.add_argument("--clips", type=int, default=16)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=None, help="of a clip; default 0.5, real models 5")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--batch", type=int, default=None)
    asked = parser.parse_args()
    if asked.device == "cpu":
        import torch

        torch.set_num_threads(1)
    for name in asked.generator or sorted(TINY):
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measured(name, build(name, asked.size, Path(folder) / "model"), asked)), flush=True)


def measured(name: str, folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Distances and speeds of one generator."""
    steps = None if name == "musicgen" else asked.steps
    settings = ModelSettings(
        path=str(folder), num_inference_steps=steps, device=asked.device, precision=asked.precision, batch=asked.batch
    )
    generator = load_generator(GeneratorSettings(name=name, model=settings))
    assert isinstance(generator, PretrainedGenerator)
    duration_s = asked.seconds or (0.5 if asked.size == "small" else 5.0)
    few = [request(number, PROMPTS[number % len(PROMPTS)], duration_s) for number in range(asked.clips)]
    alike = [request(number, PROMPTS[0], duration_s) for number in range(asked.clips)]
    distances = [distance(generator, few), distance(generator, alike)]
    ours, plain = [], []
    for _ in range(asked.repeats):
        ours.append(timed(lambda: generator.generate(alike, no_parents)))
        plain.append(timed(lambda: plain_loop(generator, alike, duration_s)))
    ratios = [slow / fast for slow, fast in zip(plain, ours, strict=True)]
    return {
        "generator": name, "size": asked.size, "device": asked.device, "precision": asked.precision,
        "clips": asked.clips, "duration_s": duration_s, "steps": steps,
        "distance_mixed_prompts": max(distances[0]), "distance_one_prompt": max(distances[1]),
        "stated_tolerance": generator.batch_tolerance,
        "clips_per_s": round(asked.clips / statistics.median(ours), 3),
        "plain_clips_per_s": round(asked.clips / statistics.median(plain), 3),
        "ratio": round(statistics.median(ratios), 2), "ratios": [round(ratio, 2) for ratio in ratios],
    }  # fmt: skip


def request(number: int, prompt: str, duration_s: float) -> Request:
    """A request with a seed of its own."""
    return Request(("a",), "benchmark", prompt=prompt, duration_s=duration_s, params={"seed": 1000 + number})


def no_parents(clip_id: str) -> Recording:
    """Never called: clips are made from text."""
    raise AssertionError(clip_id)


def distance(generator: PretrainedGenerator, requests: list[Request]) -> list[float]:
    """Of each clip made together with the others to the one made alone, as a share of its norm."""
    together = generator.generate(requests, no_parents)
    alone = [generator.generate([one], no_parents)[0] for one in requests]
    return [
        float(np.linalg.norm(a.waveform - t.waveform) / np.linalg.norm(a.waveform))
        for a, t in zip(alone, together, strict=True)
    ]


def plain_loop(generator: PretrainedGenerator, requests: list[Request], duration_s: float) -> None:
    """One call of the same pipeline for each prompt, as the article writes it."""
    import torch

    model: Any = generator._load_once()[0]
    for one in requests:
        if generator.name == "musicgen":
            inputs = model.tokenizer(one.prompt, return_tensors="pt").to(model.model.device)
            frames = int(np.ceil(duration_s * model.sample_rate / model.hop))
            with torch.no_grad():
                model.model.generate(**inputs, do_sample=True, guidance_scale=3.0, max_new_tokens=frames)
            continue
        made = model.pipeline(
            one.prompt, num_inference_steps=model.steps, **{DURATIONS_S[generator.name]: duration_s}
        ).audios[0]
        np.asarray(made.float().cpu() if hasattr(made, "cpu") else made)


def timed(call: Any) -> float:
    """Seconds, of the wall clock where a card works and of the process where only it does."""
    import torch

    card = torch.cuda.is_available()
    clock = time.perf_counter if card else time.process_time
    started = clock()
    call()
    if card:
        torch.cuda.synchronize()
    return clock() - started


def build(name: str, size: str, folder: Path) -> Path:
    """A model with random weights."""
    from tests.backends import tiny_models

    with tiny_models.quietly():
        if size == "small":
            made: Path = getattr(tiny_models, TINY[name])(folder)
            return made
        real = {"stable-audio": real_stable_audio, "audioldm2": real_audioldm2}
        if name not in real:
            raise SystemExit(f"--size real is there for {' and '.join(real)}: the sizes of {name} are not in here")
        return real[name](folder)


def real_transformer() -> Any:
    """The denoiser of Stable Audio Open, 1057 million parameters."""
    from diffusers import StableAudioDiTModel

    return StableAudioDiTModel()


def real_unet() -> Any:
    """The denoiser of AudioLDM 2 base, 347 million parameters."""
    from diffusers import AudioLDM2UNet2DConditionModel

    cross = "CrossAttnDownBlock2D", "CrossAttnUpBlock2D"
    return AudioLDM2UNet2DConditionModel(
        sample_size=256, in_channels=8, out_channels=8, block_out_channels=(128, 256, 384, 640),
        down_block_types=("DownBlock2D", *[cross[0]] * 3), up_block_types=(*[cross[1]] * 3, "UpBlock2D"),
        cross_attention_dim=((None, 768, 1024),) * 4,
    )  # fmt: skip


def real_stable_audio(folder: Path) -> Path:
    """Stable Audio Open's configuration, 1323 million parameters: the defaults of diffusers are the published ones."""
    from diffusers import (
        AutoencoderOobleck,
        CosineDPMSolverMultistepScheduler,
        StableAudioPipeline,
        StableAudioProjectionModel,
    )
    from tests.backends import tiny_models
    from transformers import T5Config, T5EncoderModel

    StableAudioPipeline(
        vae=AutoencoderOobleck(), transformer=real_transformer(),
        text_encoder=T5EncoderModel(T5Config(d_model=768, d_kv=64, d_ff=3072, num_layers=12, num_heads=12)),
        projection_model=StableAudioProjectionModel(768, 768, 0, 512), tokenizer=tiny_models.t5_tokenizer(128),
        scheduler=CosineDPMSolverMultistepScheduler(
            sigma_min=0.3, sigma_max=500.0, sigma_schedule="exponential", prediction_type="v_prediction"
        ),
    ).save_pretrained(folder)  # fmt: skip
    return folder


def real_audioldm2(folder: Path) -> Path:
    """AudioLDM 2 base, 1078 million parameters."""
    from diffusers import (
        AudioLDM2Pipeline,
        AudioLDM2ProjectionModel,
        AutoencoderKL,
        DDIMScheduler,
    )
    from tests.backends import tiny_models
    from transformers import (
        ClapConfig,
        ClapFeatureExtractor,
        ClapModel,
        GPT2Config,
        GPT2LMHeadModel,
        SpeechT5HifiGan,
        SpeechT5HifiGanConfig,
        T5Config,
        T5EncoderModel,
    )

    t5 = T5Config(d_model=1024, d_kv=64, d_ff=2816, num_layers=24, num_heads=16, feed_forward_proj="gated-gelu")
    pipeline = AudioLDM2Pipeline(
        vae=AutoencoderKL(
            in_channels=1, out_channels=1, down_block_types=["DownEncoderBlock2D"] * 3,
            up_block_types=["UpDecoderBlock2D"] * 3, block_out_channels=[128, 256, 512], layers_per_block=2,
            latent_channels=8,
        ),
        text_encoder=ClapModel(ClapConfig()), text_encoder_2=T5EncoderModel(t5),
        projection_model=AudioLDM2ProjectionModel(512, 1024, 768), language_model=GPT2LMHeadModel(GPT2Config()),
        tokenizer=tiny_models.roberta_tokenizer(), tokenizer_2=tiny_models.t5_tokenizer(128),
        feature_extractor=ClapFeatureExtractor(),
        unet=real_unet(),
        scheduler=DDIMScheduler(beta_start=0.0015, beta_end=0.0195, beta_schedule="scaled_linear", clip_sample=False),
        vocoder=SpeechT5HifiGan(
            SpeechT5HifiGanConfig(
                model_in_dim=64, sampling_rate=16000, upsample_initial_channel=1024, upsample_rates=[5, 4, 2, 2, 2],
                upsample_kernel_sizes=[16, 16, 8, 4, 4], normalize_before=False,
            )
        ),
    )  # fmt: skip
    pipeline.language_model.config.max_new_tokens = 8
    pipeline.save_pretrained(folder)
    return folder


if __name__ == "__main__":
    main()
