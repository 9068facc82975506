"""TangoFlux in its own environment (torch 2.4.0): text to audio."""

import math

import menura_worker


def load(settings):
    """The model from the Hub, or from its cache."""
    from tangoflux import TangoFluxInference

    options = {} if settings.get("device", "auto") == "auto" else {"device": settings["device"]}
    return TangoFluxInference(name=settings.get("model", "declare-lab/TangoFlux"), **options), settings


def generate(loaded, request):
    """One clip. The model counts in whole seconds, so the next one is made and the rest cut off."""
    model, settings = loaded
    duration_s = request.duration_s or 10.0
    made = model.generate(
        request.prompt,
        steps=int(settings.get("num_inference_steps", 50)),
        duration=max(1, math.ceil(duration_s)),
        guidance_scale=float(settings.get("guidance_scale", 4.5)),
    )
    sample_rate = int(model.vae.config.sampling_rate)
    return made[:, : round(duration_s * sample_rate)], sample_rate


if __name__ == "__main__":
    menura_worker.run(load, generate)
