from xml.etree import ElementTree

import numpy as np
import pytest

from menura.report.figures import Curve, IntervalPanel, boxes, curves, intervals, pair_maps


def draw(kind: str) -> str:
    values = {"real": np.arange(9.0), "voice": np.arange(9.0) + 3}
    if kind == "curves":
        lines = [Curve(name, [0.9, 0.4], [(0.8, 0.95), (0.3, 0.5)], [0.1, 0.1]) for name in values]
        return curves(lines, ["0.1", "0.5"], x_label="delta", y_label="similarity", reference="voice <others>")
    if kind == "boxes":
        return boxes({"flux": values, "pitch": values}, columns=2)
    if kind == "intervals":
        panel = IntervalPanel("distance", [0.0, 2.0], [(-1.0, 1.0), (1.5, 2.5)], floor=0.0)
        return intervals(list(values), [panel, IntervalPanel("FAD", [3.0, 4.0])])
    pairs = np.random.default_rng(0).normal(size=(20, 2, 2))
    return pair_maps({"voice": {"delta 0.1": pairs, "delta 0.5": 2 * pairs}})


@pytest.mark.parametrize("kind", ["curves", "boxes", "intervals", "pair maps"])
def test_a_figure_is_a_page_of_svg_with_its_words_and_the_same_bytes_again(kind: str) -> None:
    found = draw(kind)
    root = ElementTree.fromstring(found)
    assert root.tag.endswith("svg")
    words = " ".join(text for text in root.itertext())
    assert "voice" in words
    assert draw(kind) == found


def test_a_map_draws_no_more_pairs_than_asked_for() -> None:
    pairs = np.random.default_rng(0).normal(size=(50, 2, 2))
    few, all_of_them = (pair_maps({"voice": {"delta 0.1": pairs}}, most=most) for most in (7, 50))
    assert few.count("<use") == 14
    assert all_of_them.count("<use") == 100
