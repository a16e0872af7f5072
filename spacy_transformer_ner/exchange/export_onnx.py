"""Export encoder and head as an ONNX graph, for use without spaCy and torch."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import srsly
import torch
from spacy.language import Language

from ..encoder import shapes
from ..encoder.model import plan_windows
from ..encoder.network import Encoder, Inputs
from ..encoder.onnx import Network, difference, export, load_session, quantize, require_onnx
from ..encoder.settings import EncoderSettings
from ..errors import InputError
from ..evaluation.reliability import find_recogniser
from ..files import check_room
from ..results import Result
from .export_hf import find_encoder, weights_size

# The maximum difference between the scores of graph and pipeline.
TOLERANCE = 1e-4
TEXTS = (
    "Oslo",
    "Marit Solheim leads Fjordverk in Oslo.",
    "U.N. official Rolf Ekeus heads for Baghdad. " * 20,
    "Un café à 10 km d'Al-Ain, n'est-ce pas ?\n\n它在奥斯陆。",
)
README = '''# {title}

`model.onnx` maps wordpieces to a score for each tag. `config.json` has the tags and the
settings for tokenization: each word is tokenized separately, with a leading space if the text
has one, and the graph gets at most `window` wordpieces at once. Split a longer text into
windows that overlap by twice `context`, and use the middle of each window. The score of a
word is the {pooling} of its wordpieces.

```bash
pip install onnxruntime tokenizers numpy
```

```python
import json

import numpy
import onnxruntime
from tokenizers import Tokenizer
{import_shape}
config = json.load(open("config.json"))
tokenizer = Tokenizer.from_file("tokenizer.json")
session = onnxruntime.InferenceSession("model.onnx")


def scores(words, spaces):
    """Compute tag scores from the words of a text (none of them whitespace) and whether
    a space follows each word. Shape of the result: (words, tags)"""
    before = [config["leading_space"], *spaces[:-1]]
    pieces = [
        tokenizer.encode(" " * space + word, add_special_tokens=False).ids or [config["unknown"]]
        for word, space in zip(words, before)
    ]
    start, end = config["prefix"], config["suffix"]
    ids = [*start, *(i for word in pieces for i in word), *end]
    inputs = {{"input_ids": ids, "attention_mask": [1] * len(ids)}}
{added}    arrays = {{name: numpy.array([values]) for name, values in inputs.items()}}
    (logits,) = session.run(["logits"], arrays)
    ends = len(start) + numpy.cumsum([len(word) for word in pieces])
    of_words = [logits[0, e - len(word) : e] for e, word in zip(ends, pieces)]
    return numpy.stack([{read} for rows in of_words])


found = scores(["Ann", "Lee", "lives", "in", "Oslo", "."], [True, True, True, True, False, False])
print([config["tags"][i] for i in found.argmax(axis=1)])
```

To process several texts in a batch, pad the shorter ones with `pad`, and with 0 in
`attention_mask`. The best tags of single words can form an invalid sequence. Decode the best
valid sequence instead: `B-X` is followed by `I-X` or `L-X`, `L-X` ends the entity, and `U-X` is
an entity of one word. The pipeline decodes this way, and calibrates its scores. The graph also
outputs `last_hidden_state`.
'''
ADDED = {
    "word_shapes": "[word_shape(word) for word, of in zip(words, pieces) for _ in of]",
    "word_continues": "[int(i > 0) for of in pieces for i in range(len(of))]",
}


@dataclass(frozen=True)
class ONNXExport(Result):
    """The result of an export.

    difference (float): The maximum difference between the scores of graph and pipeline on
        test texts.
    int8_difference (float | None): The same for the quantized graph; None if not quantized.
    """

    difference: float
    int8_difference: Optional[float] = None


def export_onnx(nlp: Language, folder: Path, *, is_int8: bool = False) -> ONNXExport:
    """Write a folder with the graph of encoder and head, the tokenizer, the settings, and a
    README.md with usage.

    nlp (Language): The pipeline.
    folder (Path): The folder to create.
    is_int8 (bool): Whether to quantize the graph, in a way that any processor supports.
    RETURNS (ONNXExport): The result.
    RAISES: InputError if the pipeline has no encoder or transformer_ner of this package, if a
        required package is not installed, if the disk is full, or if the scores of the graph
        differ from the pipeline's.
    """
    require_onnx()
    _, recogniser = find_recogniser(nlp)
    if any(node.name == "iob1_starts" for node in recogniser.model.walk()):
        raise InputError(
            "the pipeline was imported from a checkpoint with IOB1 tags, whose scores depend on "
            "the previous token, so it cannot be exported as a graph. Export the checkpoint itself, "
            "or fine-tune its encoder with `spacy ner train`."
        )
    encoder, settings = find_encoder(nlp)
    linear = recogniser.model.get_ref("output_layer")
    weights, bias = (linear.ops.to_numpy(linear.get_param(name)) for name in "Wb")
    head = torch.nn.Linear(weights.shape[1], weights.shape[0])
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weights))
        head.bias.copy_(torch.from_numpy(bias))
    network = Network(encoder, head)
    # Weights are written in 32 bits, and once more for quantization.
    check_room(folder, 2 * weights_size(encoder) if is_int8 else weights_size(encoder))
    folder.mkdir()
    path = folder / "model.onnx"
    export(network, path)
    inputs = _inputs(nlp, encoder, settings)
    found = difference(network, load_session(path, 1), inputs)
    if not found <= TOLERANCE:
        raise InputError(
            f"the scores of the graph differ from the pipeline's by {found:.2g} (at most {TOLERANCE:g} "
            "is allowed), so it is discarded."
        )
    rounded = None
    if is_int8:
        quantize(path, reduce_range=True)
        rounded = difference(network, load_session(path, 1), inputs)
    encoder.wordpieces.backend.save(str(folder / "tokenizer.json"))
    srsly.write_json(folder / "config.json", _config(encoder, settings, recogniser.tag_names))
    if encoder.options.word_shape:
        shutil.copy(shapes.__file__, folder / "word_shapes.py")
    (folder / "README.md").write_text(_readme(nlp, encoder), encoding="utf-8")
    return ONNXExport(found, rounded)


def _inputs(nlp: Language, encoder: Encoder, settings: EncoderSettings) -> Inputs:
    """A batch of windows of different lengths."""
    docs = [nlp.make_doc(text) for text in TEXTS]
    pieces = encoder.wordpieces(docs)
    return encoder.inputs(pieces, plan_windows(docs, pieces, settings))[0]


def _config(encoder: Encoder, settings: EncoderSettings, tags: list[str]) -> dict:
    pieces = encoder.wordpieces
    return {
        "inputs": encoder.input_names,
        "tags": tags,
        "window": settings.window,
        "context": settings.context,
        "prefix": pieces.prefix,
        "suffix": pieces.suffix,
        "pad": pieces.pad,
        "unknown": pieces.unknown,
        "leading_space": pieces.leading_space,
        "wordpiece_pooling": encoder.options.wordpiece_pooling,
    }


def _readme(nlp: Language, encoder: Encoder) -> str:
    pooling, names = encoder.options.wordpiece_pooling, encoder.input_names
    return README.format(
        title=f"{nlp.meta['lang']}_{nlp.meta['name']} in ONNX",
        pooling={"mean": "mean of those", "first": "score of the first"}[pooling],
        import_shape="from word_shapes import word_shape\n" * ("word_shapes" in names),
        added="".join(
            f"    values = {values}\n"
            f'    inputs["{name}"] = [*[0] * len(start), *values, *[0] * len(end)]\n'
            for name, values in ADDED.items()
            if name in names
        ),
        read={"mean": "rows.mean(axis=0)", "first": "rows[0]"}[pooling],
    )
