"""AudioGen of audiocraft in its own environment (torch 2.1.0): text to audio at 16 kHz."""

import menura_worker


def load(settings):
    """The model from the Hub, or from its cache."""
    from audiocraft.models import AudioGen

    device = settings.get("device", "auto")
    name = settings.get("model", "facebook/audiogen-medium")
    return AudioGen.get_pretrained(name, device=None if device == "auto" else device), settings


def generate(loaded, request):
    """One clip; the settings of audiocraft are set anew for each, as its duration is one of them."""
    model, settings = loaded
    duration_s = request.duration_s or 10.0
    model.set_generation_params(
        use_sampling=True,
        top_k=int(settings.get("top_k", 250)),
        top_p=float(settings.get("top_p", 0.0)),
        temperature=float(settings.get("temperature", 1.0)),
        cfg_coef=float(settings.get("guidance_scale", 3.0)),
        duration=duration_s + 1 / model.frame_rate,  # it rounds down to frames
    )
    made = model.generate([request.prompt])[0]
    return made[:, : round(duration_s * model.sample_rate)], model.sample_rate


if __name__ == "__main__":
    menura_worker.run(load, generate)
