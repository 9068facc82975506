"""The fault table of docs/extend/worker.md: each fault in the middle of a batch costs its request and nothing else."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from menura.backends.worker.generator import WorkerGenerator
from menura.errors import BackendError, BackendLostError, RunError
from menura.generate.batches import generate_alone, generate_batch
from menura.types import Candidate, Recording, Request

MakeGenerator = Callable[..., WorkerGenerator]
MakeFolder = Callable[..., Path]
RequestFor = Callable[..., Request]
Parents = Callable[[str], Recording]

ENDED = {
    "crash": "ended with exit status 3; its last words: out of something",
    "killed": "was killed by signal SIGKILL",
    "orphan": "ended with exit status 4",
    "closed": "closed its output",
    "half_line": r"ended with exit status 0 in the middle of a line \(.*done",
    "no_json": "answered with a line that is no JSON",
    "not_a_number": "answered with a line that is no JSON .*NaN",
    "without_file": "'done' that is not valid .file: Field required",
    "long_facts": "'done' that is not valid .facts: .*5009 bytes, at most 4096",
    "other_id": "answered 'done' for request 0123456789abcdef, expected request",
    "ready_again": "answered 'ready', expected request",
    "bad_ready": "'ready' that is not valid .name: Field required",
    "huge_line": "wrote a line of more than 1048576 bytes",
    "gives_up": "says: the graphics card fell off",
}
LATE = {
    "hang": r"did not answer within 1.5 s; if it needs longer, raise \[timeouts\]",
    "half_line_and_hang": r"did not answer \(half a line came: .*done.*\) within 1.5 s",
}
REFUSED = {
    "refuses": "says: too shy",
    "missing": "names nowhere.wav as its file, but there is no such file",
    "empty": r"gave a bad file: clip.wav is empty \(0 bytes\)",
    "corrupt": "gave a bad file: clip.wav is not audio that can be read",
    "no_samples": "gave a bad file: clip.wav holds no samples",
    "cut_off": "gave clip.wav with 0.25 s, too short: 0.50 s were asked for",
    "outside": r"names '\.\./outside\.wav' as its file, expected a plain file name in its scratch folder",
    "absolute": "as its file, expected a plain file name in its scratch folder",
    "link": "names clip.wav as its file, which is a link",
    "pipe": "names clip.wav as its file, which is not a regular file",
    "folder": "names clip.wav as its file, which is not a regular file",
    "other_rate": "gave clip.wav at 16000 Hz, but said it makes clips at 8000 Hz",
    "stereo": "gave clip.wav with 2 channels, but said its clips have 1",
    "nan": "gave a bad file: clip.wav holds at least 1 samples that are NaN or infinite",
    "too_short": "gave clip.wav with 0.25 s, too short: 0.50 s were asked for",
    "too_long": "gave clip.wav with 1.00 s, too long: 0.50 s were asked for",
}


def batch_with(
    fault: str, generator: WorkerGenerator, request_for: RequestFor, parents: Parents
) -> list[Candidate | str]:
    """The outcomes of a batch with a fault in the middle; the clips around it are what they are without it."""
    wanted = [request_for("good", 1), request_for(fault, 2), request_for("good", 3)]
    outcomes = generate_batch(generator, wanted, parents)
    calm = [generate_alone(generator, request, parents) for request in (wanted[0], wanted[2])]
    for made, alone in zip((outcomes[0], outcomes[2]), calm, strict=True):
        assert isinstance(made, Candidate)
        assert isinstance(alone, Candidate)
        np.testing.assert_array_equal(made.waveform, alone.waveform)
    return outcomes


@pytest.mark.parametrize(("fault", "reason"), ENDED.items())
def test_a_worker_that_breaks_off_loses_the_request_and_starts_again(
    make_generator: MakeGenerator, request_for: RequestFor, parents: Parents, fault: str, reason: str
) -> None:
    generator = make_generator()
    outcomes = batch_with(fault, generator, request_for, parents)
    assert isinstance(outcomes[1], str)
    assert re.search(reason, str(outcomes[1])), outcomes[1]
    assert generator.session.starts == 2, "the fault was met once, and once the worker started again"


@pytest.mark.parametrize(("fault", "reason"), LATE.items())
def test_a_worker_that_hangs_loses_the_request_after_its_time(
    make_generator: MakeGenerator, request_for: RequestFor, parents: Parents, fault: str, reason: str
) -> None:
    generator = make_generator(tables={"timeouts": {"request_s": 1.0, "per_second_s": 1.0}})
    with pytest.raises(BackendError, match=reason):
        generator.generate([request_for(fault)], parents)
    assert generator.session.starts == 1
    assert isinstance(generate_alone(generator, request_for("good"), parents), Candidate)


@pytest.mark.parametrize(("fault", "reason"), REFUSED.items())
def test_a_bad_clip_loses_the_request_and_the_worker_stays(
    make_generator: MakeGenerator, request_for: RequestFor, parents: Parents, fault: str, reason: str, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(b"mine")
    generator = make_generator(tables={"settings": {"secret_file": str(secret)}})
    outcomes = batch_with(fault, generator, request_for, parents)
    assert re.search(reason, str(outcomes[1])), outcomes[1]
    assert generator.session.starts == 1
    last = outcomes[2]
    assert isinstance(last, Candidate)
    assert _said(last)["asked"] == 3, "nothing of the batch was asked twice"
    assert secret.read_bytes() == b"mine"
    assert list(generator.session.scratch().iterdir()) == []


def test_chatter_on_standard_output_is_shown_and_costs_nothing(
    make_generator: MakeGenerator, request_for: RequestFor, parents: Parents
) -> None:
    generator = make_generator()
    with pytest.warns(UserWarning, match="standard output.*'Loading pipeline components...'.*standard error"):
        outcomes = generate_batch(generator, [request_for("chatter"), request_for("good", 1)], parents)
    assert all(isinstance(outcome, Candidate) for outcome in outcomes)
    assert len(generator.session.chatter) == 6
    assert generator.session.starts == 1


def test_what_a_newer_worker_says_more_is_ignored(
    make_generator: MakeGenerator, request_for: RequestFor, parents: Parents
) -> None:
    generator = make_generator()
    assert isinstance(generate_alone(generator, request_for("newer"), parents), Candidate)
    assert generator.session.chatter == []


def test_a_clip_that_misses_its_length_by_a_frame_is_cut_to_the_sample(
    make_generator: MakeGenerator, request_for: RequestFor, parents: Parents
) -> None:
    made = generate_alone(make_generator(), request_for("a_little_long"), parents)
    assert isinstance(made, Candidate)
    assert made.waveform.shape == (1, 4000)


def test_three_faults_in_a_row_stop_the_run_with_the_end_of_the_log(
    make_generator: MakeGenerator, request_for: RequestFor, parents: Parents
) -> None:
    generator = make_generator()
    batch = [request_for("good"), *(request_for("crash", number) for number in range(5))]
    with pytest.raises(BackendLostError, match=r"(?s)exit status 3 \(3 faults in a row, 3 starts\).*out of something"):
        generate_batch(generator, batch, parents)
    assert issubclass(BackendLostError, RunError), "the run stops, its unfinished shard is not recorded as rejected"
    assert isinstance(generate_alone(generator, request_for("good"), parents), Candidate), "it may be tried again"


def test_a_clip_between_two_faults_shows_that_the_worker_can_go_on(
    make_generator: MakeGenerator, request_for: RequestFor, parents: Parents
) -> None:
    batch = [request_for(prompt, seed) for seed, prompt in enumerate(["crash", "crash", "good", "crash", "crash"])]
    outcomes = generate_batch(make_generator(), batch, parents)
    assert [isinstance(outcome, Candidate) for outcome in outcomes] == [False, False, True, False, False]


def test_a_worker_that_refuses_again_and_again_starts_anew(
    make_generator: MakeGenerator, request_for: RequestFor, parents: Parents
) -> None:
    generator = make_generator()
    batch = [request_for("refuses", number) for number in range(4)]
    assert all(isinstance(outcome, str) for outcome in generate_batch(generator, batch, parents))
    assert generator.session.starts == 2


STARTS: dict[str, tuple[dict[str, Any], str]] = {
    "exit": (
        {"settings": {"start": "exit"}},
        "(?s)exit status 1. Look into .*worker.toml.The end.*no module named far",
    ),
    "never ready": (
        {"settings": {"start": "hang"}, "timeouts": {"ready_s": 1.0}},
        r"did not answer within 1 s; if it needs longer, raise \[timeouts\]",
    ),
    "says why": ({"settings": {"start": "failed"}}, "cannot start: ImportError: no module named far_away"),
    "wrong answer": ({"settings": {"start": "done"}}, "answered 'done' for request 0, expected 'ready'"),
    "other protocol": (
        {"settings": {"ready": {"protocol": 2}}},
        "speaks version 2 of the worker protocol, .* speaks 1",
    ),
    "no protocol": ({"settings": {"ready": {"protocol": "one"}}}, "'ready' that is not valid .protocol: "),
    "other rate": ({"settings": {"ready": {"sample_rate": 44100}}}, "sample_rate is 44100, worker.toml says 8000"),
    "other weights": ({"settings": {"ready": {"revision": "def"}}}, "revision is 'def', worker.toml says 'abc'"),
    "takes less": ({"settings": {"ready": {"takes": []}}}, "does not take prompt, worker.toml says it does"),
    "shorter": ({"settings": {"ready": {"max_duration_s": 0.1}}}, "max_duration_s is 0.1, worker.toml says nothing"),
    "no program": ({"worker": {"command": [".venv/bin/python"], "setup": ["make it"]}}, "no program .* && make it"),
    "unknown program": ({"worker": {"command": ["no-such-program"]}}, "no-such-program: No such file"),
}


@pytest.mark.parametrize(("tables", "reason"), STARTS.values(), ids=STARTS.keys())
def test_a_worker_that_cannot_start_stops_the_run_before_anything_is_lost(
    make_generator: MakeGenerator, request_for: RequestFor, parents: Parents, tables: dict[str, Any], reason: str
) -> None:
    generator = make_generator(tables=tables)
    with pytest.raises(BackendLostError, match=reason):
        generate_batch(generator, [request_for("good")], parents)
    assert generator.session.starts <= 1
    assert generator.session._held.scratch is None, "no folder is left without a process"


def test_a_full_disk_of_the_worker_stops_the_run_and_loses_no_request(
    make_folder: MakeFolder, make_generator: MakeGenerator, request_for: RequestFor, parents: Parents
) -> None:
    """The disk is full for one file, as the system would say it: the SDK says so and leaves no half of a file."""
    from menura.backends.worker.skeleton import write_skeleton

    folder = make_folder()
    (folder / "worker.toml").rename(folder.parent / "kept.toml")
    for path in folder.iterdir():
        path.unlink()
    write_skeleton(folder)
    (folder.parent / "kept.toml").replace(folder / "worker.toml")
    (folder / "worker.py").write_text(
        "import errno, os, menura_worker\n"
        "real = menura_worker._write_wav\n"
        "def write(path, channels, rate):\n"
        "    real(path, channels, rate)\n"
        "    if 'full' in path_prompt[0]:\n"
        "        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))\n"
        "menura_worker._write_wav = write\n"
        "path_prompt = ['']\n"
        "def generate(model, request):\n"
        "    path_prompt[0] = request.prompt\n"
        "    return [0.1] * 4000, 8000\n"
        "menura_worker.run(lambda settings: None, generate)\n"
    )
    generator = make_generator(folder)
    wanted = [request_for("good", 1), request_for("full", 2), request_for("good", 3)]
    with pytest.raises(RunError, match=r"the disk is full; free some space.*No space left on device"):
        generate_batch(generator, wanted, parents)
    assert isinstance(generate_alone(generator, wanted[2], parents), Candidate)
    assert generator.session.starts == 1


def test_a_full_disk_stops_the_run_and_loses_no_request(
    make_generator: MakeGenerator, request_for: RequestFor, parents: Parents
) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    generator = make_generator(tables={"worker": {"takes": ["prompt", "parents", "strength"]}}, strength=0.5)
    asked = request_for("parent", parents=("1",))
    (generator.session.scratch() / "parent-0.wav").symlink_to("/dev/full")
    with pytest.raises(RunError, match="the disk is full; free some space, then run the same command again"):
        generate_alone(generator, asked, parents)
    assert isinstance(generate_alone(generator, asked, parents), Candidate)


def _said(candidate: Candidate) -> dict[str, Any]:
    said = candidate.facts["said"]
    assert isinstance(said, dict)
    return said
