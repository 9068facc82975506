"""Where a model computes."""

from __future__ import annotations

from menura.errors import BackendError

__all__ = ["choose_device"]


def choose_device(asked: str, *, offload: bool = False) -> str:
    """The device that was asked for; for ``auto`` a graphics card where there is one, else the processor.

    Args:
        asked: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, …
        offload: Whether parts of the model shall be kept off the card until they are needed.

    Raises:
        BackendError: The card is not there, or parts shall be kept off a card and there is none.
    """
    import torch

    card = torch.cuda.is_available()
    device = ("cuda" if card else "cpu") if asked == "auto" else asked
    if device.startswith("cuda") and not card:
        raise BackendError(f"device {device} was asked for, but torch sees no graphics card; take cpu or auto")
    if offload and not device.startswith("cuda"):
        raise BackendError(f"offload keeps parts of a model off a graphics card, but the device is {device}")
    return device
