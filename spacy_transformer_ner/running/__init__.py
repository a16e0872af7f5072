"""Guards of long work."""
