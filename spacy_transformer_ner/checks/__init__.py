"""What is wrong with a corpus, or worth knowing before training on it."""
