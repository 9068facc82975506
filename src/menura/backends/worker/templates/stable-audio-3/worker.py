"""Stable Audio 3 in its own environment (torch 2.7.1): text to audio, and from a clip with a strength."""

import menura_worker


def load(settings):
    """The model by its name in the package; the weights come from the Hub, after you accepted their terms there."""
    from stable_audio_3 import StableAudioModel

    device = settings.get("device", "auto")
    model = StableAudioModel.from_pretrained(
        settings.get("model", "small-sfx"),
        device=None if device == "auto" else device,
        model_half=settings.get("precision", "float16") != "float32",
    )
    if settings.get("adapter"):
        model.load_lora([settings["adapter"]])
    return model, settings


def generate(loaded, request):
    """One clip. A negative prompt counts from a guidance scale above 1, the distilled models' own."""
    import torch

    model, settings = loaded
    options = {}
    if request.negative_prompt:
        options["negative_prompt"] = request.negative_prompt
    if request.parents and request.strength is not None:
        parent = request.parents[0]
        options["init_audio"] = (parent.sample_rate, torch.as_tensor(parent.read()))
        options["init_noise_level"] = float(request.strength)
    made = model.generate(
        prompt=request.prompt or "",
        duration=float(request.duration_s or 10.0),
        steps=int(settings.get("num_inference_steps", 8)),
        cfg_scale=float(settings.get("guidance_scale", 1.0)),
        seed=request.seed,
        **options,
    )
    return made[0], model.model.sample_rate


if __name__ == "__main__":
    menura_worker.run(load, generate)
