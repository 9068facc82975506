"""Pretrained text-to-audio models behind the generator protocol: what they share, and one module for each.

Nothing here imports torch, diffusers or transformers before a model makes its first clip.
"""
