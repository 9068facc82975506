"""Encoders trained on synthetic sound alone: doppelganger pairs are pulled together, all else is pushed apart."""
