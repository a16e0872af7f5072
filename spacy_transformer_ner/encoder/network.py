"""The torch network: a Hugging Face encoder with optional embeddings of each word's shape
and boundaries."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Optional, cast

import numpy
import torch
from torch import nn
from torch.nn import functional
from transformers import PreTrainedModel
from transformers.tokenization_utils_fast import PreTrainedTokenizerFast

from .shapes import N_SHAPES
from .windows import Batching, Window, batch_windows, padded_length
from .wordpieces import WordpieceEncoder, Wordpieces

# The network's inputs for a batch of windows, see `Encoder.hidden_states`.
INPUT_NAMES = "input_ids", "attention_mask", "word_shapes", "word_continues"
Inputs = dict[str, numpy.ndarray]


@dataclass(frozen=True)
class InputOptions:
    """How an encoder reads tokens.

    word_shape (bool): Whether to add an embedding of the word's shape to that of each
        wordpiece.
    word_boundaries (bool): Whether to add an embedding that distinguishes a word's first
        wordpiece from the others.
    wordpiece_pooling (str): The vector of a token: the "mean" of its wordpieces' vectors, or
        the vector of the "first" one.
    leading_space (bool): Whether to encode the first token of a text as if it followed a
        space.

    The added embeddings are initialized with zeros, so the encoder starts as pretrained.
    """

    word_shape: bool = False
    word_boundaries: bool = False
    wordpiece_pooling: Literal["mean", "first"] = "mean"
    leading_space: bool = True


class Encoder(nn.Module):
    """Compute one vector per token.

    transformer (PreTrainedModel): The Hugging Face encoder.
    tokenizer (PreTrainedTokenizerFast): The encoder's tokenizer.
    options (InputOptions): How the encoder reads tokens.

    The attribute `word_dropout` is the proportion of wordpieces masked in training.
    """

    def __init__(
        self,
        transformer: PreTrainedModel,
        tokenizer: PreTrainedTokenizerFast,
        options: InputOptions,
    ):
        super().__init__()
        if getattr(transformer, "pooler", None) is not None:
            transformer.pooler = None  # type: ignore[assignment]  # for sentences, not tokens
        self.transformer = transformer
        self.wordpieces = WordpieceEncoder(tokenizer, options.leading_space)
        self.options = options
        self.word_dropout = 0.0
        width = cast(nn.Embedding, transformer.get_input_embeddings()).embedding_dim
        self.shape_embeddings = _zeros(N_SHAPES, width) if options.word_shape else None
        self.boundary_embeddings = _zeros(2, width) if options.word_boundaries else None

    @property
    def width(self) -> int:
        """RETURNS (int): The size of a token's vector."""
        return self.transformer.config.hidden_size

    @property
    def n_special(self) -> int:
        """RETURNS (int): The number of special wordpieces in a window."""
        return len(self.wordpieces.prefix) + len(self.wordpieces.suffix)

    @property
    def max_length(self) -> int:
        """RETURNS (int): The maximum number of wordpieces in a window, not counting the
        special ones at its start and end."""
        return positions_of(self.transformer) - self.n_special

    @property
    def input_names(self) -> list[str]:
        """RETURNS (list[str]): The inputs that the network takes, of `INPUT_NAMES`."""
        is_taken = True, True, self.options.word_shape, self.options.word_boundaries
        return [name for name, taken in zip(INPUT_NAMES, is_taken) if taken]

    def forward(
        self,
        pieces: Wordpieces,
        windows: Sequence[Window],
        batching: Batching,
        run: Optional[Callable[[Inputs], torch.Tensor]] = None,
    ) -> torch.Tensor:
        """Encode the windows of a batch of Docs. Each token is read from the core of its
        window.

        pieces (Wordpieces): The Docs' wordpieces.
        windows (Sequence[Window]): Windows whose cores partition the wordpieces.
        batching (Batching): How windows are batched.
        run (Callable | None): Function to call instead of the network, see `hidden_states`.
        RETURNS (Tensor): The token vectors, zeros for tokens without wordpieces.
            Shape: (tokens, width), float32.
        """
        run = run or self._run
        lengths = pieces.token_lengths
        tokens = numpy.repeat(numpy.arange(len(lengths)), lengths)
        is_read = numpy.ones(len(tokens), dtype="bool")
        if self.options.wordpiece_pooling == "first":
            is_read[1:] = tokens[1:] != tokens[:-1]
            lengths = numpy.minimum(lengths, 1)
        # Filled batch by batch, because the vectors of all wordpieces need more memory.
        vectors = torch.zeros(
            len(lengths), self.width, dtype=torch.float32, device=self.transformer.device
        )
        for batch in batch_windows(windows, self.n_special, batching):
            inputs, positions, places = self.inputs(pieces, batch)
            hidden = run(inputs)
            read = is_read[positions]
            places, of = places[read], tokens[positions[read]]
            # Group by window too, so that the vector of a token in several windows is
            # bit-identical however the windows are batched.
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
        """Run the network on a batch of windows. All inputs have the shape
        (windows, length) and are int64.

        input_ids (Tensor): The ids of the wordpieces, including special ones.
        attention_mask (Tensor | None): 1 for wordpieces, 0 for padding. None if there is no
            padding.
        word_shapes (Tensor | None): The words' shapes. Required if `options.word_shape` is
            set.
        word_continues (Tensor | None): 1 for a wordpiece of the same word as the one before
            it, otherwise 0. Required if `options.word_boundaries` is set.
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
        """Create the network's inputs for a batch of windows.

        pieces (Wordpieces): The Docs' wordpieces.
        windows (Sequence[Window]): The windows of the batch.
        RETURNS (tuple[Inputs, ndarray, ndarray]): The arrays by `input_names`; the
            positions in `pieces` of the wordpieces to read; and the rows of these in the
            hidden states, flattened to (windows * length, width).
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
    """transformer (PreTrainedModel): The encoder.
    RETURNS (int): The maximum number of wordpieces in a window, including special ones."""
    positions = getattr(transformer.config, "max_position_embeddings", None)
    if not positions or positions < 0:  # XLNet has no limit, and its config has -1
        return 1 << 30
    # RoBERTa and similar encoders count positions from padding_idx + 1.
    embeddings = getattr(transformer, "embeddings", None)
    padding = getattr(getattr(embeddings, "position_embeddings", None), "padding_idx", None)
    return positions if padding is None else positions - padding - 1
