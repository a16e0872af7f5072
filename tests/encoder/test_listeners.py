import pytest
import spacy
from spacy.training.initialize import init_nlp
from thinc.api import Config

from spacy_transformer_ner.encoder.optimizer import create_adamw
from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.training.preflight import check_training
from spacy_transformer_ner.training.recipe import BUILT_IN, load_recipe

from ..conftest import blank_pipeline, make_examples

CONFIG = BUILT_IN / "minilm.cfg"
BOTH = ["transformer", "transformer_ner"]


@pytest.mark.parametrize(
    "frozen, annotating, message",
    [
        (
            ["transformer"],
            [],
            r"frozen_components has 'transformer', which has no weights.*grad_fac",
        ),
        (["transformer"], ["transformer"], r"grad_factor = 0\.0 in \[components\.transformer_ner"),
        ([], ["transformer_ner"], "needs the vectors of 'transformer'"),
    ],
)
def test_preflight_of_frozen_and_annotating_components(overrides, frozen, annotating, message):
    training = {
        "training.frozen_components": frozen,
        "training.annotating_components": annotating,
    }
    with pytest.raises(InputError, match=message):
        check_training(CONFIG, {**overrides, **training})


def test_preflight_with_both_annotating(overrides):
    check_training(CONFIG, {**overrides, "training.annotating_components": BOTH})


def sourced(overrides, folder, **training) -> Config:
    """The recipe, with the encoder of a trained pipeline."""
    config = load_recipe(CONFIG, overrides)
    config["components"]["transformer"] = {"source": str(folder)}
    config["training"].update(training)
    return config


def test_freezing_a_trained_encoder(overrides, trained, tmp_path):
    trained.to_disk(tmp_path / "trained")
    path = tmp_path / "config.cfg"
    sourced(overrides, tmp_path / "trained", frozen_components=["transformer"]).to_disk(path)
    with pytest.raises(InputError, match="'transformer' is frozen, so 'transformer_ner'"):
        check_training(path, {})
    settings = {"frozen_components": ["transformer"], "annotating_components": ["transformer"]}
    config = sourced(overrides, tmp_path / "trained", **settings)
    config.to_disk(path)
    check_training(path, {})
    nlp = init_nlp(config)
    before = nlp.get_pipe("transformer").model.to_bytes()
    examples, losses = make_examples(nlp), []
    optimizer = create_adamw(1e-2)
    for _ in range(15):
        losses.append(
            nlp.update(examples, sgd=optimizer, exclude=["transformer"], annotates=["transformer"])[
                "transformer_ner"
            ]
        )
    assert losses[-1] < losses[0] / 2
    assert nlp.get_pipe("transformer").model.to_bytes() == before


def test_initializing_without_a_transformer(encoders):
    """`spacy init config --pipeline transformer,transformer_ner` does not add one."""
    nlp = spacy.blank("en")
    nlp.add_pipe("transformer_ner")
    with pytest.raises(InputError, match=r"none with weights before it.*\[components\.transformer"):
        nlp.initialize(lambda: make_examples(nlp))
    frozen = blank_pipeline(encoders["wordpiece"])
    with (
        frozen.select_pipes(disable="transformer"),
        pytest.raises(InputError, match="none with weights.*frozen_components"),
    ):
        frozen.initialize(lambda: make_examples(frozen))


def test_preflight_of_a_pipeline_without_a_transformer(overrides, tmp_path):
    config = load_recipe(CONFIG, overrides)
    config["nlp"]["pipeline"] = ["transformer_ner"]
    for name in ("transformer", "doc_cleaner"):
        del config["components"][name]
    config.to_disk(tmp_path / "config.cfg")
    with pytest.raises(InputError, match="`spacy init config` writes: put 'transformer' before"):
        check_training(tmp_path / "config.cfg", {})


def test_predicting_without_vectors(trained):
    doc = trained.make_doc("Oslo")
    with pytest.raises(InputError, match=r"add 'transformer' to \[training\] annotating"):
        trained.get_pipe("transformer_ner").predict([doc])
