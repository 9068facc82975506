"""The papers' experiments as grids of evaluations: conditions in, tables and plots with published numbers out."""
