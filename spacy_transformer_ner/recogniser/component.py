"""The pipeline component `transformer_ner`."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import List, Optional

import numpy
from spacy.attrs import ENT_IOB, ENT_TYPE, IS_SPACE, SENT_START
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.scorer import get_ner_prf
from spacy.tokens import Doc, Span
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Config, Model, Optimizer, set_dropout_rate
from thinc.types import Floats2d, Ints1d

from ..errors import InputError
from . import lattice

DEFAULT_TRANSFORMER_NER_CONFIG = """
[model]
@architectures = "spacy-transformer-ner.TokenClassifier.v1"
dropout = 0.1

[model.tok2vec]
@architectures = "spacy-transformers.TransformerListener.v1"
grad_factor = 1.0
upstream = "*"

[model.tok2vec.pooling]
@layers = "reduce_mean.v1"
"""

# Values of a token's ENT_IOB.
IN_ENTITY, BEGINS_ENTITY = 1, 3


@Language.factory(
    "transformer_ner",
    assigns=["doc.ents", "token.ent_iob", "token.ent_type"],
    default_config={
        "model": Config().from_str(DEFAULT_TRANSFORMER_NER_CONFIG)["model"],
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
    scorer: Optional[Callable],
) -> "TransformerNER":
    """Make the component; see `TransformerNER`."""
    return TransformerNER(nlp.vocab, model, name, scorer=scorer)


class TransformerNER(TrainablePipe):
    """Recognises named entities: every token gets a score for each BILUO tag,
    and the best legal sequence of tags gives `doc.ents`.

    Entities that are set already are kept, and so are tokens blocked from
    being entities. As spaCy's own recogniser does, it gives no entity that
    starts or ends with a blank, nor one that runs over the start of a
    sentence, where sentences are set.

    vocab (Vocab): The pipeline's vocabulary.
    model (Model[List[Doc], List[Floats2d]]): Gives each token a score for each
        tag. Its "output_layer" has the size of the tags, see `lattice`.
    name (str): The component's name in the pipeline.
    scorer (Callable | None): Scores Examples.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model[List[Doc], List[Floats2d]],
        name: str = "transformer_ner",
        *,
        scorer: Optional[Callable] = get_ner_prf,
    ):
        self.vocab = vocab
        self.model = model
        self.name = name
        self.scorer = scorer
        self.cfg: dict = {"labels": []}

    @property
    def labels(self) -> tuple[str, ...]:
        """RETURNS (tuple[str, ...]): The entity types."""
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> tuple[str, ...]:
        """RETURNS (tuple[str, ...]): The labels, as `spacy init labels` saves
        them and `initialize` takes them."""
        return self.labels

    @property
    def tag_names(self) -> list[str]:
        """RETURNS (list[str]): The tags, in the order of the model's output."""
        return lattice.tag_names(self.labels)

    def add_label(self, label: str) -> int:
        """Add an entity type. A trained component keeps what it knows.

        label (str): The type.
        RETURNS (int): 1, or 0 if it has the type already.
        """
        if not isinstance(label, str) or not label:
            raise ValueError(f"a label is a string that is not empty, not {label!r}")
        if label in self.labels:
            return 0
        self.cfg["labels"].append(label)
        self.vocab.strings.add(label)
        if self.model.get_ref("output_layer").has_dim("nO"):
            self.model.attrs["resize_output"](self.model, lattice.n_tags(len(self.labels)))
        return 1

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        labels: Optional[Sequence[str]] = None,
    ) -> None:
        """Initialise for training.

        get_examples (Callable[[], Iterable[Example]]): Gives the training data.
        nlp (Language | None): The pipeline.
        labels (Sequence[str] | None): The entity types; those of the training
            data, sorted, if None.
        """
        validate_get_examples(get_examples, "TransformerNER.initialize")
        if labels is None:
            labels = sorted(
                {ent.label_ for example in get_examples() for ent in example.reference.ents}
            )
        for label in labels:
            self.add_label(label)
        self._require_labels()
        sample = [example.predicted for example in islice(get_examples(), 10)]
        sample = [doc for doc in sample if len(doc)] or [Doc(self.vocab, words=["hello"])]
        n_tags = lattice.n_tags(len(self.labels))
        self.model.initialize(
            X=sample, Y=[self.model.ops.alloc2f(len(doc), n_tags) for doc in sample]
        )

    def predict(self, docs: Iterable[Doc]) -> list[Ints1d]:
        """Find the best legal tags, without changing the Docs.

        docs (Iterable[Doc]): The Docs.
        RETURNS (list[Ints1d]): The tags of each Doc. Shape: (tokens,)
        """
        docs = list(docs)
        lengths = numpy.array([len(doc) for doc in docs], dtype="int64")
        if not lengths.any():
            return [numpy.zeros(0, dtype="int64") for _ in docs]
        scores = self.model.predict([doc for doc in docs if len(doc)])
        xp = self.model.ops.xp
        allowed = allowed_tags(docs, len(self.labels))
        tags = lattice.viterbi(
            xp.concatenate(scores), lengths, None if allowed is None else xp.asarray(allowed)
        )
        tags = self.model.ops.to_numpy(tags)
        return numpy.split(tags, numpy.cumsum(lengths)[:-1])

    def set_annotations(self, docs: Iterable[Doc], tags: Iterable[Ints1d]) -> None:
        """Set the entities.

        docs (Iterable[Doc]): The Docs.
        tags (Iterable[Ints1d]): The tags of each, from `predict`.
        """
        labels = [self.vocab.strings[label] for label in self.labels]
        for doc, doc_tags in zip(docs, tags):
            spans = [
                Span(doc, start, end, label=labels[label])
                for start, end, label in lattice.spans_of(doc_tags)
            ]
            iob = doc.to_array([ENT_IOB, ENT_TYPE])
            if not (iob[:, 0] & 1).any():  # neither IN_ENTITY nor BEGINS_ENTITY
                doc.set_ents(spans)
                continue
            blocked = numpy.flatnonzero((iob[:, 0] == BEGINS_ENTITY) & (iob[:, 1] == 0))
            doc.set_ents(
                [*doc.ents, *spans],
                blocked=[doc[i : i + 1] for i in blocked.tolist()],
                default="outside",
            )

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optional[Optimizer] = None,
        losses: Optional[dict[str, float]] = None,
    ) -> dict[str, float]:
        """Learn from a batch of Examples.

        examples (Iterable[Example]): The Examples.
        drop (float): The dropout rate.
        sgd (Optimizer | None): The optimizer; None adds up gradients only.
        losses (dict[str, float] | None): Added to under the component's name.
        RETURNS (dict[str, float]): The losses.
        """
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        examples = list(examples)
        validate_examples(examples, "TransformerNER.update")
        docs = [example.predicted for example in examples]
        if not any(len(doc) for doc in docs):
            return losses
        set_dropout_rate(self.model, drop)
        scores, backprop = self.model.begin_update(docs)
        loss, d_scores = self.get_loss(examples, scores)
        backprop(d_scores)
        if sgd not in (None, False):
            self.finish_update(sgd)
        losses[self.name] += loss
        return losses

    def get_loss(
        self, examples: Iterable[Example], scores: list[Floats2d]
    ) -> tuple[float, list[Floats2d]]:
        """Compute the cross-entropy of the gold tags, the mean over the tokens
        that have one. Tokens whose annotation is missing, or whose entity does
        not align with the Doc's tokens, count nothing.

        examples (Iterable[Example]): The Examples.
        scores (list[Floats2d]): The scores of the tags. Shape: (tokens, tags)
        RETURNS (tuple[float, list[Floats2d]]): The loss and its gradient.
        """
        ops = self.model.ops
        truths = numpy.concatenate([self._gold_tags(example) for example in examples])
        known = ops.asarray1i(numpy.flatnonzero(truths >= 0))
        gradient = ops.alloc2f(len(truths), lattice.n_tags(len(self.labels)))
        loss = 0.0
        if len(known):
            logits = ops.xp.concatenate([s for s in scores if len(s)])[known]
            probabilities = ops.softmax(logits, axis=1)
            rows = ops.xp.arange(len(known))
            columns = ops.asarray1i(truths[truths >= 0])
            loss = float(-ops.xp.log(probabilities[rows, columns] + 1e-12).mean())
            probabilities[rows, columns] -= 1.0
            gradient[known] = probabilities / len(known)
        ends = numpy.cumsum([len(s) for s in scores])[:-1]
        return loss, ops.xp.split(gradient, ends.tolist())

    def _gold_tags(self, example: Example) -> Ints1d:
        """RETURNS (Ints1d): The number of each token's gold tag, -1 if unknown."""
        numbers = {name: i for i, name in enumerate(self.tag_names)}
        numbers.update({None: -1, "-": -1, "": -1})
        try:
            tags = [numbers[tag] for tag in example.get_aligned_ner()]
        except KeyError as error:
            raise InputError(
                f"the training data has the tag {error}, and the component {self.name!r} knows "
                f"only the labels {list(self.labels)}. Add the label with add_label, or "
                "initialise the pipeline with all its data."
            ) from None
        return numpy.array(tags, dtype="int64")


