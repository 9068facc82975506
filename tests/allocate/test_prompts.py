"""Weights of prompts."""

from __future__ import annotations

import pytest

from menura.allocate.prompts import choose_by_prompt, prompt_weights


def test_a_prompt_is_worth_its_mean_drawn_to_that_of_the_label() -> None:
    weights, untried = prompt_weights([("a", 1.0), ("a", 1.0), ("b", 0.0), ("b", 0.0)], prior=2.0)
    assert untried == pytest.approx(0.5)
    assert weights == pytest.approx({"a": 0.75, "b": 0.25})


def test_prompts_of_more_worth_are_asked_more_often_and_in_the_order_of_the_plan() -> None:
    items = [(prompt, number) for number, prompt in enumerate("abcabcabcabc")]
    chosen = choose_by_prompt(items, 6, {"a": 0.9, "b": 0.1, "c": 0.5}, 0.5, even_share=0.0)
    assert chosen == sorted(chosen)
    asked = [items[number][0] for number in chosen]
    assert (asked.count("a"), asked.count("b"), asked.count("c")) == (4, 0, 2)  # 3.6, 0.4, 2.0


def test_new_prompts_that_all_differ_are_taken_in_turn() -> None:
    items = [(f"prompt {number}", number) for number in range(8)]
    assert choose_by_prompt(items, 4, {"old": 0.1}, 0.6, even_share=0.5) == [0, 1, 2, 3]


def test_no_prompt_gives_more_than_the_plan_offers() -> None:
    items = [("a", 0), ("b", 1), ("b", 2), ("b", 3)]
    assert choose_by_prompt(items, 3, {"a": 100.0, "b": 0.1}, 1.0, even_share=0.0) == [0, 1, 2]
