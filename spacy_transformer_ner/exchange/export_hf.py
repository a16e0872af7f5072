"""A pipeline of ours as a token classifier of transformers."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Optional

import numpy
import torch
from sklearn.linear_model import LogisticRegression
from spacy.language import Language
from spacy.tokens import Doc, Span
from transformers import AutoModelForTokenClassification, PreTrainedModel, pipeline

from ..corpus.docbin import read_annotated, sentences_of
from ..corpus.tags import write_tags
from ..encoder.model import plan_windows
from ..encoder.network import Encoder, InputOptions
from ..encoder.settings import EncoderSettings
from ..encoder.shim import EncoderShim
from ..encoder.windows import ON_CPU
from ..errors import InputError
from ..evaluation.counts import Counts, count
from ..evaluation.reliability import entities_of, find_recogniser
from ..progress import Progress, no_progress
from ..recogniser.constraints import BEGIN, INSIDE, LAST, UNIT

# As transformers' fine-tuning does it.
EXPORTED = InputOptions(wordpiece_pooling="first")
WINDOW = 510
BATCH = 32
# More change a linear layer no more, and take long.
MAX_TOKENS = 200_000


@dataclass(frozen=True)
class HFExport:
    """What came of an export.

    lost (tuple[str, ...]): What has no counterpart in transformers.
    is_exact (bool): Whether the checkpoint's scores are the pipeline's.
    fitted_on (int): The tokens its head was fitted on; 0 if it was taken over.
    pipeline_f, checkpoint_f (float | None): F1 of the two on raw text, entities exact,
        the checkpoint sentence by sentence as transformers takes texts; None if not
        measured.
    """

    lost: tuple[str, ...]
    is_exact: bool
    fitted_on: int
    pipeline_f: Optional[float] = None
    checkpoint_f: Optional[float] = None

    def to_dict(self) -> dict:
        """RETURNS (dict): The fields, for JSON."""
        return asdict(self)


def export_pipeline(
    nlp: Language,
    folder: Path,
    *,
    train: Optional[Path] = None,
    dev: Optional[Path] = None,
    progress: Progress = no_progress,
) -> HFExport:
    """Write a folder that transformers' AutoModelForTokenClassification, AutoTokenizer
    and pipeline("token-classification") load.

    Our tags are BILUO and theirs are to be BIO, and what an encoder is told of words
    has no counterpart there. Where a pipeline has such parts, the head is fitted anew on
    `train`, to what the encoder gives without them.

    nlp (Language): The pipeline.
    folder (Path): Where to; it is made.
    train (Path | None): A .spacy file to fit the head on.
    dev (Path | None): A .spacy file to measure both on.
    progress (Callable): Wraps streams, with what they are.
    RETURNS (HFExport): What came of it.
    RAISES: InputError if the pipeline has no transformer and transformer_ner of ours, or
        a head has to be fitted and there is nothing to fit it on.
    """
    _, recogniser = find_recogniser(nlp)
    encoder, _ = find_encoder(nlp)
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
            f"in transformers there is no counterpart to {', '.join(lost) or 'tags of four kinds'}, "
            "so the head has to be fitted anew: give the training data with --train."
        )
    else:
        head, fitted_on = _fit(encoder, read_annotated(train, nlp.vocab), names, progress)
    classifier = _classifier(encoder.transformer, names, head)
    classifier.save_pretrained(folder)
    # safetensors lets nobody else read what it writes.
    shutil.copymode(folder / "config.json", folder / "model.safetensors")
    encoder.wordpieces.tokenizer.save_pretrained(folder)
    figures = {} if dev is None else _measure(nlp, folder, dev, progress)
    return HFExport(tuple(lost), not fitted_on, fitted_on, **figures)


def find_encoder(nlp: Language) -> tuple[Encoder, EncoderSettings]:
    """nlp (Language): A pipeline.
    RETURNS (tuple[Encoder, EncoderSettings]): Its encoder of ours, and the architecture's settings.
    RAISES: InputError if it has none."""
    for _, pipe in nlp.pipeline:
        model = getattr(pipe, "model", None)
        for node in model.walk() if model is not None else ():
            for shim in node.shims:
                if isinstance(shim, EncoderShim) and shim.encoder is not None:
                    return shim.encoder, node.attrs["settings"]
    raise InputError(
        "the pipeline has no encoder of the architecture spacy-transformer-ner.TransformerModel.v1."
    )


def _lost(options: InputOptions) -> list[str]:
    return [
        what
        for what, is_there in (
            ("the case of words", options.word_shape),
            ("the boundaries of words", options.word_boundaries),
            ("the mean of a word's wordpieces", options.wordpiece_pooling != "first"),
        )
        if is_there
    ]


def _bio_rows(n_labels: int) -> list[int]:
    return [0, *(4 * label + tag for label in range(n_labels) for tag in (BEGIN, INSIDE))]


def _is_bio(rows: numpy.ndarray) -> bool:
    """Whether the tags of one token and of the last are those of the first and of the
    inner ones, as in an imported checkpoint."""
    return bool(
        (rows[UNIT::4] == rows[BEGIN::4]).all() and (rows[LAST::4] == rows[INSIDE::4]).all()
    )


def _fit(
    encoder: Encoder, docs: Sequence[Doc], names: list[str], progress: Progress
) -> tuple[numpy.ndarray, int]:
    """Fit a head to what the encoder gives for the corpus' own tokens, without all that
    is lost. RETURNS (tuple[ndarray, int]): Weights and, in the last column, biases; and the
    tokens it was fitted on."""
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
    head[:, -1] = -100.0  # of a tag that the data does not have
    if len(model.classes_) == 2:  # scikit-learn has one row for two
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
    classifier = AutoModelForTokenClassification.from_config(config).eval()
    if not isinstance(getattr(classifier, "classifier", None), torch.nn.Linear) or hasattr(
        classifier, "head"
    ):
        raise InputError(
            f"{type(classifier).__name__} has more above its encoder than one linear layer: it "
            "cannot take our head."
        )
    state = {key: value.cpu() for key, value in transformer.state_dict().items()}
    missing = classifier.base_model.load_state_dict(state, strict=False)
    if missing.missing_keys:
        raise InputError(
            f"the encoder lacks weights that transformers asks for: {missing.missing_keys}."
        )
    with torch.no_grad():
        classifier.classifier.weight.copy_(torch.from_numpy(head[:, :-1]))
        classifier.classifier.bias.copy_(torch.from_numpy(head[:, -1]))
    return classifier


def _measure(nlp: Language, folder: Path, dev: Path, progress: Progress) -> dict[str, float]:
    references = read_annotated(dev, nlp.vocab)
    texts = [doc.text for doc in references]
    gold = [entities_of(doc) for doc in references]
    ours = [entities_of(doc) for doc in progress(nlp.pipe(texts), len(texts))]
    classify = pipeline("token-classification", model=str(folder), aggregation_strategy="first")
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
