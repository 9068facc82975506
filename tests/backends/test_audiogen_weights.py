"""AudioGen's published layout, written down here from the architecture, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from menura.backends.registry import load_generator
from menura.backends.text_to_audio.audiogen_weights import convert_audiogen, language_model_names
from menura.cli.main import app
from menura.config import GeneratorSettings, ModelSettings
from menura.errors import BackendError
from menura.types import Request

Tiny = Callable[[str], Path]
WIDTH, CARD, CODEBOOKS, TEXT, HEADS = 16, 32, 2, 24, 2


def published_language_model() -> Any:
    """A transformer with the names of audiocraft's, made of torch's own layers."""
    import torch
    from torch import nn

    torch.manual_seed(1)

    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.self_attn = nn.MultiheadAttention(WIDTH, HEADS, bias=False, batch_first=True)
            self.cross_attention = nn.MultiheadAttention(WIDTH, HEADS, bias=False, batch_first=True)
            self.norm1, self.norm_cross, self.norm2 = (nn.LayerNorm(WIDTH) for _ in range(3))
            self.linear1 = nn.Linear(WIDTH, 4 * WIDTH, bias=False)
            self.linear2 = nn.Linear(4 * WIDTH, WIDTH, bias=False)

        def forward(self, x: Any, text: Any) -> Any:
            mask = torch.ones(x.shape[1], x.shape[1]).triu(1).bool()
            normed = self.norm1(x)
            x = x + self.self_attn(normed, normed, normed, attn_mask=mask)[0]
            x = x + self.cross_attention(self.norm_cross(x), text, text)[0]
            return x + self.linear2(nn.functional.gelu(self.linear1(self.norm2(x))))

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb = nn.ModuleList(nn.Embedding(CARD + 1, WIDTH) for _ in range(CODEBOOKS))
            self.transformer = nn.Module()
            self.transformer.layers = nn.ModuleList(Layer() for _ in range(2))
            self.out_norm = nn.LayerNorm(WIDTH)
            self.linears = nn.ModuleList(nn.Linear(WIDTH, CARD, bias=False) for _ in range(CODEBOOKS))
            self.condition_provider = nn.Module()
            self.condition_provider.conditioners = nn.ModuleDict({"description": nn.Module()})
            self.condition_provider.conditioners["description"].output_proj = nn.Linear(TEXT, WIDTH)

        def forward(self, codes: Any, text: Any) -> Any:
            """Logits ``[batch, codebooks, steps, card]`` of codes ``[batch, codebooks, steps]``."""
            x = sum(embed(codes[:, number]) for number, embed in enumerate(self.emb))
            half = WIDTH // 2
            angle = torch.arange(codes.shape[-1])[:, None] / 10_000 ** (torch.arange(half) / (half - 1))
            x = x + torch.cat([angle.cos(), angle.sin()], dim=-1)
            text = self.condition_provider.conditioners["description"].output_proj(text)
            for layer in self.transformer.layers:
                x = layer(x, text)
            return torch.stack([linear(self.out_norm(x)) for linear in self.linears], dim=1)

    return Model()


@pytest.fixture(scope="module")
def published(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Any]:
    """Folders of the checkpoint and of T5, and the language model itself."""
    import torch
    from tests.backends import tiny_models
    from transformers import MusicgenForConditionalGeneration

    root = tmp_path_factory.mktemp("audiogen")
    with tiny_models.quietly():
        model = MusicgenForConditionalGeneration.from_pretrained(tiny("audiogen"))
        model.text_encoder.save_pretrained(root / "t5")
        tiny_models.t5_tokenizer().save_pretrained(root / "t5")
    (root / "checkpoint").mkdir()
    language = published_language_model()
    torch.save({"best_state": language.state_dict(), "xp.cfg": "solver: audiogen"}, root / "checkpoint/state_dict.bin")
    codec = {as_published(name): tensor for name, tensor in model.audio_encoder.state_dict().items()}
    torch.save({"best_state": codec, "version": "1"}, root / "checkpoint/compression_state_dict.bin")
    return root / "checkpoint", root / "t5", language


def as_published(name: str) -> str:
    """Audiocraft wraps each convolution once more for its norm and its padding."""
    if name.startswith("quantizer."):
        return name.replace("quantizer.", "quantizer.vq.").replace(".codebook.", "._codebook.")
    part, _, rest = name.partition(".layers.")
    for weight, old in (
        ("parametrizations.weight.original0", "weight_g"),
        ("parametrizations.weight.original1", "weight_v"),
    ):
        rest = rest.replace(weight, old)
    upsampling = part == "decoder" and rest.split(".")[0] in {"3", "6", "9", "12"}
    return f"{part}.model." + rest.replace("conv.", "convtr.convtr." if upsampling else "conv.conv.")


def test_the_converted_language_model_answers_as_the_published_one(
    published: tuple[Path, Path, Any], tmp_path: Path
) -> None:
    import torch
    from transformers import MusicgenForConditionalGeneration

    checkpoint, t5, language = published
    convert_audiogen(checkpoint, t5, tmp_path / "audiogen", heads=HEADS)
    model = MusicgenForConditionalGeneration.from_pretrained(tmp_path / "audiogen").eval()
    codes = torch.randint(0, CARD, (1, CODEBOOKS, 7), generator=torch.Generator().manual_seed(0))
    text = torch.randn(1, 5, TEXT, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        ours = model.decoder(
            codes.reshape(CODEBOOKS, 7), encoder_hidden_states=model.enc_to_dec_proj(text)
        ).logits.reshape(CODEBOOKS, 7, CARD)
        theirs = language.eval()(codes, text)[0]
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=1e-4)


def test_the_generator_loads_what_was_converted(published: tuple[Path, Path, Any], tmp_path: Path) -> None:
    checkpoint, t5, _ = published
    shown = CliRunner().invoke(app, ["models", "convert-audiogen", *map(str, (checkpoint, t5, tmp_path / "audiogen"))])
    assert shown.exit_code == 0, shown.output
    assert f"--generator audiogen:{tmp_path / 'audiogen'}" in shown.output
    model = ModelSettings(path=str(tmp_path / "audiogen"))
    generator = load_generator(GeneratorSettings(name="audiogen", model=model))
    wanted = [
        Request(("a",), generator.fingerprint, prompt=prompt, duration_s=0.2, params={"seed": seed})
        for prompt, seed in (("dog", 1), ("dog", 1), ("dog", 2), ("a loud cat", 1))
    ]
    one, again, other_seed, other_prompt = (
        made.waveform for made in generator.generate(wanted, lambda _: pytest.fail("no parents"))
    )
    assert one.shape == (1, 3200)
    np.testing.assert_array_equal(one, again)
    assert np.linalg.norm(one - other_seed) > 1e-3
    assert np.linalg.norm(one - other_prompt) > 1e-3


def test_a_checkpoint_that_does_not_fit_is_refused_and_nothing_is_written(
    published: tuple[Path, Path, Any], tmp_path: Path
) -> None:
    import torch

    checkpoint, t5, language = published
    broken = tmp_path / "broken"
    broken.mkdir()
    with pytest.raises(BackendError, match="expected the files of facebook/audiogen-medium"):
        convert_audiogen(broken, t5, tmp_path / "out")
    (broken / "compression_state_dict.bin").write_bytes((checkpoint / "compression_state_dict.bin").read_bytes())
    state = language.state_dict()
    state.pop("transformer.layers.1.norm2.weight")
    torch.save({"best_state": state}, broken / "state_dict.bin")
    with pytest.raises(BackendError, match=r"1 places without a tensor .*final_layer_norm"):
        convert_audiogen(broken, t5, tmp_path / "out", heads=HEADS)
    with pytest.raises(BackendError, match=r"tensor fuser\.weight has no place"):
        language_model_names("fuser.weight", None)
    assert not (tmp_path / "out").exists()
