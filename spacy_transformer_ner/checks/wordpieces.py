"""Check how the encoder's tokenizer splits the words of a corpus."""

from collections import Counter
from collections.abc import Iterator
from functools import partial

from spacy.tokens import Doc, Span

from ..corpus.docbin import sentences_of
from ..corpus.origin import place_of
from ..encoder.storage import load_tokenizer
from ..encoder.wordpieces import WordpieceEncoder
from ..wording import counted
from .report import EXAMPLES, Examples, Finding, at, cut

# More wordpieces per word than a tokenizer needs for a language it was trained on.
MANY = 2.5


class WordpieceCheck:
    """Counts wordpieces and unknown words.

    encoder (str): The name or path of the encoder. See `resolve_encoder`.
    RAISES: InputError if the encoder cannot be found or read.
    """

    def __init__(self, encoder: str):
        self.name = encoder
        tokenizer, config = load_tokenizer(encoder)
        self._encode = WordpieceEncoder(tokenizer)
        self._unknown_id = tokenizer.unk_token_id  # type: ignore[attr-defined]
        positions = getattr(config, "max_position_embeddings", None) or 1 << 30
        special = len(self._encode.prefix) + len(self._encode.suffix)
        longest = tokenizer.model_max_length  # type: ignore[attr-defined]
        self.longest = min(positions, longest) - special
        self._words = self._pieces = 0
        self._unknown: Counter[str] = Counter()
        self._unknown_at: dict[str, str] = {}
        self._long = Examples()

    def see(self, split: str, doc: Doc) -> None:
        """See `Check`."""
        pieces = self._encode([doc])
        ends = pieces.token_lengths.cumsum()
        self._words += int((pieces.token_lengths > 0).sum())
        self._pieces += len(pieces.ids)
        if self._unknown_id is not None:
            places = (pieces.ids == self._unknown_id).nonzero()[0]
            for i in sorted(set(ends.searchsorted(places, side="right").tolist())):
                text = doc[i].text
                self._unknown[text] += 1
                self._unknown_at.setdefault(text, place_of(doc, i))
        if ends[-1:].sum() <= self.longest:
            return
        for sentence in sentences_of(doc):
            length = int(pieces.token_lengths[sentence.start : sentence.end].sum())
            if length > self.longest:
                self._long.add(doc, sentence.start, partial(_measured, length, sentence))

    def findings(self) -> Iterator[Finding]:
        """See `Check`."""
        words = max(self._words, 1)
        rate = self._pieces / words
        yield Finding(
            "wordpieces",
            "warning" if rate > MANY else "info",
            f"{rate:.2f} wordpieces per word with the encoder {self.name}",
            "It was trained on different text. Try an encoder for this language or domain."
            if rate > MANY
            else "",
        )
        if self._unknown:
            share = self._unknown.total() / words
            yield Finding(
                "unknown-tokens",
                "warning" if share > 0.005 else "info",
                f"{self._unknown.total():,} words ({share:.2%}) have characters that the "
                f"encoder {self.name} does not know",
                "The encoder cannot distinguish such words.",
                tuple(
                    at(self._unknown_at[text], f"{text!r}, {n:,} times")
                    for text, n in self._unknown.most_common(EXAMPLES)
                ),
            )
        if self._long.count:
            yield Finding(
                "long-sentences",
                "info",
                counted(self._long.count, "[sentence has|sentences have] more than ")
                + f"{self.longest} wordpieces, the maximum of the encoder {self.name}",
                "They are encoded in overlapping windows, and not truncated.",
                tuple(self._long.shown),
            )


def _measured(length: int, sentence: Span) -> str:
    return f"{length:,}: {cut(sentence.text)}"
