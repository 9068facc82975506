"""Every reader of Menura that a file, a program or a server may surprise, with valid inputs to begin from."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import shutil
import tarfile
import zipfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tests.faults.fuzzing import Reader, in_file
from tests.faults.remote_readers import remote_readers
from tests.faults.review_readers import review_readers
from tests.faults.sounds import write_sounds

from menura.audio import encode
from menura.audio.decode import decode, probe
from menura.backends.language.answers import read_answer
from menura.backends.language.reply import read_reply
from menura.backends.weights.check import check_folder, described_class
from menura.backends.worker.description import read_worker
from menura.backends.worker.lines import LineBuffer
from menura.backends.worker.messages import BrokenMessageError, parse
from menura.captions.cards import CardDraft, read_cards
from menura.captions.written import read_captions
from menura.classify.results import ArmResult, Difference, EvaluationResult, LabelGain
from menura.cli.run_options import run_settings
from menura.config import AmountSettings, RunSettings
from menura.datasets import load
from menura.datasets.download import unpack
from menura.datasets.layout import list_manifest
from menura.manifest import read_manifest, read_rows
from menura.pipeline.allocation_files import read_ending, read_records
from menura.pipeline.decide import label_outcomes, label_rows, read_judgements, read_rates
from menura.pipeline.identity import Identity, read_training
from menura.pipeline.plan import count_requests, read_labels, read_requests
from menura.pipeline.shards import missing_shards
from menura.recipes.augment import augment
from menura.studies.cells import Cell, cell_path
from menura.types import Recording

__all__ = ["all_readers"]

_AUDIO = (
    ("wav", "WAV", "PCM_16"), ("wav-float", "WAV", "FLOAT"), ("flac", "FLAC", "PCM_16"), ("ogg", "OGG", "VORBIS"),
    ("mp3", "MP3", "MPEG_LAYER_III"), ("aiff", "AIFF", "PCM_16"),
)  # fmt: skip
_ANSWERS = (
    '{"phrase": "a car horn", "kind": "sound", "what": "a horn", "is_not": ["a siren"], "sources": ["a car"], '
    '"scenes": ["on a street"], "avoid": [], "shortest_s": 0.5, "longest_s": 3.0, "scientific": ""}'
)
_MESSAGES = (
    {"type": "ready", "protocol": 1, "name": "x", "version": "1", "sample_rate": 8000, "channels": 1, "takes": []},
    {"type": "done", "id": "0123456789abcdef", "file": "clip.wav", "facts": {"peak": 0.5, "seed": 3}},
    {"type": "failed", "id": None, "message": "too shy"},
    {"type": "progress", "id": "0123", "done": 1.0, "total": 3.0},
    {"type": "novel", "what": [1, 2, {"a": None}]},
)  # fmt: skip


def all_readers(folder: Path) -> list[Reader]:
    """The readers, working under ``folder``, which gets a small dataset and a run of it."""
    run = _small_run(folder)
    files = [*_manifests(folder), *_run_files(folder, run), *_settings(folder)]
    files += [*_archives(folder), _captions(folder)]
    return [*_audio(folder), *files, *_answers(), *review_readers(folder, run), *remote_readers(folder)]


def _small_run(folder: Path) -> Path:
    training = load(write_sounds(folder / "sounds")).train
    settings = RunSettings(amount=AmountSettings(times=1), shard_size=4, rounds=1)
    augment(training, out=folder / "run", settings=settings, workers=1)
    return folder / "run"


def _audio(folder: Path) -> list[Reader]:
    generator = np.random.default_rng(0)
    mono = Recording((0.2 * generator.standard_normal((1, 800))).astype(np.float32), 8000)
    stereo = Recording((0.2 * generator.standard_normal((2, 400))).astype(np.float32), 16000)

    def both(path: Path) -> object:
        try:
            probe(path)
        finally:
            recording = decode(path, max_duration_s=60.0)
            assert np.isfinite(recording.waveform).all()
            assert recording.waveform.shape[1] <= 60 * recording.sample_rate
        return recording

    return [
        Reader(
            f"audio-{name}",
            [encode(sound, container=container, subtype=subtype) for sound in (mono, stereo)],
            in_file(folder / "audio" / f"{name}.{container.lower()}", both),
        )
        for name, container, subtype in _AUDIO
    ]


def _manifests(folder: Path) -> list[Reader]:
    clips = load(folder / "sounds").clips
    rows = [{"path": f"{c.labels[0]}/{Path(c.path).name}", "label": c.labels[0], "fold": 1 + i % 2, "split": "train",
             "licence": "CC0-1.0", "caption": "a sound"} for i, c in enumerate(clips)]  # fmt: skip
    names = list(rows[0])
    csv = "\n".join([",".join(names), *(",".join(str(row[name]) for name in names) for row in rows)]).encode()
    table = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([{**row, "labels": [row["label"]]} for row in rows]), table)
    plain = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), plain, compression="none")
    own = (folder / "run" / "dataset" / "manifest.jsonl").read_bytes()
    sounds = folder / "sounds"

    def rows_of(path: Path) -> object:
        found = read_rows(path)
        assert all(Path(row.path).is_relative_to(sounds.absolute()) for row in found)
        return list_manifest([path], root=sounds)

    return [
        Reader("manifest-csv", [csv, csv.replace(b",", b"\t")], in_file(sounds / "manifest.csv", rows_of)),
        Reader("manifest-jsonl", ["\n".join(map(json.dumps, rows)).encode()], in_file(sounds / "m.jsonl", rows_of),
               is_json=True),
        Reader("manifest-parquet", [table.getvalue(), plain.getvalue()], in_file(sounds / "m.parquet", rows_of)),
        Reader("manifest-own", [own], in_file(folder / "run" / "dataset" / "fuzz.jsonl", read_manifest), is_json=True),
    ]  # fmt: skip


def _archives(folder: Path) -> list[Reader]:
    sounds = {"rain/0.wav": bytes(range(256)) * 8, "meta/list.csv": b"path,label\nrain/0.wav,rain\n"}

    def unpacked(path: Path) -> object:
        to = folder / "archives" / "out" / "to"
        shutil.rmtree(to.parent, ignore_errors=True)
        to.parent.mkdir()
        try:
            return unpack(path, to)
        finally:
            assert {one.name for one in to.parent.iterdir()} <= {"to"}, "half an archive is left"

    made = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2):
        sink = io.BytesIO()
        with zipfile.ZipFile(sink, "w", method) as packed:
            for name, content in sounds.items():
                packed.writestr(name, content)
        made.append(sink.getvalue())
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        for name, content in sounds.items():
            item = tarfile.TarInfo(name)
            item.size = len(content)
            tar.addfile(item, io.BytesIO(content))
    tars = [plain.getvalue(), *(pack(plain.getvalue()) for pack in (gzip.compress, bz2.compress, lzma.compress))]
    return [
        Reader("archive-zip", made, in_file(folder / "archives" / "a.zip", unpacked)),
        Reader("archive-tar", tars, in_file(folder / "archives" / "a.tar.gz", unpacked)),
    ]


def _captions(folder: Path) -> Reader:
    clips = load(folder / "sounds").clips
    table = "file_name,caption\n" + "".join(f"{clip.labels[0]}/{Path(clip.path).name},a sound\n" for clip in clips)
    by_id = "id,text\n" + "".join(f"{clip.id},a sound\n" for clip in clips)
    return Reader("captions", [table.encode(), by_id.encode()],
                  in_file(folder / "sounds" / "captions.csv", lambda path: read_captions(path, clips)))  # fmt: skip


def _run_files(folder: Path, run: Path) -> list[Reader]:
    other = folder / "copy"
    for name in ("training", "judgements", "shard", "plan"):
        (other / name / "shards" / "000000").mkdir(parents=True)
        (other / name / "run.json").write_bytes((run / "run.json").read_bytes())
    shard = other / "shard" / "shards" / "000000"
    identity = Identity.read(run)
    cell = _cell()

    def shard_of(path: Path) -> object:
        missing, damaged = missing_shards(other / "shard", num_requests=4, shard_size=4)
        shard.mkdir(exist_ok=True)
        assert bool(missing) == bool(damaged)
        path.write_bytes(shard_of.data)  # type: ignore[attr-defined]
        list(label_rows([shard], "rain", embeddings=True))
        return label_outcomes([shard], "rain")

    def read_shard(data: bytes) -> object:
        shard.mkdir(exist_ok=True)
        shard_of.data = data  # type: ignore[attr-defined]
        (shard / "shard.parquet").write_bytes(data)
        return shard_of(shard / "shard.parquet")

    def cell_of(path: Path) -> object:
        found = Cell.read(other, "1", 0, "real")
        return found and found.summary() and found.value("accuracy")

    def plan_of(path: Path) -> object:
        return count_requests(path), list(read_labels(path)), list(read_requests(path))

    def judgements_of(path: Path) -> object:
        return list(read_judgements(path.parent)), read_rates(path.parent, identity.targets)

    def allocation_of(path: Path) -> object:
        return [record.budget for record in read_records(other)]

    record = {
        "round": 0, "kept": {"rain": 1}, "passed": {"rain": 1}, "planned": {"rain": 2}, "targets": {"rain": 3},
        "requests": {"rain": 3}, "prompts": {"rain": {"": 1.0}},
        "assessment": {"clips": 1, "scores": [0.5], "score": 0.5, "recall": 0.5, "strength": 1.0,
                       "labels": {"rain": {"uncertainty": 0.5, "score": 0.1, "gain": 0.0}}},
    }  # fmt: skip
    ending = {"reason": "enough", "stopped_early": False, "kept": {"rain": 1}, "assessment": record["assessment"]}
    cell_file = cell_path(other, "1", 0, "real")
    parts = {name: (run / name).read_bytes() for name in ("run.json", "training.jsonl", "plan.parquet")}
    return [
        Reader("run.json", [parts["run.json"]],
               in_file(other / "run.json", lambda path: Identity.read(path.parent).fingerprint), is_json=True),
        Reader("training.jsonl", [parts["training.jsonl"]],
               in_file(other / "training" / "training.jsonl", lambda path: read_training(path.parent, identity)),
               is_json=True),
        Reader("plan.parquet", [parts["plan.parquet"]], in_file(other / "plan" / "plan.parquet", plan_of)),
        Reader("shard.parquet", [(run / "shards/000000/shard.parquet").read_bytes()], read_shard),
        Reader("judgements.parquet", [(run / "judgements.parquet").read_bytes()],
               in_file(other / "judgements" / "judgements.parquet", judgements_of)),
        Reader("cell", [json.dumps(asdict(cell)).encode()], in_file(cell_file, cell_of), is_json=True),
        Reader("allocation", [json.dumps(record).encode()], in_file(other / "allocation" / "0.json", allocation_of),
               is_json=True),
        Reader("allocation-end", [json.dumps(ending).encode()],
               in_file(other / "allocation" / "end.json", lambda _: read_ending(other)), is_json=True),
        Reader("evaluation.json", [json.dumps(_evaluation().to_json()).encode()],
               in_file(other / "evaluation.json", EvaluationResult.read), is_json=True),
    ]  # fmt: skip


def _answers() -> list[Reader]:
    lines = [json.dumps(message).encode() for message in _MESSAGES]
    body = {"id": "x", "choices": [{"message": {"role": "assistant", "content": _ANSWERS}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 12}}  # fmt: skip
    wrong = {"error": {"message": "rate limited", "code": 429}}

    def line_of(data: bytes) -> object:
        buffer = LineBuffer()
        buffer.feed(data[: len(data) // 2])
        buffer.feed(data[len(data) // 2 :] + b"\n")
        while (line := buffer.next()) is not None:
            parse(line)
        return None

    def answer_of(data: bytes) -> object:
        return read_answer(data.decode(errors="surrogateescape"), CardDraft)

    def reply_of(data: bytes) -> object:
        text = data.decode(errors="replace")
        status = (200, 200, 200, 400, 429, 500, 302)[len(data) % 7]
        return read_reply(status, {"content-type": "application/json", "retry-after": text[:9]}, text)

    return [
        Reader("worker-line", lines, line_of, (BrokenMessageError,), is_json=True),
        Reader("model-answer", [_ANSWERS.encode(), f"Sure!\n```json\n{_ANSWERS}\n```\n".encode(),
                                f"<think>hm</think>{_ANSWERS}".encode()], answer_of, (), is_json=True),
        Reader("model-reply", [json.dumps(body).encode(), json.dumps(wrong).encode()], reply_of, (), is_json=True),
    ]  # fmt: skip


def _settings(folder: Path) -> list[Reader]:
    settings = RunSettings(amount=AmountSettings(times=2)).model_dump(mode="json", exclude_none=True)
    toml = (
        b'recipe = "resynth"\nseed = 3\nrounds = 1\n[amount]\ntimes = 2.5\n[generator]\nname = "resynth"\n'
        b'preserve = ["pitch", "tempo"]\ndelta = 0.3\n[judge]\nsurplus = 1.5\n'
    )
    card = "\n".join(f"{name} = {json.dumps(value)}" for name, value in json.loads(_ANSWERS).items())
    cards = "\n".join(f"[{label}]\n{card}" for label in ("rain", "siren"))
    worker = (
        b'[worker]\nname = "x"\nversion = "1"\nsample_rate = 8000\nchannels = 1\ntakes = ["prompt"]\n'
        b'command = ["{python}", "worker.py"]\n[timeouts]\nready_s = 5.0\n[settings]\nx = 1\n[environment]\nA = "b"\n'
    )
    weights = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    tensors = len(weights).to_bytes(8, "little") + weights + bytes(4)

    def settings_of(path: Path) -> object:
        return run_settings(
            config=path, times=None, per_label=None, balance=False, recipe=None, generator="audioldm2", domain=None,
            preserve=None, delta=None, encoder=None, seed=1, rounds=None, strength=0.5, align="dpo",
        ).fingerprint  # fmt: skip

    model = folder / "model"
    model.mkdir()
    (model / "config.json").write_text('{"model_type": "clap", "architectures": ["ClapModel"]}')

    def model_of(path: Path) -> object:
        check_folder(path.parent)
        return described_class(path.parent)

    described = folder / "described"
    described.mkdir()
    (described / "model.safetensors").write_bytes(tensors)
    return [
        Reader("config-toml", [toml], in_file(folder / "config.toml", settings_of)),
        Reader("config-json", [json.dumps(settings).encode()], in_file(folder / "config.json", settings_of),
               is_json=True),
        Reader("label-cards", [cards.encode()],
               in_file(folder / "cards.toml", lambda path: read_cards(path, ("rain", "siren")))),
        Reader("worker.toml", [worker], in_file(folder / "worker" / "worker.toml", lambda p: read_worker(p.parent))),
        Reader("safetensors", [tensors], in_file(model / "model.safetensors", model_of)),
        Reader("model-config", [b'{"model_type": "clap", "architectures": ["ClapModel"]}'],
               in_file(described / "config.json", model_of), is_json=True),
    ]  # fmt: skip


def _cell() -> Cell:
    truth = np.array([[True, False], [False, True]])
    return Cell.scored("1", 0, "real", clips={"real": 4}, chosen="linear", truth=truth,
                       probabilities=np.array([[0.6, 0.4], [0.3, 0.7]]), multilabel=False)  # fmt: skip


def _evaluation() -> EvaluationResult:
    return EvaluationResult(
        dataset="sounds", labels=("rain", "siren"), metric="accuracy",
        arms=(ArmResult("real", 0.5, (0.4, 0.6), 0.5, 0.5, None, {"rain": 0.5}, ((1, 0), (0, 1)), {"linear": 1}, 4.0),),
        differences=(Difference("synthetic", "real", 0.1, (0.0, 0.2), 0.04, None),),
        labels_gained=(LabelGain("rain", 0.1, (0.0, 0.2), 0.9, 0.5, 0.6),),
        outcome="helped", verdict="It helped.", advice=("More.",), protocol={"seeds": 1}, cells=({"fold": "1"},),
        findings=({"kind": "near"},), versions={"numpy": "2"}, wall_s=1.0,
    )  # fmt: skip
