from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menura.captions.components import Components
from menura.captions.diversity import distinct_share, num_components, self_bleu, text_diversity
from menura.errors import ConfigError


def test_equal_texts_have_no_diversity() -> None:
    figures = text_diversity(["a dog barks in a park"] * 4)
    assert figures.num_unique == 1
    assert figures.self_bleu == pytest.approx(1.0)
    assert figures.mean_overlap == 1.0
    assert figures.distinct_2 == 5 / 20
    assert figures.vocabulary == 5


def test_texts_without_a_common_word_have_all_of_it() -> None:
    figures = text_diversity(["one two three four five", "six seven eight nine ten"])
    assert figures.distinct_1 == figures.distinct_2 == 1.0
    assert figures.mean_overlap == 0.0
    # Half a match in 5, 4, 3 and 2 runs: the fourth root of 0.5^4 / 120.
    assert figures.self_bleu == pytest.approx((0.5**4 / 120) ** 0.25)


def test_bleu_is_that_of_a_small_known_case() -> None:
    # Three of four words, two of three pairs, one of two triples are in the other text; no run of four (half a match).
    expected = (3 / 4 * 2 / 3 * 1 / 2 * 0.5) ** 0.25
    assert self_bleu(["a dog barks loudly", "a dog barks softly"]) == pytest.approx(expected)


@given(texts=st.lists(st.text("abc d", min_size=1, max_size=12), min_size=2, max_size=6), order=st.randoms())
def test_figures_do_not_depend_on_order_and_stay_in_their_range(texts: list[str], order: object) -> None:
    import random

    assert isinstance(order, random.Random)
    shuffled = list(texts)
    order.shuffle(shuffled)
    figures, again = text_diversity(texts), text_diversity(shuffled)
    assert figures.self_bleu == pytest.approx(again.self_bleu)
    assert figures.mean_overlap == pytest.approx(again.mean_overlap)
    for share in (figures.distinct_1, figures.distinct_2, figures.self_bleu, figures.mean_overlap):
        assert 0 <= share <= 1 + 1e-12
    assert figures.vocabulary == again.vocabulary


def test_more_varied_texts_score_as_such() -> None:
    same = [f"a dog in a {place}" for place in ("park", "yard", "hall", "car")]
    varied = ["a dog in a park", "two hens by a barn", "gusts over a roof", "somebody knocks twice"]
    assert text_diversity(varied).self_bleu < text_diversity(same).self_bleu
    assert text_diversity(varied).distinct_2 > text_diversity(same).distinct_2
    assert text_diversity(varied).mean_overlap < text_diversity(same).mean_overlap


def test_one_text_is_too_few() -> None:
    with pytest.raises(ConfigError, match="at least 2"):
        text_diversity(["rain"])
    assert distinct_share(["rain"], 2) == 0.0


def test_components_are_counted_once_in_any_inflection() -> None:
    pools = [
        Components(events=("a gate rattling",), scenes=("in a park",)),
        Components(events=("gates rattle",), scenes=()),
    ]
    assert num_components(pools) == 2
