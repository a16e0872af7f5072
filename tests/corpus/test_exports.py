"""The table of tools in docs/data.md: each command reads the export in tests/data/exports."""

import re
import shlex
from pathlib import Path

import pytest

from spacy_transformer_ner import read_corpus

from ..conftest import ner
from .exports import ENTITIES, FOLDER, TEXTS, entities

DOCS = Path(__file__).parents[2] / "docs" / "data.md"


def tools() -> list[tuple[str, str]]:
    """RETURNS (list[tuple[str, str]]): Tool and command of each row of the table."""
    table = DOCS.read_text(encoding="utf-8").partition("## From your tool")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("|")]
    return [(row[0], row[-1].strip("`")) for row in rows[2:]]


@pytest.mark.parametrize("tool, command", tools(), ids=[tool for tool, _ in tools()])
def test_tool_of_the_table_is_read(tmp_path, tool, command):
    """The command is `python -m spacy ner convert EXPORT [OPTIONS] corpus/mine/train.spacy`."""
    words = shlex.split(re.sub(r"\s+", " ", command))
    assert words[:4] == ["python", "-m", "spacy", "ner"] and words[4] == "convert", command
    target = tmp_path / "train.spacy"
    exports = [FOLDER / word if (FOLDER / word).exists() else word for word in words[5:-1]]
    result = ner("convert", *map(str, exports), str(target))
    assert result.returncode == 0, result.stdout
    assert entities(read_corpus(target)) == ENTITIES
    assert len(TEXTS) == 5
