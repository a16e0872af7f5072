"""Rehearsal: keeping what a pipeline knows while it learns something new.

`nlp.resume_training` gives components a copy of their model, the teacher, and
`nlp.rehearse` has them learn to predict what it predicts. A component that listens to a
transformer is only half of a model: the teacher needs a copy of the transformer too, and
what is learnt has to reach the transformer. spaCy has no way for that in `nlp.rehearse`,
so the component looks for the transformer in its pipeline.
"""

from copy import deepcopy
from dataclasses import dataclass
from typing import List, Optional
from weakref import ReferenceType, WeakKeyDictionary

from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy_transformers import Transformer
from spacy_transformers.layers import TransformerListener, split_trf_batch
from thinc.api import Model, Optimizer, chain, set_dropout_rate
from thinc.types import Floats2d

from ..errors import InputError

# The pipeline that each component was made for. Neither is kept alive or saved by it.
PIPELINES: "WeakKeyDictionary[TrainablePipe, ReferenceType[Language]]" = WeakKeyDictionary()


@dataclass(frozen=True)
class Upstream:
    """What a component listens to.

    transformer (Transformer): The component that encodes.
    listener (TransformerListener): The layer of the model that gets what it gives.
    """

    transformer: Transformer
    listener: TransformerListener

    def encode(self, docs: List[Doc], drop: float) -> None:
        """Encode texts and hand their vectors to the listener, as `Transformer.update`
        does; but to no other.

        docs (List[Doc]): The texts.
        drop (float): The dropout rate.
        """
        set_dropout_rate(self.transformer.model, drop)
        vectors, backprop = chain(self.transformer.model, split_trf_batch()).begin_update(docs)
        self.listener.receive(TransformerListener.get_batch_id(docs), vectors, backprop)


def pipeline_of(component: TrainablePipe) -> Optional[Language]:
    """RETURNS (Language | None): The pipeline a component was made for, if there is one
    still."""
    found = PIPELINES.get(component)
    return None if found is None else found()


def find_listener(model: Model) -> Optional[TransformerListener]:
    """RETURNS (TransformerListener | None): The layer of a model that listens to a
    transformer; None if it has its encoder inside."""
    return next((node for node in model.walk() if isinstance(node, TransformerListener)), None)


def find_upstream(component: TrainablePipe) -> Optional[Upstream]:
    """component (TrainablePipe): A component.
    RETURNS (Upstream | None): What it listens to; None if it has its encoder inside.
    RAISES: InputError if the transformer that it listens to cannot be found."""
    listener = find_listener(component.model)
    if listener is None:
        return None
    nlp = pipeline_of(component)
    for _, pipe in nlp.components if nlp is not None else ():
        if isinstance(pipe, Transformer) and listener in pipe.listeners:
            return Upstream(pipe, listener)
    raise InputError(
        f"the component {component.name!r} was made for another pipeline, so the transformer "
        "that it listens to cannot be found for rehearsal: save this pipeline with nlp.to_disk, "
        "load it with spacy.load, and call nlp.resume_training() again."
    )


def make_teacher(
    component: TrainablePipe, copied: Optional[Model[List[Doc], List[Floats2d]]]
) -> Optional[Model[List[Doc], List[Floats2d]]]:
    """Make what rehearsal keeps to.

    component (TrainablePipe): A component.
    copied (Model | None): A copy of its model, from `nlp.resume_training`.
    RETURNS (Model | None): The same copy, with one of the transformer in the listener's
        place; None if the transformer cannot be found. Training goes on without.
    """
    listener = None if copied is None else find_listener(copied)
    if listener is None:
        return copied
    try:
        upstream = find_upstream(component)
    except InputError:  # for `rehearse` to say
        return None
    copied.replace_node(listener, chain(deepcopy(upstream.transformer.model), split_trf_batch()))
    return copied


def optimizer_of(component: TrainablePipe, sgd: object) -> Optional[Optimizer]:
    """Find the optimizer to learn with. `nlp.rehearse` gives components a function that
    collects gradients, and forgets them where a component that does not rehearse, as the
    transformer, has its turn later, which is left to chance.

    component (TrainablePipe): The component.
    sgd (Optimizer | Callable | None): What it was given.
    RETURNS (Optimizer | None): The optimizer; None if there is to be no update yet.
    RAISES: InputError if it was given spaCy's function, made for another optimizer than
        that of `nlp.resume_training`.
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
            "nlp.rehearse learns with the optimizer of nlp.resume_training, and was given "
            "another: call nlp.resume_training(sgd=optimizer) with yours. A pipeline with "
            "components sourced from another has to be saved and loaded first."
        )
    return optimizer
