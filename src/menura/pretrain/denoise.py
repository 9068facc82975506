"""A training run of a mel-image diffusion model: state, log, and a folder in the published layout at the end.

It is killed and goes on as if nothing had happened, like :mod:`menura.pretrain.train`. The loop lives here, above the
backends, because it needs them to build the network and to write the folder; the loss, which does not, is in
:mod:`menura.pretrain.denoiser`.
"""

from __future__ import annotations

from pathlib import Path

from menura.backends.mel_diffusion import new_unet, save_model
from menura.backends.weights.card import NOT_STATED, licence_head
from menura.datasets import load
from menura.datasets.dataset import TrainingPart
from menura.files import disk_errors
from menura.lock import locked
from menura.pretrain.denoiser import DenoiserLearner
from menura.pretrain.denoiser_images import TrainingImages
from menura.pretrain.denoiser_settings import SIZES, DenoiserSettings
from menura.pretrain.state import claim, load_state, save_state, tidy
from menura.seeding import canonical_json
from menura.types import Progress

__all__ = ["SAVE_EVERY", "train_denoiser"]

SAVE_EVERY = 200
"""Steps between two states on disk."""

STATE, IDENTITY, LOG = "state.safetensors", "training.json", "log.jsonl"


def train_denoiser(
    settings: DenoiserSettings, out: Path, *, device: str = "cpu", progress: Progress | None = None
) -> Path:
    """Trains a diffusion model of the mel images of a dataset's training part, or goes on where a run was stopped.

    Args:
        settings: What to train.
        out: Folder of the model; state, log and identity lie beside it.
        device: Where it computes.
        progress: Called after each step with the loss.

    Returns:
        ``out``, a model for the generator ``spectrogram-diffusion`` and for diffusers' ``AudioDiffusionPipeline``.

    Raises:
        DatasetError: The dataset cannot be read, or has no such fold.
        RunError: The folder holds a run with other settings or a damaged state, or cannot be written.
    """
    training = load(settings.data, test_fold=settings.test_fold).train
    settings = settings.model_copy(update={"training": training.fingerprint})
    asked = settings.model_dump(mode="json", exclude={"data"})  # where it lies may change, which clips they are may not
    with locked(out):
        claim(out / IDENTITY, asked, words={"training": "training clips"})
        size, mel = SIZES[settings.size], settings.mel
        learner = DenoiserLearner(
            settings,
            lambda: new_unet(mel.mels, mel.frames, size.widths, layers=size.layers, attention=size.attention),
            device,
        )
        load_state(learner, out / STATE)
        tidy(out, out / LOG, learner.step_number)
        images, total = TrainingImages(training.clips, settings), 0.0
        for step in range(learner.step_number + 1, settings.steps + 1):
            loss = learner.step(images(step - 1))
            total += loss
            if step % SAVE_EVERY == 0 or step == settings.steps:
                mean, total = total / ((step - 1) % SAVE_EVERY + 1), 0.0
                with disk_errors(str(out)), (out / LOG).open("a", encoding="utf-8") as log:
                    log.write(canonical_json({"step": step, "loss": round(mean, 5)}) + "\n")
                save_state(learner, out / STATE)
            if progress is not None:
                progress(f"loss {loss:.4f}", step, settings.steps)
        save_model(out, learner.averaged, settings.noise, mel, card=_card(settings, training))
    return out


def _card(settings: DenoiserSettings, training: TrainingPart) -> str:
    """What the model is; its licence stands where hubs and `menura plan` look for it, if there is only one."""
    held_out = f", fold {settings.test_fold} held out" if settings.test_fold else ""
    licences = sorted({(clip.licence or "").strip() or NOT_STATED for clip in training.clips})
    return (
        f"{licence_head(licences)}# Mel-image diffusion model\n\nTrained from scratch by `menura diffusion train` on "
        f"{len(training.clips)} clips of {training.name}{held_out}: {settings.steps} steps of {settings.batch} images, "
        f"size {settings.size}, seed {settings.seed}.\nIts images hold what the clips hold: the licences of the clips "
        f"apply to it ({', '.join(licences)}).\n"
    )
