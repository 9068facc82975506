"""Published numbers, checked against what the papers say of them."""

from __future__ import annotations

import pytest

from menura.datasets.public import PUBLIC_SETS
from menura.studies.arm_table import ARM_TABLE
from menura.studies.bench.tables import SYNTHIO_METHODS, read_table, synthio_cells


def test_the_table_of_synthio_has_all_its_cells() -> None:
    rows = read_table("synthio-table-1")
    assert len(rows) == 14 * 10 * 4
    assert len({(row["dataset"], row["clips"], row["method"]) for row in rows}) == len(rows)


@pytest.mark.parametrize(("clips", "gold", "synthio"), [(50, 39.77, 51.25), (100, 51.10, 60.03), (500, 68.10, 70.56)])
def test_its_means_are_the_known_ones(clips: int, gold: float, synthio: float) -> None:
    def mean(method: str) -> float:
        found = [
            float(row["percent"])
            for row in read_table("synthio-table-1")
            if row["clips"] == str(clips) and row["method"] == method
        ]
        return sum(found) / len(found)

    assert mean("Gold-only (No Aug.)") == pytest.approx(gold, abs=0.006)
    assert mean("Synthio") == pytest.approx(synthio, abs=0.006)


def test_the_cells_of_a_dataset_stand_beside_arms() -> None:
    cells = {(cell.point, cell.arm): cell.value for cell in synthio_cells("esc50") if cell.arm}
    assert cells["50", "real"] == pytest.approx(0.2225)
    assert cells["100", "synthetic"] == pytest.approx(0.8335)
    assert synthio_cells("a set that the paper does not use") == ()
    assert {"real", "synthetic"} <= set(SYNTHIO_METHODS.values()) & set(ARM_TABLE)


def test_every_dataset_of_the_table_has_a_reader_of_its_name() -> None:
    assert {row["dataset"] for row in read_table("synthio-table-1")} <= set(PUBLIC_SETS)


def test_the_tables_of_ronchini_and_others_are_whole() -> None:
    rows = read_table("ronchini")
    counts = {name: sum(row["experiment"] == name for row in rows) for name in {row["experiment"] for row in rows}}
    assert counts == {"augmentation": 32, "synthetic only": 32, "folds replaced": 64, "real": 2}
