# Copyright the Menura developers. SPDX-License-Identifier: Apache-2.0
"""The worker's side of Menura's worker protocol, version 1, in one file.

Python 3.8 or newer and its standard library are enough; numpy makes it faster where it is installed. A worker is:

    import menura_worker

    def load(settings):                 # once; settings: worker.toml's [settings] and the user's, a dict
        return the_model

    def generate(model, request):       # for each clip
        return samples, sample_rate     # samples: list, numpy array or torch tensor, [samples] or [channels, samples]

    if __name__ == "__main__":
        menura_worker.run(load, generate)

A request has prompt, negative_prompt, duration_s, seed, strength, parents, params and progress(done, total); what was
not asked for is None or empty. A parent has path, sample_rate, duration_s and read(), which gives its samples. Raise
an exception to say that a request cannot be made. `random`, numpy and torch are seeded before each request, so equal
requests give equal clips unless the model draws from elsewhere.
"""

import array
import json
import os
import queue
import random
import shutil
import struct
import sys
import threading
import traceback

PROTOCOL = 1

__all__ = ["PROTOCOL", "Parent", "Request", "run"]


class Parent:
    """A real clip to start from: 32-bit float WAV, already at the rate that worker.toml names."""

    def __init__(self, path, sample_rate, duration_s):
        self.path, self.sample_rate, self.duration_s = path, sample_rate, duration_s

    def read(self):
        """Samples [channels, samples]: a numpy array, or a list of lists where numpy is not installed."""
        return _read_wav(self.path)


class Request:
    """What to make."""

    def __init__(self, message, scratch, say):
        self.id = str(message["id"])
        self.prompt = message.get("prompt")
        self.negative_prompt = message.get("negative_prompt")
        self.duration_s = message.get("duration_s")
        self.seed = int(message["seed"])
        self.strength = message.get("strength")
        self.params = message.get("params") or {}
        self.parents = [
            Parent(os.path.join(scratch, given["file"]), given["sample_rate"], given["duration_s"])
            for given in message.get("parents") or []
        ]
        self._say = say

    def progress(self, done, total):
        """Tell Menura how far it is. Never needed."""
        self._say({"type": "progress", "id": self.id, "done": done, "total": total})


def run(load, generate, describe=None):
    """Serve until Menura says goodbye or is gone.

    describe(model) may give what only the loaded model knows, as a dict: revision, licence, max_duration_s, ....
    """
    lines, say = _take_over_streams()
    messages = queue.Queue()
    state = {"scratch": None}
    threading.Thread(target=_listen, args=(lines, messages, state), daemon=True).start()
    hello = messages.get()
    if hello.get("protocol") != PROTOCOL:
        why = f"this worker speaks version {PROTOCOL} of the protocol, Menura {hello.get('protocol')!r}"
        say({"type": "failed", "message": why + ": write its menura_worker.py again with `menura worker new`"})
        return
    state["scratch"] = scratch = hello["scratch"]
    try:
        model = load(dict(hello.get("settings") or {}))
        ready = dict(hello.get("worker") or {}, **(describe(model) if describe else {}))
    except Exception as error:
        traceback.print_exc()
        say({"type": "failed", "message": _why(error)})
        sys.exit(1)
    say(dict(ready, type="ready", protocol=PROTOCOL))
    while True:
        message = messages.get()
        if message["type"] == "bye":
            return
        if message["type"] == "generate":
            say(_answer(message, scratch, model, generate, say))


def _answer(message, scratch, model, generate, say):
    request = Request(message, scratch, say)
    file = f"clip-{request.id}.wav"
    try:
        _seed(request.seed)
        made = generate(model, request)
        samples, sample_rate = made[0], made[1]
        _write_wav(os.path.join(scratch, file), _channels(samples), int(sample_rate))
        facts = made[2] if len(made) > 2 else {}
        return {"type": "done", "id": request.id, "file": file, "facts": facts}
    except Exception as error:  # costs the request, not the worker
        traceback.print_exc()
        if os.path.exists(os.path.join(scratch, file)):
            os.remove(os.path.join(scratch, file))
        return {"type": "failed", "id": request.id, "message": _why(error)}


def _take_over_streams():
    """Keep the real input and output for the protocol: what a library prints goes to the log, and it reads nothing."""
    lines = os.fdopen(os.dup(0), "r", encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    lock = threading.Lock()

    def say(message):
        with lock:
            answers.write(json.dumps(message, allow_nan=False) + "\n")
            answers.flush()

    return lines, say


def _listen(lines, messages, state):
    for line in lines:
        message = json.loads(line)
        messages.put(message)
        if message.get("type") == "bye":
            return
    if state["scratch"] and os.path.basename(state["scratch"]).startswith("menura-worker-"):
        shutil.rmtree(state["scratch"], ignore_errors=True)  # nobody else is left to do it
    os._exit(0)  # Menura was killed; a clip under work is nobody's


def _seed(seed):
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


def _why(error):
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, ImportError):
        text += ". Install what requirements.txt lists into the environment of this worker (see its README.md)"
    return text[:2000]


def _channels(samples):
    """Samples of any kind as a list of channels, each with the bytes of 32-bit floats."""
    if hasattr(samples, "detach"):
        samples = samples.detach().float().cpu().numpy()
    if hasattr(samples, "astype"):
        samples = samples.astype("float32").reshape((1, -1) if samples.ndim == 1 else samples.shape)
        if samples.ndim != 2:
            raise ValueError(f"samples have the shape {samples.shape}, expected [channels, samples]")
        return [array.array("f", channel.tobytes()) for channel in samples]
    samples = list(samples)
    nested = samples and hasattr(samples[0], "__len__")
    return [array.array("f", channel) for channel in (samples if nested else [samples])]


def _write_wav(path, channels, sample_rate):
    count, length = len(channels), len(channels[0])
    if any(len(channel) != length for channel in channels):
        raise ValueError(f"channels have different lengths: {[len(channel) for channel in channels]}")
    mixed = array.array("f", bytes(4 * count * length))
    for number, channel in enumerate(channels):
        mixed[number::count] = channel
    if sys.byteorder == "big":
        mixed.byteswap()
    size = 4 * len(mixed)
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 48 + size, b"WAVE", b"fmt ", 16, 3, count, sample_rate,
                       4 * count * sample_rate, 4 * count, 32)  # fmt: skip
    with open(path, "wb") as sink:
        sink.write(head + struct.pack("<4sII4sI", b"fact", 4, length, b"data", size))
        sink.write(mixed.tobytes())


def _read_wav(path):
    with open(path, "rb") as source:
        data = source.read()
    at, count, samples = 12, 1, b""
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        if name == b"fmt ":
            count = struct.unpack_from("<H", data, at + 10)[0]
        elif name == b"data":
            samples = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    try:
        import numpy

        return numpy.frombuffer(samples, dtype="<f4").reshape(-1, count).T.copy()
    except ImportError:
        mixed = array.array("f", samples)
        if sys.byteorder == "big":
            mixed.byteswap()
        return [list(mixed[number::count]) for number in range(count)]
