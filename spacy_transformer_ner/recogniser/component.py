"""The pipeline component `transformer_ner`."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import islice, repeat
from pathlib import Path
from typing import Any, Dict, List, Optional, Union
from weakref import ref

import numpy
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.scorer import get_ner_prf
from spacy.tokens import Doc
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Config, Model, Optimizer
from thinc.types import Floats2d

from ..encoder.listeners import require_upstream, require_vectors
from . import constraints
from .allowed import allowed_tags
from .arrays import Floats, Ints
from .calibration import Calibration, CalibrationFeatures
from .decoding import Decoded
from .known import KnownEntities, count_forms
from .loss import cross_entropy, gold_tags, split_gradient
from .prediction import Prediction
from .rehearsal import PIPELINES, make_teacher, rehearse
from .scores import CANDIDATES, SPANS_KEY, register_extension
from .soft_tags import K_BEST, SoftTags, targets

# Calibration may increase the probability of a candidate, but not by more than this factor.
RAISED = 10.0

DEFAULT_TRANSFORMER_NER_CONFIG = """
[model]
@architectures = "spacy-transformer-ner.TokenClassifier.v1"
dropout = 0.1

[model.tok2vec]
@architectures = "spacy-transformers.TransformerListener.v1"
grad_factor = 1.0
upstream = "*"

