"""What components need of the transformer that they listen to."""

from collections.abc import Sequence

from spacy.language import Language
from spacy_transformers import Transformer
from spacy_transformers.layers import TransformerListener
from thinc.api import Model

from ..errors import InputError


def listeners_of(model: object) -> list[TransformerListener]:
    """model (object): A component's model, if it has one.
    RETURNS (list[TransformerListener]): Its listeners to a transformer."""
    nodes = model.walk() if isinstance(model, Model) else ()
    return [node for node in nodes if isinstance(node, TransformerListener)]


def require_upstream(name: str, model: Model) -> None:
    """See that what a model listens to is initialised before it.

    name (str): The component's name.
    model (Model): Its model.
    RAISES: InputError if there is no such transformer.
    """
    if any(listener.has_dim("nO") is None for listener in listeners_of(model)):
        raise InputError(
            f"the component {name!r} listens to a transformer, and there is none with weights "
            "before it. If the pipeline has none, as what `spacy init config` writes: put "
            f"'transformer' before {name!r} in [nlp] pipeline, and add [components.transformer] "
            "as configs/minilm.cfg has it. If it is in [training] frozen_components: "
            f"{_instead_of_freezing(name)}"
        )


def check_listeners(nlp: Language, frozen: Sequence[str], annotating: Sequence[str]) -> None:
    """See that all components can be trained with the transformers that they listen to.

    nlp (Language): The pipeline, before it is initialised.
    frozen (Sequence[str]): The frozen_components of [training].
    annotating (Sequence[str]): The annotating_components of [training].
    RAISES: InputError for the first one that cannot.
    """
    upstreams = {
        listener: (name, pipe.model)
        for name, pipe in nlp.pipeline
        if isinstance(pipe, Transformer)
        for listener in pipe.listening_components
    }
    for name, pipe in nlp.pipeline:
        model = getattr(pipe, "model", None)
        if not listeners_of(model):
            continue
        if name not in upstreams:
            require_upstream(name, model)
            continue
        upstream, upstream_model = upstreams[name]
        if upstream in frozen and upstream_model.has_dim("nO") is None:
            raise InputError(
                f"[training] frozen_components has {upstream!r}, which has no weights yet, and what "
                f"is frozen is not initialised. {_instead_of_freezing(name, upstream)}"
            )
        if upstream not in annotating and upstream in frozen and name not in frozen:
            raise InputError(
                f"{upstream!r} is frozen, so {name!r} can learn from its vectors only if it sets "
                f"them: [training] annotating_components has to have {upstream!r} too."
            )
        if upstream not in annotating and name in annotating:
            raise InputError(
                f"[training] annotating_components has {name!r}, which needs the vectors of "
                f"{upstream!r}: it has to have {upstream!r} too."
            )


def _instead_of_freezing(name: str, upstream: str = "transformer") -> str:
    return (
        "To train on a pretrained encoder that does not change, take it out of frozen_components "
        f"and set grad_factor = 0.0 in [components.{name}.model.tok2vec]. To train on an encoder "
        f"that is trained already, replace all of [components.{upstream}] by source = a pipeline, "
        f"and name {upstream!r} in both frozen_components and annotating_components."
    )
