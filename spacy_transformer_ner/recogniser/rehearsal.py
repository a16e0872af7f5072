"""Rehearsal: train on new data without forgetting the old.

`nlp.resume_training` gives each component a copy of its model, the teacher, and
`nlp.rehearse` trains the component to make the teacher's predictions. If the component
listens to a transformer, the teacher needs a copy of the transformer too, and the
gradient has to reach the transformer. `nlp.rehearse` does not support this, so the
component finds the transformer in its pipeline.
"""

from copy import deepcopy
from dataclasses import dataclass
from typing import List, Optional, Sequence
from weakref import ReferenceType, WeakKeyDictionary

from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy_transformers import Transformer
from spacy_transformers.data_classes import TransformerData
from spacy_transformers.layers import TransformerListener, split_trf_batch
from thinc.api import Model, Optimizer, chain, set_dropout_rate
from thinc.types import Floats2d

from ..encoder.listeners import listeners_of
from ..errors import InputError
from .loss import distillation, split_gradient

# The pipeline that each component was created for, as weak references.
PIPELINES: "WeakKeyDictionary[TrainablePipe, ReferenceType[Language]]" = WeakKeyDictionary()


@dataclass(frozen=True)
class Upstream:
    """The transformer that a component listens to.

    transformer (Transformer): The transformer component.
    listener (TransformerListener): The layer of the model that receives its output.
    """

    transformer: Transformer
    listener: TransformerListener

    def encode(self, docs: List[Doc], drop: float) -> None:
        """Encode Docs and pass the vectors to this listener only, unlike
        `Transformer.update`.

        docs (List[Doc]): The Docs.
        drop (float): The dropout rate.
        """
        set_dropout_rate(self.transformer.model, drop)
        encoder: Model[List[Doc], List[TransformerData]] = chain(
            self.transformer.model, split_trf_batch()
        )
        vectors, backprop = encoder.begin_update(docs)
        self.listener.receive(TransformerListener.get_batch_id(docs), vectors, backprop)


def pipeline_of(component: TrainablePipe) -> Optional[Language]:
    """RETURNS (Language | None): The pipeline a component was created for, if it still
    exists."""
    found = PIPELINES.get(component)
    return None if found is None else found()


def find_upstream(component: TrainablePipe) -> Optional[Upstream]:
    """component (TrainablePipe): A component.
    RETURNS (Upstream | None): The transformer it listens to; None if it has its own encoder.
    RAISES: InputError if the transformer is not found."""
    listener = next(iter(listeners_of(component.model)), None)
    if listener is None:
        return None
    nlp = pipeline_of(component)
    for _, pipe in nlp.components if nlp is not None else ():
        if isinstance(pipe, Transformer) and listener in pipe.listeners:
            return Upstream(pipe, listener)
    raise InputError(
        f"cannot rehearse: the component {component.name!r} was created for another pipeline, "
        "and the transformer that it listens to is not found. Save this pipeline with "
        "nlp.to_disk, load it with spacy.load and call nlp.resume_training() again."
    )


def make_teacher(
    component: TrainablePipe, copied: Optional[Model[List[Doc], List[Floats2d]]]
) -> Optional[Model[List[Doc], List[Floats2d]]]:
    """Create the teacher for rehearsal.

    component (TrainablePipe): A component.
    copied (Model | None): A copy of its model, from `nlp.resume_training`.
    RETURNS (Model | None): The copy, with its listener replaced by a copy of the
        transformer; None if the transformer is not found.
    """
    if copied is None:
        return None
    listener = next(iter(listeners_of(copied)), None)
    if listener is None:
        return copied
    try:
        upstream = find_upstream(component)
    except InputError:  # `rehearse` raises it; training works without a teacher
        return None
    assert upstream is not None  # the model has a listener, as its copy does
    copied.replace_node(listener, chain(deepcopy(upstream.transformer.model), split_trf_batch()))
    return copied


def optimizer_of(component: TrainablePipe, sgd: object) -> Optional[Optimizer]:
    """Find the optimizer for rehearsal. `nlp.rehearse` passes components a function that
    collects gradients instead, and drops them if a component without rehearsal, such as the
    transformer, comes later in its random order.

    component (TrainablePipe): The component.
    sgd (Optimizer | Callable | None): The optimizer or function passed to `rehearse`.
    RETURNS (Optimizer | None): The optimizer; None for no update.
    RAISES: InputError if the function belongs to another optimizer than that of
        `nlp.resume_training`.
    """
    if sgd is None or sgd is False:
        return None
    if isinstance(sgd, Optimizer):
        return sgd
    nlp = pipeline_of(component)
    optimizer = None if nlp is None else nlp._optimizer
    settings = ("learn_rate", "b1", "b2")
    if optimizer is None or any(getattr(optimizer, s) != getattr(sgd, s) for s in settings):
        raise InputError(
            "nlp.rehearse got another optimizer than nlp.resume_training: pass yours to both, "
            "with nlp.resume_training(sgd=optimizer). Save and load a pipeline with sourced "
            "components first."
        )
    return optimizer


def rehearse(
    component: TrainablePipe,
    teacher: Optional[Model[List[Doc], List[Floats2d]]],
    docs: Sequence[Doc],
    drop: float,
    sgd: object,
) -> float:
    """Update a component, and the transformer it listens to, toward the teacher's predictions.

    component (TrainablePipe): The component.
    teacher (Model | None): The model from `make_teacher`.
    docs (Sequence[Doc]): The texts.
    drop (float): The dropout rate.
    sgd (Optimizer | Callable | None): See `optimizer_of`.
    RETURNS (float): The loss.
    RAISES: InputError if there is no teacher, or the transformer is not found.
    """
    upstream = find_upstream(component)
    if teacher is None:
        raise InputError(
            f"the component {component.name!r} has no model to rehearse: call "
            "nlp.resume_training() before training on new data."
        )
    docs = [doc for doc in docs if len(doc)]
    if not docs:
        return 0.0
    optimizer = optimizer_of(component, sgd)
    model, ops = component.model, component.model.ops
    weights = teacher.get_ref("output_layer").get_param("W")
    known = ops.to_numpy(ops.xp.abs(weights).sum(axis=1)) > 0  # new tags have zero weights
    wanted = ops.to_numpy(ops.xp.concatenate(teacher.predict(docs)))
    set_dropout_rate(model, drop)
    if upstream is not None:
        upstream.encode(docs, drop)
    scores, backprop = model.begin_update(docs)
    emissions = ops.to_numpy(ops.xp.concatenate(scores))
    loss, gradient = distillation(emissions, wanted, known)
    backprop(split_gradient(ops, gradient, scores))
    if optimizer is not None:
        if upstream is not None:
            upstream.transformer.finish_update(optimizer)
        component.finish_update(optimizer)
    return loss
