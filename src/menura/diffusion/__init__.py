"""Diffusion in formulas: schedules, inversion, interpolation, painting. Tensors in, tensors out, no model library."""
