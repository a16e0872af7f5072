"""Augmenters for training data."""

import random
from collections.abc import Callable, Iterator

from spacy.language import Language
from spacy.training import Example

from .docbin import unannotated


def create_gold_tokens_augmenter(
    level: float,
) -> Callable[[Language, Example], Iterator[Example]]:
    """Create an augmenter that trains on the gold tokens and sentences of some texts, so that
    the model learns both tokenizations. spaCy's tokenizer splits words that corpora don't,
    above all names with hyphens. Registered as spacy-transformer-ner.gold_tokens.v1.

    level (float): The probability that a text keeps its gold tokens and sentences.
    RETURNS (Callable): The augmenter.
    """

    def augment(nlp: Language, example: Example) -> Iterator[Example]:
        if random.random() >= level:
            yield example
            return
        reference = example.reference
        yield Example(unannotated(reference, nlp.vocab, sentences=True), reference)

    return augment
