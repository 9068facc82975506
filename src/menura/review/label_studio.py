"""To Label Studio and back: tasks with the judges' word as predictions, and annotations as decisions."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from menura.decisions import Ledger, Opinion
from menura.errors import ConfigError, RunError
from menura.files import disk_errors, remove_leftovers_of_the_dead, write_text
from menura.review.catalogue import Catalogue, Item

__all__ = ["Imported", "label_config", "read_annotations", "tasks_of", "write_tasks"]

_PREFIX = "/data/local-files/?d="
_LARGEST = 1 << 30


@dataclass(frozen=True, slots=True)
class Imported:
    """Annotations as decisions.

    Attributes:
        decisions: Arguments of :meth:`menura.review.desk.Desk.decide`.
        skipped: Annotations that were cancelled, or choose nothing.
        foreign: Tasks of clips that this run does not have.
        own: Annotations that are decisions of this run, sent there and not changed since.
    """

    decisions: tuple[dict[str, Any], ...]
    skipped: int
    foreign: int
    own: int = 0


def label_config(catalogue: Catalogue) -> str:
    """The labelling configuration as XML: the clip, a verdict, other labels, a remark."""
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, "Header", value="$label")
    ElementTree.SubElement(view, "Audio", name="audio", value="$audio")
    verdict = ElementTree.SubElement(view, "Choices", name="verdict", toName="audio", choice="single", required="true")
    for value, key in (("accept", "a"), ("reject", "r"), ("relabel", "l")):
        ElementTree.SubElement(verdict, "Choice", value=value, hotkey=key)
    many = "multiple" if catalogue.is_multilabel else "single"
    labels = ElementTree.SubElement(
        view, "Choices", name="labels", toName="audio", choice=many, visibleWhen="choice-selected",
        whenTagName="verdict", whenChoiceValue="relabel",
    )  # fmt: skip
    for label in catalogue.labels:
        ElementTree.SubElement(labels, "Choice", value=label)
    ElementTree.SubElement(
        view, "TextArea", name="note", toName="audio", placeholder="What is wrong with it", maxSubmissions="1"
    )
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode") + "\n"


def tasks_of(catalogue: Catalogue, ledger: Ledger, *, root: Path | None = None) -> list[dict[str, Any]]:
    """One task per clip, with what was decided so far as annotations.

    Args:
        catalogue: The clips.
        ledger: The decisions.
        root: ``LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT`` of the Label Studio that reads them; None is the run.
    """
    base = (root or catalogue.folder).absolute()
    return [_task(item, ledger.opinions(item.id), base) for item in catalogue.items]


def write_tasks(catalogue: Catalogue, ledger: Ledger, path: Path, *, root: Path | None = None) -> tuple[Path, Path]:
    """Write the tasks, and the labelling configuration beside them; returns both files."""
    config = path.with_suffix(".xml")
    with disk_errors(str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        for file in (path, config):
            remove_leftovers_of_the_dead(path.parent, file.name)
        write_text(path, json.dumps(tasks_of(catalogue, ledger, root=root), ensure_ascii=False, indent=1) + "\n")
        write_text(config, label_config(catalogue))
    return path, config


def read_annotations(catalogue: Catalogue, path: Path, ledger: Ledger) -> Imported:
    """The annotations of a JSON export (not JSON-MIN).

    Args:
        catalogue: The clips.
        path: The export.
        ledger: The decisions so far. Label Studio gives what came from them to whoever imported it: as long as it says
            the same it is theirs, and no second ear.

    Raises:
        RunError: The file cannot be read, is no such export, or none of its tasks is of this run.
        ConfigError: An annotation chooses something that the configuration does not offer.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise RunError(f"{path} has more than {_LARGEST >> 30} GiB; export fewer tasks at a time")
        tasks = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path} cannot be read as a JSON export of Label Studio: {error}") from error
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise RunError(f"{path} is no list of tasks; choose the format JSON in Label Studio's export")
    decisions: list[dict[str, Any]] = []
    skipped = foreign = own = 0
    for task in tasks:
        data = task.get("data")
        item = catalogue.by_id.get(str(data.get("request", ""))) if isinstance(data, Mapping) else None
        if item is None:
            foreign += 1
            continue
        annotations = task.get("annotations") or []
        for annotation in annotations if isinstance(annotations, list) else []:
            found = _decisions(annotation, item) if isinstance(annotation, Mapping) else []
            skipped += not found
            if found and _is_own(annotation, found, item, ledger):
                own += 1
            else:
                decisions += found
    if foreign == len(tasks):
        raise RunError(
            f"{path}: none of its {len(tasks)} tasks names a clip of {catalogue.name} in data.request; export with the "
            "format JSON the project that was made with --to-label-studio from this run"
        )
    return Imported(tuple(decisions), skipped, foreign, own)


