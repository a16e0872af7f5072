import pytest

from spacy_transformer_ner.loading import load_pipeline

from ..conftest import SENTENCES

# Different lengths, so that sorting by length changes the order.
TEXTS = [" ".join(SENTENCES[(i + j) % 5][0] for j in range(1 + 7 * i % 4)) for i in range(60)]


@pytest.fixture(scope="session")
def pipeline(trained, tmp_path_factory):
    """The folder of a small pipeline."""
    folder = tmp_path_factory.mktemp("annotation") / "pipeline"
    trained.to_disk(folder)
    return folder


@pytest.fixture
def nlp(pipeline):
    return load_pipeline(pipeline)


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "in.txt"
    path.write_text("".join(f"{text}\n" for text in TEXTS))
    return path
