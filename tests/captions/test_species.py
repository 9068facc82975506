from __future__ import annotations

import pytest

from menura.captions.species import SpeciesName, species_name


@pytest.mark.parametrize(
    ("label", "common", "scientific"),
    [
        ("Superb Lyrebird (Menura novaehollandiae)", "superb lyrebird", "Menura novaehollandiae"),
        ("Menura novaehollandiae (Superb Lyrebird)", "superb lyrebird", "Menura novaehollandiae"),
        ("Turdus merula_Eurasian Blackbird", "Eurasian blackbird", "Turdus merula"),
        ("menura_novaehollandiae", "", "Menura novaehollandiae"),
        ("Passer domesticus", "", "Passer domesticus"),
        ("Rana temporaria", "", "Rana temporaria"),
        ("House_Sparrow", "house sparrow", ""),
        ("barn owl", "barn owl", ""),
        ("Common myna", "common myna", ""),
        ("Wood pigeon", "wood pigeon", ""),
        ("European robin", "European robin", ""),
    ],
)
def test_both_names_are_found_in_a_label(label: str, common: str, scientific: str) -> None:
    assert species_name(label) == SpeciesName(common, scientific)


def test_the_scientific_name_stands_in_for_a_missing_common_one() -> None:
    assert species_name("Passer domesticus").name == "Passer domesticus"
    assert species_name("House sparrow").name == "house sparrow"
