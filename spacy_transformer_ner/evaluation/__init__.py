"""Evaluate, compare and calibrate pipelines."""
