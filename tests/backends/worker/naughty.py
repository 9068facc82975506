"""A worker that does what its prompt says, right or wrong. Written against the protocol, without the SDK."""

import array
import json
import os
import random
import signal
import struct
import subprocess
import sys
import time

RATE = 8000
scratch = ""
settings: dict = {}
greeting: dict = {}
asked = 0


def say(**message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def raw(text):
    os.write(1, text.encode())


def wav(name, samples, rate=RATE, channels=1):
    data = array.array("f", samples).tobytes()
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 3, channels, rate,
                       4 * channels * rate, 4 * channels, 32)  # fmt: skip
    with open(os.path.join(scratch, name), "wb") as sink:
        sink.write(head + struct.pack("<4sI", b"data", len(data)) + data)


def noise(request, duration_s=None):
    draw = random.Random(f"{request['seed']} {request['prompt']}")
    return [draw.uniform(-0.5, 0.5) for _ in range(round(RATE * (duration_s or request["duration_s"] or 1.0)))]


def done(request, file="clip.wav", **more):
    facts = {"asked": asked, "pid": os.getpid(), "home": "HOME" in os.environ, "key": os.environ.get("MY_API_KEY")}
    say(type="done", id=request["id"], file=file, facts=facts, **more)


def write(name, data):
    with open(os.path.join(scratch, name), "wb") as sink:
        sink.write(data)


def good(request):
    wav("clip.wav", noise(request))
    done(request)


def parent(request):
    given = request["parents"][0]
    with open(os.path.join(scratch, given["file"]), "rb") as source:
        size = len(source.read())
    wav("clip.wav", noise(request))
    say(type="done", id=request["id"], file="clip.wav", facts={"given": given, "bytes": size})


def now_and_then(request):
    """Starts from a clip, and breaks off at every fourth seed."""
    if request["seed"] % 4 == 0:
        crash(request)
    with open(os.path.join(scratch, request["parents"][0]["file"]), "rb") as source:
        given = array.array("f", source.read()[-4 * round(RATE * request["duration_s"]) :])
    wav("clip.wav", [0.9 * old + 0.1 * new for old, new in zip(given, noise(request), strict=False)])
    say(type="done", id=request["id"], file="clip.wav")


def echo(request):
    wav("clip.wav", noise(request))
    say(type="done", id=request["id"], file="clip.wav", facts={"request": request, "settings": settings})


def newer(request):
    """Speaks a newer protocol: unknown messages, unknown fields, progress."""
    say(type="heartbeat", load=0.5)
    say(type="progress", id=request["id"], done=1, total=2, eta_s=3)
    wav("clip.wav", noise(request))
    done(request, quality="high")


def chatter(request):
    raw("Loading pipeline components...\n\n 50%|#####     |\r100%|##########|\n")
    raw("{'a': 'python dict'}\n[1, 2]\n{\"a\": 1}\n")
    good(request)


def crash(request):
    print("out of something", file=sys.stderr, flush=True)
    os._exit(3)


def killed(request):
    os.kill(os.getpid(), signal.SIGKILL)


def hang(request):
    time.sleep(600)


def interrupt(request):
    os.kill(os.getppid(), signal.SIGINT)
    time.sleep(600)


def closed(request):
    os.close(1)
    time.sleep(600)


def orphan(request):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    os._exit(4)


def half_line(request):
    raw('{"type": "done", "id')
    os._exit(0)


def half_line_and_hang(request):
    raw('{"type": "done", "id')
    time.sleep(600)


def no_json(request):
    raw('{"type": "done", "id": nope}\n')


def not_a_number(request):
    say(type="done", id=request["id"], file="clip.wav", facts={"a": float("nan")})


def without_file(request):
    say(type="done", id=request["id"])


def long_facts(request):
    say(type="done", id=request["id"], file="clip.wav", facts={"a": "b" * 5000})


def other_id(request):
    wav("clip.wav", noise(request))
    say(type="done", id="0123456789abcdef", file="clip.wav")


def ready_again(request):
    ready(greeting)


def bad_ready(request):
    ready({})


def huge_line(request):
    raw("x" * (3 << 20))
    time.sleep(600)


def refuses(request):
    say(type="failed", id=request["id"], message="too shy")


def gives_up(request):
    say(type="failed", id=None, message="the graphics card fell off")


def missing(request):
    done(request, "nowhere.wav")


def empty(request):
    write("clip.wav", b"")
    done(request)


def corrupt(request):
    write("clip.wav", b"RIFF" + bytes(range(200)))
    done(request)


def no_samples(request):
    wav("clip.wav", [])
    done(request)


def cut_off(request):
    samples = noise(request)
    wav("clip.wav", samples)
    os.truncate(os.path.join(scratch, "clip.wav"), 44 + 2 * len(samples))
    done(request)


def outside(request):
    wav("../outside.wav", noise(request))
    done(request, "../outside.wav")


def absolute(request):
    done(request, settings["secret_file"])


def link(request):
    os.symlink(settings["secret_file"], os.path.join(scratch, "clip.wav"))
    done(request)


def pipe(request):
    os.mkfifo(os.path.join(scratch, "clip.wav"))
    done(request)


def folder(request):
    os.mkdir(os.path.join(scratch, "clip.wav"))
    done(request)


def other_rate(request):
    wav("clip.wav", noise(request), rate=16_000)
    done(request)


def stereo(request):
    wav("clip.wav", [value for value in noise(request) for _ in "lr"], channels=2)
    done(request)


def nan(request):
    wav("clip.wav", [*noise(request)[:-1], float("nan")])
    done(request)


def too_short(request):
    wav("clip.wav", noise(request, request["duration_s"] / 2))
    done(request)


def too_long(request):
    wav("clip.wav", noise(request, request["duration_s"] * 2))
    done(request)


def a_little_long(request):
    wav("clip.wav", noise(request, request["duration_s"] + 0.05))
    done(request)


def ready(hello):
    stated = dict(hello.get("worker") or {})
    stated.update(settings.get("ready") or {})
    say(**{"type": "ready", "protocol": 1, **stated})


def main():
    global scratch, settings, greeting, asked
    for line in sys.stdin:
        message = json.loads(line)
        if message["type"] == "hello":
            greeting, scratch, settings = message, message["scratch"], message["settings"]
            start = settings.get("start")
            if start == "exit":
                sys.exit("no module named far_away")
            if start == "hang":
                time.sleep(600)
            if start == "failed":
                say(type="failed", message="ImportError: no module named far_away")
            elif start == "done":
                say(type="done", id="0", file="clip.wav")
            elif start != "silent":
                ready(message)
        elif message["type"] == "generate":
            asked += 1
            globals()[(message["prompt"] or settings["do"]).split()[0]](message)
        elif not settings.get("stubborn"):
            return
    if settings.get("stubborn"):
        time.sleep(600)


if __name__ == "__main__":
    main()
