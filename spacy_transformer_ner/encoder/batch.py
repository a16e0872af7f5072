"""What the encoder gives, in the form that spacy-transformers hands on."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy
from spacy_transformers.data_classes import (
    FullTransformerBatch,
    TransformerData,
    WordpieceBatch,
)
from thinc.types import Floats2d, Ragged
from transformers.file_utils import ModelOutput


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
            wordpieces=WordpieceBatch.empty(),
            model_output=ModelOutput(),
            align=_one_to_one(0),
            vectors=vectors,
        )

    def split_by_doc(self) -> list[TransformerData]:
        """RETURNS (list[TransformerData]): A Doc's each. Its only tensor has
        the shape (1, tokens, width) and aligns one to one."""
        return [
            TransformerData(
                wordpieces=WordpieceBatch.empty(),
                model_output=ModelOutput(last_hidden_state=vectors[None]),
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
