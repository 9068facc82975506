"""The study runner on procedural generators: what it measures, resumes and refuses, and its table."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.studies.worlds import ProceduralGenerator
from typer.testing import CliRunner

from menura.cli.main import app
from menura.config import GeneratorSettings
from menura.datasets import load
from menura.errors import BackendError, ConfigError, RunError
from menura.lock import locked
from menura.studies.aligners import adapters_named, settings_of
from menura.studies.alignment import ANCHORS, AlignJob, AlignmentSettings, Cell, alignment_cells
from menura.studies.alignment_table import alignment_rows, verdict
from menura.studies.asked_sounds import ask_for_sounds
from menura.studies.generations import Generations
from menura.studies.shifted_world import WorldSettings
from menura.synth.shifts import SHIFTS
from menura.synth.world import World

SMALL = AlignmentSettings(
    GeneratorSettings(name="procedural"),
    WorldSettings("all", 1.0, per_label=2, validation_per_label=0, test_per_label=2, duration_s=0.4, sample_rate=8000),
    methods=("unaligned", "dpo"), seeds=2, steps=3, generated_per_label=2, reference_per_label=2,
    encoder="acoustic", second="acoustic",
)  # fmt: skip


class Trainer:
    """Stands for a training: the generator's name says how far it went."""

    def __init__(self) -> None:
        self.jobs: list[AlignJob] = []

    def __call__(self, job: AlignJob) -> GeneratorSettings:
        self.jobs.append(job)
        return GeneratorSettings(name="aligned")


def makes(settings: GeneratorSettings, sample_rate: int) -> object:
    share = {"procedural": 0.0, "aligned": 0.6}[settings.name]
    return ProceduralGenerator(World(SHIFTS["all"].scaled(share), seed=9, duration_s=0.4, sample_rate=sample_rate))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Trainer, tuple[Cell, ...]]:
    out, trainer = tmp_path_factory.mktemp("study"), Trainer()
    return out, trainer, alignment_cells(SMALL, out, align=trainer, makes=makes)


def test_every_method_is_measured_on_every_world_beside_both_ends(
    study: tuple[Path, Trainer, tuple[Cell, ...]],
) -> None:
    _, _, cells = study
    assert [(cell.seed, cell.method) for cell in cells] == [
        (seed, method) for seed in (0, 1) for method in (*ANCHORS, "unaligned", "dpo")
    ]
    for seed in (0, 1):
        kad = {cell.method: cell.measured.kad for cell in cells if cell.seed == seed}
        assert kad["unaligned"] > kad["dpo"] > kad["shifted world"]
        assert kad["wide world"] > kad["shifted world"]


