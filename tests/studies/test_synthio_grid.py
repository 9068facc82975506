"""The study of the recipe ``synthio``: what variants share, what they differ in, and what the table says."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.recipes.cave import CaveModel, world
from typer.testing import CliRunner

from menura.backends.base import Generator
from menura.backends.registry import load_generator
from menura.cli.main import app
from menura.config import (
    AlignTraining,
    AmountSettings,
    GeneratorSettings,
    JudgeSettings,
    PromptSettings,
    RunSettings,
    SynthioSettings,
)
from menura.datasets import load
from menura.datasets.dataset import Dataset, TrainingPart
from menura.errors import ConfigError, RunError
from menura.pipeline.decide import RoundRate
from menura.pipeline.run import Run
from menura.recipes.augment import augment
from menura.recipes.registry import get_recipe
from menura.studies.cells import Cell
from menura.studies.evaluate import evaluate
from menura.studies.splits import Split
from menura.studies.summary import Table
from menura.studies.synthio_facts import VariantFacts, measure_sounds
from menura.studies.synthio_grid import Grid, GridSettings, synthio_grid
from menura.studies.synthio_runs import VariantRuns
from menura.studies.synthio_table import grid_notes, grid_rows
from menura.studies.synthio_variants import ABLATIONS, VARIANTS, variant_settings
from menura.types import Clip, Progress

BASE = RunSettings(
    recipe="synthio",
    amount=AmountSettings(times=2),
    judge=JudgeSettings(encoder="acoustic"),
    generator=GeneratorSettings(name="menura-mini"),
    shard_size=16,
)
SMALL = GridSettings(BASE, VARIANTS, seeds=1, real_per_label=2, folds=2, test_folds=("1",))
"""Two folds, one of them held out; one seed; two clips of each label."""


class Trainer:
    """Stands for an alignment: writes down what it may learn from."""

    def __init__(self) -> None:
        self.trained: list[tuple[str, str]] = []
        self.learned: dict[str, set[str]] = {}

    def __call__(self, training: TrainingPart, settings: RunSettings, out: Path, _: Progress | None) -> None:
        if (out / "weights").is_file():
            return
        self.trained.append((out.parent.name, settings.synthio.align))
        self.learned[out.parent.name] = set(training.by_id)
        (out / ".work" / "latents").mkdir(parents=True)
        (out / ".work" / "align.json").write_text("{}")
        (out / ".work" / "latents" / "large").write_text("not for a run")
        (out / "weights").write_text(f"{settings.synthio.align} {settings.seed} {sorted(training.by_id)}")


def _load(settings: GeneratorSettings, sample_rate: int) -> Generator:
    if settings.name == "menura-mini":
        return CaveModel(settings.model.adapter)
    return load_generator(settings, sample_rate=sample_rate)


@pytest.fixture(scope="module")
def trainer() -> Iterator[Trainer]:
    with pytest.MonkeyPatch.context() as patch:
        found = Trainer()
        patch.setattr("menura.recipes.adapted._make_adapter", found)
        patch.setattr("menura.pipeline.context.load_generator", _load)
        patch.setattr("menura.recipes.downloads.load_generator", _load)
        yield found


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("cave") / "sounds"
    world(folder)
    return load(folder)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("grid") / "study"


@pytest.fixture(scope="module")
def grid(dataset: Dataset, trainer: Trainer, out: Path) -> Grid:
    return synthio_grid(dataset, SMALL, out, workers=1)


def run_of(out: Path, variant: str, unit: str = "fold-1-seed-0") -> Run:
    return Run.open(out / "variants" / variant / "runs" / unit)


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        found.update(flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value})
    return found


def test_an_adapter_is_trained_once_for_all_variants_that_share_it(grid: Grid, trainer: Trainer, out: Path) -> None:
    of_fold = [found for found in trainer.trained if found[0].startswith("fold-1-seed-0")]
    assert of_fold == [("fold-1-seed-0-dpo", "dpo"), ("fold-1-seed-0-sft", "sft")]
    trained = (out / "adapters" / "fold-1-seed-0-dpo" / "adapter" / "weights").read_bytes()
    for variant in sorted(set(ABLATIONS) - {"no-dpo", "sft"} | {"synthio"}):
        run = run_of(out, variant)
        own = run.path / "adapter"
        assert (own / "weights").read_bytes() == trained
        assert run.settings.generator.model.adapter == str(own)
        assert not (own / ".work" / "latents").exists()
    assert (run_of(out, "sft").path / "adapter" / "weights").read_bytes() != trained
    for variant in ("no-dpo", "resynth"):
        assert not (run_of(out, variant).path / "adapter").exists()


def test_adapters_learn_from_the_training_clips_of_their_fold_alone(
    grid: Grid, trainer: Trainer, dataset: Dataset, out: Path
) -> None:
    tested = {clip.id for clip in grid.table.splits[0].test}
    for objective in ("dpo", "sft"):
        learned = trainer.learned[f"fold-1-seed-0-{objective}"]
        assert learned == set(run_of(out, "synthio").training.by_id)
        assert len(learned) == 2 * len(dataset.labels)
        assert not learned & tested


@pytest.mark.parametrize(
    ("variant", "differs"),
    [
        ("template-captions", {"synthio.template_captions", "prompts.style"}),
        ("no-dpo", {"synthio.align"}),
        ("sft", {"synthio.align"}),
        ("no-mixcap", {"synthio.mixcap", "prompts.style"}),
        ("no-self-reflection", {"synthio.self_reflection", "rounds"}),
        ("no-filter", {"synthio.filter", "judge.enabled"}),
    ],
)
def test_an_ablation_differs_from_the_whole_in_what_it_says_and_nothing_else(
    grid: Grid, out: Path, variant: str, differs: set[str]
) -> None:
    whole, part = (run_of(out, name).settings for name in ("synthio", variant))
    before, after = (flat(one.model_dump() | {"synthio": one.synthio.model_dump()}) for one in (whole, part))
    own = "generator.model.adapter"  # lies in each run
    assert {name for name in before if name != own and before[name] != after[name]} == differs
    assert run_of(out, variant).training.fingerprint == run_of(out, "synthio").training.fingerprint
    assert run_of(out, variant).targets == run_of(out, "synthio").targets


def test_prompts_rounds_and_kept_clips_are_those_of_the_variant(grid: Grid, out: Path) -> None:
    prompts = {name: [str(one.prompt) for one in run_of(out, name).requests()] for name in ABLATIONS}
    whole = [str(one.prompt) for one in run_of(out, "synthio").requests()]
    assert set(prompts["template-captions"]) == {"Sound of a bell", "Sound of a horn", "Sound of hiss"}
    assert prompts["no-dpo"] == prompts["sft"] == prompts["no-self-reflection"] == prompts["no-filter"] == whole
    assert prompts["no-mixcap"] != whole
    assert run_of(out, "synthio").rounds > 1
    assert run_of(out, "no-self-reflection").rounds == 1
    assert {rate.kept for rate in run_of(out, "no-filter").keep_rates().values()} == {4}
    assert grid.facts["no-filter"].kept == grid.facts["no-filter"].asked == 12


def test_real_clips_alone_have_as_many_classic_copies_as_clips_were_asked_for(grid: Grid) -> None:
    """The whole method kept fewer, which must not make its rival weaker."""
    assert grid.facts["synthio"].kept < 12
    assert grid.table.cells["classic"][0][0].clips == {"real": 6, "classic": 12}
    assert {arm for arm in grid.table.cells if arm not in grid.variants} == {"real", "oversample", "classic"}


def test_resynthesis_has_the_amount_and_the_judges_of_the_whole(grid: Grid, out: Path) -> None:
    settings = run_of(out, "resynth").settings
    assert (settings.recipe, settings.generator.name, settings.synthio) == ("resynth", "resynth", SynthioSettings())
    assert (settings.amount, settings.judge) == (BASE.amount, BASE.judge)
    assert run_of(out, "resynth").targets == run_of(out, "synthio").targets


def test_the_mixture_has_as_many_clips_as_each_alone_half_of_each_where_there_are_enough(grid: Grid, out: Path) -> None:
    runs = VariantRuns("resynth+synthio", out, BASE)
    kept = [clip.id for clip in runs.opened("fold-1-seed-0", 0).kept()]
    ours, theirs = ({clip.id: clip.labels[0] for clip in run_of(out, name).kept()} for name in ("synthio", "resynth"))
    assert len(kept) == len(set(kept)) == grid.facts["resynth+synthio"].kept
    assert set(kept) <= {**ours, **theirs}.keys()
    for label, rate in runs.opened("fold-1-seed-0", 0).keep_rates().items():
        counts = [Counter(part.get(name) for name in kept)[label] for part in (ours, theirs)]
        there = [Counter(part.values())[label] for part in (ours, theirs)]
        assert sum(counts) == min(rate.target, sum(there)) == rate.kept
        if min(there) >= rate.target // 2:
            assert counts == [rate.target // 2] * 2
    assert not (out / "variants" / "resynth+synthio" / "runs").exists()
    cell = grid.table.cells["resynth+synthio"][0][0]
    assert cell.clips == {"real": 6, "synthetic": len(kept)}


def test_a_run_of_the_study_is_one_that_augment_goes_on_with(grid: Grid, trainer: Trainer, out: Path) -> None:
    run = run_of(out, "synthio")
    settings = variant_settings(BASE, "synthio").model_copy(update={"sample_rate": run.settings.sample_rate})
    before = len(trainer.trained)
    again = augment(run.training, settings=settings, out=run.path, workers=1)
    assert again.identity.fingerprint == run.identity.fingerprint
    assert len(trainer.trained) == before


def test_variants_folds_and_seeds_may_be_added_and_what_is_there_stays(
    dataset: Dataset, trainer: Trainer, tmp_path: Path
) -> None:
    first = replace(SMALL, variants=("synthio",), baselines=("real",))
    before = synthio_grid(dataset, first, tmp_path, workers=1)
    stored = contents(tmp_path / "variants")
    trained = len(trainer.trained)
    more = replace(first, variants=("synthio", "no-self-reflection"), seeds=2)
    after = synthio_grid(dataset, more, tmp_path, workers=1)
    assert trainer.trained[trained:] == [("fold-1-seed-1-dpo", "dpo")]
    assert {name: text for name, text in contents(tmp_path / "variants").items() if name in stored} == stored
    assert after.table.cells["synthio"][0][0] == before.table.cells["synthio"][0][0]
    both = synthio_grid(dataset, replace(first, test_folds=("1", "2")), tmp_path, workers=1)
    assert [split.name for split in both.table.splits] == ["1", "2"]
    assert both.table.cells["synthio"][0][0] == before.table.cells["synthio"][0][0]
    with pytest.raises(RunError, match=r"variants/synthio holds .* \(real_per_label: 2 → 1\)"):
        synthio_grid(dataset, replace(first, real_per_label=1), tmp_path, workers=1)
    other = BASE.model_copy(update={"synthio": SynthioSettings(training=AlignTraining(batch=2))})
    with pytest.raises(RunError, match=r"synthio\.training\.batch: unset → 2"):
        synthio_grid(dataset, replace(first, run=other), tmp_path, workers=1)


def contents(folder: Path) -> dict[str, str]:
    return {str(path): path.read_text(encoding="utf-8") for path in folder.glob("*/cells/*/*.json")}


@pytest.mark.parametrize("moment", ["while it aligns", "while it generates", "while it tests"])
def test_a_study_that_was_stopped_goes_on_to_the_same_cells(
    dataset: Dataset, grid: Grid, trainer: Trainer, tmp_path: Path, moment: str
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    place = {
        "while it aligns": "menura.recipes.adapted._make_adapter",
        "while it generates": "menura.pipeline.execute._Work.make_round",
        "while it tests": "menura.studies.unit._fit_and_predict",
    }[moment]
    asked = replace(SMALL, variants=("synthio",), baselines=("real",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, stop)
        with pytest.raises(KeyboardInterrupt):
            synthio_grid(dataset, asked, tmp_path, workers=1)
    found = synthio_grid(dataset, asked, tmp_path, workers=1)
    for arm in found.table.cells:
        assert found.table.cells[arm] == grid.table.cells[arm]


def test_what_cannot_be_compared_is_refused_before_anything_is_made(dataset: Dataset, tmp_path: Path) -> None:
    for asked, told in (
        (replace(SMALL, variants=("synthio", "no-dog")), "variants are synthio, no-dog; expected synthio and any of"),
        (replace(SMALL, variants=("no-dpo",)), "variants are no-dpo; expected synthio"),
        (replace(SMALL, baselines=("real", "synthetic")), "baselines are real, synthetic, expected of real"),
        (replace(SMALL, run=RunSettings()), "the study is of the recipe synthio, the settings name resynth"),
        (replace(SMALL, test_folds=("7",)), "no folds 7 to be held out; there are 1, 2"),
        (
            replace(SMALL, run=BASE.model_copy(update={"synthio": SynthioSettings(align="none")})),
            "leave out already what no-dpo leaves out",
        ),
    ):
        with pytest.raises(ConfigError, match=told):
            synthio_grid(dataset, asked, tmp_path / "never", workers=1)
    assert not (tmp_path / "never" / "adapters").exists()


def test_settings_that_name_rounds_have_none_without_self_reflection() -> None:
    named = RunSettings(recipe="synthio", rounds=3)
    found = [
        get_recipe("synthio").defaults(variant_settings(named, variant)).rounds
        for variant in ("synthio", "no-dpo", "no-self-reflection")
    ]
    assert found == [3, 3, 0]


def test_settings_that_name_mixcap_are_those_that_do_not() -> None:
    named = BASE.model_copy(update={"prompts": PromptSettings(style="mixcap")})
    for variant in ("template-captions", "no-mixcap"):
        one, other = (
            get_recipe("synthio").defaults(variant_settings(base, variant)) for base in (named, BASE)
        )  # fmt: skip
        assert one == other


def cell(arm: str, fold: str, seed: int, right: int) -> Cell:
    """Sixteen test clips, so many quarters of them right."""
    wrong = 4 - right
    predictions = tuple([(1.0, 0.0)] * (4 * right) + [(0.0, 1.0)] * (4 * wrong))
    return Cell(
        fold, seed, arm, {"real": 2}, "linear", right / 4, right / 4, right / 4, None, (right / 4, None), None,
        predictions,
    )  # fmt: skip


def test_the_table_says_what_is_known() -> None:
    """Four folds, two seeds; the whole is 1 of 4 clips better than real clips, and one ablation is no better."""
    right = {"real": 2, "oversample": 1, "synthio": 3, "no-dpo": 2, "no-filter": 3}
    folds = "1234"
    clips = tuple(Clip(f"test{number}", "/", ("a",), 1.0, 8000) for number in range(16))
    cells = {arm: [[cell(arm, fold, seed, count) for seed in (0, 1)] for fold in folds] for arm, count in right.items()}
    table = Table(cells, [Split(fold, (), clips) for fold in folds], ("a", "b"), "accuracy", False)
    rounds = (RoundRate(0, 20, 20, 10, 10), RoundRate(1, 8, 8, 2, 2))
    facts = {
        "synthio": VariantFacts(12, 12, rounds, 1.5, 3.0),
        "no-dpo": VariantFacts(12, 8.5, rounds[:1], None, None),
        "no-filter": VariantFacts(12, 12, (), None, None),
    }
    found = Grid(table, facts, ("synthio", "no-dpo", "no-filter"), 2.0, "4 folds", "linear", 10)
    rows = {row.method: row for row in grid_rows(found)}
    assert list(rows) == list(right)
    whole, part = rows["synthio"], rows["no-dpo"]
    assert (whole.value, whole.gain_real, whole.gain_best, whole.gain_full) == (0.75, 0.25, 0.25, 0.0)
    assert 0.1 < whole.gain_best_interval[0] < 0.25 < whole.gain_best_interval[1] < 0.4
    # 16 of 64 clips changed, all for the better: 2 / 2**16 is below what 4,000 swaps can tell
    assert whole.p_best == pytest.approx(1 / 4001)
    assert whole.p_best_corrected == pytest.approx(3 / 4001)
    assert whole.p_full_corrected is None
    assert (part.gain_best, part.gain_full, part.p_best) == (0.0, -0.25, 1.0)
    assert part.p_full_corrected == pytest.approx(2 / 4001)
    assert (whole.passed, part.passed, rows["real"].asked) == ("50% 25%", "50%", 0)
    assert (rows["oversample"].gain_real, rows["oversample"].gain_best) == (-0.25, -0.25)
    first, of_dpo, of_filter, short = grid_notes(found, tuple(rows.values()))
    assert first.startswith(
        "synthio reaches 75.0 % accuracy, 'real' (the best that real clips alone allow) 50.0 %: +25.0"
    )
    assert first.endswith("better")
    assert of_dpo.startswith("no-dpo against synthio: -25.0 points")
    assert of_dpo.endswith("worse")
    assert of_filter.endswith("cannot be told apart")
    assert short == "fewer clips were kept than asked for: no-dpo 8.5 of 12"


def test_clips_like_the_held_out_ones_are_near_and_copies_of_one_are_not_varied() -> None:
    draw = np.random.default_rng(0)
    held_out, like, far = (draw.normal(mean, 1, (60, 5)).astype(np.float32) for mean in (0, 0, 3))
    labels = ["a", "b"] * 30
    near, away = measure_sounds(like, labels, held_out), measure_sounds(far, labels, held_out)
    same = measure_sounds(np.repeat(like[:1], 60, axis=0), labels, held_out)
    assert near is not None
    assert away is not None
    assert same is not None
    assert abs(near.kad) < 5 < away.kad
    assert same.vendi == pytest.approx(1.0)
    assert near.vendi > 4
    assert measure_sounds(like[:1], ["a"], held_out) is None


def test_the_command_writes_the_table_and_what_it_rests_on(dataset: Dataset, trainer: Trainer, tmp_path: Path) -> None:
    config = tmp_path / "run.toml"
    config.write_text("shard_size = 16\n[synthio.training]\nbatch = 2\n", encoding="utf-8")
    asked = [
        "study", "synthio", dataset.root, "-o", str(tmp_path / "out"), "--generator", "menura-mini", "--encoder",
        "acoustic", "--variants", "synthio,no-self-reflection", "--baselines", "real", "--seeds", "1", "--folds", "2",
        "--test-folds", "2", "--real-per-label", "2", "--align-steps", "7", "-c", str(config), "--workers", "1",
    ]  # fmt: skip
    found = CliRunner().invoke(app, [*asked, "--json"], catch_exceptions=False)
    assert found.exit_code == 0
    told = json.loads(found.stdout)
    assert [row["method"] for row in told["rows"]] == ["real", "synthio", "no-self-reflection"]
    assert told["run"]["synthio"] == {**told["run"]["synthio"], "align_steps": 7}
    assert told["run"]["synthio"]["training"]["batch"] == 2
    assert (told["times"], told["folds"], told["rows"][1]["asked"]) == (2.0, ["2"], 12)
    assert [one["round"] for one in told["rounds"]["no-self-reflection"]] == [0]
    assert {Path(file).name for file in told["files"]} == {"synthio.svg", "synthio.csv", "synthio.json", "synthio.html"}
    header, *lines = (tmp_path / "out" / "synthio.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3
    assert "gain_full_interval_low" in header
    printed = CliRunner().invoke(app, asked, catch_exceptions=False, env={"COLUMNS": "200"})
    assert "no-self-reflection" in printed.stdout
    assert "over synthio" in printed.stdout
    assert "names no folds, split or groups" in " ".join(printed.stdout.split())
    wrong = CliRunner().invoke(app, [*asked, "--times", "3"])
    assert "amount.times: 2.0 → 3.0" in str(wrong.exception) + wrong.output


def test_evaluate_aligns_once_for_each_fold_and_seed_on_its_training_clips(
    dataset: Dataset, trainer: Trainer, tmp_path: Path
) -> None:
    before = len(trainer.trained)
    result = evaluate(
        dataset, out=tmp_path, settings=BASE, real_per_label=2, seeds=1, folds=2, arms=("real", "synthetic"), workers=1
    )
    assert trainer.trained[before:] == [("fold-1-seed-0", "dpo"), ("fold-2-seed-0", "dpo")]
    first, second = (trainer.learned[f"fold-{fold}-seed-0"] for fold in "12")
    assert not first & second
    assert [arm.name for arm in result.arms] == ["real", "synthetic"]
