"""Recipe ``synthio`` with its alignment, on a tiny text-to-audio model with random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

import menura
from menura.config import (
    AmountSettings,
    GeneratorSettings,
    JudgeSettings,
    ModelSettings,
    RunSettings,
    SynthioSettings,
)
from menura.datasets import load
from menura.datasets.sounds import render_sound
from menura.recipes.plan import plan_run
from menura.seeding import item_generator

pytest.importorskip("menura.recipes.alignment", reason="this installation cannot align generators")

RATE = 8000


def test_the_run_generates_with_the_adapter_that_it_made(tiny: Callable[[str], Path], tmp_path: Path) -> None:
    for label in ("siren", "rain"):
        (tmp_path / "sounds" / label).mkdir(parents=True)
        for take in range(4):
            waveform = render_sound(label, item_generator(7, label, take), duration_s=0.4, sample_rate=RATE)
            soundfile.write(tmp_path / "sounds" / label / f"{take}.wav", 0.3 * np.asarray(waveform, np.float32), RATE)
    training = load(tmp_path / "sounds").train
    model = ModelSettings(num_inference_steps=2)
    settings = RunSettings(
        recipe="synthio",
        amount=AmountSettings(per_label=1),
        generator=GeneratorSettings(name=f"stable-audio:{tiny('stable_audio')}", model=model),
        judge=JudgeSettings(enabled=False, encoder="acoustic"),
        synthio=SynthioSettings(align="dpo", align_steps=2, self_reflection=0),
    )
    planned = plan_run(training, settings, workers=1)[0]
    assert 0 < planned.align_s < planned.wall_s
    unaligned = settings.model_copy(update={"synthio": SynthioSettings(align="none", self_reflection=0)})
    assert plan_run(training, unaligned, workers=1)[0].align_s == 0
    run = menura.augment(training, settings=settings, out=tmp_path / "run", workers=1)
    adapter = tmp_path / "run" / "adapter"
    weights = (adapter / "adapter_model.safetensors").read_bytes()
    for record in run.records():
        assert record.path is not None
        assert str(record.facts["adapter"]).startswith("adapter@")
    again = menura.augment(training, settings=settings, out=tmp_path / "run", workers=1)
    assert again.identity == run.identity
    assert (adapter / "adapter_model.safetensors").read_bytes() == weights
