"""spaCy's tokens as wordpieces.

Each token is encoded by itself, with a space before it where the text has one,
so the alignment of tokens and wordpieces is exact by construction and no
wordpiece ever spans two tokens. The wordpieces of a token are remembered: most
tokens of a text have been met before.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy
from spacy.attrs import IS_SPACE, ORTH, SPACY
from spacy.tokens import Doc
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from ..errors import InputError
from .shapes import word_shape

# Bounds the memory of the cache, to some 30 MiB; a corpus' frequent tokens come back at once.
MAX_CACHED_TOKENS = 1 << 16


@dataclass(frozen=True)
class Wordpieces:
    """The wordpieces of a batch of Docs, one after the other.

    ids (ndarray): Their ids in the vocabulary. Shape: (wordpieces,), int64.
    shapes (ndarray): The shape class of the token each belongs to.
        Shape: (wordpieces,), int64.
    continues (ndarray): Whether each belongs to the same token as the one before it.
        Shape: (wordpieces,), bool.
    token_lengths (ndarray): How many wordpieces each token has, 0 for blanks.
        Shape: (tokens,), int64.
    doc_lengths (ndarray): How many tokens each Doc has. Shape: (docs,), int64.
    """

    ids: numpy.ndarray
    shapes: numpy.ndarray
    continues: numpy.ndarray
    token_lengths: numpy.ndarray
    doc_lengths: numpy.ndarray


class WordpieceEncoder:
    """Encodes tokens with a fast Hugging Face tokenizer.

    tokenizer (PreTrainedTokenizerFast): The tokenizer.
    leading_space (bool): Whether a text's first token is encoded as if after a space.
    RAISES: InputError if the tokenizer has no fast form.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, leading_space: bool = True):
        if not getattr(tokenizer, "is_fast", False):
            raise InputError(
                f"{type(tokenizer).__name__} has no fast form (tokenizer.json), which is needed."
            )
        self.tokenizer = tokenizer
        self.leading_space = leading_space
        self.backend = _without_automatic_spaces(tokenizer.backend_tokenizer)
        encoding = self.backend.encode("a")
        mask = encoding.special_tokens_mask
        self.prefix: list[int] = encoding.ids[: mask.index(0)]
        self.suffix: list[int] = encoding.ids[len(mask) - mask[::-1].index(0) :]
        self.pad: int = tokenizer.pad_token_id or 0
        self.unknown = tokenizer.unk_token_id
        # What stands for a word that is not to be seen.
        self.mask: int = next(
            (i for i in (tokenizer.mask_token_id, self.unknown) if i is not None), self.pad
        )
        self._cache: dict[int, tuple[list[int], int]] = {}

    def __call__(self, docs: Sequence[Doc]) -> Wordpieces:
        """Encode the tokens of a batch of Docs.

        docs (Sequence[Doc]): The Docs; empty ones are fine.
        RETURNS (Wordpieces): Their wordpieces.
        """
        doc_lengths = numpy.array([len(doc) for doc in docs], dtype="int64")
        orths, keys = self._keys(docs)
        unique, first, inverse = numpy.unique(keys, return_index=True, return_inverse=True)
        if len(self._cache) > MAX_CACHED_TOKENS:
            self._cache = {}
        cache = self._cache  # of this call, whatever another thread does
        # Docs of a batch may have different vocabularies.
        owners = numpy.searchsorted(numpy.cumsum(doc_lengths), first, side="right")
        for key, orth, owner in zip(unique.tolist(), orths[first].tolist(), owners.tolist()):
            if key not in cache:
                text = docs[owner].vocab.strings[orth]
                cache[key] = self._encode(text, bool(key & 1)), word_shape(text)
        entries = [cache[key] for key in unique.tolist()]
        lengths = numpy.array([len(ids) for ids, _ in entries], dtype="int64")
        shapes = numpy.array([shape for _, shape in entries], dtype="int64")
        ids = numpy.array([i for ids, _ in entries for i in ids], dtype="int64")
        starts = numpy.cumsum(lengths) - lengths
        token_lengths = lengths[inverse]
        pieces = ragged_indices(starts[inverse], token_lengths)
        continues = numpy.ones(len(pieces), dtype="bool")
        continues[(numpy.cumsum(token_lengths) - token_lengths)[token_lengths > 0]] = False
        return Wordpieces(
            ids=ids[pieces],
            shapes=numpy.repeat(shapes[inverse], token_lengths),
            continues=continues,
            token_lengths=token_lengths,
            doc_lengths=doc_lengths,
        )

    def _keys(self, docs: Sequence[Doc]) -> tuple[numpy.ndarray, numpy.ndarray]:
        """RETURNS (tuple[ndarray, ndarray]): For each token its string's hash,
        and a key of that hash and whether a blank stands before the token."""
        arrays = [doc.to_array([ORTH, SPACY, IS_SPACE]) for doc in docs if len(doc)]
        if not arrays:
            empty = numpy.zeros(0, dtype="uint64")
            return empty, empty
        table = numpy.concatenate(arrays)
        # A blank stands before a token that follows one with a space or made of blanks.
        blank_before = numpy.empty(len(table), dtype="bool")
        blank_before[0] = self.leading_space
        blank_before[1:] = (table[:-1, 1] | table[:-1, 2]).astype("bool")
        ends = numpy.cumsum([len(array) for array in arrays])[:-1]
        blank_before[ends] = self.leading_space
        orths = table[:, 0]
        return orths, (orths << numpy.uint64(1)) | blank_before.astype("uint64")

    def _encode(self, text: str, blank_before: bool) -> list[int]:
        if text.isspace():
            return []
        # One by one: a batch would start threads, which a fork loses.
        spaced = f" {text}" if blank_before else text
        ids = self.backend.encode(spaced, add_special_tokens=False).ids
        if not ids and self.unknown is not None:
            # An invisible character, such as a lone variation selector.
            return [self.unknown]
        return ids


def ragged_indices(starts: numpy.ndarray, lengths: numpy.ndarray) -> numpy.ndarray:
    """Index the concatenation of slices.

    starts (ndarray): Where each slice starts. Shape: (slices,)
    lengths (ndarray): How long each is. Shape: (slices,)
    RETURNS (ndarray): The indices of all, in order. Shape: (lengths.sum(),)
    """
    offsets = numpy.cumsum(lengths) - lengths
    return numpy.arange(lengths.sum()) + numpy.repeat(starts - offsets, lengths)


def _without_automatic_spaces(tokenizer: Tokenizer) -> Tokenizer:
    """Copy a tokenizer so that it adds no space of its own before a text:
    whether there is one is said by the text."""

    def amend(node: object) -> None:
        if isinstance(node, dict):
            if node.get("type") == "ByteLevel" and "add_prefix_space" in node:
                node["add_prefix_space"] = False
            if node.get("type") == "Metaspace":
                node["prepend_scheme"] = "never"
            for value in node.values():
                amend(value)
        elif isinstance(node, list):
            for value in node:
                amend(value)

    description = json.loads(tokenizer.to_str())
    amend(description["pre_tokenizer"])
    description["truncation"] = description["padding"] = None
    return Tokenizer.from_str(json.dumps(description))
