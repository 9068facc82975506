"""What the clips of a run may be used for: before they are made, and afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from menura.backends.base import Generator, ScenicGenerator
from menura.backends.licence_verdict import (
    LicenceVerdict,
    Source,
    clip_sources,
    model_sources,
    verdict_lines,
    verdict_of,
    weights_of,
)
from menura.backends.licences import UNKNOWN
from menura.backends.several import parts_of
from menura.config import GeneratorSettings, ModelSettings
from menura.datasets.dataset import TrainingPart
from menura.types import Params, Provenance

if TYPE_CHECKING:
    from menura.pipeline.run import Run

__all__ = ["planned_verdicts", "run_verdicts", "use_lines"]


def planned_verdicts(
    training: TrainingPart, generator: Generator, settings: GeneratorSettings, *, learns: bool = False
) -> list[LicenceVerdict]:
    """One verdict for each generator on the clips that it would make from a training part.

    Any of the training clips may become a parent, if the generator takes parents or backgrounds at all.

    Args:
        training: The real clips.
        generator: One or several; each says in the attributes ``weights`` and ``weights_licence`` what it uses, if that
            is not in its settings.
        settings: Of the generators, in the same order.
        learns: Whether the run adapts them to the training clips, which counts as making clips from these.
    """
    pairs = zip(parts_of(generator), settings.parts, strict=True)
    return [_planned(training, part, own.model, learns=learns) for part, own in pairs]


def _planned(training: TrainingPart, generator: Generator, model: ModelSettings, *, learns: bool) -> LicenceVerdict:
    named = weights_of(generator, generator.name)
    if named is None and generator.name != "mix":  # whose path names the generator of the events
        named = model.path
    adapter = None if learns else model.adapter
    sources = model_sources(named, adapter, licence=getattr(generator, "weights_licence", None))
    if learns or generator.parents_needed[1] > 0 or isinstance(generator, ScenicGenerator):
        sources += clip_sources(clip.licence for clip in training.clips)
    return verdict_of(generator.name, sources)


def run_verdicts(run: Run) -> list[LicenceVerdict]:
    """One verdict for each generator whose clips a finished run kept, by name."""
    learned = run.settings.makes_adapter
    kept = [(record.provenance, record.facts) for record in run.records() if record.judgement.accepted]
    names = sorted({provenance.generator for provenance, _ in kept})
    return [
        verdict_of(
            name,
            [
                *_models(((one, facts) for one, facts in kept if one.generator == name), bare=learned),
                *clip_sources(
                    [clip.licence for clip in run.training.clips]
                    if learned
                    else _parent_licences(run, (one for one, _ in kept if one.generator == name))
                ),
            ],
        )
        for name in names
    ]


def use_lines(verdicts: Iterable[LicenceVerdict]) -> list[str]:
    """All verdicts as sentences, what they have in common said once and last."""
    said = [line for verdict in verdicts for line in verdict_lines(verdict)]
    last = said[-1:]
    return [*dict.fromkeys(line for line in said if line not in last), *last]


def _models(used: Iterable[tuple[Provenance, Params]], *, bare: bool) -> list[Source]:
    """Weights and adapters of clips, by their facts; without the adapters if ``bare``."""
    different = {
        (
            facts.get("model"), one.generator, one.weights_licence, None if bare else one.adapter,
            None if bare else facts.get("adapter_licence"),
        )
        for one, facts in used
    }  # fmt: skip
    found: list[Source] = []
    for model, generator, licence, adapter, stated in sorted(different, key=str):
        named = str(model) if model is not None else weights_of(None, generator)
        found += model_sources(
            named,
            adapter,
            licence=None if licence == UNKNOWN else licence,
            adapter_licence=None if stated is None else str(stated),
        )
    return found


def _parent_licences(run: Run, provenances: Iterable[Provenance]) -> list[str | None]:
    """Licence of each parent, every parent once."""
    licences = {
        parent: licence
        for one in provenances
        for parent, licence in zip(one.request.parents, one.parent_licences, strict=True)
    }
    return [licences[parent] for parent in sorted(licences)]
