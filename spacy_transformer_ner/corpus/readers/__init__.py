"""One module for each input format, found by the table in `formats`."""
