"""Training: recipes, checks before it starts, checkpoints, warnings, history and calibration.
The updates are spaCy's."""
