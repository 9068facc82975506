"""Which works a result rests on, as BibTeX: only those that were used."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from menura.report.done import Done

__all__ = ["all_references", "references_of"]

_DATASETS = {
    "esc10": "piczak2015esc", "esc50": "piczak2015esc", "urbansound8k": "salamon2014dataset",
    "gtzan": "tzanetakis2002musical", "nsynth": "engel2017neural", "nsynth_pitch": "engel2017neural",
    "fsd50k": "fonseca2020fsd50k", "speech_commands": "warden2018speech",
}  # fmt: skip
_RECIPES = {
    "synthio": "ghosh2025synthio", "label_guided": "feng2024synthetic", "llm_assisted": "feng2024synthetic",
}  # fmt: skip
_GENERATORS = {
    "audioldm2": "liu2023audioldm2", "audiogen": "kreuk2023audiogen", "musicgen": "copet2023simple",
    "stable-audio": "evans2024stable",
}  # fmt: skip
_COLUMNS = {"kad": "chung2025kad", "kernel": "chung2025kad", "frechet": "kilgour2018fad", "vendi": "friedman2022vendi"}
_STUDIES = {
    "pair-similarity": "cherep2024doppelgangers", "spectra": "cherep2024doppelgangers",
    "uncertainty": "cherep2024doppelgangers", "sweep": "cherep2024doppelgangers",
}  # fmt: skip


@cache
def all_references() -> dict[str, str]:
    """Key to BibTeX entry of every work that may be named."""
    text = (Path(__file__).parent / "references.bib").read_text(encoding="utf-8")
    entries = [f"@{entry.strip()}" for entry in text.split("\n@") if entry.strip()]
    return {entry.partition("{")[2].partition(",")[0]: entry.replace("@@", "@", 1) for entry in entries}


def references_of(done: Done) -> dict[str, str]:
    """Key to entry of what was used, in the order of the paragraph."""
    known = all_references()
    return {key: known[key] for key in dict.fromkeys(_used(done)) if key in known}


def _used(done: Done) -> Iterator[str]:
    yield _DATASETS.get(str(done.get("dataset")), "")
    yield _STUDIES.get(str(done.stored.get("study")), "")
    for recipe in (done.get("run.recipe"), *done.varied.get("run.recipe", ())):
        yield _RECIPES.get(str(recipe), "")
    for generator in done.generators:
        yield _GENERATORS.get(generator, "")
    if done.get("run.recipe") == "synthio" and done.get("run.synthio.align") == "dpo":
        yield "wallace2023diffusion"
    if done.get("run.judge.text_model") or done.get("zero_shot.model"):
        yield "wu2023clap"
    networks = done.get("classifier") in ("cnn", "finetune", "best")
    masked = networks and any("classic" in arm for arm in done.arms)
    if masked or "specaugment" in done.arms:
        yield "park2019specaugment"
    if masked or "mixup" in done.arms:
        yield "zhang2017mixup"
    sources = " ".join(str(cell.get("source")) for cell in done.stored.get("published") or ())
    yield from (key for key, entry in all_references().items() if (paper := _arxiv(entry)) and paper in sources)
    for column in dict.fromkeys(name for row in done.rows for name, value in row.items() if value is not None):
        yield _COLUMNS.get(column, "")
    if "hierarchical bootstrap" in str(done.get("interval")):
        yield "davison1997bootstrap"
    if done.is_corrected:
        yield "holm1979simple"


def _arxiv(entry: str) -> str:
    return entry.partition("eprint = {")[2].partition("}")[0]
