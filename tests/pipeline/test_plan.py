"""The plan on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menura.errors import RunError
from menura.pipeline import plan
from menura.pipeline.plan import (
    count_requests,
    lead_labels,
    read_labels,
    read_requests,
    request_from_row,
    request_to_row,
    write_plan,
)
from menura.types import Request

_text = st.text(max_size=8)
_number = st.floats(allow_nan=False, allow_infinity=False)
_value = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _number | _text,
    lambda inner: st.lists(inner, max_size=3),
)
_requests = st.builds(
    Request,
    labels=st.lists(_text, min_size=1, max_size=3).map(tuple),
    generator=_text,
    prompt=st.none() | _text,
    negative_prompt=st.none() | _text,
    parents=st.lists(_text, max_size=2).map(tuple),
    duration_s=st.none() | st.floats(0, 1e6),
    seed_key=st.lists(_text | st.integers(0, 2**40), max_size=3).map(tuple),
    params=st.dictionaries(_text, _value, max_size=4),
    round=st.integers(0, 9),
    replaces=st.none() | _text,
)


def some_requests(count: int) -> list[Request]:
    return [Request(labels=("a",), generator="g", parents=("p",), seed_key=("k", index)) for index in range(count)]


@given(_requests)
def test_a_request_survives_the_table(request: Request) -> None:
    again = request_from_row(request_to_row(request, "label"))
    assert again == request
    assert again.id == request.id


def test_a_request_that_was_altered_on_disk_is_refused() -> None:
    row = request_to_row(some_requests(1)[0], "a") | {"seed_key": '["other"]'}
    with pytest.raises(RunError, match="altered on disk"):
        request_from_row(row)


@given(start=st.integers(0, 25), length=st.integers(0, 25))
def test_a_slice_of_the_plan_is_a_slice_of_the_requests(
    start: int, length: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "slices.parquet"
    requests = some_requests(20)
    with pytest.MonkeyPatch.context() as patch:
        for name, rows in (("ROWS_PER_GROUP", 3), ("LARGE_PLAN", 6), ("ROWS_PER_LARGE_GROUP", 5)):
            patch.setattr(plan, name, rows)
        if not path.exists():
            assert write_plan(path, iter(requests), lambda labels: labels[0]) == 20
        assert list(read_requests(path, start, start + length)) == requests[start : start + length]
    assert count_requests(path) == 20


def test_equal_plans_have_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_plan(tmp_path / name, iter(some_requests(3)), lambda labels: labels[0])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_plan_that_breaks_off_is_not_there(tmp_path: Path) -> None:
    def breaking() -> object:
        yield from some_requests(2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_plan(tmp_path / "plan.parquet", breaking(), lambda labels: labels[0])  # type: ignore[arg-type]
    with pytest.raises(RunError, match="run `menura augment` again"):
        count_requests(tmp_path / "plan.parquet")


def test_a_damaged_plan_says_so(tmp_path: Path) -> None:
    write_plan(tmp_path / "plan.parquet", iter(some_requests(3)), lambda labels: labels[0])
    data = bytearray((tmp_path / "plan.parquet").read_bytes())
    (tmp_path / "plan.parquet").write_bytes(data[:-20])
    with pytest.raises(RunError, match="--fresh"):
        count_requests(tmp_path / "plan.parquet")


def test_a_clip_with_several_labels_counts_for_the_rarest(tmp_path: Path) -> None:
    lead = lead_labels({"rain": 5, "frog": 2, "wind": 2})
    assert lead(("rain", "wind", "frog")) == "frog"
    write_plan(tmp_path / "plan", [Request(labels=("rain", "wind"), generator="g")], lead)
    assert list(read_labels(tmp_path / "plan")) == ["wind"]
