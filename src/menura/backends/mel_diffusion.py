"""Diffusion models of mel images in the published ``audio-diffusion`` layout: made, saved, loaded and asked.

A folder holds ``model_index.json``, ``unet/``, ``scheduler/``, ``mel/`` and, where the model works on the latents of an
autoencoder, ``vqvae/``. ``diffusers`` reads the weights; the mel settings are read here, because its class for them
asks for librosa.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from menura.backends.weights.check import INDEX
from menura.backends.weights.content import read_json
from menura.backends.weights.loading import load_whole
from menura.errors import BackendError, ConfigError
from menura.files import disk_errors, write_text

if TYPE_CHECKING:
    from torch import Tensor, nn

    from menura.audio.mel_image import MelImageSettings
    from menura.diffusion.schedules import NoiseSchedule

__all__ = ["MelDiffusion", "check_layout", "load_model", "new_unet", "save_model"]

_UNETS = ("UNet2DModel", "UNet2DConditionModel")


@dataclass(frozen=True)
class MelDiffusion:
    """A loaded model. What it works on is called latents, with an autoencoder or without.

    Attributes:
        unet: Gives the noise in latents.
        schedule: What it was trained with.
        mel: How sound becomes its images.
        device: Where it computes.
        autoencoder: Turns images into latents; None where the latents are the images.
    """

    unet: nn.Module
    schedule: NoiseSchedule
    mel: MelImageSettings
    device: str
    autoencoder: nn.Module | None = None

    def say(self, latents: Tensor, time: float) -> Tensor:
        """What the network says of latents at a time step, float32; one that takes a condition is given zeros."""
        import torch

        unet: Any = self.unet
        width = getattr(unet.config, "cross_attention_dim", None)
        with torch.no_grad():
            given = latents.to(unet.dtype)
            empty = () if width is None else (given.new_zeros((len(given), 1, width)),)
            said: Tensor = unet(given, time, *empty).sample
        return said.float()

    def latents_of(self, pixels: Tensor) -> Tensor:
        """Latents of images ``[images, 1, mels, frames]``."""
        import torch

        pixels = pixels.to(self.device)
        if self.autoencoder is None:
            return pixels
        coder: Any = self.autoencoder
        with torch.no_grad():
            given = pixels.expand(-1, coder.config.in_channels, -1, -1).to(coder.dtype)
            found: Tensor = coder.encode(given).latent_dist.mode()
        return found.float() * float(coder.config.scaling_factor)

    def pixels_of(self, latents: Tensor) -> Tensor:
        """Images ``[images, 1, mels, frames]`` of latents, on the processor."""
        import torch

        if self.autoencoder is None:
            return latents.clamp(-1, 1).cpu()
        coder: Any = self.autoencoder
        with torch.no_grad():
            seen: Tensor = coder.decode((latents / float(coder.config.scaling_factor)).to(coder.dtype)).sample
        return seen.float().mean(dim=1, keepdim=True).clamp(-1, 1).cpu()


def new_unet(mels: int, frames: int, widths: tuple[int, ...], *, layers: int, attention: int) -> nn.Module:
    """A network with random weights, as ``diffusers`` builds it; its first weights follow torch's global random state.

    Args:
        mels, frames: Size of an image; both must halve ``len(widths) - 1`` times.
        widths: Channels of each stage.
        layers: Convolution pairs in each stage.
        attention: How many of the last stages attend.
    """
    from diffusers import UNet2DModel

    halvings = 2 ** (len(widths) - 1)
    if mels % halvings or frames % halvings:
        raise ConfigError(f"images of {mels} x {frames}, expected multiples of {halvings}, for {len(widths)} stages")
    attends = [stage >= len(widths) - attention for stage in range(len(widths))]
    make: Any = UNet2DModel
    made: nn.Module = make(
        sample_size=(mels, frames), in_channels=1, out_channels=1, layers_per_block=layers, block_out_channels=widths,
        down_block_types=tuple("AttnDownBlock2D" if attend else "DownBlock2D" for attend in attends),
        up_block_types=tuple("AttnUpBlock2D" if attend else "UpBlock2D" for attend in reversed(attends)),
        norm_num_groups=_groups(widths), attention_head_dim=_groups(widths),
    )  # fmt: skip
    return made


def save_model(folder: Path, unet: nn.Module, schedule: NoiseSchedule, mel: MelImageSettings, *, card: str) -> None:
    """Writes a model in the published layout, the index last: a folder without it is none.

    Raises:
        RunError: The disk cannot be written.
    """
    import diffusers

    version = {"_diffusers_version": diffusers.__version__}
    scheduler = {
        "_class_name": "DDIMScheduler", "num_train_timesteps": schedule.train_steps, "beta_schedule": schedule.curve,
        "beta_start": schedule.start, "beta_end": schedule.end, "prediction_type": schedule.prediction,
        "timestep_spacing": schedule.spacing, "steps_offset": schedule.offset, "set_alpha_to_one": schedule.ends_clean,
    }  # fmt: skip
    index = {
        "_class_name": "AudioDiffusionPipeline", "mel": ["diffusers", "Mel"],
        "scheduler": ["diffusers", "DDIMScheduler"], "unet": ["diffusers", "UNet2DModel"], "vqvae": [None, None],
    }  # fmt: skip
    with disk_errors(str(folder)):
        for part in ("unet", "scheduler", "mel"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        network: Any = unet
        network.save_pretrained(folder / "unet", safe_serialization=True)
        for name, values in (
            ("scheduler/scheduler_config.json", scheduler), ("mel/mel_config.json", mel.to_config()), (INDEX, index),
        ):  # fmt: skip
            if name == INDEX:
                write_text(folder / "README.md", card)
            write_text(folder / name, json.dumps(values | version, indent=2, sort_keys=True) + "\n")


def load_model(
    folder: Path, *, device: str = "cpu", precision: str | None = None, compiled: bool = False
) -> MelDiffusion:
    """The model in a folder, on a device.

    Raises:
        BackendError: It is no such model, or a part of it is missing or does not fit.
    """
    import diffusers
    import torch

    from menura.audio.mel_image import MelImageSettings
    from menura.diffusion.schedules import NoiseSchedule

    check_layout(folder)
    kind = _class_of(folder, "unet")
    if kind not in _UNETS:
        raise BackendError(f"{folder} has a network of class {kind}, expected one of {', '.join(_UNETS)}")
    dtype = getattr(torch, precision or "float32")
    unet = load_whole(getattr(diffusers, str(kind)), folder / "unet", dtype=dtype).to(device)
    coder = None
    if _class_of(folder, "vqvae"):
        coder = load_whole(diffusers.AutoencoderKL, folder / "vqvae", dtype=dtype).to(device)
    try:
        schedule = NoiseSchedule.from_config(read_json(folder / "scheduler/scheduler_config.json"))
        mel = MelImageSettings.from_config(read_json(folder / "mel/mel_config.json"))
    except ConfigError as error:
        raise BackendError(f"{folder} cannot be used: {error}") from error
    found = MelDiffusion(unet, schedule, mel, device, coder)
    _check_size(found, folder)
    if compiled:
        unet.compile()
    return found


def check_layout(folder: Path) -> None:
    """That a folder has the published layout.

    Raises:
        BackendError: It has not.
    """
    if not (folder / INDEX).is_file():
        raise BackendError(
            f"{folder} has no {INDEX}, expected the audio-diffusion layout, which `menura diffusion train` makes"
        )


def _check_size(model: MelDiffusion, folder: Path) -> None:
    """That images of its mel settings are what the network takes."""
    size = getattr(model.unet, "config").sample_size  # noqa: B009 (diffusers' own attribute)
    size = (size, size) if isinstance(size, int) else tuple(size or ())
    image = (model.mel.mels, model.mel.frames)
    if model.autoencoder is None and size and size != image:
        raise BackendError(
            f"{folder} makes mel images of {image[0]} x {image[1]} and its network takes {' x '.join(map(str, size))}; "
            "expected equal sizes: mel/mel_config.json and unet/config.json do not belong together"
        )


def _class_of(folder: Path, part: str) -> str | None:
    entry = read_json(folder / INDEX).get(part) or [None, None]
    return None if entry[1] is None else str(entry[1])


def _groups(widths: tuple[int, ...]) -> int:
    """Largest number of channels up to 8 that divides all widths."""
    return next(count for count in (8, 4, 2, 1) if all(width % count == 0 for width in widths))
