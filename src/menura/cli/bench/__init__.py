"""``menura study``: the experiments that are grids of evaluations."""
