"""The encoder's output as spacy-transformers stores it: `doc._.trf_data`."""

from dataclasses import dataclass, field
from typing import Any, NoReturn, Optional, cast

import numpy
from spacy.tokens import Doc
from spacy_transformers.data_classes import (
    FullTransformerBatch,
    TransformerData,
    WordpieceBatch,
)
from spacy_transformers.pipeline_component import DOC_EXT_ATTR
from thinc.types import Floats2d, Floats3d, Ints1d, Ragged
from transformers.file_utils import ModelOutput


def _is_not_kept(self: object, name: str) -> NoReturn:
    """Raise an error that names the available attributes."""
    raise AttributeError(
        f"doc._.{DOC_EXT_ATTR} has no {name!r}. The architecture "
        "spacy-transformer-ner.TransformerModel.v1 keeps one vector per spaCy token: use "
        "tensors[0] or model_output.last_hidden_state, of shape (1, tokens, width); width; or "
        "align, which is one-to-one. For wordpieces, pooled outputs, hidden states or "
        'attentions, call nlp.get_pipe("transformer").model.tokenizer and .transformer.'
    )


class NoWordpieces(WordpieceBatch):
    """Placeholder for spacy-transformers' wordpieces, which are not kept. Reading a field
    raises an AttributeError that explains this."""

    def __init__(self) -> None:
        """Create a placeholder without fields."""

    __getattr__ = _is_not_kept

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def to_dict(self) -> dict[str, Any]:
        """RETURNS (dict): The fields of an empty batch, to save with a Doc."""
        return WordpieceBatch.empty().to_dict()


@dataclass(init=False, repr=False, eq=False)  # required by ModelOutput
class TokenOutput(ModelOutput):
    """The token vectors as `last_hidden_state`. Shape: (1, tokens, width)"""

    __getattr__ = _is_not_kept


class TokenData(TransformerData):
    """The token vectors of a Doc. Other attributes that spacy-transformers provides raise
    an AttributeError that names the available ones."""

    __getattr__ = _is_not_kept


@dataclass
class TokenBatch(FullTransformerBatch):
    """A batch of Docs with one vector per token, not per wordpiece. Each Doc's part is set
    as `doc._.trf_data` and holds only what listeners need.

    vectors (list[Floats2d]): The vectors of each Doc. Shape: (tokens, width)
    """

    vectors: list[Floats2d] = field(default_factory=list)

    @classmethod
    def from_vectors(cls, vectors: list[Floats2d]) -> "TokenBatch":
        """Create a batch.

        vectors (list[Floats2d]): The vectors of each Doc. Shape: (tokens, width)
        RETURNS (TokenBatch): The batch.
        """
        return cls(
            spans=[[] for _ in vectors],
            wordpieces=NoWordpieces(),
            model_output=TokenOutput(),
            align=_one_to_one(0),
            vectors=vectors,
        )

    def split_by_doc(self) -> list[TransformerData]:
        """RETURNS (list[TransformerData]): The data of each Doc, with a single tensor of
        shape (1, tokens, width) and a one-to-one alignment."""
        return [
            TokenData(
                wordpieces=NoWordpieces(),
                model_output=TokenOutput(last_hidden_state=cast(Any, vectors)[None]),
                align=_one_to_one(len(vectors)),
            )
            if len(vectors)
            else TransformerData.empty()
            for vectors in self.vectors
        ]

    def unsplit_by_doc(self, arrays: list[list[Floats3d]]) -> "TokenBatch":
        """Create a batch of gradients.

        arrays (list[list[Floats3d]]): The gradient of the single tensor of each Doc that
            has tokens. Shape: (1, tokens, width)
        RETURNS (TokenBatch): The gradients of all Docs that have tokens.
        """
        return TokenBatch.from_vectors([gradient[0] for (gradient,) in arrays])


def _one_to_one(length: int) -> Ragged:
    indices, lengths = numpy.arange(length, dtype="i"), numpy.ones(length, dtype="i")
    return Ragged(cast(Ints1d, indices), cast(Ints1d, lengths))


# The key of the extension attribute in `Doc.user_data`, whose keys spaCy types as str.
TRF_DATA_KEY: Any = ("._.", DOC_EXT_ATTR, None, None)


def get_trf_data(doc: Doc) -> Optional[TransformerData]:
    """doc (Doc): The Doc.
    RETURNS (TransformerData | None): `doc._.trf_data`, None if it is not set."""
    return doc.user_data.get(TRF_DATA_KEY)


def set_trf_data(doc: Doc, data: Optional[TransformerData]) -> None:
    """Set `doc._.trf_data`. spaCy's `doc_cleaner` sets `doc.tensor` to None before it sets
    this to None, but spaCy's vector methods fail if the tensor is None. Setting this to
    None therefore also resets such a tensor to the empty array of a new Doc.

    doc (Doc): The Doc.
    data (TransformerData | None): The data, or None to free it.
    """
    if data is not None:
        doc.user_data[TRF_DATA_KEY] = data
        return
    doc.user_data.pop(TRF_DATA_KEY, None)  # Doc.from_docs warns about a None value
    if doc.tensor is None:
        doc.tensor = numpy.zeros((0,), dtype="float32")


def register_trf_data() -> None:
    """Register `doc._.trf_data`. spacy-transformers only registers it when it creates a
    `transformer`, which a component with its own encoder does not need. Values already set
    on Docs are kept."""
    Doc.set_extension(DOC_EXT_ATTR, getter=get_trf_data, setter=set_trf_data, force=True)


register_trf_data()
