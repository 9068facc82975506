"""Adapters: nothing changes before training, one copy of the weights, and the same numbers after a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.backends.test_trainees import SECONDS, trainee_of

from menura.backends.adapters import Adapter, attach_lora, attach_prefix, checkpoint_gradients, portable_name
from menura.backends.text_to_audio.loading import load_pipeline
from menura.backends.text_to_audio.tuning import adapted, check_adapter
from menura.backends.trainee import Trainee
from menura.errors import BackendError, ConfigError

Tiny = Callable[[str], Path]
KINDS = pytest.mark.parametrize("kind", ["lora", "prefix"])
NAMES = pytest.mark.parametrize("name", ["stable-audio", "audioldm2"])


def attach(trainee: Trainee, kind: str, seed: int = 0) -> Adapter:
    pytest.importorskip("peft")
    return attach_lora(trainee, rank=2, seed=seed) if kind == "lora" else attach_prefix(trainee, tokens=3, seed=seed)


def asked(trainee: Trainee, name: str) -> tuple[Any, ...]:
    import torch

    shape = (2, 8, 64) if name == "stable-audio" else (2, 4, 8, 16)
    noisy = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    return noisy, torch.tensor([0.3, 0.8]), trainee.conditions(["a dog", "rain"], SECONDS[name])


def shake(adapter: Adapter) -> None:
    import torch

    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for weight in adapter.parameters():
            weight.add_(0.3 * torch.randn(weight.shape, generator=generator))


@NAMES
@KINDS
def test_an_adapter_says_nothing_before_it_is_trained_nor_when_it_is_off(tiny: Tiny, name: str, kind: str) -> None:
    import torch

    trainee = trainee_of(tiny, name)
    given = asked(trainee, name)
    with torch.no_grad():
        plain = trainee.predict(*given)
        count = sum(weight.numel() for weight in trainee.denoiser.parameters())
        adapter = attach(trainee, kind)
        assert torch.equal(trainee.predict(*given), plain)
        shake(adapter)
        shaken = trainee.predict(*given)
    assert not torch.allclose(shaken, plain, rtol=1e-2)
    with adapter.reference():
        assert torch.equal(trainee.predict(*given), plain)
        assert not torch.is_grad_enabled()
    with torch.no_grad():
        assert torch.equal(trainee.predict(*given), shaken)
    own = sum(weight.numel() for weight in adapter.parameters())
    assert sum(weight.numel() for weight in trainee.denoiser.parameters()) == count + own  # one copy, no second model


@NAMES
@KINDS
def test_gradients_reach_the_adapter_only_and_checkpointing_leaves_them_as_they_are(
    tiny: Tiny, name: str, kind: str
) -> None:
    import torch

    trainee = trainee_of(tiny, name)
    given = asked(trainee, name)
    adapter = attach(trainee, kind)
    shake(adapter)
    trainee.predict(*given).square().mean().backward()
    gradients = {key: weight.grad.clone() for key, weight in adapter.weights.items() if weight.grad is not None}
    assert gradients.keys() == adapter.weights.keys()
    assert all(bool(gradient.abs().max() > 0) for gradient in gradients.values())
    own = {id(weight) for weight in adapter.parameters()}
    assert all(weight.grad is None for weight in trainee.denoiser.parameters() if id(weight) not in own)
    for weight in adapter.parameters():
        weight.grad = None
    checkpoint_gradients(trainee)
    trainee.predict(*given).square().mean().backward()
    for key, weight in adapter.weights.items():
        assert weight.grad is not None
        assert torch.allclose(weight.grad, gradients[key], rtol=1e-4, atol=1e-6 * float(gradients[key].abs().max()))
    checkpoint_gradients(trainee, active=False)


@NAMES
@KINDS
def test_a_saved_adapter_says_the_same_in_a_model_loaded_anew(tiny: Tiny, name: str, kind: str, tmp_path: Path) -> None:
    import torch

    trainee: Any = trainee_of(tiny, name)
    given = asked(trainee, name)
    adapter = attach(trainee, kind)
    folder = adapter.save(tmp_path / "fresh", base_model="someone/model")
    assert json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"] == "someone/model"
    with pytest.raises(BackendError, match="it was never trained"):
        adapted(getattr(load_pipeline(tiny(name.replace("-", "_")), dtype=torch.float32, expected=None),
                        trainee.part), str(folder))  # fmt: skip
    shake(adapter)
    with torch.no_grad():
        said = trainee.predict(*given)
    check_adapter(str(adapter.save(folder, base_model="/somewhere/on/a/machine/model")))
    assert "somewhere" not in (folder / "adapter_config.json").read_text()

    other: Any = trainee_of(tiny, name)
    other.denoiser = adapted(other.denoiser, str(folder))
    with torch.no_grad():
        assert torch.allclose(other.predict(*given), said, rtol=1e-3, atol=1e-4 * float(said.abs().max()))

    again = trainee_of(tiny, name)
    restored = attach(again, kind, seed=5)
    restored.restore(adapter.tensors())
    with torch.no_grad():
        assert torch.equal(again.predict(*given), said)


@KINDS
def test_the_seed_decides_the_start_and_numbers_of_another_adapter_are_refused(tiny: Tiny, kind: str) -> None:
    import torch

    attached = [attach(trainee_of(tiny, "stable-audio"), kind, seed) for seed in (1, 1, 2)]
    first, same, other = (adapter.tensors() for adapter in attached)
    assert all(torch.equal(first[key], same[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)
    adapter = attached[0]
    name = next(iter(first))
    with pytest.raises(BackendError, match="these tensors are of another"):
        adapter.restore({key: tensor for key, tensor in first.items() if key != name})
    with pytest.raises(BackendError, match="these tensors are of another"):
        adapter.restore(first | {name: torch.zeros(1, 1)})


def test_a_prefix_adapter_of_another_model_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    trainee = trainee_of(tiny, "stable-audio")
    adapter = attach_prefix(trainee, tokens=3)
    shake(adapter)
    folder = adapter.save(tmp_path / "adapter", base_model="a/b")
    with pytest.raises(BackendError, match="does not fit this model"):
        adapted(trainee_of(tiny, "audioldm2").denoiser, str(folder))
    with pytest.raises(BackendError, match="has a prefix already"):
        attach_prefix(trainee)


def test_a_prefix_is_one_attention_more_scaled_by_its_gates(tiny: Tiny) -> None:
    import torch
    from diffusers.models.attention_processor import Attention, StableAudioAttnProcessor2_0

    from menura.backends.prefix_adapter import add_prefixes

    torch.manual_seed(0)
    layer = Attention(query_dim=12, cross_attention_dim=10, heads=3, dim_head=4, kv_heads=1).double()
    layer.set_processor(StableAudioAttnProcessor2_0())
    hidden, context = torch.randn(2, 5, 12).double(), torch.randn(2, 7, 10).double()
    before = layer(hidden, encoder_hidden_states=context)
    holder = torch.nn.ModuleDict({"attention": layer})
    part = add_prefixes(holder, tokens=6)["attention"]
    part.double()
    with torch.no_grad():
        part.gate.copy_(torch.tensor([0.0, 0.5, -2.0]))
    expected = torch.zeros_like(before)
    key, value = layer.to_k(part.tokens), layer.to_v(part.tokens)
    for head in range(3):
        query = layer.to_q(hidden)[..., 4 * head : 4 * head + 4]
        seen = torch.softmax(query @ key.T / 2.0, dim=-1) @ value
        expected += part.gate[head] * seen @ layer.to_out[0].weight[:, 4 * head : 4 * head + 4].T
    found = layer(hidden, encoder_hidden_states=context) - before
    assert torch.allclose(found, expected, atol=1e-12)


def test_adapters_of_no_size_are_refused(tiny: Tiny) -> None:
    with pytest.raises(ConfigError, match="LoRA of rank 0"):
        attach_lora(trainee_of(tiny, "stable-audio"), rank=0)
    with pytest.raises(ConfigError, match="0 prefix tokens"):
        attach_prefix(trainee_of(tiny, "stable-audio"), tokens=0)


def test_a_model_is_named_without_a_path_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "mini").mkdir()
    assert portable_name(str(tmp_path / "mini")) == "mini"
    assert portable_name("cvssp/audioldm2") == "cvssp/audioldm2"
    assert portable_name("models/of/mine") == "mine"


@pytest.mark.parametrize(("name", "kind"), [("stable-audio", "lora"), ("audioldm2", "prefix")])
def test_weights_in_half_precision_keep_an_adapter_in_float32(tiny: Tiny, name: str, kind: str) -> None:
    import torch

    from menura.backends.registry import load_generator
    from menura.config import GeneratorSettings, ModelSettings

    model = ModelSettings(path=str(tiny(name.replace("-", "_"))), device="cpu", precision="bfloat16")
    generator: Any = load_generator(GeneratorSettings(name=name, model=model))
    trainee = generator.trainee()
    given = asked(trainee, name)
    adapter = attach(trainee, kind)
    shake(adapter)
    said = trainee.predict(*given)
    said.square().mean().backward()
    assert said.dtype == torch.float32
    assert {weight.dtype for weight in adapter.parameters()} == {torch.float32}
    own = {id(weight) for weight in adapter.parameters()}
    assert {weight.dtype for weight in trainee.denoiser.parameters() if id(weight) not in own} == {torch.bfloat16}
    assert all(weight.grad is not None and bool(weight.grad.isfinite().all()) for weight in adapter.parameters())
