"""The methods paragraph of a paper, from what an evaluation or a study has stored about itself.

It says what was done, in the past tense, with the numbers that are stored. What is not stored is left out, and of what
was not done nothing is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from menura.report.done import Done, flat, shown_path
from menura.report.references import references_of
from menura.report.words import METRIC_WORDS, listed

__all__ = ["Methods", "methods_of"]

_PARTS_OF_MODEL = (
    ("revision", "revision {}"), ("adapter", "adapter {}"), ("num_inference_steps", "{} inference steps"),
    ("guidance_scale", "guidance scale {}"), ("scheduler", "scheduler {}"),
    ("strength", "starting from real clips at strength {}"), ("temperature", "temperature {}"), ("top_k", "top-k {}"),
    ("precision", "{}"),
)  # fmt: skip
_NO_STEPS = ("linear",)
"""Classifiers that are solved, not stepped."""


@dataclass(frozen=True, slots=True)
class Methods:
    """What a paper says.

    Attributes:
        text: The paragraph.
        bibtex: Entries of what was used, by key.
    """

    text: str
    bibtex: Mapping[str, str]

    @property
    def files(self) -> dict[str, str]:
        """File name to text."""
        found = {"methods.txt": f"{self.text}\n"}
        return found | ({"references.bib": "\n\n".join(self.bibtex.values()) + "\n"} if self.bibtex else {})


def methods_of(stored: Mapping[str, Any]) -> Methods:
    """Paragraph and references of an evaluation or a study.

    Args:
        stored: What ``evaluation.json`` or the JSON file of a study holds.

    Example:
        >>> methods_of({"dataset": "esc10", "protocol": {"folds": ["1"], "seeds": 3, "classifier": "linear"}}).text
        'Experiments used the dataset esc10. Every arm was trained with the classifier linear, with 3 seeds.'
    """
    done = Done(stored)
    sentences = [
        _data(done), _generation(done), _amount(done), _judges(done), _arms(done), _training(done),
        _other_settings(done), _statistics(done), _software(done),
    ]  # fmt: skip
    return Methods(" ".join(filter(None, sentences)), references_of(done))


def _data(done: Done) -> str:
    if not done.get("dataset"):
        return f"Experiments used the data {shown_path(done.get('data'))}." if done.get("data") else ""
    sentences = [f"Experiments used the dataset {done.get('dataset')}."]
    folds = done.get("folds")
    if done.get("folds_from"):
        sentences.append(f"Test clips came from {done.get('folds_from')}.")
    if isinstance(folds, list) and len(folds) > 1:
        sentences.append(f"{len(folds)} folds were held out in turn.")
    for name, said in (
        ("test_clips", "In all, {} real clips were tested."),
        ("training_clips", "In each fold, {} real clips were learned from, on average."),
        ("real_per_label", "Training clips were limited to {} of each label."),
        ("real_total", "Training clips were limited to {} in all."),
        ("real_share", "A share of {} of the training clips was used."),
        ("real_folds", "{} training folds were used."),
        ("tail_ratio", "The largest label had {} times the training clips of the smallest."),
        ("noises", "Noise came from the dataset {}."),
        ("copies", "Each training clip was learned from in {} noisy copies as well."),
        ("train_snr_db", "The noise of training lay {} dB below the clips."),
        ("working_rate_hz", "Classifiers heard audio at {} Hz."),
    ):
        if done.get(name) is not None:
            sentences.append(said.format(_range(done.get(name))))
    return " ".join(sentences)


def _generation(done: Done) -> str:
    name, recipe = done.get("run.generator.name"), done.get("run.recipe")
    if not name and not recipe:
        return ""
    with_what = [f"the recipe {recipe}"] if recipe else []
    with_what += [f"the generator {_generator(done, str(name))}"] if name else []
    sentences = [f"Synthetic clips were made with {' and '.join(with_what)}; test clips took no part in that."]
    said = [
        ("run.generator.delta", "Perturbations had a strength of {}."),
        ("run.generator.preserve", "They kept {}."),
        ("run.prompts.style", "Prompts were of the style {}."),
        ("run.language_model.model", "Texts were written by the language model {}."),
        ("run.synthio.align", "The generator was first adapted to the training clips by {}."),
        ("run.synthio.align_steps", "That took {} steps."),
    ]
    sentences += [
        text.format(_value(done.get(field)))
        for field, text in said
        if done.get(field) not in (None, [], "none", "")
    ]  # fmt: skip
    return " ".join(sentences)


def _generator(done: Done, name: str) -> str:
    parts = []
    for part in name.split("+"):
        kind, _, path = part.partition(":")
        model = path or done.get("run.generator.model.path")
        parts.append(f"{kind} (model {shown_path(model)})" if model else kind)
    more = [
        text.format(_value(done.get(f"run.generator.model.{field}")))
        for field, text in _PARTS_OF_MODEL
        if done.get(f"run.generator.model.{field}") is not None
    ]
    return f"{' and '.join(parts)}{', ' + ', '.join(more) if more else ''}"


def _amount(done: Done) -> str:
    sentences = []
    if done.get("run.amount.times") is not None:
        sentences.append(f"For each real clip, {_clips(done.get('run.amount.times'))} asked for.")
    if done.get("run.amount.per_label") is not None:
        sentences.append(f"For each label, {_clips(done.get('run.amount.per_label'))} asked for.")
    if done.get("run.amount.balance"):
        sentences.append("Every label was topped up to the size of the largest one.")
    if done.get("doses"):
        doses = listed([_number(dose) for dose in done.get("doses")])
        sentences.append(
            f"Amounts of {doses} synthetic clips for each real one were compared, smaller ones part of larger ones."
        )
    if done.get("run.allocation.by") == "learner":
        sentences.append("A learner gave the clips out to the labels it was unsure of.")
    return " ".join(sentences)


def _clips(amount: Any) -> str:
    return "1 synthetic clip was" if amount == 1 else f"{_number(amount)} synthetic clips were"


def _judges(done: Done) -> str:
    if done.get("run.judge.enabled") is None:
        return ""
    sentences = []
    if done.get("run.judge.enabled"):
        share, encoder = done.get("run.judge.acceptance"), done.get("run.judge.encoder")
        if share is not None:
            heard = f" in the embedding {shown_path(encoder)}" if encoder else ""
            sentences.append(
                f"Candidates were kept by thresholds{heard}, each calibrated to let a share of {_number(share)} of the "
                "real training clips pass."
            )
        if done.get("run.judge.text_model"):
            least = done.get("run.judge.text_least_score") if done.get("run.judge.text_rule") == "synthio" else None
            sentences.append(
                "They were also compared with the name of their label by "
                f"{shown_path(done.get('run.judge.text_model'))}{f', at least {_number(least)}' if least else ''}."
            )
        if done.get("run.judge.surplus") is not None:
            sentences.append(
                f"There were {_number(done.get('run.judge.surplus'))} candidates for each clip to be kept."
            )  # fmt: skip
        if done.get("run.rounds"):
            rounds = done.get("run.rounds")
            sentences.append(f"Rejected ones were tried again in at most {rounds} round{'s' if rounds > 1 else ''}.")
    rates = done.stored.get("protocol", {}).get("keep_rates") or {}
    totals = {key: sum(rate.get(key, 0) for rate in rates.values()) for key in ("made", "kept")}
    if totals["made"]:
        sentences.append(f"Of {totals['made']} candidates {totals['kept']} were kept, over all runs.")
    return " ".join(sentences)


def _arms(done: Done) -> str:
    if not done.arms:
        return ""
    baseline = done.get("baseline")
    told = f"Compared were the arms {listed(done.arms)}"
    return f"{told}; gains were taken over {baseline}, the best arm of real clips alone." if baseline else f"{told}."


def _training(done: Done) -> str:
    name = done.get("classifier")
    if not isinstance(name, str):
        return ""
    steps = done.get("steps") if name not in _NO_STEPS else None
    seeds = done.get("seeds")
    ends = [
        f"for {steps} optimiser steps" if steps else "",
        f"with {seeds} seed{'s' if seeds != 1 else ''}" if isinstance(seeds, int) else "",
    ]
    told = ", ".join(part for part in (f"Every arm was trained with the classifier {name}", *ends) if part)
    zero_shot = done.get("zero_shot.model")
    return f"{told}.{f' The arm zero-shot used {shown_path(zero_shot)}.' if zero_shot else ''}"


def _other_settings(done: Done) -> str:
    """What the conditions of a study varied; for studies that train no classifier, all their settings."""
    if done.varied:
        return " ".join(
            f"The conditions differed in {name.removeprefix('run.')}: {listed([_value(value) for value in values])}."
            for name, values in done.varied.items()
        )
    if "study" not in done.stored or done.get("classifier"):
        return ""
    settings = done.stored.get("settings")
    given = flat(settings) if isinstance(settings, Mapping) else {}
    given |= {name: done.stored[name] for name in ("encoder", "labels", "folds") if name in done.stored}
    told = [f"{name} {_value(value)}" for name, value in given.items() if value not in (None, [], "")]
    head = f"The study {done.stored['study']} of Menura was run"
    return f"{head} with these settings: {'; '.join(told)}." if told else f"{head}."


def _statistics(done: Done) -> str:
    sentences = []
    if done.get("metric"):
        sentences.append(f"The metric was {METRIC_WORDS.get(done.get('metric'), done.get('metric'))}.")
    if done.get("interval"):
        sentences.append(f"Intervals were {done.get('interval')}.")
    if done.get("test"):
        corrected = ", corrected after Holm" if done.is_corrected else ""
        sentences.append(f"P-values came from a {done.get('test')}{corrected}.")
    return " ".join(sentences)


def _software(done: Done) -> str:
    versions = dict(done.stored.get("versions") or {})
    machine = versions.pop("machine", None)
    if not versions:
        return ""
    names = {"menura": "Menura", "python": "Python", "torch": "PyTorch", "numpy": "NumPy", "scipy": "SciPy"}
    told = listed([f"{names.get(name, name)} {version}" for name, version in versions.items()])
    return f"Software was {told}{f', on {machine}' if machine else ''}."


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _range(value: Any) -> str:
    return (
        f"{_number(value[0])} to {_number(value[1])}" if isinstance(value, list) and len(value) == 2 else _number(value)
    )


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return listed([_value(one) for one in value])
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return _number(value)
    kind, colon, path = str(value).partition(":")
    return f"{kind}:{shown_path(path)}" if colon and len(kind) > 1 else shown_path(value)
