import platform

import pytest

from spacy_transformer_ner import provenance

INTEL = """processor\t: 0
cpu family\t: 6
model\t\t: 143
model name\t: A Xeon: big
"""
ARM = "processor\t: 0\nBogoMIPS\t: 50.00\n"


@pytest.mark.parametrize(
    "content, expected",
    [
        (INTEL, "A Xeon: big (family 6, model 143)"),
        (ARM, platform.processor() or platform.machine()),
        (None, platform.processor() or platform.machine()),
    ],
)
def test_processor(content, expected, tmp_path, monkeypatch):
    info = tmp_path / "cpuinfo"
    if content is not None:
        info.write_text(content)
    monkeypatch.setattr(provenance, "Path", lambda path: info)
    assert provenance.processor() == expected
