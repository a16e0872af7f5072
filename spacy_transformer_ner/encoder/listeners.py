"""Checks of components that listen to a transformer."""

from collections.abc import Sequence

from spacy.language import Language
from spacy.tokens import Doc
from spacy_transformers import Transformer
from spacy_transformers.layers import TransformerListener
from thinc.api import Model

from ..errors import InputError
from .batch import get_trf_data


def listeners_of(model: object) -> list[TransformerListener]:
    """model (object): A component's model, or None.
    RETURNS (list[TransformerListener]): The transformer listeners in it."""
    nodes = model.walk() if isinstance(model, Model) else ()
    return [node for node in nodes if isinstance(node, TransformerListener)]


def require_upstream(name: str, model: object) -> None:
    """Check that the transformer a component listens to is initialized.

    name (str): The component's name.
    model (object): The component's model.
    RAISES: InputError if there is no initialized transformer before the component.
    """
    if any(listener.has_dim("nO") is None for listener in listeners_of(model)):
        raise InputError(
            f"the component {name!r} listens to a transformer, but there is none with weights "
            "before it. If the pipeline has no transformer, as in a config that `spacy init "
            f"config` writes: put 'transformer' before {name!r} in [nlp] pipeline, and copy "
            "[components.transformer] from the recipe minilm (`spacy ner config minilm`). If the "
            f"transformer is in [training] frozen_components: {_instead_of_freezing(name)}"
        )


def require_vectors(name: str, model: Model, docs: Sequence[Doc]) -> None:
    """Check that a transformer has run before a component: a listener would use zeros as
    vectors.

    name (str): The component's name.
    model (Model): The component's model.
    docs (Sequence[Doc]): The Docs.
    RAISES: InputError if a Doc has no vectors.
    """
    if any(get_trf_data(doc) is None for doc in docs) and listeners_of(model):
        raise InputError(
            f"the component {name!r} listens to a transformer, and none has run before it. Source "
            "the component 'transformer' from the same pipeline, add it before this one, and add "
            "components like doc_cleaner after this one. Or call "
            f"nlp.replace_listeners('transformer', {name!r}, ['model.tok2vec']) in the source "
            "pipeline first. For training, add 'transformer' to [training] annotating_components."
        )


def check_listeners(nlp: Language, frozen: Sequence[str], annotating: Sequence[str]) -> None:
    """Check that all components can be trained with the transformers they listen to.

    nlp (Language): The pipeline, before it is initialized.
    frozen (Sequence[str]): frozen_components in [training].
    annotating (Sequence[str]): annotating_components in [training].
    RAISES: InputError for the first component that cannot be trained.
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
                f"[training] frozen_components has {upstream!r}, which has no weights yet, and "
                f"frozen components are not initialized. {_instead_of_freezing(name, upstream)}"
            )
        if upstream not in annotating and upstream in frozen and name not in frozen:
            raise InputError(
                f"{upstream!r} is frozen, so {name!r} only gets its vectors if it annotates: add "
                f"{upstream!r} to [training] annotating_components too."
            )
        if upstream not in annotating and name in annotating:
            raise InputError(
                f"[training] annotating_components has {name!r}, which needs the vectors of "
                f"{upstream!r}: add {upstream!r} to annotating_components too."
            )


def _instead_of_freezing(name: str, upstream: str = "transformer") -> str:
    return (
        "To keep a pretrained encoder unchanged, remove it from frozen_components and set "
        f"grad_factor = 0.0 in [components.{name}.model.tok2vec]. To use the encoder of a trained "
        f"pipeline, replace the settings in [components.{upstream}] with source = that pipeline, "
        f"and add {upstream!r} to both frozen_components and annotating_components."
    )
