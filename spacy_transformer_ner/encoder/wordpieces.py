"""Splitting spaCy tokens into wordpieces.

Each token is encoded separately, with a leading space if the text has one, so tokens and
wordpieces align exactly and no wordpiece spans two tokens. The wordpieces of each token
are cached, because most tokens repeat.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

import numpy
from spacy.attrs import IS_SPACE, ORTH, SPACY
from spacy.tokens import Doc
from tokenizers import Tokenizer
from transformers.tokenization_utils_fast import PreTrainedTokenizerFast

from ..errors import InputError
from .augment import N_VARIANTS, write_variant
from .shapes import word_shape

# Limits the cache to about 30 MiB. When full, it is emptied and soon has the frequent tokens
# again.
MAX_CACHED_TOKENS = 1 << 16
# The last bits of a cache key: the variant, and whether a space precedes the token.
VARIANT_BITS = (N_VARIANTS - 1).bit_length()


@dataclass(frozen=True)
class Wordpieces:
    """The concatenated wordpieces of a batch of Docs.

    ids (ndarray): Vocabulary ids. Shape: (wordpieces,), int64.
    shapes (ndarray): The shape class of each wordpiece's token, see `word_shape`.
        Shape: (wordpieces,), int64.
    continues (ndarray): Whether each wordpiece belongs to the same token as the one before
        it. Shape: (wordpieces,), bool.
    token_lengths (ndarray): The number of wordpieces of each token, 0 for whitespace.
        Shape: (tokens,), int64.
    doc_lengths (ndarray): The number of tokens of each Doc. Shape: (docs,), int64.
    """

    ids: numpy.ndarray
    shapes: numpy.ndarray
    continues: numpy.ndarray
    token_lengths: numpy.ndarray
    doc_lengths: numpy.ndarray


class WordpieceEncoder:
    """Encode tokens with a fast Hugging Face tokenizer.

    tokenizer (PreTrainedTokenizerFast): The tokenizer.
    leading_space (bool): Whether to encode the first token of a text as if it followed a
        space.
    RAISES: InputError if the tokenizer is not a fast one.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, leading_space: bool = True):
        if not getattr(tokenizer, "is_fast", False):
            raise InputError(
                f"{type(tokenizer).__name__} is not a fast tokenizer (tokenizer.json). Use an "
                "encoder that has one."
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
        # Replaces wordpieces masked by word dropout.
        self.mask: int = next(
            (i for i in (tokenizer.mask_token_id, self.unknown) if i is not None), self.pad
        )
        self._cache: dict[int, tuple[list[int], int]] = {}

    def __call__(self, docs: Sequence[Doc], variants: Optional[numpy.ndarray] = None) -> Wordpieces:
        """Encode the tokens of a batch of Docs.

        docs (Sequence[Doc]): The Docs, which may be empty.
        variants (ndarray | None): The variant of each token to encode, see
            `augment.write_variant`. None to encode the tokens as they are. Shape: (tokens,)
        RETURNS (Wordpieces): The wordpieces of the Docs.
        """
        doc_lengths = numpy.array([len(doc) for doc in docs], dtype="int64")
        orths, keys = self._keys(docs)
        if variants is not None:
            keys |= variants.astype("uint64") << numpy.uint64(1)
        unique, first, inverse = numpy.unique(keys, return_index=True, return_inverse=True)
        if len(self._cache) > MAX_CACHED_TOKENS:
            self._cache = {}
        cache = self._cache  # keep a reference, as other threads may replace it
        # Docs in a batch may have different vocabs.
        owners = numpy.searchsorted(numpy.cumsum(doc_lengths), first, side="right")
        for key, orth, owner in zip(unique.tolist(), orths[first].tolist(), owners.tolist()):
            if key not in cache:
                text = docs[owner].vocab.strings[orth]
                text = write_variant(text, key >> 1 & (1 << VARIANT_BITS) - 1)
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
        """RETURNS (tuple[ndarray, ndarray]): For each token, the hash of its string, and a
        cache key of that hash and whether a space precedes the token, with room for a variant."""
        arrays = [doc.to_array([ORTH, SPACY, IS_SPACE]) for doc in docs if len(doc)]
        if not arrays:
            empty = numpy.zeros(0, dtype="uint64")
            return empty, empty
        table = numpy.concatenate(arrays)
        # A space precedes tokens that follow a token with trailing whitespace, or whitespace.
        space_before = numpy.empty(len(table), dtype="bool")
        space_before[0] = self.leading_space
        space_before[1:] = (table[:-1, 1] | table[:-1, 2]).astype("bool")
        ends = numpy.cumsum([len(array) for array in arrays])[:-1]
        space_before[ends] = self.leading_space
        orths = table[:, 0]
        return orths, (orths << numpy.uint64(1 + VARIANT_BITS)) | space_before.astype("uint64")

    def _encode(self, text: str, space_before: bool) -> list[int]:
        if not text or text.isspace():
            return []
        # Do not use encode_batch, because it starts threads, which do not survive a fork.
        spaced = f" {text}" if space_before else text
        ids = self.backend.encode(spaced, add_special_tokens=False).ids
        if not ids and self.unknown is not None:
            # A token of invisible characters, such as a variation selector.
            return [self.unknown]
        return ids


def ragged_indices(starts: numpy.ndarray, lengths: numpy.ndarray) -> numpy.ndarray:
    """Get the indices of concatenated slices.

    starts (ndarray): The start of each slice. Shape: (slices,)
    lengths (ndarray): The length of each slice. Shape: (slices,)
    RETURNS (ndarray): The indices of all slices, in order. Shape: (lengths.sum(),)
    """
    offsets = numpy.cumsum(lengths) - lengths
    return numpy.arange(lengths.sum()) + numpy.repeat(starts - offsets, lengths)


def _without_automatic_spaces(tokenizer: Tokenizer) -> Tokenizer:
    """Copy a tokenizer without its setting to add a space before each text, because the text
    includes the space if there is one."""

    def update(node: object) -> None:
        if isinstance(node, dict):
            if node.get("type") == "ByteLevel" and "add_prefix_space" in node:
                node["add_prefix_space"] = False
            if node.get("type") == "Metaspace":
                node["prepend_scheme"] = "never"
            for value in node.values():
                update(value)
        elif isinstance(node, list):
            for value in node:
                update(value)

    description = json.loads(tokenizer.to_str())
    update(description["pre_tokenizer"])
    description["truncation"] = description["padding"] = None
    return Tokenizer.from_str(json.dumps(description))
