"""LoRA adapters: heard, merged, and refused when they would change nothing without a word."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from menura.backends.registry import load_generator
from menura.backends.text_to_audio.loading import load_pipeline
from menura.backends.weights.loading import quiet
from menura.config import GeneratorSettings, ModelSettings
from menura.errors import BackendError
from menura.types import Candidate, Request

Tiny = Callable[[str], Path]


def candidate(tiny: Tiny, adapter: Path | None = None, folder: str = "stable_audio") -> Candidate:
    model = ModelSettings(path=str(tiny(folder)), adapter=str(adapter) if adapter else None, num_inference_steps=2)
    generator = load_generator(GeneratorSettings(name=folder.replace("_", "-"), model=model), sample_rate=4000)
    request = Request(("a",), generator.fingerprint, prompt="dog", duration_s=0.2, params={"seed": 3})
    return generator.generate([request], lambda _: pytest.fail("no parents"))[0]


@pytest.fixture
def adapter(tiny: Tiny, tmp_path: Path) -> Callable[..., Path]:
    """A LoRA adapter for tiny Stable Audio; ``scale`` 0 leaves it as untrained ones are."""
    pytest.importorskip("peft")
    import torch
    from peft import LoraConfig, get_peft_model

    def save(name: str, *, scale: float = 0.5, rename: str = "") -> Path:
        torch.manual_seed(0)
        with quiet():
            pipeline = load_pipeline(tiny("stable_audio"), dtype=torch.float32, expected=None)
            wrapped: Any = get_peft_model(pipeline.transformer, LoraConfig(r=2, target_modules=["to_q", "to_v"]))
        for parameter_name, parameter in wrapped.named_parameters():
            if "lora_B" in parameter_name:
                torch.nn.init.normal_(parameter, std=scale) if scale else torch.nn.init.zeros_(parameter)
        wrapped.save_pretrained(tmp_path / name)
        if rename:
            from safetensors.torch import load_file, save_file

            file = tmp_path / name / "adapter_model.safetensors"
            save_file(
                {key.replace("transformer_blocks", rename): value for key, value in load_file(file).items()}, file
            )
        return tmp_path / name

    return save


def test_an_adapter_is_heard_and_named_in_the_facts(tiny: Tiny, adapter: Callable[..., Path]) -> None:
    folder = adapter("trained")
    plain, adapted = candidate(tiny), candidate(tiny, folder)
    assert np.linalg.norm(plain.waveform - adapted.waveform) > 0.01 * np.linalg.norm(plain.waveform)
    assert str(adapted.facts["adapter"]).startswith("trained@")
    assert "adapter" not in plain.facts
    assert plain.request.generator != adapted.request.generator
    assert candidate(tiny, adapter("other", scale=0.6)).request.generator != adapted.request.generator


def test_an_adapter_that_was_never_trained_is_refused(tiny: Tiny, adapter: Callable[..., Path]) -> None:
    with pytest.raises(BackendError, match="changes no weight of this model: it was never trained"):
        candidate(tiny, adapter("fresh", scale=0.0))


def test_an_adapter_whose_weights_find_no_place_is_refused(tiny: Tiny, adapter: Callable[..., Path]) -> None:
    with pytest.raises(BackendError, match=r"does not fit this model: it has no place for .*elsewhere"):
        candidate(tiny, adapter("renamed", rename="elsewhere"))


def test_a_folder_without_a_lora_in_safetensors_is_refused_when_planning(
    tiny: Tiny, adapter: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(BackendError, match="no adapter in"):
        candidate(tiny, tmp_path / "nothing")
    folder = adapter("pickled")
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    with pytest.raises(BackendError, match=r"holds adapter_model\.bin, expected adapter_model\.safetensors"):
        candidate(tiny, folder)
    folder = adapter("other-kind")
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(config | {"peft_type": "IA3"}))
    with pytest.raises(BackendError, match="is a IA3 adapter, expected LORA"):
        candidate(tiny, folder)