def _task(item: Item, opinions: list[Opinion], base: Path) -> dict[str, Any]:
    relative = Path(os.path.relpath(item.path, base)).as_posix()
    if relative.startswith(".."):
        raise ConfigError(f"{item.path} is not under {base}; give a folder above the run with --label-studio-root")
    predicted = [_choice("verdict", ["accept" if item.verdict != "rejected" else "reject"])]
    score = item.scores.get("agreement")
    prediction: dict[str, Any] = {"model_version": "menura judges", "result": predicted}
    if score is not None and math.isfinite(score):
        prediction["score"] = round(float(score), 6)
    return {
        "data": {
            "audio": _PREFIX + quote(relative), "request": item.id, "label": ", ".join(item.labels),
            "judges": item.reason or "kept", "prompt": item.prompt,
            "scores": {name: value for name, value in item.scores.items() if math.isfinite(value)},
        },
        "predictions": [prediction],
        "annotations": [_annotation(one) for one in opinions if one.accepted is not None],
    }  # fmt: skip


def _annotation(opinion: Opinion) -> dict[str, Any]:
    said = "reject" if not opinion.accepted else "relabel" if opinion.relabelled else "accept"
    result = [_choice("verdict", [said])]
    if said == "relabel":
        result.append(_choice("labels", list(opinion.labels)))
    if opinion.flags:
        value = {"text": list(opinion.flags)}
        result.append({"from_name": "note", "to_name": "audio", "type": "textarea", "value": value})
    # No `completed_by`: Label Studio refuses the whole file for one name that is no member's address. It gives `id`
    # back as `import_id`.
    return {"id": opinion.n, "result": result, "was_cancelled": False, "ground_truth": False}


def _is_own(annotation: Mapping[str, Any], found: list[dict[str, Any]], item: Item, ledger: Ledger) -> bool:
    """Whether an annotation is a decision that went there from here, and still says the same."""
    number = annotation.get("import_id", annotation.get("id"))
    entry = ledger.entries.get(number) if isinstance(number, int) else None
    if entry is None or entry.request != item.id:
        return False
    *flags, decided = found
    opinion = ledger.opinion(item.id, entry.reviewer)
    notes = opinion.flags if opinion else ()
    return (
        decided["action"] == entry.action
        and set(decided.get("labels", entry.labels)) == set(entry.labels)
        and all(" ".join(flag["note"].split()) in notes for flag in flags)
    )


def _choice(name: str, choices: list[str]) -> dict[str, Any]:
    return {"from_name": name, "to_name": "audio", "type": "choices", "value": {"choices": choices}}


def _decisions(annotation: Mapping[str, Any], item: Item) -> list[dict[str, Any]]:
    """What one annotation says; nothing of a cancelled one."""
    result = annotation.get("result")
    if annotation.get("was_cancelled") or not isinstance(result, list):
        return []
    chosen: dict[str, list[str]] = {}
    for part in result:
        value = part.get("value") if isinstance(part, Mapping) else None
        if isinstance(value, Mapping):
            said = value.get("choices", value.get("text"))
            said = [said] if isinstance(said, str) else said if isinstance(said, list) else []
            chosen[str(part.get("from_name"))] = list(map(str, said))
    verdict, labels = (chosen.get("verdict") or [""])[0], chosen.get("labels", [])
    if verdict not in ("accept", "reject", "relabel"):
        return []
    if verdict == "relabel" and (not labels or set(labels) == set(item.labels)):
        raise ConfigError(
            f"Label Studio's annotation of clip {item.id} says relabel and names {labels or 'no label'}; choose "
            "another label there, or accept the clip"
        )
    who = _reviewer(annotation.get("completed_by"))
    stamp = annotation.get("updated_at") or annotation.get("created_at") or ""
    source = f"label-studio:{annotation.get('id', f'{item.id}:{who}')}:{stamp}"
    found: list[dict[str, Any]] = [
        {"reviewer": who, "request": item.id, "action": "flag", "note": note, "source": f"{source}:note:{k}"}
        for k, note in enumerate(filter(str.strip, chosen.get("note", [])))
    ]
    decided = {"reviewer": who, "request": item.id, "action": verdict, "source": source}
    return [*found, decided | ({"labels": labels} if verdict == "relabel" else {})]


def _reviewer(completed_by: object) -> str:
    if isinstance(completed_by, Mapping):
        return str(completed_by.get("email") or f"label-studio-{completed_by.get('id', 'unknown')}")
    return f"label-studio-{completed_by if completed_by is not None else 'unknown'}"
