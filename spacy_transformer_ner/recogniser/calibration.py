"""From what is known of a span to the probability that it is right.

The exact probability of a span under the lattice is too sure of itself: the
encoder is trained token by token and has seen its training data many times. A
logistic regression (Platt, 1999) on development data corrects it with what else
is known of each span: how sure the single tokens were before illegal sequences
were left out, whether the form was met in training, how unsure the recogniser is
of the whole text, and the label.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields

import numpy
from thinc.types import Floats1d, Floats2d, Ints1d

from ..errors import InputError
from .known import NEW, OTHER

CERTAIN = 1e-6
# The entropy of a short text is mixed with that of so many tokens of usual text.
USUAL_TOKENS = 100

FEATURES = ("marginal", "softmax", "other_label", "new_form", "entropy")


@dataclass(frozen=True)
class CalibrationFeatures:
    """What is known of some spans.

    marginals (Floats1d): Their probabilities under the lattice.
    softmaxes (Floats1d): The mean of the probabilities of their tokens' tags,
        each token taken by itself.
    novelty (Ints1d): See `KnownEntities.novelty`.
    entropies, tokens (Floats1d): The entropy of the text of each, in nats, and
        its number of tokens.
    labels (ndarray): Their labels, str.
    """

    marginals: Floats1d
    softmaxes: Floats1d
    novelty: Ints1d
    entropies: Floats1d
    tokens: Floats1d
    labels: numpy.ndarray

    @classmethod
    def join(cls, parts: Sequence["CalibrationFeatures"]) -> "CalibrationFeatures":
        """parts (Sequence[CalibrationFeatures]): CalibrationFeatures of some spans each.
        RETURNS (CalibrationFeatures): Of all of them."""
        names = [f.name for f in fields(cls)]
        return cls(**{n: numpy.concatenate([getattr(p, n) for p in parts]) for n in names})

    def select(self, chosen: numpy.ndarray) -> "CalibrationFeatures":
        """chosen (ndarray): Which spans, bool.
        RETURNS (CalibrationFeatures): What is known of these."""
        return CalibrationFeatures(**{f.name: getattr(self, f.name)[chosen] for f in fields(self)})


@dataclass(frozen=True)
class Calibration:
    """A logistic regression on CalibrationFeatures.

    intercept (float): The log-odds where all else is 0.
    weights (dict[str, float]): A weight for each of FEATURES.
    label_weights (dict[str, float]): What is added for a label.
    usual_entropy (float): The entropy of a token of the data it was fitted on.
    entities (int): How many predicted entities it was fitted on.
    corpus (str): What those were from.
    """

    intercept: float
    weights: dict[str, float]
    label_weights: dict[str, float] = field(default_factory=dict)
    usual_entropy: float = 0.0
    entities: int = 0
    corpus: str = ""

    def scores(self, features: CalibrationFeatures) -> Floats1d:
        """Compute how probable it is that spans are right.

        features (CalibrationFeatures): What is known of them.
        RETURNS (Floats1d): The probabilities.
        """
        logits = self.intercept + design_matrix(features, self.usual_entropy) @ numpy.array(
            [self.weights[name] for name in FEATURES]
        )
        logits += [self.label_weights.get(label, 0.0) for label in features.labels]
        # As of scipy.special.expit: no overflow on either side.
        return numpy.exp(-numpy.logaddexp(0.0, -logits))

    @classmethod
    def from_dict(cls, content: dict) -> "Calibration":
        """content (dict): What `to_dict` gave, of this version or a later one.
        RETURNS (Calibration): The calibration.
        RAISES: InputError if something is missing or of another type."""
        content = content if isinstance(content, dict) else {}
        weights, label_weights = content.get("weights"), content.get("label_weights", {})
        for name, value in (("weights", weights), ("label_weights", label_weights)):
            if not isinstance(value, dict):
                raise _damaged(name, value)
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

    def to_dict(self) -> dict:
        """RETURNS (dict): The fields, for JSON."""
        return asdict(self)


def _damaged(name: str, value: object) -> InputError:
    return InputError(
        f"the calibration of the pipeline is damaged: {name} is {value!r}. Make it again with "
        "the calibrate script."
    )


def design_matrix(features: CalibrationFeatures, usual_entropy: float) -> Floats2d:
    """Compute what the regression is on.

    features (CalibrationFeatures): What is known of some spans.
    usual_entropy (float): The entropy of a token of usual text.
    RETURNS (Floats2d): The FEATURES of each. Shape: (spans, features)
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


def log_odds(probabilities: Floats1d) -> Floats1d:
    """probabilities (Floats1d): Probabilities.
    RETURNS (Floats1d): Their log-odds, those of certainty made finite."""
    clipped = numpy.clip(probabilities, CERTAIN, 1.0 - CERTAIN)
    return numpy.log(clipped) - numpy.log1p(-clipped)
