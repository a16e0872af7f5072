"""The torch network: a Hugging Face encoder, and what is said of each word added to
what it reads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Optional

import numpy
import torch
from torch import nn
from torch.nn import functional
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from .shapes import N_SHAPES
from .windows import Batching, Window, batch_windows, padded_length
from .wordpieces import WordpieceEncoder, Wordpieces

# What the network takes of a batch of windows, see `Encoder.hidden_states`.
INPUT_NAMES = "input_ids", "attention_mask", "word_shapes", "word_continues"
Inputs = dict[str, numpy.ndarray]


@dataclass(frozen=True)
class InputOptions:
    """How an encoder reads tokens.

    word_shape (bool): Whether an embedding of the word's shape is added to each
        wordpiece's.
    word_boundaries (bool): Whether an embedding is added that tells a word's first
        wordpiece from its others.
    wordpiece_pooling (str): What a token's vector is: the "mean" of its wordpieces', or that of
        the "first".
    leading_space (bool): Whether a text's first token is encoded as if after a space.

    What is added starts as zeros, so the encoder starts as pretrained.
    """

    word_shape: bool = False
    word_boundaries: bool = False
    wordpiece_pooling: Literal["mean", "first"] = "mean"
    leading_space: bool = True


class Encoder(nn.Module):
    """Gives a vector for every token.

    transformer (PreTrainedModel): The Hugging Face encoder.
    tokenizer (PreTrainedTokenizerFast): Its tokenizer.
    options (InputOptions): How it reads tokens.

    In training, `word_dropout` is the part of the wordpieces that are masked.
    """

    def __init__(
        self,
        transformer: PreTrainedModel,
        tokenizer: PreTrainedTokenizerFast,
        options: InputOptions,
    ):
        super().__init__()
        if getattr(transformer, "pooler", None) is not None:
            transformer.pooler = None  # serves sentences, not tokens
        self.transformer = transformer
        self.wordpieces = WordpieceEncoder(tokenizer, options.leading_space)
        self.options = options
        self.word_dropout = 0.0
        width = transformer.get_input_embeddings().embedding_dim
        self.shape_embeddings = _zeros(N_SHAPES, width) if options.word_shape else None
        self.boundary_embeddings = _zeros(2, width) if options.word_boundaries else None

    @property
    def width(self) -> int:
        """RETURNS (int): The size of a token's vector."""
        return self.transformer.config.hidden_size

    @property
    def n_special(self) -> int:
        """RETURNS (int): How many special wordpieces a window has."""
        return len(self.wordpieces.prefix) + len(self.wordpieces.suffix)

    @property
    def max_length(self) -> int:
        """RETURNS (int): How many wordpieces the encoder can take at once,
        beside the special ones at a window's start and end."""
        return positions_of(self.transformer) - self.n_special

    @property
    def input_names(self) -> list[str]:
        """RETURNS (list[str]): Which of `INPUT_NAMES` the network takes."""
        is_taken = True, True, self.options.word_shape, self.options.word_boundaries
        return [name for name, taken in zip(INPUT_NAMES, is_taken) if taken]

    def forward(
        self,
        pieces: Wordpieces,
        windows: Sequence[Window],
        batching: Batching,
        run: Optional[Callable[[Inputs], torch.Tensor]] = None,
    ) -> torch.Tensor:
        """Encode the windows of a batch of Docs and read every token from the core of
        its window.

        pieces (Wordpieces): The Docs' wordpieces.
        windows (Sequence[Window]): Windows whose cores partition them.
        batching (Batching): How they are put together.
        run (Callable | None): Takes the place of the network, see `hidden_states`.
        RETURNS (Tensor): The tokens' vectors, zeros for tokens without
            wordpieces. Shape: (tokens, width), float32.
        """
        run = run or self._run
        lengths = pieces.token_lengths
        tokens = numpy.repeat(numpy.arange(len(lengths)), lengths)
        is_read = numpy.ones(len(tokens), dtype="bool")
        if self.options.wordpiece_pooling == "first":
            is_read[1:] = tokens[1:] != tokens[:-1]
            lengths = numpy.minimum(lengths, 1)
        # Filled batch by batch: vectors of all wordpieces would take as much again.
        vectors = torch.zeros(
            len(lengths), self.width, dtype=torch.float32, device=self.transformer.device
        )
        for batch in batch_windows(windows, self.n_special, batching):
            inputs, positions, places = self.inputs(pieces, batch)
            hidden = run(inputs)
            read = is_read[positions]
            places, of = places[read], tokens[positions[read]]
            # By window too, so that a token of several has the same vector to the bit
            # whichever of them are together.
            rows = places // hidden.shape[1]
            starts = numpy.flatnonzero(numpy.diff(of, prepend=-1) | numpy.diff(rows, prepend=-1))
            counts, of = numpy.diff(starts, append=len(of)), of[starts]
            means = functional.embedding_bag(
                torch.from_numpy(places).to(vectors.device),
                hidden.flatten(0, 1).float(),
                torch.from_numpy(starts).to(vectors.device),
                mode="mean",
            )
            if (counts != lengths[of]).any():  # a token longer than its window
                shares = torch.from_numpy((counts / lengths[of]).astype("float32"))
                means = means * shares[:, None].to(vectors.device)
            vectors.index_add_(0, torch.from_numpy(of).to(vectors.device), means)
        return vectors

    def hidden_states(
        self,
        input_ids: torch.Tensor,
        attention_mask: Optional[torch.Tensor] = None,
        word_shapes: Optional[torch.Tensor] = None,
        word_continues: Optional[torch.Tensor] = None,
    ) -> torch.Tensor:
        """Run the network on a batch of windows. All that it is given has the shape
        (windows, length) and is int64.

        input_ids (Tensor): The wordpieces' ids, special ones included.
        attention_mask (Tensor | None): 1, and 0 for padding. None if there is none.
        word_shapes (Tensor): The words' shapes; needed if `options` has them.
        word_continues (Tensor): 1 for a wordpiece of the same word as the one before
            it; needed if `options` has them.
        RETURNS (Tensor): Shape: (windows, length, width)
        """
        added = [
            embeddings(kinds)
            for embeddings, kinds in (
                (self.shape_embeddings, word_shapes),
                (self.boundary_embeddings, word_continues),
            )
            if embeddings is not None
        ]
        if added:
            embedded = self.transformer.get_input_embeddings()(input_ids)
            inputs = {"inputs_embeds": sum(added, embedded)}
        else:
            inputs = {"input_ids": input_ids}
        return self.transformer(attention_mask=attention_mask, **inputs).last_hidden_state

    def _run(self, inputs: Inputs) -> torch.Tensor:
        device = self.transformer.device
        tensors = {
            name: torch.from_numpy(array).to(device)
            for name, array in inputs.items()
            if name != "attention_mask" or not array.all()
        }
        return self.hidden_states(**tensors)

    def inputs(
        self, pieces: Wordpieces, windows: Sequence[Window]
    ) -> tuple[Inputs, numpy.ndarray, numpy.ndarray]:
        """Put together what the network takes of a batch of windows.

        pieces (Wordpieces): The Docs' wordpieces.
        windows (Sequence[Window]): Some windows of them.
        RETURNS (tuple[Inputs, ndarray, ndarray]): The arrays by `input_names`; the
            positions in `pieces` of what is read from the hidden states, and where it
            stands in them, flattened.
        """
        prefix, suffix = self.wordpieces.prefix, self.wordpieces.suffix
        sizes = [window.end - window.start + self.n_special for window in windows]
        length = min(padded_length(max(sizes)), positions_of(self.transformer))
        ids = numpy.full((len(windows), length), self.wordpieces.pad, dtype="int64")
        shapes, continues = numpy.zeros_like(ids), numpy.zeros_like(ids)
        is_text = numpy.zeros(ids.shape, dtype="bool")
        positions, cores = [], []
        for row, window in enumerate(windows):
            start = len(prefix)
            end = start + window.end - window.start
            ids[row, :start] = prefix
            ids[row, start:end] = pieces.ids[window.start : window.end]
            ids[row, end : end + len(suffix)] = suffix
            shapes[row, start:end] = pieces.shapes[window.start : window.end]
            continues[row, start:end] = pieces.continues[window.start : window.end]
            is_text[row, start:end] = True
            core = numpy.arange(window.core_start, window.core_end)
            positions.append(core)
            cores.append(core + (row * length + start - window.start))
        if self.training and self.word_dropout:
            dropped = torch.rand(ids.shape).numpy() < self.word_dropout
            ids[dropped & is_text] = self.wordpieces.mask
        mask = numpy.arange(length) < numpy.array(sizes)[:, None]
        arrays = ids, mask.astype("int64"), shapes, continues
        inputs = {n: array for n, array in zip(INPUT_NAMES, arrays) if n in self.input_names}
        return inputs, numpy.concatenate(positions), numpy.concatenate(cores)


def _zeros(n: int, width: int) -> nn.Embedding:
    embeddings = nn.Embedding(n, width)
    nn.init.zeros_(embeddings.weight)
    return embeddings


def positions_of(transformer: PreTrainedModel) -> int:
    """transformer (PreTrainedModel): An encoder.
    RETURNS (int): How many wordpieces it can take at once, special ones included."""
    positions = getattr(transformer.config, "max_position_embeddings", None)
    if not positions or positions < 0:  # XLNet's has no limit, and says -1
        return 1 << 30
    # RoBERTa's kind counts positions from after the padding's.
    embeddings = getattr(transformer, "embeddings", None)
    padding = getattr(getattr(embeddings, "position_embeddings", None), "padding_idx", None)
    return positions if padding is None else positions - padding - 1
