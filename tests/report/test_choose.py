from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from menura.report.choose import SmallestById, choose_children
from menura.report.material import Child, Sound


def child(label: str, name: str, *parents: str) -> Child:
    def sound(clip_id: str) -> Sound:
        return Sound(clip_id, "", label, "real", 1.0)

    return Child(sound(name), tuple(map(sound, parents)))


@given(st.permutations([f"{n:02d}" for n in range(20)]), st.integers(1, 25))
def test_the_choice_does_not_depend_on_the_order_of_arrival(ids: list[str], limit: int) -> None:
    chosen: SmallestById[int] = SmallestById(limit)
    for item_id in ids:
        chosen.add("rain", item_id, int(item_id))
    assert chosen.items("rain") == list(range(20))[:limit]
    assert chosen.counts == {"rain": 20}


def test_an_id_that_comes_again_is_counted_and_held_once() -> None:
    held: SmallestById[object] = SmallestById(2)
    first, again, other, last = object(), object(), object(), object()  # without an order, as sounds are
    for item_id, item in (("b", first), ("b", again), ("a", other), ("c", last), ("b", again)):
        held.add("dog", item_id, item)
    assert held.items("dog") == [other, first]
    assert held.counts == {"dog": 5}


def test_every_label_is_heard_once_before_any_is_heard_twice() -> None:
    by_label = {label: [child(label, f"{label}{n}", f"p{label}{n}") for n in range(5)] for label in "abc"}
    chosen = choose_children(by_label, max_sounds=8, per_label=4)
    assert [item.sound.label for item in chosen] == ["a", "a", "b", "c"]


def test_a_parent_that_was_heard_comes_last() -> None:
    children = [child("a", "1", "p"), child("a", "2", "p"), child("a", "3", "q")]
    chosen = choose_children({"a": children}, max_sounds=99, per_label=2)
    assert [item.sound.clip_id for item in chosen] == ["1", "3"]


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 6)), st.integers(0, 30), st.integers(1, 4))
def test_the_number_of_players_never_passes_the_budget(counts: dict[str, int], max_sounds: int, per_label: int) -> None:
    by_label = {label: [child(label, f"{n}", "p", f"q{n}") for n in range(count)] for label, count in counts.items()}
    chosen = choose_children(by_label, max_sounds=max_sounds, per_label=per_label)
    assert sum(1 + len(item.parents) for item in chosen) <= max_sounds
    assert all([item.sound.label for item in chosen].count(label) <= per_label for label in counts)
