"""What the encoder gives, in the form that spacy-transformers hands on: `doc._.trf_data`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, Optional

import numpy
from spacy.tokens import Doc
from spacy_transformers.data_classes import (
    FullTransformerBatch,
    TransformerData,
    WordpieceBatch,
)
from spacy_transformers.pipeline_component import DOC_EXT_ATTR
from thinc.types import Floats2d, Ragged
from transformers.file_utils import ModelOutput


def _is_not_kept(self: object, name: str) -> NoReturn:
    """Say what there is, where spacy-transformers would have more."""
    raise AttributeError(
        f"doc._.{DOC_EXT_ATTR} has no {name!r}. The architecture "
        "spacy-transformer-ner.TransformerModel.v1 keeps one vector for each of spaCy's tokens: "
        "tensors[0], or model_output.last_hidden_state, of shape (1, tokens, width); width; and "
        "align, which is one to one. For wordpieces, pooled outputs, hidden states or attentions, "
        'call nlp.get_pipe("transformer").model.tokenizer and .transformer yourself.'
    )


class NoWordpieces(WordpieceBatch):
    """Stands where spacy-transformers keeps the wordpieces, and says that they are not
    kept when they are read."""

    def __init__(self) -> None:
        """It has no fields."""

    __getattr__ = _is_not_kept

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def to_dict(self) -> dict[str, Any]:
        """RETURNS (dict): What is saved with a Doc, as of no wordpieces."""
        return WordpieceBatch.empty().to_dict()


@dataclass(init=False, repr=False, eq=False)  # as transformers wants it
class TokenOutput(ModelOutput):
    """The tokens' vectors as `last_hidden_state`. Shape: (1, tokens, width)"""

    __getattr__ = _is_not_kept


class TokenData(TransformerData):
    """The vectors of a Doc's tokens. What spacy-transformers has beside them is an
    AttributeError that says what there is."""

    __getattr__ = _is_not_kept


@dataclass
class TokenBatch(FullTransformerBatch):
    """A batch with one vector a token, not one a wordpiece: what listeners
    need, and no more, is kept on each Doc as `doc._.trf_data`.

    vectors (list[Floats2d]): A Doc's each. Shape: (tokens, width)
    """

    vectors: list[Floats2d] = field(default_factory=list)

    @classmethod
    def from_vectors(cls, vectors: list[Floats2d]) -> "TokenBatch":
        """Make a batch.

        vectors (list[Floats2d]): A Doc's each. Shape: (tokens, width)
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
        """RETURNS (list[TransformerData]): A Doc's each. Its only tensor has
        the shape (1, tokens, width) and aligns one to one."""
        return [
            TokenData(
                wordpieces=NoWordpieces(),
                model_output=TokenOutput(last_hidden_state=vectors[None]),
                align=_one_to_one(len(vectors)),
            )
            if len(vectors)
            else TransformerData.empty()
            for vectors in self.vectors
        ]

    def unsplit_by_doc(self, arrays: Sequence[Sequence[Floats2d]]) -> "TokenBatch":
        """Make the batch of the gradients that listeners give.

        arrays (Sequence[Sequence[Floats2d]]): The tensors' gradients, for each
            Doc that has tokens. Shape: (1, tokens, width)
        RETURNS (TokenBatch): The gradients, for all Docs that have tokens.
        """
        return TokenBatch.from_vectors([gradient[0] for (gradient,) in arrays])


def _one_to_one(length: int) -> Ragged:
    return Ragged(numpy.arange(length, dtype="i"), numpy.ones(length, dtype="i"))


# Where spaCy keeps the value of an extension attribute.
TRF_DATA_KEY = ("._.", DOC_EXT_ATTR, None, None)


def get_trf_data(doc: Doc) -> Optional[TransformerData]:
    """doc (Doc): The Doc.
    RETURNS (TransformerData | None): `doc._.trf_data`, None if it is not set."""
    return doc.user_data.get(TRF_DATA_KEY)


def set_trf_data(doc: Doc, data: Optional[TransformerData]) -> None:
    """Set `doc._.trf_data`. spaCy's `doc_cleaner` sets `doc.tensor` to None before it
    sets this to None, and spaCy fails on such a tensor wherever it looks for vectors. So
    the tensor is made what it is where no component sets it.

    doc (Doc): The Doc.
    data (TransformerData | None): The data, or None to free it.
    """
    if data is not None:
        doc.user_data[TRF_DATA_KEY] = data
        return
    doc.user_data.pop(TRF_DATA_KEY, None)  # of a value, Doc.from_docs warns that it is lost
    if doc.tensor is None:
        doc.tensor = numpy.zeros((0,), dtype="float32")


def register_trf_data() -> None:
    """Make `doc._.trf_data`. spacy-transformers makes it only where a `transformer` is
    made, which a component with an encoder of its own does not need. What is set on Docs
    already is kept."""
    Doc.set_extension(DOC_EXT_ATTR, getter=get_trf_data, setter=set_trf_data, force=True)


register_trf_data()
