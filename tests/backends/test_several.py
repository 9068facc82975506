"""Several generators in one run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from menura.backends.base import Generator, Parents
from menura.backends.registry import load_generator
from menura.backends.several import SeveralGenerators, part_for, parts_of
from menura.config import GeneratorSettings, ModelSettings
from menura.errors import BackendError
from menura.types import Candidate, Clip, Params, Recording, Request


@dataclass(frozen=True)
class Constant:
    """Makes clips of one value."""

    name: str
    value: float
    parents_needed: tuple[int, int] = (0, 0)

    @property
    def fingerprint(self) -> str:
        return f"{self.name}-{self.value}"

    def draw(self, parents: object, generator: np.random.Generator) -> Params:
        return {}

    def generate(self, requests: list[Request], parents: Parents) -> list[Candidate]:
        waveform = np.full((1, 8), self.value, np.float32)
        return [Candidate(request, waveform, 8000) for request in requests]


def request_for(generator: Generator, number: int) -> Request:
    return Request(("bell",), generator.fingerprint, seed_key=(number,))


def no_parents(clip_id: str) -> Recording:
    raise AssertionError(f"nobody needs {clip_id}")


ONE, TWO = Constant("one", 0.1), Constant("two", 0.2, (1, 2))


def test_each_request_goes_to_the_generator_that_it_names_and_order_stays() -> None:
    both = SeveralGenerators([ONE, TWO])
    wanted = [request_for(part, number) for number, part in enumerate([TWO, ONE, ONE, TWO, ONE])]
    made = both.generate(wanted, no_parents)
    assert [candidate.request for candidate in made] == wanted
    assert [round(float(candidate.waveform[0, 0]), 3) for candidate in made] == [0.2, 0.1, 0.1, 0.2, 0.1]


def test_a_request_for_none_of_them_is_refused() -> None:
    with pytest.raises(BackendError, match="is for the generator other, none of one\\+two"):
        SeveralGenerators([ONE, TWO]).generate([Request(("bell",), "other")], no_parents)


def test_every_part_gets_its_share_of_the_requests() -> None:
    both = SeveralGenerators([ONE, TWO])
    drawn = Counter(part_for(both, np.random.default_rng(seed)).name for seed in range(400))
    assert 160 < drawn["one"] < 240
    assert drawn.total() == 400


def test_only_parts_that_take_so_many_parents_are_asked() -> None:
    both = SeveralGenerators([ONE, TWO])
    assert {part_for(both, np.random.default_rng(seed), num_parents=2).name for seed in range(20)} == {"two"}
    with pytest.raises(BackendError, match="no part of one\\+two takes 3 parents"):
        part_for(both, np.random.default_rng(0), num_parents=3)


def test_one_generator_is_its_own_part_and_costs_no_random_number() -> None:
    random = np.random.default_rng(0)
    assert part_for(ONE, random) is ONE
    assert parts_of(ONE) == (ONE,)
    assert random.random() == np.random.default_rng(0).random()


def test_the_fingerprint_changes_with_any_part() -> None:
    found = {SeveralGenerators(parts).fingerprint for parts in ([ONE, TWO], [ONE, replace(TWO, value=0.3)], [TWO])}
    assert len(found) == 3


def test_the_same_generator_twice_is_refused() -> None:
    with pytest.raises(BackendError, match="names the same generator twice"):
        load_generator(GeneratorSettings(name="resynth+resynth"))


def test_a_name_with_a_plus_loads_them_all_and_each_draws_as_alone() -> None:
    both = load_generator(GeneratorSettings(name="resynth+synth", domain="animal"), sample_rate=8000)
    assert [part.name for part in parts_of(both)] == ["resynth", "synth"]
    alone = load_generator(GeneratorSettings(name="synth", domain="animal"), sample_rate=8000)
    assert parts_of(both)[1].fingerprint == alone.fingerprint
    clip = Clip("0" * 16, "0.wav", ("bell",), 1.0, 8000)
    draws = [part.draw([clip], np.random.default_rng(1)) for part in (parts_of(both)[1], alone)]
    assert draws[0] == draws[1]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resynth", [("resynth", "shared")]),
        ("worker:my_model", [("worker", "my_model")]),
        ("resynth+audioldm2:cvssp/audioldm2-large", [("resynth", "shared"), ("audioldm2", "cvssp/audioldm2-large")]),
        ("worker:C:\\models\\one", [("worker", "C:\\models\\one")]),
        ("worker:/models/c++ one+synth", [("worker", "/models/c++ one"), ("synth", "shared")]),
    ],
)
def test_a_name_may_bring_a_path(name: str, expected: list[tuple[str, str]]) -> None:
    settings = GeneratorSettings(name=name, model=ModelSettings(path="shared"))
    assert [(part.name, part.model.path) for part in settings.parts] == expected


def test_paths_that_exist_are_made_absolute_and_names_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one").mkdir()
    monkeypatch.chdir(tmp_path)
    settings = GeneratorSettings(name="resynth+worker:one+audioldm2:cvssp/audioldm2", model=ModelSettings(path="one"))
    found = settings.with_absolute_paths()
    assert found.name == f"resynth+worker:{tmp_path / 'one'}+audioldm2:cvssp/audioldm2"
    assert found.model.path == str(tmp_path / "one")
    assert found.with_absolute_paths() == found
