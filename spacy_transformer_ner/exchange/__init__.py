"""In and out: packages of trained pipelines."""
