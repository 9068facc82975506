"""Tiny text-to-audio models with random weights, saved as the published ones are: real code, a second to build.

What is zero when it is made (EnCodec's codebooks, the networks of Stable Audio 3) is drawn anew, and AudioLDM 2's
vocoder is made louder: else every prompt and seed would sound alike, and tests of equality would pass for nothing.
"""

from __future__ import annotations

import string
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

_PRINTABLE = [character for character in string.printable if character.isprintable() and character != " "]


def t5_tokenizer(model_max_length: int = 32) -> Any:
    """One token for each printable character."""
    from transformers import T5Tokenizer

    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    vocabulary += [(character, -3.0) for character in _PRINTABLE]
    return T5Tokenizer(vocab=vocabulary, extra_ids=0, model_max_length=model_max_length)


def t5_config(width: int = 16) -> Any:
    """Two layers."""
    from transformers import T5Config

    return T5Config(
        vocab_size=len(_PRINTABLE) + 4, d_model=width, d_kv=8, d_ff=32, num_layers=2, num_heads=2,
        feed_forward_proj="gated-gelu",
    )  # fmt: skip


def randomize(module: nn.Module, seed: int, *, scale: float = 0.2) -> None:
    """Draw every parameter anew: matrices around 0, the rest around what they are."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.ndim > 1:
                parameter.copy_(noise * scale / max(1, parameter[0].numel()) ** 0.5 * 5)
            else:
                parameter.add_(0.05 * noise)


def roberta_tokenizer() -> Any:
    """One token for each byte."""
    from transformers import RobertaTokenizer

    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    vocabulary = {token: index for index, token in enumerate([*specials, *_byte_characters()])}
    return RobertaTokenizer(vocab=vocabulary, merges=[], model_max_length=32)


def clap_text(vocab_size: int) -> dict[str, Any]:
    """Configuration of CLAP's text branch."""
    return {
        "vocab_size": vocab_size, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 32, "max_position_embeddings": 64, "projection_dim": 16, "pad_token_id": 1,
    }  # fmt: skip


def mel_autoencoder() -> Any:
    """Halves a mel spectrogram twice."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        in_channels=1, out_channels=1, down_block_types=["DownEncoderBlock2D"] * 3,
        up_block_types=["UpDecoderBlock2D"] * 3, block_out_channels=[8, 8, 8], latent_channels=4,
        norm_num_groups=4, scaling_factor=0.9,
    )  # fmt: skip


def hifigan(seed: int) -> Any:
    """From 64 bands at 100 frames a second to 16 kHz, loud enough to be heard."""
    from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

    vocoder = SpeechT5HifiGan(
        SpeechT5HifiGanConfig(
            model_in_dim=64, sampling_rate=16000, upsample_initial_channel=16, upsample_rates=[5, 4, 4, 2],
            upsample_kernel_sizes=[10, 8, 8, 4], resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1, 3]],
            normalize_before=False,
        )
    )  # fmt: skip
    randomize(vocoder, seed, scale=0.3)
    return vocoder


def stable_audio(folder: Path, seed: int = 0) -> Path:
    """0.51 s at 4 kHz, two channels."""
    from diffusers import (
        AutoencoderOobleck,
        CosineDPMSolverMultistepScheduler,
        StableAudioDiTModel,
        StableAudioPipeline,
        StableAudioProjectionModel,
    )
    from transformers import T5EncoderModel

    torch.manual_seed(seed)
    pipeline = StableAudioPipeline(
        vae=AutoencoderOobleck(
            encoder_hidden_size=16, downsampling_ratios=[2, 4, 4], channel_multiples=[1, 2, 4],
            decoder_channels=16, decoder_input_channels=8, audio_channels=2, sampling_rate=4000,
        ),
        text_encoder=T5EncoderModel(t5_config()),
        projection_model=StableAudioProjectionModel(
            text_encoder_dim=16, conditioning_dim=16, min_value=0, max_value=32
        ),
        tokenizer=t5_tokenizer(),
        transformer=StableAudioDiTModel(
            sample_size=64, in_channels=8, num_layers=2, attention_head_dim=8, num_attention_heads=4,
            num_key_value_attention_heads=2, out_channels=8, cross_attention_dim=16, time_proj_dim=16,
            global_states_input_dim=32, cross_attention_input_dim=16,
        ),
        scheduler=CosineDPMSolverMultistepScheduler(
            sigma_min=0.3, sigma_max=500.0, sigma_data=1.0, sigma_schedule="exponential", solver_order=2,
            prediction_type="v_prediction",
        ),
    )  # fmt: skip
    pipeline.save_pretrained(folder)
    return folder


def audioldm2(folder: Path, seed: int = 0) -> Path:
    """Any duration at 16 kHz, one channel; the vocoder's bands and step are those of the real model."""
    from diffusers import (
        AudioLDM2Pipeline,
        AudioLDM2ProjectionModel,
        AudioLDM2UNet2DConditionModel,
        DDIMScheduler,
    )
    from transformers import (
        ClapAudioConfig,
        ClapConfig,
        ClapFeatureExtractor,
        ClapModel,
        GPT2Config,
        GPT2LMHeadModel,
        T5EncoderModel,
    )

    torch.manual_seed(seed)
    roberta = roberta_tokenizer()
    clap = ClapModel(
        ClapConfig(
            text_config=clap_text(len(roberta)),
            audio_config=ClapAudioConfig(
                spec_size=256, num_mel_bins=64, patch_size=4, patch_stride=[4, 4], patch_embeds_hidden_size=8,
                hidden_size=64, depths=[1, 1, 1, 1], num_attention_heads=[1, 2, 2, 4], window_size=8,
                projection_dim=16,
            ).to_dict(),
            projection_dim=16,
        )
    )  # fmt: skip
    pipeline = AudioLDM2Pipeline(
        vae=mel_autoencoder(),
        text_encoder=clap,
        text_encoder_2=T5EncoderModel(t5_config()),
        projection_model=AudioLDM2ProjectionModel(16, 16, 16),
        language_model=GPT2LMHeadModel(GPT2Config(n_embd=16, n_layer=2, n_head=2, vocab_size=64, n_positions=128)),
        tokenizer=roberta,
        tokenizer_2=t5_tokenizer(),
        feature_extractor=ClapFeatureExtractor(),
        unet=AudioLDM2UNet2DConditionModel(
            sample_size=32, in_channels=4, out_channels=4, block_out_channels=(8, 16), layers_per_block=1,
            norm_num_groups=4, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), attention_head_dim=4, cross_attention_dim=(16, 16),
        ),
        scheduler=DDIMScheduler(
            beta_start=0.0015, beta_end=0.0195, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False
        ),
        vocoder=hifigan(seed),
    )  # fmt: skip
    pipeline.language_model.config.max_new_tokens = 8
    pipeline.save_pretrained(folder)
    return folder


