"""The server of the review page, killed: decisions that were answered stay, and nothing is there twice."""

from __future__ import annotations

import pytest
from tests.faults.harness import Bench
from tests.faults.review_disturbances import REVIEW_DISTURBANCES


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A folder with sounds, and what undisturbed commands leave."""
    return Bench(tmp_path_factory.mktemp("bench"))


@pytest.mark.parametrize("fault", list(REVIEW_DISTURBANCES))
def test_a_killed_server_has_kept_every_answered_decision(bench: Bench, fault: str) -> None:
    assert REVIEW_DISTURBANCES[fault](bench, 4) == []
