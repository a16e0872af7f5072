"""The HTTP service: a queue that forms batches, its API, and the page to try a pipeline on."""
