from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from menura.errors import BackendError
from menura.types import Request

REQUEST = Request(labels=("rain",), generator="resynth-1", parents=("a", "b"), seed_key=("rain", 0), params={"x": 0.5})


@pytest.mark.parametrize(
    "change",
    [
        {"labels": ("rain", "wind")},
        {"generator": "resynth-2"},
        {"prompt": "rain on a roof"},
        {"negative_prompt": "music"},
        {"parents": ("b", "a")},
        {"duration_s": 1.0},
        {"seed_key": ("rain", 1)},
        {"params": {"x": 0.25}},
        {"round": 1},
        {"replaces": "0123456789abcdef"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_field_of_a_request_is_part_of_its_id(change: dict[str, object]) -> None:
    assert replace(REQUEST, **change).id != REQUEST.id  # type: ignore[arg-type]


def test_the_order_of_params_is_not_part_of_the_id() -> None:
    first = replace(REQUEST, params={"a": 1, "b": 2})
    assert first.id == replace(REQUEST, params={"b": 2, "a": 1}).id


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, b"bytes"])
def test_what_no_plan_can_hold_is_blamed_on_the_generator(value: object) -> None:
    with pytest.raises(BackendError, match=r"for the generator resynth-1 cannot be stored .*its draw\(\) must give"):
        _ = replace(REQUEST, params={"x": value}).id  # type: ignore[dict-item]


def test_records_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        REQUEST.round = 2  # type: ignore[misc]
