"""Trainings for tests of the launch: functions at the top of a module, so that they can be sent."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from menura.errors import DatasetError
from menura.pretrain import train
from menura.pretrain.learner import Learner
from menura.pretrain.place import Place
from menura.pretrain.settings import PretrainSettings
from menura.types import Progress

TINY = PretrainSettings(voice="voice", steps=4, pairs=2, widths=(4, 8), layers=1, sample_rate=8000, processes=2)


def pretrain(out: Path, deadly: tuple[int, int] | None = None, *, place: Place, progress: Progress | None) -> str:
    """Trains and saves every step; process ``deadly[0]`` is killed before step ``deadly[1]``."""
    train.SAVE_EVERY = 1
    step = Learner.step

    def watched(self: Learner, *views: object) -> float:
        if deadly == (place.number, self.step_number):
            os.kill(os.getpid(), signal.SIGKILL)
        return step(self, *views)  # type: ignore[arg-type]

    Learner.step = watched  # type: ignore[method-assign, assignment]
    return train.pretrain(TINY, out, place=place, progress=progress).name


def refuse(*, place: Place, progress: Progress | None) -> None:
    """The second process finds something wrong while the first one waits for it."""
    if place.number == 1:
        raise DatasetError("clip 7 is silent")
    place.wait()
