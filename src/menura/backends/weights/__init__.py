"""Pretrained weights, for every backend: what a path means, what is refused, and how a model is loaded whole."""
