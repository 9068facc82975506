"""Networks trained from scratch.

Encoders learn from synthetic sound alone: doppelganger pairs are pulled together, all else is pushed apart. Diffusion
models of mel images learn from the user's own clips.
"""