def allowed_tags(docs: Sequence[Doc], n_labels: int) -> Optional[numpy.ndarray]:
    """Say which tags each token may have.

    docs (Sequence[Doc]): The Docs.
    n_labels (int): The number of entity types.
    RETURNS (ndarray | None): None if every token may have every tag.
        Shape: (tokens, tags), bool.
    """
    docs = [doc for doc in docs if len(doc)]
    table = numpy.concatenate([doc.to_array([IS_SPACE, SENT_START, ENT_IOB]) for doc in docs])
    is_space = table[:, 0].astype("bool")
    starts = table[:, 1] == 1
    # What the first token of a Doc may be is known without this.
    starts[numpy.cumsum([0, *map(len, docs)])[:-1]] = False
    ends = numpy.append(starts[1:], False)
    taken = (table[:, 2] & 1).astype("bool")  # IN_ENTITY or BEGINS_ENTITY
    if not (is_space.any() or taken.any() or starts.any()):
        return None
    tags = numpy.arange(lattice.n_tags(n_labels))
    position = lattice.position_of(tags)

    def are(*positions: int) -> numpy.ndarray:
        return numpy.isin(position, positions)

    forbidden = is_space[:, None] & are(lattice.BEGIN, lattice.LAST, lattice.UNIT)
    forbidden |= starts[:, None] & are(lattice.INSIDE, lattice.LAST)
    forbidden |= ends[:, None] & are(lattice.BEGIN, lattice.INSIDE)
    forbidden |= taken[:, None] & (tags > 0)
    return ~forbidden
