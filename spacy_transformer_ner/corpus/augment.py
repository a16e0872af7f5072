"""An augmenter for spaCy's reader of training data."""

import random
from collections.abc import Callable, Iterator

from spacy.language import Language
from spacy.training import Example

from .docbin import unannotated


def create_gold_tokens_augmenter(
    level: float,
) -> Callable[[Language, Example], Iterator[Example]]:
    """Train some texts on the corpus' own tokens and sentences instead of what the
    pipeline makes of the text, so that both are understood: the pipeline's tokeniser
    parts words that the corpus does not, names with hyphens above all. Registered as
    spacy-transformer-ner.gold_tokens.v1.

    level (float): The probability that a text is taken as it is in the corpus.
    RETURNS (Callable): The augmenter.
    """

    def augment(nlp: Language, example: Example) -> Iterator[Example]:
        if random.random() >= level:
            yield example
            return
        reference = example.reference
        yield Example(unannotated(reference, nlp.vocab, sentences=True), reference)

    return augment
