"""What a person said of clips, as preference pairs: accepted clips win against rejected ones of the same labels.

One decision a line, with the file of a generated clip, relative to the file of decisions::

    {"clip": "rain/0001.flac", "accepted": true, "label": "rain", "prompt": "Sound of rain"}

``label`` (or ``labels``, a list) is the name of the clip's folder where it is not given, ``prompt`` that of the label.
Other entries, such as a note, are passed over. The lines of ``menura review`` (``RUN/review/decisions.jsonl``, see
:mod:`menura.decisions`) are read too: what was undone does not hold, and where reviewers disagree the clip is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from menura.align.pairs import Pair, Sound, decided_pairs
from menura.audio import identify
from menura.decisions import Ledger, entry_of, read_lines
from menura.errors import AudioError, DatasetError
from menura.records import parse_json

__all__ = ["Decision", "pairs_of_decisions", "read_decisions"]


@dataclass(frozen=True, slots=True)
class Decision:
    """One clip, accepted or rejected.

    Attributes:
        path: Audio file.
        labels: That it was made for.
        accepted: What the person said.
        prompt: That it was made with; None where nobody knows.
        parents: Ids of the real clips that it was made from, as far as they are known.
    """

    path: str
    labels: tuple[str, ...]
    accepted: bool
    prompt: str | None = None
    parents: tuple[str, ...] = ()


def read_decisions(path: Path) -> list[Decision]:
    """The decisions of a file; of two about one clip the later one holds.

    Raises:
        DatasetError: The file cannot be read, or a line says something else.
    """
    found: dict[str, Decision] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error
    if any(_is_of_review(line) for line in lines):
        found = {decision.path: decision for decision in _of_review(path)}
        lines = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            decision = _decision(line, path, number)
            found[decision.path] = decision
    if not found:
        raise DatasetError(f'{path} holds no decision, expected lines like {{"clip": "rain/1.flac", "accepted": true}}')
    return list(found.values())


def pairs_of_decisions(
    decisions: Sequence[Decision],
    *,
    prompt_of: Callable[[tuple[str, ...]], str],
    labels: Collection[str],
    never: Collection[str],
    losers: int,
    length_s: float,
    longest_s: float,
    seed: int,
) -> list[Pair]:
    """Preference pairs of the decisions.

    Args:
        decisions: What was said.
        prompt_of: Prompt of labels, where a decision names none.
        labels: Those of the training clips.
        never: Ids of real clips that nothing may be learned from: test and validation clips.
        losers: Most rejected clips for an accepted one.
        length_s: Of the stretch that is compared, in seconds.
        longest_s: Longest duration that a model is told.
        seed: Of what is drawn.

    Raises:
        DatasetError: A clip cannot be read, is held out, or has an unknown label; or no pair comes out.
    """
    accepted, rejected = [], []
    for decision in decisions:
        unknown = [label for label in decision.labels if label not in labels]
        if unknown:
            raise DatasetError(
                f"{decision.path} has the label {unknown[0]!r}, which no training clip has; give its label in the file"
            )
        try:
            info, clip_id = identify(decision.path)
        except AudioError as error:
            raise DatasetError(f"{decision.path} of the decisions cannot be read: {error}") from error
        if clip_id in never:
            raise DatasetError(
                f"{decision.path} is a clip that is held out; only training clips and generated ones may be learned "
                "from: take it out of the decisions"
            )
        sound, duration_s = Sound(clip_id, decision.path), round(min(info.duration_s, longest_s), 3)
        if decision.accepted:
            accepted.append((sound, decision.prompt or prompt_of(decision.labels), decision.labels, duration_s))
        else:
            rejected.append((sound, decision.labels, duration_s))
    return decided_pairs(accepted, rejected, losers=losers, length_s=length_s, seed=seed)


def _is_of_review(line: str) -> bool:
    try:
        cells = parse_json(line)
    except ValueError:
        return False
    return isinstance(cells, dict) and "action" in cells


def _of_review(path: Path) -> list[Decision]:
    ledger = Ledger()
    for row in read_lines(path)[0]:
        ledger.add(entry_of(row, source=str(path)))
    found = []
    for request in ledger.requests:
        together, entry = ledger.consensus(request), ledger.latest(request)
        if together.accepted is not None:
            clip = str(path.parent.absolute() / entry.clip)
            found.append(Decision(clip, together.labels, together.accepted, entry.prompt, entry.parents))
    return found


def _decision(line: str, path: Path, number: int) -> Decision:
    expected = 'expected {"clip": "FILE", "accepted": true or false}'
    try:
        cells = parse_json(line)
    except ValueError as error:
        raise DatasetError(f"{path}, line {number} is no JSON ({error}); {expected}") from error
    if not isinstance(cells, dict) or not isinstance(cells.get("clip"), str):
        raise DatasetError(f"{path}, line {number} names no clip; {expected}")
    if not isinstance(cells.get("accepted"), bool):
        raise DatasetError(f"{path}, line {number} says accepted {cells.get('accepted')!r}; {expected}")
    clip = path.parent.absolute() / cells["clip"]
    labels = cells.get("labels", cells.get("label", clip.parent.name))
    named = (labels,) if isinstance(labels, str) else tuple(labels) if isinstance(labels, list) else ()
    if not named or not all(isinstance(label, str) for label in named):
        raise DatasetError(f"{path}, line {number} has the labels {labels!r}; expected a text or a list of texts")
    prompt = cells.get("prompt")
    return Decision(str(clip), named, cells["accepted"], prompt if isinstance(prompt, str) and prompt else None)
