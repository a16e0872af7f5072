"""A pipeline's encoder and head as an ONNX graph, for use without spaCy and torch."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import torch
from spacy.language import Language

from ..encoder import shapes
from ..encoder.model import plan_windows
from ..encoder.network import Encoder, Inputs
from ..encoder.onnx import Network, difference, export, load_session, quantize, require_onnx
from ..encoder.settings import EncoderSettings
from ..errors import InputError
from ..evaluation.reliability import find_recogniser
from ..files import write_json
from .export_hf import find_encoder

# What the scores of the graph may differ by from the pipeline's.
TOLERANCE = 1e-4
TEXTS = (
    "Oslo",
    "Marit Solheim leads Fjordverk in Oslo.",
    "U.N. official Rolf Ekeus heads for Baghdad. " * 20,
    "Un café à 10 km d'Al-Ain, n'est-ce pas ?\n\n它在奥斯陆。",
)
README = '''# {title}

`model.onnx` takes wordpieces and gives a score for each tag. `config.json` says the tags
and how a text becomes wordpieces: word by word, each with a space before it where the text
has one, and no more than `window` of them at once. A longer text is cut into windows that
overlap by twice `context`; of each window the middle is read. A word's score is the
{pooling} of its wordpieces.

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
    """Words of a text, none of them blank, and whether a space follows each.
    Gives the scores of each word's tags. Shape: (words, tags)"""
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

Several texts go in together, shorter ones padded with `pad` and 0 in `attention_mask`. The
best tag of each word need not make whole entities: take the best sequence in which `B-X` is
followed by `I-X` or `L-X`, which ends the entity, and `U-X` is one by itself. The pipeline
does that, and calibrates its scores. The graph also gives `last_hidden_state`.
'''
ADDED = {
    "word_shapes": "[word_shape(word) for word, of in zip(words, pieces) for _ in of]",
    "word_continues": "[int(i > 0) for of in pieces for i in range(len(of))]",
}


@dataclass(frozen=True)
class ONNXExport:
    """What came of an export.

    difference (float): The largest by which the graph's scores differed from the
        pipeline's, for some texts.
    int8_difference (float | None): The same when it was quantized; None if it was not.
    """

    difference: float
    int8_difference: Optional[float] = None


def export_onnx(nlp: Language, folder: Path, *, is_int8: bool = False) -> ONNXExport:
    """Write a folder with a graph of encoder and head, the tokenizer, what is needed to
    feed it, and a README.md that shows how.

    nlp (Language): The pipeline.
    folder (Path): Where to; it is made.
    is_int8 (bool): Whether the graph is quantized, for any processor.
    RETURNS (ONNXExport): What came of it.
    RAISES: InputError if the pipeline has no encoder and transformer_ner of ours, if
        what it takes is not installed, or if the graph does not give what torch gives.
    """
    require_onnx()
    _, recogniser = find_recogniser(nlp)
    encoder, settings = find_encoder(nlp)
    linear = recogniser.model.get_ref("output_layer")
    weights, bias = (linear.ops.to_numpy(linear.get_param(name)) for name in "Wb")
    head = torch.nn.Linear(weights.shape[1], weights.shape[0])
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weights))
        head.bias.copy_(torch.from_numpy(bias))
    network = Network(encoder, head)
    folder.mkdir()
    path = folder / "model.onnx"
    export(network, path)
    inputs = _inputs(nlp, encoder, settings)
    found = difference(network, load_session(path, 1), inputs)
    if not found <= TOLERANCE:
        raise InputError(
            f"the scores of the graph differ from the pipeline's by {found:.2g}: it is not kept."
        )
    rounded = None
    if is_int8:
        quantize(path, reduce_range=True)
        rounded = difference(network, load_session(path, 1), inputs)
    encoder.wordpieces.backend.save(str(folder / "tokenizer.json"))
    write_json(folder / "config.json", _config(encoder, settings, recogniser.tag_names))
    if encoder.options.word_shape:
        shutil.copy(shapes.__file__, folder / "word_shapes.py")
    (folder / "README.md").write_text(_readme(nlp, encoder), encoding="utf-8")
    return ONNXExport(found, rounded)


def _inputs(nlp: Language, encoder: Encoder, settings: EncoderSettings) -> Inputs:
    """A batch of windows of different length."""
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
