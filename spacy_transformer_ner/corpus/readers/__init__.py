"""Readers of the input formats. `formats` lists and opens them."""
