"""Diffusion models of mel images in the published ``audio-diffusion`` layout: made, saved, loaded and asked.

A folder holds ``model_index.json``, ``unet/``, ``scheduler/``, ``mel/`` and, where the model works on the latents of an
autoencoder, ``vqvae/``. ``diffusers`` reads the weights; the mel settings are read here, because its class for them
asks for librosa.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from menura.config import ModelSettings
from menura.errors import BackendError, ConfigError
from menura.files import disk_errors, write_text

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from menura.audio.mel_image import MelImageSettings
    from menura.diffusion.schedules import NoiseSchedule

__all__ = ["PUBLISHED", "MelDiffusion", "ModelFolder", "find_model", "load_model", "new_unet", "save_model"]

PUBLISHED = "teticio/audio-diffusion-ddim-256"
"""The model of the source work: 256 x 256 images of music."""

_CONTENT = ("config.json", "*.safetensors", "*/*.json", "*/*.safetensors")
_READ = ("model_index.json", "README.md", "*/*.json", "*/*.safetensors")
_UNETS = ("UNet2DModel", "UNet2DConditionModel")
_INDEX = "model_index.json"


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """Where a model lies.

    Attributes:
        path: Local folder.
        revision: Commit on the Hub; None for a folder of one's own.
    """

    path: Path
    revision: str | None = None

    @classmethod
    def at(cls, name: str) -> ModelFolder:
        """A local folder.

        Raises:
            BackendError: There is none.
        """
        path = Path(name).expanduser()
        if not path.is_dir():
            raise BackendError(f"no folder {name}, expected a folder with a model")
        return cls(path)

    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits of all that decides what the model makes, whatever the folder is called."""
        digest = hashlib.sha256()
        for file in sorted(found for pattern in _CONTENT for found in self.path.glob(pattern)):
            digest.update(f"{file.relative_to(self.path).as_posix()}\0".encode())
            with file.open("rb") as source:
                digest.update(hashlib.file_digest(source, "sha256").digest())
        return digest.hexdigest()[:16]

    def licence(self) -> str | None:
        """What the model's card says."""
        card = self.path / "README.md"
        text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
        found = re.search(r"^---\s*$.*?^license:\s*(\S+)\s*$.*?^---\s*$", text, re.MULTILINE | re.DOTALL)
        return found[1] if found else None


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
            ("scheduler/scheduler_config.json", scheduler), ("mel/mel_config.json", mel.to_config()), (_INDEX, index),
        ):  # fmt: skip
            if name == _INDEX:
                write_text(folder / "README.md", card)
            write_text(folder / name, json.dumps(values | version, indent=2, sort_keys=True) + "\n")


def find_model(settings: ModelSettings) -> ModelFolder:
    """The folder of a model: a local one, or one of the Hub, fetched if need be; without any pickle.

    Raises:
        BackendError: It is neither, cannot be fetched, or holds no safetensors.
    """
    name = settings.path or PUBLISHED
    folder, revision = Path(name).expanduser(), None
    if not folder.is_dir():
        folder, revision = _fetched(name, settings.revision)
    if not (folder / _INDEX).is_file():
        raise BackendError(
            f"{name} has no {_INDEX}, expected the audio-diffusion layout, which `menura diffusion train` makes"
        )
    for part in ("unet", "vqvae"):
        if _class_of(folder, part) and not any((folder / part).glob("*.safetensors")):
            raise BackendError(_without_safetensors(name, part, str(_class_of(folder, part))))
    return ModelFolder(folder, revision)


def load_model(
    where: ModelFolder, *, device: str = "cpu", precision: str | None = None, compiled: bool = False
) -> MelDiffusion:
    """The model in a folder, on a device.

    Raises:
        BackendError: It is no such model, or a part of it is missing or does not fit.
    """
    import diffusers
    import torch

    from menura.audio.mel_image import MelImageSettings
    from menura.diffusion.schedules import NoiseSchedule

    kind = _class_of(where.path, "unet")
    if kind not in _UNETS:
        raise BackendError(f"{where.path} has a network of class {kind}, expected one of {', '.join(_UNETS)}")
    dtype = getattr(torch, precision or "float32")
    unet = _weights(getattr(diffusers, str(kind)), where.path, "unet", device, dtype)
    coder = None
    if _class_of(where.path, "vqvae"):
        coder = _weights(diffusers.AutoencoderKL, where.path, "vqvae", device, dtype)
    try:
        schedule = NoiseSchedule.from_config(_json(where.path / "scheduler/scheduler_config.json"))
        mel = MelImageSettings.from_config(_json(where.path / "mel/mel_config.json"))
    except ConfigError as error:
        raise BackendError(f"{where.path} cannot be used: {error}") from error
    found = MelDiffusion(unet, schedule, mel, device, coder)
    _check_size(found, where.path)
    if compiled:
        unet.compile()
    return found


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


def _weights(kind: Any, folder: Path, part: str, device: str, dtype: torch.dtype) -> nn.Module:
    """One network, complete, ready to be asked."""
    try:
        network, told = kind.from_pretrained(
            str(folder), subfolder=part, use_safetensors=True, local_files_only=True, output_loading_info=True,
            torch_dtype=dtype, low_cpu_mem_usage=False,
        )  # fmt: skip
    except Exception as error:  # the library raises OSError, ValueError, RuntimeError, SafetensorError, …
        raise BackendError(f"{folder / part} cannot be loaded: {' '.join(str(error).split())[:300]}") from error
    if told["missing_keys"]:
        raise BackendError(
            f"{folder / part} lacks {len(told['missing_keys'])} weights ({sorted(told['missing_keys'])[0]}, …), which "
            "would be random; take a complete checkpoint"
        )
    loaded: nn.Module = network.to(device).eval()
    return loaded


def _fetched(name: str, revision: str | None) -> tuple[Path, str | None]:
    from huggingface_hub import snapshot_download

    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise BackendError(f"no folder {name}, expected a folder of a model or owner/name of one on the Hub")
    try:
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=list(_READ)))
    except Exception as error:  # no network, no such repository, gated, no space: the library has one class for each
        reason = " ".join(str(error).split())[:200]
        raise BackendError(
            f"{name} is no folder here and cannot be fetched from the Hub ({type(error).__name__}: {reason}); "
            f"`hf download {name}` on a machine with network, or give a folder as generator.model.path"
        ) from error
    return folder, folder.name


def _class_of(folder: Path, part: str) -> str | None:
    entry = _json(folder / _INDEX).get(part) or [None, None]
    return None if entry[1] is None else str(entry[1])


def _json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BackendError(f"{path} cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise BackendError(f"{path} holds no settings, expected a JSON object")
    return values


def _without_safetensors(name: str, part: str, kind: str) -> str:
    return (
        f"{name} has no safetensors in {part}/. A pickle could run any program and is not loaded. If you trust its "
        f"author, convert it: python -c \"from diffusers import {kind}; {kind}.from_pretrained('{name}', "
        f"subfolder='{part}', use_safetensors=False).save_pretrained('FOLDER/{part}')\", copy the other files of the "
        "model beside it, and give FOLDER as the model"
    )


def _groups(widths: tuple[int, ...]) -> int:
    """Largest number of channels up to 8 that divides all widths."""
    return next(count for count in (8, 4, 2, 1) if all(width % count == 0 for width in widths))
