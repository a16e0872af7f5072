"""What the transformer sees: wordpieces of spaCy's tokens, windows of them, the
network, and what trains it."""
