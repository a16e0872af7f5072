import numpy
import pytest
from thinc.api import SGD, Model, get_current_ops, with_array

from spacy_transformer_ner.recogniser.head import build_token_classifier, is_untrained


@pytest.fixture
def head():
    """The head without an encoder: the inputs are vectors."""
    vectors = Model("vectors", lambda model, X, is_train: (X, lambda d_X: d_X), dims={"nO": 24})
    model = build_token_classifier(vectors, dropout=0.0, nO=9).initialize()
    model.get_ref("output_layer").get_param("b")[3] = 0.5  # as if trained
    return model


def docs_of(*lengths):
    rows, ops = numpy.random.default_rng(0), get_current_ops()
    return [ops.asarray2f(rows.normal(size=(n, 24))) for n in lengths]


def test_scores_do_not_depend_on_the_batch(head):
    docs = docs_of(1, 500, 0, 7, 1, 64)
    together = head.predict(docs)
    for alone, scores in zip(docs, together):
        numpy.testing.assert_array_equal(head.predict([alone])[0], scores)
    assert [scores.shape for scores in together] == [(len(doc), 9) for doc in docs]


def test_predictions_equal_thincs(head):
    docs = docs_of(3, 11)
    expected = with_array(head.get_ref("resizable")).predict(docs)
    trained_on, _ = head.begin_update(docs)
    for scores in (expected, trained_on):
        for one, other in zip(head.predict(docs), scores):
            numpy.testing.assert_allclose(one, other, atol=1e-5)


def test_resize_output(head):
    docs = docs_of(5)
    (before,) = head.predict(docs)
    head.attrs["resize_output"](head, 13)
    (after,) = head.predict(docs)
    numpy.testing.assert_allclose(after[:, :9], before, atol=1e-6)
    assert after.shape == (5, 13)


def test_backprop_of_a_prediction(head):
    scores, backprop = head(docs_of(3), is_train=False)
    with pytest.raises(ValueError, match="cannot backpropagate"):
        backprop(scores)


def test_an_untrained_head_predicts_o_and_trains_as_a_linear_layer(head):
    linear = head.get_ref("output_layer")
    linear.initialize()
    assert linear.get_param("W").std() > 0.1
    docs = docs_of(2, 0, 3)
    for scores in head.predict(docs):
        assert scores.dtype == "float32" and (scores == numpy.eye(9)[:1]).all()
    assert [scores.shape for scores in head.predict(docs)] == [(2, 9), (0, 9), (3, 9)]
    scores, backprop = head.begin_update(docs)
    numpy.testing.assert_allclose(scores[0], docs[0] @ linear.get_param("W").T, atol=1e-5)
    (d_vectors, *_) = backprop(scores)
    numpy.testing.assert_allclose(d_vectors, scores[0] @ linear.get_param("W"), atol=1e-5)
    again = linear.to_bytes()
    head.attrs["resize_output"](head, 13)  # still untrained with a new label
    assert (head.predict(docs)[0].argmax(axis=1) == 0).all()
    head.finish_update(SGD(1e-3))
    assert head.predict(docs)[0].std() > 0.1
    assert is_untrained(linear.from_bytes(again).get_param("b"))
    # A checkpoint without biases is not untrained.
    assert not is_untrained(numpy.zeros(9, dtype="float32"))
