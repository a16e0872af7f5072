"""Mutated files of every format. `python -m tests.fuzz` reads a hundred thousand."""

import pytest

from ..fuzz import fuzz


def test_mutated_files_are_read_or_refused():
    pytest.importorskip("pyarrow")
    outcomes, failures = fuzz(4000, seed=7)
    assert not failures, failures[0]
    assert outcomes.total() == 4000
    assert {outcome for _, outcome in outcomes} == {"read", "refused"}
