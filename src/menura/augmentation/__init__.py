"""Classic augmentation: the baselines that synthetic clips must beat."""
