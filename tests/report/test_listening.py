"""What the players beside a synthetic clip are called."""

from __future__ import annotations

from dataclasses import replace

import pytest

from menura.report.listening import Studio
from menura.report.material import Material


@pytest.mark.parametrize(("others", "roles"), [(0, ["parent"]), (1, ["parent 1", "parent 2"])])
def test_parents_are_numbered_when_there_are_several(material: Material, others: int, roles: list[str]) -> None:
    assert material.run is not None
    (family,) = Studio({}).listening([material.run.children[others]]).families
    assert [player.role for player in family.parents] == roles


def test_a_parent_of_another_label_is_called_the_background(material: Material) -> None:
    assert material.run is not None
    first, other = material.run.children[0], material.run.children[-1]
    child = replace(first, parents=(*first.parents, other.parents[0]))
    (family,) = Studio({}).listening([child]).families
    assert [player.role for player in family.parents] == ["parent", "background"]
    assert family.parents[1].label == other.sound.label
