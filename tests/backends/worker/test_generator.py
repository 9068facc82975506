from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from menura.backends.base import Generator
from menura.backends.registry import available, load_generator
from menura.backends.worker.generator import WorkerGenerator
from menura.backends.worker.skeleton import write_skeleton
from menura.config import GeneratorSettings, ModelSettings
from menura.errors import BackendError, ConfigError
from menura.generate.batches import generate_alone
from menura.types import Candidate, Recording, Request

MakeGenerator = Callable[..., WorkerGenerator]
MakeFolder = Callable[..., Path]
RequestFor = Callable[..., Request]
Parents = Callable[[str], Recording]

FROM_CLIPS = {"worker": {"takes": ["prompt", "parents", "strength"]}}


@pytest.fixture(params=["naughty", "blank"])
def folder(request: pytest.FixtureRequest, make_folder: MakeFolder, tmp_path: Path) -> Path:
    """A worker written against the protocol, and one with the SDK."""
    if request.param == "naughty":
        return make_folder()
    write_skeleton(tmp_path / "blank")
    return tmp_path / "blank"


def test_it_is_listed_and_loaded_like_any_other(make_folder: MakeFolder) -> None:
    row = next(row for row in available("generators") if row.name == "worker")
    assert row.available
    assert row.summary.startswith("Any program that speaks the worker protocol")
    settings = GeneratorSettings(name="worker", model=ModelSettings(path=str(make_folder())))
    assert isinstance(load_generator(settings, sample_rate=16_000), Generator)


def test_a_clip_is_the_same_alone_and_in_any_batch_and_order(
    folder: Path, make_generator: MakeGenerator, request_for: RequestFor, parents: Parents
) -> None:
    generator = make_generator(folder)
    wanted = [request_for("good", seed) for seed in range(4)]
    together = generator.generate(wanted, parents)
    backwards = generator.generate(wanted[::-1], parents)[::-1]
    generator.close()
    alone = [generator.generate([request], parents)[0] for request in wanted]
    assert [candidate.request for candidate in together] == wanted
    for one, two, three in zip(together, backwards, alone, strict=True):
        np.testing.assert_array_equal(one.waveform, two.waveform)
        np.testing.assert_array_equal(one.waveform, three.waveform)
    assert not np.array_equal(together[0].waveform, together[1].waveform)


@pytest.mark.parametrize("sample_rate", [None, 22_050, 4000])
def test_candidates_have_the_length_and_the_rate_that_were_asked_for(
    folder: Path, make_generator: MakeGenerator, request_for: RequestFor, parents: Parents, sample_rate: int | None
) -> None:
    generator = make_generator(folder, sample_rate=sample_rate)
    candidate = generator.generate([request_for("good", duration_s=0.777)], parents)[0]
    rate = sample_rate or generator.worker.file.worker.sample_rate
    assert candidate.sample_rate == rate
    assert candidate.waveform.shape == (1, round(0.777 * rate))
    assert candidate.waveform.dtype == np.float32
    assert 0.1 < float(np.abs(candidate.waveform).max()) < 1.5


def test_a_request_that_was_written_down_and_read_again_makes_the_same_clip(
    folder: Path, make_generator: MakeGenerator, request_for: RequestFor, parents: Parents
) -> None:
    generator = make_generator(folder)
    drawn = generator.draw((), np.random.default_rng(5))
    assert drawn == generator.draw((), np.random.default_rng(5)) != generator.draw((), np.random.default_rng(6))
    read = json.loads(json.dumps(dict(drawn)))
    one, two = (generator.generate([request_for("good", params=params)], parents)[0] for params in (drawn, read))
    np.testing.assert_array_equal(one.waveform, two.waveform)


