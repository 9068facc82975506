from __future__ import annotations

import threading

import pytest

from menura.backends.language.pace import Pace


def rounds(pace: Pace, count: int, *, overloaded: bool | None) -> None:
    for _ in range(count):
        pace.leave(pace.enter(), overloaded=overloaded)


def test_it_begins_with_half_and_grows_by_one_for_each_full_round() -> None:
    pace = Pace(16)
    assert pace.limit == 8
    rounds(pace, 8, overloaded=False)
    assert 8.9 < pace.limit <= 9  # eight steps of 1 / limit, which grows on the way
    rounds(pace, 1000, overloaded=False)
    assert pace.limit == 16


def test_it_halves_when_it_was_too_much_and_never_stops() -> None:
    pace = Pace(16)
    limits = []
    for _ in range(5):
        rounds(pace, 1, overloaded=True)
        limits.append(pace.limit)
    assert limits == [4, 2, 1, 1, 1]


def test_complaints_about_one_burst_count_once() -> None:
    pace = Pace(16)
    burst = [pace.enter() for _ in range(8)]
    for epoch in burst:
        pace.leave(epoch, overloaded=True)
    assert pace.limit == 4


def test_other_faults_say_nothing_about_the_pace() -> None:
    pace = Pace(6)
    rounds(pace, 20, overloaded=None)
    assert pace.limit == 3


@pytest.mark.parametrize("most", [1, 2, 5])
def test_no_more_than_the_limit_are_under_way(most: int) -> None:
    pace, lock = Pace(most), threading.Lock()
    under_way = seen = 0

    def call() -> None:
        nonlocal under_way, seen
        epoch = pace.enter()
        with lock:
            under_way += 1
            seen = max(seen, under_way)
            assert under_way <= most
        threading.Event().wait(0.001)
        with lock:
            under_way -= 1
        pace.leave(epoch, overloaded=False)

    threads = [threading.Thread(target=call) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= seen <= most
    assert under_way == 0
