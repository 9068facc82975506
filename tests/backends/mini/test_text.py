"""Words for a small model: no vocabulary, order matters, and padding does not."""

from __future__ import annotations

import torch

from menura.backends.mini.text import HashedText, word_features


def reader() -> HashedText:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return HashedText(16, buckets=256, words=6, layers=1, heads=2).eval()


def test_features_of_a_word_are_the_same_everywhere() -> None:
    assert word_features("hum", 8192) == (2572, 7335, 2057, 3980, 5794, 535)


def test_words_that_share_letters_share_features() -> None:
    dripping, drip, bell = (set(word_features(word, 1 << 30)) for word in ("dripping", "drip", "bell"))
    assert dripping & drip
    assert not dripping & bell


def test_a_text_reads_the_same_beside_longer_ones() -> None:
    model = reader()
    with torch.no_grad():
        alone, beside = model(["a dog"]), model(["a dog", "rain on a very old tin roof", ""])
    torch.testing.assert_close(alone[0], beside[0], atol=1e-6, rtol=0)
    assert (beside[0].abs().sum(-1) > 0).tolist() == [True, True, False, False, False, False]
    assert not beside[2].any()


def test_the_order_of_words_is_heard_their_capitals_are_not() -> None:
    model = reader()
    with torch.no_grad():
        one, other, loud = model(["dog bites man", "man bites dog", "Dog, BITES: man!"])
    assert not torch.allclose(one, other)
    torch.testing.assert_close(one, loud)


def test_words_behind_the_last_place_are_not_read() -> None:
    model = reader()
    with torch.no_grad():
        torch.testing.assert_close(*(model([f"a b c d e f{rest}"]) for rest in ("", " g h")))


def test_an_empty_text_still_lets_gradients_flow() -> None:
    model = reader().train()
    model(["", "hum"]).sum().backward()
    assert all(parameter.grad is None or torch.isfinite(parameter.grad).all() for parameter in model.parameters())