def musicgen(folder: Path, seed: int = 0, *, sample_rate: int = 4000, ratios: tuple[int, ...] = (8, 5, 4, 2)) -> Path:
    """Two codebooks; EnCodec's step is the product of the ratios, AudioGen's at 16 kHz by default."""
    from transformers import (
        EncodecConfig,
        EncodecFeatureExtractor,
        MusicgenConfig,
        MusicgenDecoderConfig,
        MusicgenForConditionalGeneration,
        MusicgenProcessor,
    )

    torch.manual_seed(seed)
    step = 1
    for ratio in ratios:
        step *= ratio
    codebooks, size = 2, 32
    frame_rate = -(-sample_rate // step)
    encodec = EncodecConfig(
        sampling_rate=sample_rate, audio_channels=1, normalize=False, num_filters=4, upsampling_ratios=list(ratios),
        codebook_size=size, codebook_dim=16, hidden_size=16, num_lstm_layers=1, norm_type="weight_norm",
        use_causal_conv=False, target_bandwidths=[codebooks * frame_rate * 5 / 1000],
    )  # fmt: skip
    decoder = MusicgenDecoderConfig(
        vocab_size=size, hidden_size=16, num_hidden_layers=2, ffn_dim=32, num_attention_heads=2,
        num_codebooks=codebooks, audio_channels=1, max_position_embeddings=2048, dropout=0.0,
        pad_token_id=size, bos_token_id=size, eos_token_id=None,
    )  # fmt: skip
    model = MusicgenForConditionalGeneration(
        MusicgenConfig(text_encoder=t5_config(24).to_dict(), audio_encoder=encodec.to_dict(), decoder=decoder.to_dict())
    )
    for number, module in enumerate((model.text_encoder, model.decoder, model.enc_to_dec_proj, model.audio_encoder)):
        randomize(module, seed + number)
    with torch.no_grad():
        for layer in model.audio_encoder.quantizer.layers:
            layer.codebook.embed.normal_()
    model.generation_config.do_sample = True
    model.generation_config.guidance_scale = 3.0
    model.generation_config.decoder_start_token_id = size
    model.generation_config.pad_token_id = size
    model.generation_config.bos_token_id = size
    model.generation_config.max_length = 1500
    model.save_pretrained(folder)
    processor = MusicgenProcessor(EncodecFeatureExtractor(sampling_rate=sample_rate), t5_tokenizer())
    processor.save_pretrained(folder)
    return folder


def stable_audio_3(folder: Path, seed: int = 0, *, stochastic: bool = True) -> Path:
    """Any duration up to that of the embedder, at 4 kHz, two channels."""
    from diffusers import (
        AutoencoderSAME,
        FlowMatchEulerDiscreteScheduler,
        StableAudio3DiTModel,
        StableAudio3DurationEmbedder,
        StableAudio3Pipeline,
    )
    from transformers import GemmaTokenizer, T5GemmaEncoderModel
    from transformers.models.t5gemma.configuration_t5gemma import T5GemmaConfig

    torch.manual_seed(seed)
    specials = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁"]
    vocabulary = {token: index for index, token in enumerate([*specials, *_PRINTABLE])}
    part = {
        "vocab_size": len(vocabulary), "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 8, "layer_types": ["full_attention"] * 2,
    }  # fmt: skip
    text_encoder = T5GemmaEncoderModel(T5GemmaConfig(encoder=part, decoder=part, is_encoder_decoder=False))
    vae = AutoencoderSAME(
        audio_channels=2, patch_size=16, encoder_channels=16, encoder_c_mults=[2], encoder_strides=[4],
        encoder_transformer_depths=[1], latent_dim=8, dim_heads=8, ff_mult=2, sampling_rate=4000,
    )  # fmt: skip
    transformer = StableAudio3DiTModel(
        io_channels=8, embed_dim=16, depth=2, num_heads=2, cond_token_dim=16, global_cond_dim=16,
        local_add_cond_dim=9, timestep_features_dim=16, num_memory_tokens=4,
    )  # fmt: skip
    embedder = StableAudio3DurationEmbedder(output_dim=16, fourier_dim=16, max_val=4.0)
    for number, module in enumerate((vae, transformer, embedder)):
        randomize(module, seed + number)
    StableAudio3Pipeline(
        vae=vae, text_encoder=text_encoder, transformer=transformer, duration_embedder=embedder,
        tokenizer=GemmaTokenizer(vocab=vocabulary, merges=[], model_max_length=32),
        scheduler=FlowMatchEulerDiscreteScheduler(stochastic_sampling=stochastic),
    ).save_pretrained(folder)  # fmt: skip
    return folder


def _byte_characters() -> list[str]:
    """The 256 characters that byte-level tokenizers write bytes with."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + index) for index in range(len(rest))]


def audiogen(folder: Path, seed: int = 0) -> Path:
    """MusicGen's architecture with AudioGen's rate."""
    return musicgen(folder, seed, sample_rate=16_000)


def stable_audio_3_base(folder: Path, seed: int = 0) -> Path:
    """The one that was not distilled: no fresh noise between the steps."""
    return stable_audio_3(folder, seed, stochastic=False)


def menura_mini(folder: Path, seed: int = 0) -> Path:
    from menura.audio.mel_frames import MelFrames
    from menura.backends.mini.model import SIZES, new_mini, save_mini

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        mel = MelFrames(sample_rate=4000, mels=16, n_fft=256, hop=64, means_db=(-10.0,) * 16, iterations=4)
        model = new_mini(SIZES["tiny"], mel)
    randomize(model.transformer, seed)
    save_mini(folder, model, card="# tiny\n", half=False)
    return folder


@contextmanager
def quietly() -> Iterator[None]:
    """Without the notes and progress bars of the libraries."""
    import diffusers  # noqa: F401  (only what is imported is made quiet)
    import transformers  # noqa: F401

    from menura.backends.weights.loading import quiet

    with quiet():
        yield


def audioldm(folder: Path, seed: int = 0) -> Path:
    """The first AudioLDM: a pipeline that no generator of ours is written for."""
    from diffusers import AudioLDMPipeline, DDIMScheduler, UNet2DConditionModel
    from transformers import ClapTextConfig, ClapTextModelWithProjection

    torch.manual_seed(seed)
    tokenizer = roberta_tokenizer()
    AudioLDMPipeline(
        vae=mel_autoencoder(),
        text_encoder=ClapTextModelWithProjection(ClapTextConfig(**clap_text(len(tokenizer)))),
        tokenizer=tokenizer,
        unet=UNet2DConditionModel(
            sample_size=32, in_channels=4, out_channels=4, block_out_channels=(8, 16), layers_per_block=1,
            norm_num_groups=4, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), cross_attention_dim=(8, 16),
            class_embed_type="simple_projection", projection_class_embeddings_input_dim=16,
            class_embeddings_concat=True,
        ),
        scheduler=DDIMScheduler(beta_start=0.0015, beta_end=0.0195, beta_schedule="scaled_linear", clip_sample=False),
        vocoder=hifigan(seed),
    ).save_pretrained(folder)  # fmt: skip
    return folder
