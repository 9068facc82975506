"""A calibrated panel as two files: ``panel.json`` for people and programs, ``panel.safetensors`` for the arrays."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from menura.backends.base import AudioTextScorer, Encoder
from menura.config import JudgeSettings, settings_from
from menura.errors import MenuraError, RunError
from menura.judge.agreement import Space
from menura.judge.calibrate import LabelThreshold
from menura.judge.copies import CopyRule
from menura.judge.facts import ClipFacts
from menura.judge.judges import Judges
from menura.judge.reference import References
from menura.judge.signature import NUM_BANDS
from menura.judge.texts import TextJudge, TextThreshold, scorer_of
from menura.records import parse_json
from menura.seeding import canonical_json, content_hash

if TYPE_CHECKING:
    from menura.judge.panel import JudgePanel

__all__ = ["load_panel", "panel_fingerprint", "read_thresholds", "save_panel"]

_SCHEME = 1
_JSON, _ARRAYS = "panel.json", "panel.safetensors"


def save_panel(panel: JudgePanel, folder: Path) -> None:
    """Write both files; equal panels leave equal bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _ARRAYS).write_bytes(_packed(panel))
    (folder / _JSON).write_text(json.dumps(_facts(panel), indent=1, sort_keys=True) + "\n", encoding="utf-8")


def panel_fingerprint(panel: JudgePanel) -> str:
    """Sixteen hexadecimal digits of all that is saved."""
    return content_hash([_facts(panel), hashlib.sha256(_packed(panel)).hexdigest()])


def load_panel(folder: Path, encoder: Encoder, scorer: AudioTextScorer | None = None) -> JudgePanel:
    """The panel saved in the folder.

    Raises:
        RunError: It is missing or damaged, or belongs to another encoder or audio-text model.
        BackendError: The audio-text model cannot be loaded.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    from menura.judge.panel import JudgePanel

    try:
        stored = parse_json((folder / _JSON).read_text(encoding="utf-8"))
        arrays = load((folder / _ARRAYS).read_bytes())
        if stored["encoder"] != {"name": encoder.name, "fingerprint": encoder.fingerprint}:
            raise RunError(
                f"{folder} was calibrated with encoder {stored['encoder']['name']} "
                f"({stored['encoder']['fingerprint']}), this one is {encoder.name} ({encoder.fingerprint}); "
                "use the same version, or another folder"
            )
        settings = settings_from(JudgeSettings, stored["settings"], source=str(folder / _JSON))
        references = _references(stored, arrays)
        judges = None if stored["judges"] is None else _judges(stored["judges"], arrays)
        texts = _texts(stored, settings, scorer, folder)
        return JudgePanel(settings, references, judges, encoder, int(stored["seed"]), texts)
    except (OSError, KeyError, TypeError, ValueError, SafetensorError) as error:
        if isinstance(error, MenuraError):
            raise
        raise RunError(f"{folder} holds no readable panel ({error}); remove the folder and run again") from error


def read_thresholds(folder: Path) -> tuple[LabelThreshold, ...]:
    """The thresholds of a saved panel, without its encoder; none where nothing but technical soundness is judged.

    Raises:
        RunError: The panel is missing or damaged.
    """
    try:
        stored = json.loads((folder / _JSON).read_text(encoding="utf-8"))
        learned = stored["judges"]
        return () if learned is None else tuple(LabelThreshold(**row) for row in learned["thresholds"])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise RunError(f"{folder} holds no readable panel ({error}); run `menura augment` again") from error


def _facts(panel: JudgePanel) -> dict[str, Any]:
    judges = panel.judges
    learned = judges and {
        "thresholds": [asdict(threshold) for threshold in judges.thresholds],
        "copies": asdict(judges.copies),
        "typical_distance": judges.typical_distance,
    }
    facts = {
        "scheme": _SCHEME,
        "seed": panel.seed,
        "settings": panel.settings.model_dump(mode="json"),
        "encoder": {"name": panel.encoder.name, "fingerprint": panel.encoder.fingerprint},
        "labels": panel.references.labels,
        "clips": [
            {"id": clip_id, **asdict(facts)}
            for clip_id, facts in zip(panel.references.ids, panel.references.facts, strict=True)
        ],
        "judges": learned,
    }
    if panel.texts is not None:  # absent without it, so that the panels of runs without a text model stay the same
        facts["texts"] = {
            "scorer": {"name": panel.texts.scorer.name, "fingerprint": panel.texts.scorer.fingerprint},
            "thresholds": [asdict(threshold) for threshold in panel.texts.thresholds],
        }
    plain: dict[str, Any] = json.loads(canonical_json(facts))
    return plain


def _packed(panel: JudgePanel) -> bytes:
    from safetensors.numpy import save

    references, judges = panel.references, panel.judges
    arrays: dict[str, NDArray[Any]] = {
        "targets": references.targets.astype(np.uint8),
        "signature_lengths": np.array([len(one) for one in references.signatures], dtype=np.int64),
        "signatures": np.concatenate(references.signatures),
    }
    if judges is not None:
        arrays |= {
            "mean": judges.space.mean, "scale": judges.space.scale, "placed": judges.placed, "weights": judges.weights
        }  # fmt: skip
    return bytes(save({name: np.ascontiguousarray(array) for name, array in sorted(arrays.items())}))


def _references(stored: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> References:
    ends = np.cumsum(arrays["signature_lengths"])
    signatures = np.split(arrays["signatures"].reshape(-1, NUM_BANDS), ends[:-1])
    clips = stored["clips"]
    return References(
        ids=tuple(clip["id"] for clip in clips),
        labels=tuple(stored["labels"]),
        targets=arrays["targets"].astype(bool),
        facts=tuple(_clip_facts(clip) for clip in clips),
        signatures=tuple(signatures),
    )


def _clip_facts(stored: Mapping[str, Any]) -> ClipFacts:
    """A fact that came after the panel was written takes its default."""
    return ClipFacts(**{name: stored[name] for name in ClipFacts.__slots__ if name in stored})


def _judges(stored: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Judges:
    return Judges(
        space=Space(arrays["mean"], arrays["scale"]),
        placed=arrays["placed"],
        weights=arrays["weights"],
        thresholds=tuple(LabelThreshold(**row) for row in stored["thresholds"]),
        copies=CopyRule(**stored["copies"]),
        typical_distance=float(stored["typical_distance"]),
    )


def _texts(
    stored: Mapping[str, Any], settings: JudgeSettings, scorer: AudioTextScorer | None, folder: Path
) -> TextJudge | None:
    if "texts" not in stored:
        return None
    known = stored["texts"]["scorer"]
    scorer = scorer or scorer_of(settings)
    found = {"name": scorer.name, "fingerprint": scorer.fingerprint} if scorer else {"name": "none", "fingerprint": ""}
    if scorer is None or known != found:
        raise RunError(
            f"{folder} was calibrated with the audio-text model {known['name']} ({known['fingerprint']}), this one is "
            f"{found['name']} ({found['fingerprint']}); use the same version, or another folder"
        )
    thresholds = tuple(TextThreshold(**row) for row in stored["texts"]["thresholds"])
    return TextJudge(scorer, thresholds, settings.text_rule, settings.text_least_score)
