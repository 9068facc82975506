"""The recipe ``interpolation`` from clips to a run: a model trained for a handful of steps, then ``menura.augment``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import menura
from menura.audio import encode
from menura.config import GeneratorSettings, ModelSettings
from menura.datasets.sounds import render_sound
from menura.seeding import item_generator
from menura.types import Recording

RATE = 8000


def test_a_model_of_the_training_part_makes_a_run_of_interpolated_clips(tmp_path: Path) -> None:
    pytest.importorskip("diffusers")
    from menura.pretrain.denoise import train_denoiser
    from menura.pretrain.denoiser_settings import DenoiserSettings

    sounds, rows = tmp_path / "sounds", ["file_name,label,fold"]
    sounds.mkdir()
    for label in ("rain", "siren"):
        for take in range(4):
            waveform = render_sound(label, item_generator(3, label, take), duration_s=0.5, sample_rate=RATE)
            recording = Recording(0.3 * np.asarray(waveform, dtype=np.float32)[None], RATE)
            encode(recording, sounds / f"{label}{take}.wav", container="WAV")
            rows.append(f"{label}{take}.wav,{label},{take + 1}")
    (sounds / "metadata.csv").write_text("\n".join(rows) + "\n")
    training = DenoiserSettings(data=str(sounds), test_fold="4", size="tiny", sample_rate=RATE, steps=5, batch=2)
    model = train_denoiser(training, tmp_path / "model")
    settings = ModelSettings(path=str(model), num_inference_steps=2, device="cpu")
    generator = GeneratorSettings(name="spectrogram-diffusion", model=settings)
    dataset = menura.datasets.load(str(sounds), test_fold="4")

    run = menura.augment(
        dataset.train, recipe="interpolation", generator=generator, times=1, out=tmp_path / "run", workers=1
    )
    records = list(run.records())
    assert len(records) >= 8  # three clips of each label, and a quarter more
    assert all("generator" not in record.judgement.reason for record in records)  # judged, not failed
    first = [record for record in records if record.request.round == 0]
    assert {len(record.request.parents) for record in first} == {2}
    assert {record.request.params["alpha"] for record in first} == {0.5}
    assert {record.request.params["alpha"] for record in records if record.request.round == 1} <= {0.3}
    held_out = {clip.id for clip in dataset.test}
    assert not held_out & {parent for record in records for parent in record.request.parents}
    before = {path: path.read_bytes() for path in (tmp_path / "run" / "shards").rglob("*.parquet")}
    menura.augment(dataset.train, recipe="interpolation", generator=generator, times=1, out=tmp_path / "run", workers=1)
    assert before
    assert before == {path: path.read_bytes() for path in before}
