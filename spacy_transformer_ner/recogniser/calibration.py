"""Calibration: the probability that a predicted span is correct.

The marginal probability of a span under the BILUO constraints is overconfident: the
encoder is trained token by token and has seen its training data many times. A logistic
regression (Platt, 1999), fitted on development data, corrects it with more features of
the span: the mean softmax of its tokens, whether its form has another label in the training
data, the entropy of the text, and the label.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy

from ..errors import InputError
from ..results import Result
from .arrays import Bools, Floats, Ints
from .known import NEW, OTHER

# Probabilities are clipped to this distance from 0 and 1.
CERTAIN = 1e-6
# The entropy of a text is averaged with that of this many tokens of usual text, so that
# short texts have no extreme values.
USUAL_TOKENS = 100

FEATURES = ("marginal", "softmax", "other_label", "new_form", "entropy")
# Has no weight in what is fitted now. Development data is mostly of the same days and subjects as
# the training data: there, known forms are right more often than in any other text, and new ones
# less often.
UNUSED = "new_form"


@dataclass(frozen=True)
class CalibrationFeatures:
    """The features that spans are calibrated with. Each array has an entry for each span.

    marginals (Floats): The probability under the BILUO constraints.
    softmaxes (Floats): The mean softmax probability of the tags, see
        `constraints.mean_softmax`.
    novelty (Ints): See `KnownEntities.novelty`.
    entropies (Floats): The entropy of the span's text, in nats.
    tokens (Floats): The number of tokens of the span's text.
    labels (ndarray): The labels. dtype: object (str).
    """

    marginals: Floats
    softmaxes: Floats
    novelty: Ints
    entropies: Floats
    tokens: Floats
    labels: numpy.ndarray

    @classmethod
    def join(cls, parts: Sequence["CalibrationFeatures"]) -> "CalibrationFeatures":
        """parts (Sequence[CalibrationFeatures]): Features of groups of spans.
        RETURNS (CalibrationFeatures): The features of all spans."""
        names = [f.name for f in fields(cls)]
        return cls(**{n: numpy.concatenate([getattr(p, n) for p in parts]) for n in names})

    def select(self, chosen: Bools) -> "CalibrationFeatures":
        """chosen (Bools): Which spans to select. Shape: (spans,)
        RETURNS (CalibrationFeatures): The features of these spans."""
        return CalibrationFeatures(**{f.name: getattr(self, f.name)[chosen] for f in fields(self)})


@dataclass(frozen=True)
class Calibration(Result):
    """A logistic regression on CalibrationFeatures.

    intercept (float): The intercept, in log-odds.
    weights (dict[str, float]): The weight of each of FEATURES.
    label_weights (dict[str, float]): The weight of each label, 0 if missing.
    usual_entropy (float): The entropy per token of the data it was fitted on, in nats.
    entities (int): The number of predicted entities it was fitted on.
    corpus (str): The corpus it was fitted on.
    """

    intercept: float
    weights: dict[str, float]
    label_weights: dict[str, float] = field(default_factory=dict)
    usual_entropy: float = 0.0
    entities: int = 0
    corpus: str = ""

    def scores(self, features: CalibrationFeatures) -> Floats:
        """Compute the probability that each span is correct.

        features (CalibrationFeatures): The spans' features.
        RETURNS (Floats): The probabilities. Shape: (spans,)
        """
        logits = self.intercept + design_matrix(features, self.usual_entropy) @ numpy.array(
            [self.weights[name] for name in FEATURES]
        )
        logits += [self.label_weights.get(label, 0.0) for label in features.labels]
        # The logistic function, without overflow.
        return numpy.exp(-numpy.logaddexp(0.0, -logits))

    @classmethod
    def from_dict(cls, content: dict) -> "Calibration":
        """content (dict): The result of `to_dict`, of this version or a later one.
        RETURNS (Calibration): The calibration.
        RAISES: InputError if a value is missing or of another type."""
        content = content if isinstance(content, dict) else {}
        weights, label_weights = content.get("weights"), content.get("label_weights", {})
        if not isinstance(weights, dict):
            raise _damaged("weights", weights)
        if not isinstance(label_weights, dict):
            raise _damaged("label_weights", label_weights)
        numbers = {
            "intercept": content.get("intercept"),
            "usual_entropy": content.get("usual_entropy", 0.0),
            **{f"weights.{name}": weights.get(name) for name in FEATURES},
            **{f"label_weights.{name}": value for name, value in label_weights.items()},
        }
        for name, value in numbers.items():
            if not isinstance(value, (int, float)) or not numpy.isfinite(value):
                raise _damaged(name, value)
        return cls(**{f.name: content[f.name] for f in fields(cls) if f.name in content})


def _damaged(name: str, value: object) -> InputError:
    return InputError(
        f"the calibration of the pipeline is damaged: {name} is {value!r}. Fit it again with "
        "`spacy ner calibrate`."
    )


def design_matrix(features: CalibrationFeatures, usual_entropy: float) -> Floats:
    """Compute the input of the regression.

    features (CalibrationFeatures): The spans' features.
    usual_entropy (float): The entropy per token of usual text, in nats.
    RETURNS (Floats): The FEATURES of each span. Shape: (spans, features)
    """
    mixed = (features.entropies + USUAL_TOKENS * usual_entropy) / (features.tokens + USUAL_TOKENS)
    return numpy.stack(
        [
            log_odds(features.marginals),
            log_odds(features.softmaxes),
            (features.novelty == OTHER).astype("float64"),
            (features.novelty == NEW).astype("float64"),
            numpy.sqrt(mixed),
        ],
        axis=1,
    )


def log_odds(probabilities: Floats) -> Floats:
    """probabilities (Floats): Probabilities.
    RETURNS (Floats): Their log-odds, finite for 0 and 1."""
    clipped = numpy.clip(probabilities, CERTAIN, 1.0 - CERTAIN)
    return numpy.log(clipped) - numpy.log1p(-clipped)
