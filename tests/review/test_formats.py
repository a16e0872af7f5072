"""In every format, a corrected file is the file that would have been written."""

import random

import pytest
from spacy.tokens import DocBin

from spacy_transformer_ner.corpus.documents import Document, Sentence, Span
from spacy_transformer_ner.corpus.options import ReadOptions
from spacy_transformer_ner.corpus.origin import origin_of
from spacy_transformer_ner.corpus.reader import read_corpus
from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.review.apply import apply_review
from spacy_transformer_ner.review.decisions import Decision, Review, Text, dense

from ..corpus.corpora import FORMATS, LABELS, example_corpus

NOT_CHANGED = {
    "brat", "parquet", "datasets", "columns-underscore",
    "columns-zero", "conll2012", "vertex", "ubiai", "kili",
    "sagemaker", "lighttag", "pubannotation", "python", "columns-of-text", "by-label", "gliner",
    "spert", "stanza", "pairs", "csv-texts", "csv-entities", "csv-tokens", "entity-table", "webanno",
    "pubtator", "tagged-lines", "opennlp", "xml",
}  # fmt: skip
# New regions have new numbers, and the test writes JSON on several lines.
NOT_EQUAL = ("label-studio", "label-studio-min")


def corrected(documents, seed):
    """Annotate half of the sentences after the first document in another way."""
    generator = random.Random(seed)

    def of(sentence: Sentence) -> Sentence:
        spans, position = [], 0
        while position < len(sentence.words):
            end = generator.randint(position + 1, len(sentence.words))
            if generator.random() < 0.5:
                spans.append(Span(position, end, generator.choice(LABELS)))
            position = end
        changes = generator.random() < 0.5
        return Sentence(
            sentence.words, tuple(spans) if changes else sentence.entities, sentence.lines
        )

    first, *rest = documents
    return [first, *(Document(tuple(map(of, d.sentences)), "") for d in rest)]


def decisions(path, right, options):
    """The decisions that make one file's documents those of another."""
    for i, (old, new) in enumerate(
        zip(*(read_corpus(p, options=options) for p in (path, right)), strict=True)
    ):
        text, offsets = dense(old.text)
        before, after = (
            {(offsets[e.start_char], offsets[e.end_char], e.label_) for e in doc.ents}
            for doc in (old, new)
        )
        file, line = origin_of(old, 0) or ("", None)
        if before != after:
            yield Decision(
                f"review:{i}", str(i), file, line, 0, text, (0, 1, ""),
                frozenset(before - after), frozenset(after - before),
            )  # fmt: skip


@pytest.mark.parametrize("name", sorted(NOT_CHANGED - {"datasets"}))
def test_other_formats_are_refused(tmp_path, name):
    """The message says what to do, and the files stay as they are."""
    pytest.importorskip("pyarrow")
    folders = [tmp_path / which for which in ("old", "new")]
    documents = example_corpus(1)
    paths = []
    for folder, docs in zip(folders, (documents, corrected(documents, 1))):
        folder.mkdir()
        paths.append(FORMATS[name][1](docs)(folder))
    old, new = paths
    options = ReadOptions()
    review = Review([Text((decision,)) for decision in decisions(old, new, options)])
    before = {file: file.read_bytes() for file in folders[0].iterdir()}
    with pytest.raises(InputError, match="cannot be changed in place"):
        apply_review(review, [old], options=options)
    assert {file: file.read_bytes() for file in folders[0].iterdir()} == before


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in NOT_CHANGED])
def test_corrections(tmp_path, name):
    options = ReadOptions(scheme="bare" if name == "columns-bare" else None)
    n_changed = 0
    for seed in (1, 2):
        folders = [tmp_path / f"{seed}-{which}" for which in ("old", "new")]
        documents = example_corpus(seed)
        paths = []
        for folder, docs in zip(folders, (documents, corrected(documents, seed))):
            folder.mkdir()
            paths.append(FORMATS[name][1](docs)(folder))
        old, new = paths
        review = Review([Text((decision,)) for decision in decisions(old, new, options)])
        n_changed += len(review.texts)
        done = apply_review(review, [old], options=options)
        assert done.corrected == len(review.texts) and done.before == 0
        if name == "spacy":
            a, b = (DocBin().from_disk(path) for path in paths)
            assert [t.tolist() for t in a.tokens] == [t.tolist() for t in b.tokens]
        elif name not in (*NOT_EQUAL, "columns-IO", "gzipped"):
            assert old.read_bytes() == new.read_bytes()
        assert not list(decisions(old, new, options))
    assert n_changed
