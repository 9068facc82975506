"""A worker to start from. It needs nothing but Python 3.8: put a model in the place of the tone."""

import math
import random

import menura_worker


def load(settings):
    """Whatever generate() needs; called once. Import the model's libraries here."""
    return {"loudness": float(settings.get("loudness", 0.3))}


def generate(model, request):
    """Samples and sample rate of one clip."""
    sample_rate = 16000
    length = round((request.duration_s or 2.0) * sample_rate)
    draw = random.Random(f"{request.seed} {request.prompt}")
    pitch_hz, decay = draw.uniform(200, 2000), draw.uniform(1, 8)
    made = []
    for index in range(length):
        seconds = index / sample_rate
        tone = math.sin(2 * math.pi * pitch_hz * seconds) * math.exp(-decay * seconds)
        made.append(model["loudness"] * tone + 0.01 * draw.uniform(-1, 1))
    if request.parents and request.strength is not None:
        parent = request.parents[0].read()[0]
        kept = 1.0 - request.strength
        made = [kept * float(parent[i % len(parent)]) + request.strength * made[i] for i in range(length)]
    return made, sample_rate


if __name__ == "__main__":
    menura_worker.run(load, generate)
