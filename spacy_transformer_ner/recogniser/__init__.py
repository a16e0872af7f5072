"""What is decided: scores of tags, the legal sequences of them, the component."""
