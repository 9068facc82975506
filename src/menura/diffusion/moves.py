"""From one noise level to another, given what is noise in an image: one step of a sampler, without randomness."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

__all__ = ["Prediction", "add_noise", "ddim_move", "flow_move", "noise_of"]

Prediction = Literal["epsilon", "v_prediction", "sample"]


def add_noise(image: Tensor, noise: Tensor, alpha_bar: float) -> Tensor:
    """``sqrt(alpha_bar) image + sqrt(1 - alpha_bar) noise``: the image at that time step.

    Source:
        Ho et al. 2020, arXiv:2006.11239, equation 4.
    """
    return float(alpha_bar**0.5) * image + float((1 - alpha_bar) ** 0.5) * noise


def noise_of(said: Tensor, image: Tensor, alpha_bar: float, prediction: Prediction) -> Tensor:
    """The noise in an image at a time step, from what the model says of it.

    Args:
        said: Output of the model.
        image: The image that it was given.
        alpha_bar: Of the time step, in (0, 1).
        prediction: Noise, velocity ``v = sqrt(alpha_bar) noise - sqrt(1 - alpha_bar) clean``, or clean image.
    """
    clean_share, noise_share = alpha_bar**0.5, (1 - alpha_bar) ** 0.5
    if prediction == "v_prediction":
        said = clean_share * said + noise_share * image
    elif prediction == "sample":
        said = (image - clean_share * said) / noise_share
    return said


def ddim_move(image: Tensor, noise: Tensor, *, from_bar: float, to_bar: float) -> Tensor:
    """The image at another noise level, if ``noise`` is the noise in it: DDIM without randomness, either way.

    ``sqrt(to_bar) (image - sqrt(1 - from_bar) noise) / sqrt(from_bar) + sqrt(1 - to_bar) noise``

    Source:
        Song et al. 2021, arXiv:2010.02502, equation 12 with sigma = 0.
    """
    clean = (image - float((1 - from_bar) ** 0.5) * noise) / float(from_bar**0.5)
    return add_noise(clean, noise, to_bar)


def flow_move(image: Tensor, velocity: Tensor, *, from_sigma: float, to_sigma: float) -> Tensor:
    """``image + (to_sigma - from_sigma) velocity``: a step of Euler along ``(1 - sigma) clean + sigma noise``.

    Args:
        image: At ``from_sigma``.
        velocity: ``noise - clean``.
        from_sigma, to_sigma: Shares of the noise, in [0, 1].

    Source:
        Liu et al. 2022, arXiv:2209.03003, equation 1, with the noise at sigma = 1.
    """
    return image + (to_sigma - from_sigma) * velocity
