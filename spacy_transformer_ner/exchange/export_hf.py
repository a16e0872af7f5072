"""Export a pipeline as a transformers token classifier."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional, cast

import numpy
import torch
from sklearn.linear_model import LogisticRegression
from spacy.language import Language
from spacy.tokens import Doc, Span
from transformers import AutoModelForTokenClassification, PreTrainedModel
from transformers import pipeline as transformers_pipeline

from ..corpus.docbin import sentences_of
from ..corpus.reader import AnyCorpus, annotated_docs
from ..corpus.tags import write_tags
from ..encoder.model import plan_windows
from ..encoder.network import Encoder, InputOptions
from ..encoder.settings import EncoderSettings
from ..encoder.shim import encoders_of
from ..encoder.windows import ON_CPU
from ..errors import InputError
from ..evaluation.counts import Counts, count
from ..evaluation.reliability import entities_of, find_recogniser
from ..files import check_room, new_folder, write_json
from ..loading import Pipeline, load_pipeline
from ..progress import Progress, no_progress
from ..recogniser.constraints import BEGIN, INSIDE, LAST, UNIT
from ..results import Result

# The pooling of transformers' token classification.
EXPORTED = InputOptions(wordpiece_pooling="first")
WINDOW = 510
BATCH = 32
# More tokens do not improve a linear layer.
MAX_TOKENS = 200_000


@dataclass(frozen=True)
class HFExport(Result):
    """The result of an export.

    lost (tuple[str, ...]): The parts that have no counterpart in transformers.
    is_exact (bool): Whether the checkpoint gives the same scores as the pipeline.
    fitted_on (int): The number of tokens its head was fitted on; 0 if it was copied.
    pipeline_f, checkpoint_f (float | None): F1 of pipeline and checkpoint on raw text, exact
        match. The checkpoint gets single sentences. None if not measured.
    """

    lost: tuple[str, ...]
    is_exact: bool
    fitted_on: int
    pipeline_f: Optional[float] = None
    checkpoint_f: Optional[float] = None


def export_pipeline(
    pipeline: Pipeline,
    output: str | Path,
    *,
    train: AnyCorpus | None = None,
    dev: AnyCorpus | None = None,
    progress: Progress = no_progress,
) -> HFExport:
    """Write a checkpoint for transformers' AutoModelForTokenClassification, AutoTokenizer
    and pipeline("token-classification").

    The pipeline's tags are BILUO, the checkpoint's are BIO, and transformers has no word-level
    encoder inputs. If the pipeline uses such parts, the head is refitted on `train`, on the
    encoder's output without them.

    pipeline (Language | str | Path): The pipeline, or its name or path.
    output (str | Path): A new folder for the checkpoint. It also gets the result, as
        export.json.
    train (str | Path | Iterable[Doc] | None): Training data, to refit the head if the pipeline
        has parts that transformers lacks.
    dev (str | Path | Iterable[Doc] | None): Annotated text to measure the F1 difference on.
    progress (Callable): Wraps streams; also gets their descriptions.
    RETURNS (HFExport): What is lost, and the F1 before and after.
    RAISES: InputError if the pipeline has no transformer or transformer_ner of this package,
        if the head has to be refitted but `train` is None, if the folder exists, or if the disk
        is full.
    """
    nlp = load_pipeline(pipeline)
    with new_folder(output) as folder:
        exported = _export(nlp, folder, train, dev, progress)
        name = f"{nlp.lang}_{nlp.meta['name']}" if isinstance(pipeline, Language) else str(pipeline)
        write_json(folder / "export.json", {"pipeline": name, **exported.to_dict()})
    return exported


def _export(
    nlp: Language,
    folder: Path,
    train: AnyCorpus | None,
    dev: AnyCorpus | None,
    progress: Progress,
) -> HFExport:
    _, recogniser = find_recogniser(nlp)
    encoder, _ = find_encoder(nlp)
    # Check before fitting a head, which may take long.
    check_room(folder, weights_size(encoder))
    labels = recogniser.labels
    names = ["O", *(f"{prefix}-{label}" for label in labels for prefix in "BI")]
    linear = recogniser.model.get_ref("output_layer")
    weights, bias = (linear.ops.to_numpy(linear.get_param(name)) for name in "Wb")
    rows = numpy.column_stack([weights, bias])
    lost = _lost(encoder.options)
    if not lost and _is_bio(rows):
        head, fitted_on = rows[_bio_rows(len(labels))], 0
    elif train is None:
        raise InputError(
            f"transformers has no {', '.join(lost) or 'BILUO tags'}, so the head has to be refitted. "
            "Pass the training data with --train."
        )
    else:
        head, fitted_on = _fit(
            encoder, annotated_docs(train, nlp.vocab, cast(str, nlp.lang)), names, progress
        )
    classifier = _classifier(encoder.transformer, names, head)
    classifier.save_pretrained(folder)
    # safetensors writes files that only their owner can read.
    shutil.copymode(folder / "config.json", folder / "model.safetensors")
    # transformers' stubs lack the methods of tokenizers.
    cast(Any, encoder.wordpieces.tokenizer).save_pretrained(folder)
    figures = {} if dev is None else _measure(nlp, folder, dev, progress)
    return HFExport(tuple(lost), not fitted_on, fitted_on, **figures)


def find_encoder(nlp: Language) -> tuple[Encoder, EncoderSettings]:
    """nlp (Language): A pipeline.
    RETURNS (tuple[Encoder, EncoderSettings]): Its encoder and the settings of the architecture.
    RAISES: InputError if it has no TransformerModel of this package."""
    found = next(encoders_of(nlp), None)
    if found is None:
        raise InputError(
            "the pipeline has no encoder with the architecture "
            "spacy-transformer-ner.TransformerModel.v1. Train one with `spacy ner train`."
        )
    return found


def weights_size(encoder: Encoder) -> int:
    """encoder (Encoder): An encoder.
    RETURNS (int): The size of its transformer's weights in bytes."""
    weights = encoder.transformer.state_dict().values()
    return sum(tensor.numel() * tensor.element_size() for tensor in weights)