def test_two_worlds_at_once_have_the_cells_of_one_after_the_other(
    tmp_path: Path, study: tuple[Path, Trainer, tuple[Cell, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[2])  # where the other processes find the generator of this file
    assert alignment_cells(SMALL, tmp_path, align=Trainer(), makes=makes, at_once=2) == study[2]


def test_a_training_gets_a_dataset_of_its_world_and_the_asked_steps(
    study: tuple[Path, Trainer, tuple[Cell, ...]],
) -> None:
    out, trainer, _ = study
    assert [(job.method, job.seed, job.steps) for job in trainer.jobs] == [("dpo", 0, 3), ("dpo", 1, 3)]
    datasets = [load(str(job.data)) for job in trainer.jobs]
    assert [len(dataset.train.clips) for dataset in datasets] == [20, 20]
    assert not {clip.id for clip in datasets[0].clips} & {clip.id for clip in datasets[1].clips}
    assert trainer.jobs[0].out == out / "adapters" / "0-dpo"


def test_a_second_run_reads_what_is_there_and_makes_what_is_not(
    study: tuple[Path, Trainer, tuple[Cell, ...]],
) -> None:
    out, _, cells = study
    path = out / "cells" / "1-dpo.json"
    before = path.read_bytes()
    path.unlink()
    trainer = Trainer()
    assert alignment_cells(SMALL, out, align=trainer, makes=makes) == cells
    assert [job.seed for job in trainer.jobs] == [1]
    assert path.read_bytes() == before


def test_a_damaged_cell_is_measured_again_and_a_damaged_identity_is_named(
    study: tuple[Path, Trainer, tuple[Cell, ...]], tmp_path: Path
) -> None:
    out = tmp_path / "copy"
    shutil.copytree(study[0], out)
    path = out / "cells" / "0-unaligned.json"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    (out / "cells" / ".tmp-0-dpo.json-7-killed").write_text("{")
    assert alignment_cells(SMALL, out, align=Trainer(), makes=makes) == study[2]
    assert path.read_bytes() == whole
    assert not list((out / "cells").glob(".tmp-*"))
    (out / "study.json").write_text('{"steps"')
    with pytest.raises(RunError, match=r"study\.json cannot be read; choose another folder, or delete this one"):
        alignment_cells(SMALL, out, align=Trainer(), makes=makes)


def test_two_commands_do_not_work_in_one_folder(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(RunError, match="in use by process"):
        alignment_cells(SMALL, tmp_path, align=Trainer(), makes=makes)


def test_a_folder_of_another_study_is_refused(study: tuple[Path, Trainer, tuple[Cell, ...]]) -> None:
    with pytest.raises(RunError, match=r"holds a study with other settings \(steps\); choose another folder"):
        alignment_cells(replace(SMALL, steps=4), study[0], align=Trainer(), makes=makes)


def test_clips_have_the_asked_length_and_a_generator_of_real_clips_is_refused() -> None:
    prompts = {"crackling": ["crackling"], "rain-like patter": ["rain-like patter", "bright rain-like patter"]}
    generator = makes(GeneratorSettings(name="procedural"), 16_000)
    found, names = ask_for_sounds(generator, prompts, duration_s=0.5, sample_rate=8000, seed=0)  # type: ignore[arg-type]
    assert names == ["crackling", "rain-like patter", "rain-like patter"]
    assert {recording.waveform.shape for recording in found} == {(1, 4000)}
    assert not found[0].waveform[0, 3300:].any()  # the generator makes 0.4 s
    again, _ = ask_for_sounds(generator, {"crackling": ["x"]}, duration_s=0.5, sample_rate=8000, seed=0)  # type: ignore[arg-type]
    assert (again[0].waveform == found[0].waveform).all()

    from menura.backends.registry import load_generator

    with pytest.raises(BackendError, match="resynth starts from real clips"):
        ask_for_sounds(load_generator(GeneratorSettings()), prompts, duration_s=0.5, sample_rate=8000, seed=0)


def made(method: str, seed: int, **numbers: float) -> Cell:
    whole = {
        "kad": 4.0, "kad_second": 4.0, "descriptor_distance": 1.0, "agreement": 0.8, "vendi": 5.0, "nearest": 0.5,
        "near_share": 0.01, "copied_share": 0.0, "accuracy": 0.7, "accuracy_real": 0.65,
    } | numbers  # fmt: skip
    more = {"clips": 20, "kad_interval": (0.0, 1.0), "descriptors": {}, "agreement_of": {}}
    return Cell(method, seed, Generations(**whole, **more), 0.9, ())  # type: ignore[arg-type]


def test_changes_are_paired_by_seed() -> None:
    cells = [made("unaligned", seed, kad=kad, agreement=0.8 + kad / 100) for seed, kad in enumerate((2.0, 4.0, 8.0))]
    cells += [made("dpo", seed, kad=kad / 2, agreement=0.75 + kad / 100) for seed, kad in enumerate((2.0, 4.0, 8.0))]
    rows = {(row.method, row.measure): row for row in alignment_rows(cells)}
    assert rows["dpo", "kad"].value == pytest.approx(7 / 3)
    assert rows["dpo", "kad"].change == pytest.approx(-0.5)
    assert rows["dpo", "kad"].change_interval == pytest.approx((-0.5, -0.5))
    assert rows["dpo", "agreement"].change == pytest.approx(-0.05)
    assert np.ptp(rows["dpo", "kad"].interval) > 1
    assert rows["unaligned", "kad"].change == 0


def test_the_verdict_says_what_was_reached_and_what_was_not() -> None:
    cells = [cell for seed in range(3) for cell in (
        made("unaligned", seed), made("sft", seed, kad=3.0, accuracy=0.74, vendi=4.0),
        made("dpo", seed, kad=2.0, agreement=0.77, vendi=4.9, near_share=0.4),
    )]  # fmt: skip
    assert verdict(cells) == (
        "dpo: KAD -50 % (-50 to -50), goal -30 % or lower: reached",
        "dpo: label agreement -3.0 points (-3.0 to -3.0), goal -2 or higher: not reached",
        "dpo: Vendi -2 % (-2 to -2), goal -10 % or higher: reached",
        "dpo is ahead of sft in KAD, Vendi, goal two of three: reached",
        "clips lie nearer to training clips than luck explains: dpo",
    )
    assert verdict([cell for cell in cells if cell.method != "dpo"]) == ()


def test_adapters_are_found_by_a_pattern(tmp_path: Path) -> None:
    job = AlignJob(GeneratorSettings(name="x"), tmp_path / "data", "dpo", 5, 2, tmp_path / "out")
    align = adapters_named(str(tmp_path / "{method}-{seed}"))
    with pytest.raises(
        BackendError, match=r"no adapter at .*dpo-2; train one with dpo and seed 2 on the training part"
    ):
        align(job)
    (tmp_path / "dpo-2").mkdir()
    assert align(job).model.adapter == str(tmp_path / "dpo-2")
    with pytest.raises(ConfigError, match=r"expected \{method\} and \{seed\} in it"):
        adapters_named("adapters/dpo")


def test_methods_differ_in_what_wins_and_in_nothing_else(tmp_path: Path) -> None:
    job = AlignJob(GeneratorSettings(name="stable-audio"), tmp_path, "dpo", 40, 2, tmp_path, {"learning_rate": 0.01})
    asked = {method: settings_of(replace(job, method=method)) for method in ("sft", "dpo", "crpo")}
    assert [(one.objective, one.pairs, one.rounds) for one in asked.values()] == [
        ("sft", "real", 1), ("dpo", "real", 1), ("dpo", "ranked", 3),
    ]  # fmt: skip
    for one in asked.values():
        assert (one.steps, one.seed, one.stop_early, one.learning_rate, one.prompts.style) == (
            40, 2, False, 0.01, "caption",
        )  # fmt: skip
    with pytest.raises(ConfigError, match="the study sets steps of its trainings itself"):
        settings_of(replace(job, training={"steps": 3}))
    with pytest.raises(ConfigError, match="learning_speed"):
        settings_of(replace(job, training={"learning_speed": 3}))


def test_the_command_measures_writes_and_says_what_was_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "menura.studies.alignment.load_generator", lambda settings, sample_rate: makes(settings, 16_000)
    )
    for method in ("sft", "dpo"):
        (tmp_path / f"{method}-0").mkdir()
    found = CliRunner().invoke(
        app,
        ["study", "alignment", "-o", str(tmp_path / "out"), "--generator", "procedural", "--shift", "all", "--seeds",
         "1", "--per-label", "2", "--test-per-label", "2", "--generated-per-label", "2", "--reference-per-label", "2",
         "--duration-s", "0.4", "--adapters", str(tmp_path / "{method}-{seed}"), "--json"],
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    result = json.loads(found.stdout)
    assert len(result["rows"]) == 5 * 9
    assert {cell["method"] for cell in result["cells"]} == {*ANCHORS, "unaligned", "sft", "dpo"}
    assert result["notes"][0].startswith("dpo: KAD +0 %")  # the adapters change nothing here
    assert {Path(file).name for file in result["files"]} == {
        "alignment.svg",
        "alignment.csv",
        "alignment.json",
        "alignment.html",
    }


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match="methods are dpo; expected unaligned and others of unaligned, sft"):
        replace(SMALL, methods=("dpo",))
    with pytest.raises(ConfigError, match="0 seeds"):
        replace(SMALL, seeds=0)
