"""A run on Ray, disturbed: nothing lost, nothing twice, the bytes of an undisturbed run of one process, and no Ray
left behind. ``benchmarks/faults.py`` strikes more often."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from tests.faults.harness import COMMANDS, Bench
from tests.faults.ray_disturbances import RAY_DISTURBANCES, two_machines

pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install 'menura[ray]'"),
]
MOMENTS = {
    "ray: kill -9 of the leading process": 2,
    "ray: Ctrl-C": 1,
    "ray: Ctrl-C twice": 2,
    "ray: kill -9 of workers": 20,
    "ray: out of memory in a worker": 25,
    "ray: loss of a machine": 1,
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A folder with sounds, and what undisturbed commands leave."""
    return Bench(tmp_path_factory.mktemp("bench"))


@pytest.mark.parametrize("fault", list(RAY_DISTURBANCES))
def test_a_disturbed_run_on_ray_goes_on_to_the_same_bytes(bench: Bench, fault: str) -> None:
    assert RAY_DISTURBANCES[fault](bench, COMMANDS["augment-ray"], MOMENTS[fault]) == []


def test_a_training_on_two_machines_leaves_the_bytes_of_two_processes_here(bench: Bench) -> None:
    pytest.importorskip("accelerate")
    assert two_machines(bench, COMMANDS["pretrain-2"]) == []
