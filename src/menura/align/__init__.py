"""Diffusion models taught by preference: pairs, training with an adapter, and when to stop."""