def _lost(options: InputOptions) -> list[str]:
    return [
        what
        for what, is_used in (
            ("word case", options.word_shape),
            ("word boundaries", options.word_boundaries),
            ("mean pooling of wordpieces", options.wordpiece_pooling != "first"),
        )
        if is_used
    ]


def _bio_rows(n_labels: int) -> list[int]:
    return [0, *(4 * label + tag for label in range(n_labels) for tag in (BEGIN, INSIDE))]


def _is_bio(rows: numpy.ndarray) -> bool:
    """Whether the rows of U- equal those of B-, and those of L- equal those of I-, as in an
    imported checkpoint."""
    return bool(
        (rows[UNIT::4] == rows[BEGIN::4]).all() and (rows[LAST::4] == rows[INSIDE::4]).all()
    )


def _fit(
    encoder: Encoder, docs: Sequence[Doc], names: list[str], progress: Progress
) -> tuple[numpy.ndarray, int]:
    """Fit a head on the encoder's output for gold tokens, without the parts that are lost.
    RETURNS (tuple[ndarray, int]): The weights, with the biases in the last column, and the
    number of tokens."""
    plain = Encoder(encoder.transformer, encoder.wordpieces.tokenizer, EXPORTED).eval()
    window = min(WINDOW, plain.max_length)
    sentences = [span.as_doc() for doc in docs for span in sentences_of(doc)]
    vectors, tags, n_tokens = [], [], 0
    for start in progress(range(0, len(sentences), BATCH), "fitting a head"):
        batch = [doc for doc in sentences[start : start + BATCH] if len(doc)]
        if not batch or n_tokens >= MAX_TOKENS:
            continue
        pieces = plain.wordpieces(batch)
        windows = plan_windows(batch, pieces, EncoderSettings("", window, 0))
        with torch.inference_mode():
            vectors.append(plain(pieces, windows, ON_CPU).cpu().numpy())
        for doc in batch:
            tags += write_tags(len(doc), [(e.start, e.end, e.label_) for e in doc.ents])
            n_tokens += len(doc)
    numbers = {name: i for i, name in enumerate(names)}
    y = numpy.array([numbers.get(tag, 0) for tag in tags])
    model = LogisticRegression(max_iter=300).fit(numpy.concatenate(vectors), y)
    head = numpy.zeros((len(names), model.coef_.shape[1] + 1))
    head[:, -1] = -100.0  # for tags that the data does not have
    if len(model.classes_) == 2:  # scikit-learn has one row for two classes
        head[model.classes_] = 0.0
        head[model.classes_[1]] = [*model.coef_[0], model.intercept_[0]]
    else:
        head[model.classes_] = numpy.column_stack([model.coef_, model.intercept_])
    return head, n_tokens


def _classifier(
    transformer: PreTrainedModel, names: list[str], head: numpy.ndarray
) -> PreTrainedModel:
    config = type(transformer.config).from_dict(
        {
            **transformer.config.to_dict(),
            "num_labels": len(names),
            "id2label": dict(enumerate(names)),
            "label2id": {name: i for i, name in enumerate(names)},
        }
    )
    classifier = AutoModelForTokenClassification.from_config(config, trust_remote_code=False).eval()
    if not isinstance(getattr(classifier, "classifier", None), torch.nn.Linear) or hasattr(
        classifier, "head"
    ):
        raise InputError(
            f"{type(classifier).__name__} has a head of several layers, so this pipeline cannot be "
            "exported. Train on an encoder whose token classifier has one linear layer, such as "
            "BERT."
        )
    state = {key: value.cpu() for key, value in transformer.state_dict().items()}
    missing = classifier.base_model.load_state_dict(state, strict=False)
    if missing.missing_keys:
        raise InputError(
            f"the encoder lacks weights that transformers requires: {missing.missing_keys}."
        )
    with torch.no_grad():
        classifier.classifier.weight.copy_(torch.from_numpy(head[:, :-1]))
        classifier.classifier.bias.copy_(torch.from_numpy(head[:, -1]))
    return classifier


def _measure(nlp: Language, folder: Path, dev: AnyCorpus, progress: Progress) -> dict[str, float]:
    references = annotated_docs(dev, nlp.vocab, cast(str, nlp.lang))
    texts = [doc.text for doc in references]
    gold = [entities_of(doc) for doc in references]
    ours = [entities_of(doc) for doc in progress(nlp.pipe(texts), len(texts))]
    classify = transformers_pipeline(
        "token-classification",
        model=str(folder),
        aggregation_strategy="first",
        trust_remote_code=False,
    )
    sentences: list[tuple[int, Span]] = [
        (number, span) for number, doc in enumerate(references) for span in sentences_of(doc)
    ]
    theirs: list[set[tuple[int, int, str]]] = [set() for _ in references]
    for number, span in progress(sentences, len(sentences)):
        theirs[number].update(
            (span.start_char + e["start"], span.start_char + e["end"], e["entity_group"])
            for e in classify(span.text)
        )
    scores = (sum(count(zip(gold, found)).values(), Counts(0, 0, 0)).f for found in (ours, theirs))
    return dict(zip(("pipeline_f", "checkpoint_f"), scores))