def test_all_that_a_request_says_reaches_the_worker(
    make_generator: MakeGenerator, request_for: RequestFor, parents: Parents
) -> None:
    generator = make_generator(
        tables={"settings": {"model": "small", "guidance_scale": 7.5}, **FROM_CLIPS},
        guidance_scale=3.0, strength=0.25, revision="abc",
    )  # fmt: skip
    asked = request_for("echo a dog", parents=("3",), params={"seed": 11, "window": "hann"}, negative_prompt="music")
    candidate = generator.generate([asked], parents)[0]
    said = candidate.facts["said"]
    assert isinstance(said, dict)
    assert said["request"] == {
        "type": "generate", "id": asked.id, "prompt": "echo a dog", "negative_prompt": None, "duration_s": 0.5,
        "seed": 11, "strength": 0.25, "params": {"window": "hann"},
        "parents": [{"file": "parent-0.wav", "sample_rate": 8000, "duration_s": 1.0}],
    }  # fmt: skip
    assert said["settings"] == {"model": "small", "guidance_scale": 3.0, "strength": 0.25, "revision": "abc"}
    assert candidate.facts["ignored"] == ["negative_prompt"]


def test_provenance_tells_the_model_its_weights_and_their_licence(
    make_generator: MakeGenerator, request_for: RequestFor, parents: Parents
) -> None:
    facts = make_generator().generate([request_for("good")], parents)[0].facts
    expected = {"worker": "naughty", "version": "1", "revision": "abc", "weights_licence": "CC0-1.0"}
    assert {name: facts[name] for name in expected} == expected


def test_parents_come_at_the_rate_of_the_worker(
    tmp_path: Path, make_generator: MakeGenerator, request_for: RequestFor, parents: Parents
) -> None:
    """The blank worker blends: at strength s, 1 - s of the parent is left."""
    write_skeleton(tmp_path / "blank")
    near, far = (
        make_generator(tmp_path / "blank", strength=strength).generate([request_for("a", parents=("1",))], parents)[0]
        for strength in (0.01, 1.0)
    )
    parent = parents("1").waveform[0, : near.waveform.shape[1]]
    np.testing.assert_allclose(near.waveform[0], 0.99 * parent + 0.01 * far.waveform[0], atol=1e-6)


def test_planning_starts_nothing(make_folder: MakeFolder, make_generator: MakeGenerator) -> None:
    generator = make_generator(make_folder(worker={"command": ["no-such-program"]}))
    assert generator.parents_needed == (0, 0)
    assert len(generator.fingerprint) == 16
    assert generator.session.starts == 0


@pytest.mark.parametrize(
    ("takes", "strength", "needed"),
    [(["prompt"], None, 0), (["prompt", "parents", "strength"], None, 0), (["parents", "strength"], None, 1),
     (["prompt", "parents", "strength"], 0.5, 1), (["parents"], None, 1)],
)  # fmt: skip
def test_a_clip_is_asked_for_where_the_worker_starts_from_one(
    make_generator: MakeGenerator, takes: list[str], strength: float | None, needed: int
) -> None:
    generator = make_generator(tables={"worker": {"takes": takes}}, strength=strength)
    assert generator.parents_needed == (needed, needed)


CHANGES: dict[str, Callable[[Path], object]] = {
    "code": lambda folder: (folder / "worker.py").write_text("# other code\n"),
    "code in a folder": lambda folder: ((folder / "lib").mkdir(), (folder / "lib" / "model.py").write_text("a = 1\n")),
    "pins": lambda folder: (folder / "requirements.txt").write_text("torch==2.1.0\n"),
    "revision": lambda folder: _replace(folder, 'revision = "abc"', 'revision = "def"'),
    "rate": lambda folder: _replace(folder, "sample_rate = 8000", "sample_rate = 16000"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_the_fingerprint_changes_with_what_decides_the_sound(
    make_folder: MakeFolder, make_generator: MakeGenerator, change: Callable[[Path], object]
) -> None:
    folder = make_folder()
    before = make_generator(folder).fingerprint
    assert make_generator(folder).fingerprint == before
    change(folder)
    assert make_generator(folder).fingerprint != before


def test_the_fingerprint_changes_with_the_settings_and_the_rate(
    make_folder: MakeFolder, make_generator: MakeGenerator
) -> None:
    folder = make_folder(**FROM_CLIPS)
    options: list[dict[str, Any]] = [{}, {"strength": 0.5}, {"num_inference_steps": 8}, {"sample_rate": 16_000}]
    assert len({make_generator(folder, **given).fingerprint for given in options}) == len(options)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: _replace(folder, "request_s = 60", "request_s = 600"),
        lambda folder: _replace(folder, "[worker]", '# A comment.\n[worker]\ndescription = "Naughty."'),
        lambda folder: ((folder / ".venv").mkdir(), (folder / ".venv" / "library.py").write_text("a = 1\n")),
        lambda folder: (folder / "clip.wav").write_bytes(b"a"),
        lambda folder: folder.rename(folder.with_name("elsewhere")),
    ],
)
def test_the_fingerprint_stays_when_nothing_that_is_heard_changes(
    make_folder: MakeFolder, make_generator: MakeGenerator, change: Callable[[Path], object]
) -> None:
    folder = make_folder()
    before = make_generator(folder).fingerprint
    change(folder)
    after = folder if folder.exists() else folder.with_name("elsewhere")
    assert make_generator(after).fingerprint == before


