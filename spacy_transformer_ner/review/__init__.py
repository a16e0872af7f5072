"""The label loop: suspects for review, and decisions back into the corpus files."""