[model.tok2vec.pooling]
@layers = "spacy-transformer-ner.reduce_mean.v1"
"""


@Language.factory(
    "transformer_ner",
    assigns=["doc.ents", "token.ent_iob", "token.ent_type", "span._.score", "doc.spans"],
    default_config={
        "model": Config().from_str(DEFAULT_TRANSFORMER_NER_CONFIG)["model"],
        "spans_key": SPANS_KEY,
        "threshold": 0.0,
        "label_thresholds": {},
        "candidates": None,
        "max_candidates": 100,
        "scorer": {"@scorers": "spacy.ner_scorer.v1"},
    },
    default_score_weights={
        "ents_f": 1.0,
        "ents_p": 0.0,
        "ents_r": 0.0,
        "ents_per_type": None,
    },
)
def make_transformer_ner(
    nlp: Language,
    name: str,
    model: Model[List[Doc], List[Floats2d]],
    spans_key: Optional[str],
    threshold: float,
    label_thresholds: Dict[str, float],
    candidates: Optional[float],
    max_candidates: Optional[int],
    scorer: Optional[Callable],
) -> "TransformerNER":
    """Create the component; see `TransformerNER`."""
    component = TransformerNER(
        nlp.vocab,
        model,
        name,
        spans_key=spans_key,
        threshold=threshold,
        label_thresholds=label_thresholds,
        candidates=candidates,
        max_candidates=max_candidates,
        scorer=scorer,
    )
    PIPELINES[component] = ref(nlp)
    return component


register_extension()


class TransformerNER(TrainablePipe):
    """Named entity recogniser. The model predicts a score for each BILUO tag of each token,
    and the best legal sequence of tags sets `doc.ents`.

    Existing entities and blocked tokens are kept. As in spaCy's own recogniser, an entity
    does not start or end with whitespace and does not cross the start of a sentence, if
    sentences are set.

    vocab (Vocab): The pipeline's vocabulary.
    model (Model[List[Doc], List[Floats2d]]): Predicts the scores. Shape: (tokens, tags) for
        each Doc. Its "output_layer" has as many outputs as there are tags, see
        `constraints`.
    name (str): The component's name in the pipeline.
    spans_key (str | None): The group of `doc.spans` that stores the predicted entities and,
        as its attribute "scores", the probability that each is correct. `ent._.score` reads
        it. None turns scores off.
    threshold (float): Entities with a lower score are dropped.
    label_thresholds (dict[str, float]): Thresholds of single labels, in place of
        `threshold`.
    candidates (float | None): If set, all spans of at least this probability, also
        overlapping ones, are stored in the group `spans_key` + "_candidates".
    max_candidates (int | None): The highest number of candidates per Doc; None for any.
    scorer (Callable | None): The scorer of Examples.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model[List[Doc], List[Floats2d]],
        name: str = "transformer_ner",
        *,
        spans_key: Optional[str] = SPANS_KEY,
        threshold: float = 0.0,
        label_thresholds: Optional[Dict[str, float]] = None,
        candidates: Optional[float] = None,
        max_candidates: Optional[int] = 100,
        scorer: Optional[Callable] = get_ner_prf,
    ):
        for setting, value in (("threshold", threshold), *(label_thresholds or {}).items()):
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"the threshold {setting!r} must be between 0 and 1, not {value}")
        if candidates is not None and not 0.0 < candidates <= 1.0:
            raise ValueError(f"candidates must be a probability above 0 or null, not {candidates}")
        if candidates is not None and (
            spans_key is None or (max_candidates is not None and max_candidates < 1)
        ):
            raise ValueError("candidates requires a spans_key and max_candidates of at least 1")
        if spans_key is not None and spans_key.endswith(CANDIDATES):
            raise ValueError(f"spans_key {spans_key!r} must not end with {CANDIDATES!r}")
        self.vocab = vocab
        self.model = model
        self.name = name
        self.spans_key = spans_key
        self.threshold = threshold
        self.label_thresholds = label_thresholds or {}
        self.candidates = candidates
        self.max_candidates = max_candidates
        self.scorer = scorer
        # Cache: the known entities as saved in cfg, and as loaded.
        self._known: tuple = (None, None)
        # The teacher for rehearsal; `nlp.resume_training` sets it.
        self._teacher: Optional[Model[List[Doc], List[Floats2d]]] = None
        # Whether to store the distribution over the tags in `doc.user_data`, see `soft_tags`.
        self.teaches = False
        # Saved with the component.
        self.cfg: dict = {"labels": [], "known_entities": None, "calibration": None}

    @property
    def labels(self) -> tuple[str, ...]:
        """RETURNS (tuple[str, ...]): The entity types."""
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> tuple[str, ...]:
        """RETURNS (tuple[str, ...]): The labels for `spacy init labels` and `initialize`."""
        return self.labels

    @property
    def tag_names(self) -> list[str]:
        """RETURNS (list[str]): The tags, in the order of the model's output."""
        return constraints.tag_names(self.labels)

    def add_label(self, label: str) -> int:
        """Add an entity type. A trained component keeps its weights.

        label (str): The type.
        RETURNS (int): 1, or 0 if the label exists.
        """
        if not isinstance(label, str) or not label:
            raise ValueError(f"a label must be a non-empty string, not {label!r}")
        if label in self.labels:
            return 0
        self.cfg["labels"].append(label)
        self.vocab.strings.add(label)
        if self.model.get_ref("output_layer").has_dim("nO"):
            self.model.attrs["resize_output"](self.model, constraints.n_tags(len(self.labels)))
        return 1

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        labels: Optional[Sequence[str]] = None,
    ) -> None:
        """Initialize the component for training.

        get_examples (Callable[[], Iterable[Example]]): Returns the training data.
        nlp (Language | None): The pipeline.
        labels (Sequence[str] | None): The entity types. Defaults to those of the training
            data, sorted.
        """
        validate_get_examples(get_examples, "TransformerNER.initialize")
        if nlp is not None:
            PIPELINES[self] = ref(nlp)
        counts = count_forms(example.reference for example in get_examples())
        self.known_entities = KnownEntities.of(counts)
        self.calibration = None
        if labels is None:
            labels = sorted({label for found in counts.values() for label in found})
        for label in labels:
            self.add_label(label)
        self._require_labels()
        require_upstream(self.name, self.model)
        sample = [example.predicted for example in islice(get_examples(), 10)]
        sample = [doc for doc in sample if len(doc)] or [Doc(self.vocab, words=["hello"])]
        n_tags = constraints.n_tags(len(self.labels))
        self.model.initialize(
            X=sample, Y=[self.model.ops.alloc2f(len(doc), n_tags) for doc in sample]
        )

    @property
    def calibration(self) -> Optional[Calibration]:
        """RETURNS (Calibration | None): The calibration of the scores; None if it is not
        fitted."""
        content = self.cfg.get("calibration")
        return None if content is None else Calibration.from_dict(content)

    @calibration.setter
    def calibration(self, calibration: Optional[Calibration]) -> None:
        self.cfg["calibration"] = None if calibration is None else calibration.to_dict()

    @property
    def known_entities(self) -> Optional[KnownEntities]:
        """RETURNS (KnownEntities | None): The entities of the training data."""
        content = self.cfg.get("known_entities")
        if content is not self._known[0]:
            self._known = content, None if content is None else KnownEntities.from_dict(content)
        return self._known[1]

    @known_entities.setter
    def known_entities(self, known: Optional[KnownEntities]) -> None:
        self.cfg["known_entities"] = None if known is None else known.to_dict()

    def predict(self, docs: Iterable[Doc]) -> list[Prediction]:
        """Predict entities, without changing the Docs.

        docs (Iterable[Doc]): The Docs.
        RETURNS (list[Prediction]): The prediction for each Doc.
        """
        decoded = self._decode(docs)
        if not (self.spans_key or self.threshold or self.label_thresholds or self.teaches):
            return [Prediction(entities) for entities in decoded.unscored(decoded.spans)]
        calibration, known = self.calibration, self.known_entities
        thresholds = numpy.array(
            [self.label_thresholds.get(label, self.threshold) for label in self.labels]
        )
        least = thresholds[decoded.spans[:, 2]]
        found = decoded.scored(decoded.spans, least, calibration, known)
        soft: Iterable[Optional[SoftTags]] = repeat(None)
        if self.teaches:
            soft = decoded.soft_tags(K_BEST)
        if self.candidates is None:
            return [Prediction(entities, None, tags) for entities, tags in zip(found, soft)]
        spans = decoded.posterior.candidates(self.candidates / RAISED)
        candidates = decoded.scored(spans, self.candidates, calibration, known)
        return [
            Prediction(entities, of_doc.best(self.max_candidates), tags)
            for entities, of_doc, tags in zip(found, candidates, soft)
        ]

    @contextmanager
    def using(self, **settings: Any) -> Iterator[None]:
        """Predict with other settings, for the time of a with block.

        settings (Any): Values of threshold, label_thresholds, candidates, max_candidates and
            teaches.
        """
        own = {name: getattr(self, name) for name in settings}
        try:
            for name, value in settings.items():
                setattr(self, name, value)
            yield
        finally:
            for name, value in own.items():
                setattr(self, name, value)

    def unlimited(self, candidates: Optional[float]) -> AbstractContextManager[None]:
        """Predict without thresholds, for the time of a with block.

        candidates (float | None): As the setting; the number of candidates is not limited.
        """
        return self.using(
            threshold=0.0, label_thresholds={}, candidates=candidates, max_candidates=None
        )

    def _decode(self, docs: Iterable[Doc]) -> Decoded:
        docs, labels = list(docs), self.labels
        filled = [doc for doc in docs if len(doc)]
        ops, n_tags = self.model.ops, constraints.n_tags(len(labels))
        if not filled:
            return Decoded(docs, numpy.zeros((0, n_tags)), None, labels)
        require_vectors(self.name, self.model, filled)
        # Decoding takes one step per token, which is faster on the CPU.
        emissions = ops.to_numpy(ops.xp.concatenate(self.model.predict(filled)))
        constraints.check_labels(self.name, self.cfg["labels"], emissions.shape[1])
        return Decoded(docs, emissions, allowed_tags(filled, len(labels)), labels)

    def from_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> "TransformerNER":
        """Load the component from disk.

        path (str | Path): The component's directory.
        exclude (Iterable[str]): Fields to exclude: "cfg", "model" or "vocab".
        RETURNS (TransformerNER): The component.
        RAISES: InputError if the labels do not match the model.
        """
        super().from_disk(path, exclude=exclude)
        return self._loaded(exclude)

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "TransformerNER":
        """Load the component from bytes, see `from_disk`."""
        super().from_bytes(bytes_data, exclude=exclude)
        return self._loaded(exclude)

    def _loaded(self, exclude: Iterable[str]) -> "TransformerNER":
        n_tags = self.model.get_ref("output_layer").maybe_get_dim("nO")
        if n_tags is not None and not {"cfg", "model"} & set(exclude):
            constraints.check_labels(self.name, self.cfg["labels"], n_tags)
        for label in self.labels:  # the vocabulary may be excluded
            self.vocab.strings.add(label)
        return self

    def features(self, docs: Iterable[Doc]) -> tuple[list[Ints], CalibrationFeatures, Floats]:
        """Compute the calibration features of the predicted entities, ignoring thresholds,
        without changing the Docs.

        docs (Iterable[Doc]): The Docs.
        RETURNS (tuple[list[Ints], CalibrationFeatures, Floats]): Start token, end token
            (exclusive) and label number of the entities of each Doc, (entities, 3); the
            features of all entities, in the same order; the entropy of each Doc, in nats.
        """
        decoded = self._decode(docs)
        found = [part for (part,) in decoded.by_doc(decoded.spans)]
        features = decoded.features(decoded.spans, self.known_entities)
        return found, features, decoded.entropies

    def uncertainty(self, docs: Iterable[Doc]) -> Floats:
        """Compute the entropy per token of the legal tag sequences of each Doc.

        docs (Iterable[Doc]): The Docs.
        RETURNS (Floats): The entropies, in nats per token; 0 is certain. Shape: (docs,)
        """
        decoded = self._decode(docs)
        return decoded.entropies / numpy.maximum(decoded.lengths, 1)

    def set_annotations(self, docs: Iterable[Doc], predictions: Iterable[Prediction]) -> None:
        """Set `doc.ents` and the scores.

        docs (Iterable[Doc]): The Docs.
        predictions (Iterable[Prediction]): The result of `predict`.
        """
        labels = self.labels
        for doc, prediction in zip(docs, predictions):
            prediction.annotate(doc, labels, self.spans_key)

    @property
    def _rehearsal_model(self) -> Optional[Model[List[Doc], List[Floats2d]]]:
        return self._teacher

    @_rehearsal_model.setter
    def _rehearsal_model(self, copied: Optional[Model[List[Doc], List[Floats2d]]]) -> None:
        """`nlp.resume_training` sets a copy of the model."""
        self._teacher = make_teacher(self, copied)

    def rehearse(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optional[Optimizer] = None,
        losses: Optional[dict[str, float]] = None,
    ) -> dict[str, float]:
        """Update the model, and the transformer it listens to, toward the tag probabilities
        it predicted at `nlp.resume_training`, so that it does not forget them while it
        learns from new data. Labels added later and the annotation of the Examples are
        ignored.

        examples (Iterable[Example]): The Examples.
        drop (float): The dropout rate.
        sgd (Optimizer | None): The optimizer; None only accumulates gradients.
            `nlp.rehearse` does not pass its own: that of `nlp.resume_training` is used.
        losses (dict[str, float] | None): Updated under the component's name.
        RETURNS (dict[str, float]): The losses.
        RAISES: InputError if `nlp.resume_training` was not called or the transformer is not
            found.
        """
        losses = {} if losses is None else losses
        examples = list(examples)
        validate_examples(examples, "TransformerNER.rehearse")
        docs = [example.predicted for example in examples]
        loss = rehearse(self, self._teacher, docs, drop, sgd)
        losses[self.name] = losses.get(self.name, 0.0) + loss
        return losses

    def get_loss(
        self, examples: Iterable[Example], scores: list[Floats2d]
    ) -> tuple[float, list[Floats2d]]:
        """Compute the mean loss of the tokens that have a gold tag, or that a teacher has
        annotated, see `soft_tags`. Tokens with missing annotation, or whose entity does not
        align with the Doc's tokens, are ignored.

        examples (Iterable[Example]): The Examples.
        scores (list[Floats2d]): The scores of the tags. Shape: (tokens, tags) for each
            Example.
        RETURNS (tuple[float, list[Floats2d]]): The loss and its gradient.
        """
        ops, examples = self.model.ops, list(examples)
        labels = self.labels
        truths = numpy.concatenate([gold_tags(each, labels, self.name) for each in examples])
        emissions = ops.to_numpy(ops.xp.concatenate([s for s in scores if len(s)]))
        loss, gradient = cross_entropy(emissions, truths, targets(examples, truths, labels))
        return loss, split_gradient(ops, gradient, scores)