def test_two_generators_of_one_worker_share_its_process(
    make_folder: MakeFolder, make_generator: MakeGenerator, request_for: RequestFor, parents: Parents
) -> None:
    """The rounds of a run load their generators one by one; the model must not be in memory twice."""
    folder = make_folder()
    one, two = make_generator(folder), make_generator(folder)
    pids = {_said(generator.generate([request_for("good")], parents)[0])["pid"] for generator in (one, two)}
    assert len(pids) == 1
    assert make_generator(folder, guidance_scale=2.0).session is not one.session


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"prompt": None}, "has no prompt, which worker 'naughty' makes clips from; .*label_guided"),
        ({"params": {}}, "has no seed"),
        ({"parents": ("1",)}, "names 1 parents, worker needs none: give a strength"),
        ({"duration_s": 9.0}, "asks for 9 s, worker 'naughty' makes at most 8 s"),
    ],
)
def test_an_impossible_request_is_refused_before_the_worker_is_started(
    make_generator: MakeGenerator, request_for: RequestFor, parents: Parents, fields: dict[str, Any], reason: str
) -> None:
    generator = make_generator(tables={"worker": {"max_duration_s": 8.0}})
    with pytest.raises(BackendError, match=reason):
        generator.generate([request_for(**{"prompt": "good", **fields})], parents)
    assert generator.session.starts == 0


def test_a_missing_parent_is_no_fault_of_the_request_and_stops_the_run(
    make_generator: MakeGenerator, request_for: RequestFor
) -> None:
    from menura.errors import RunError

    def gone(clip_id: str) -> Recording:
        raise RunError("parent is gone")

    generator = make_generator(tables=FROM_CLIPS, strength=0.5)
    with pytest.raises(RunError, match="parent is gone"):
        generate_alone(generator, request_for("parent", parents=("1",)), gone)


def test_settings_that_cannot_be_met_are_refused_at_once(
    make_folder: MakeFolder, make_generator: MakeGenerator, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="--generator worker:FOLDER"):
        WorkerGenerator(GeneratorSettings(name="worker"))
    with pytest.raises(ConfigError, match=r"strength is 0\.5, but worker 'naughty' takes prompt"):
        make_generator(make_folder(), strength=0.5)
    with pytest.raises(BackendError, match="is no folder, expected the folder of a worker"):
        make_generator(tmp_path / "nowhere")
    with pytest.raises(BackendError, match=r"has no worker\.toml"):
        make_generator(tmp_path)
    with pytest.raises(ConfigError, match=r"worker.toml: worker.sample_rate: .*; worker.taste: there is no"):
        make_generator(make_folder("bad", worker={"sample_rate": 1, "taste": "good"}))
    (tmp_path / "bad" / "worker.toml").write_text("[worker\n")
    with pytest.raises(BackendError, match="is no TOML"):
        make_generator(tmp_path / "bad")


def _replace(folder: Path, old: str, new: str) -> None:
    file = folder / "worker.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def _said(candidate: Candidate) -> dict[str, Any]:
    said = candidate.facts["said"]
    assert isinstance(said, dict)
    return said
