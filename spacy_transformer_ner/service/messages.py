"""The requests and responses of the API, as in its OpenAPI description."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, FailFast, Field

from ..annotation.schema import VERSION
from .tagger import Options

# Lower, the number of candidates has no useful bound.
LEAST_CANDIDATE = 0.01
Probability = Annotated[float, Field(ge=0.0, le=1.0, strict=True)]


class EntitiesRequest(BaseModel):
    """Texts, and what to find in them."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"texts": ["Marit Solheim leads Fjordverk in Oslo."]}]},
    )

    texts: Annotated[list[Annotated[str, Field(strict=True)]], FailFast()] = Field(
        description="The texts. The response has a result for each, in the same order"
    )
    threshold: Probability | None = Field(
        None, description="Drop entities with a lower score. By default, the pipeline's own"
    )
    label_thresholds: dict[str, Probability] | None = Field(
        None, description="Thresholds of single labels, in place of threshold"
    )
    candidates: Annotated[float, Field(ge=LEAST_CANDIDATE, le=1.0, strict=True)] | None = Field(
        None,
        description="Also return all spans of at least this probability, overlapping ones included",
    )

    def options(self) -> Options:
        """RETURNS (Options): What to find."""
        own = self.label_thresholds
        return Options(
            self.threshold,
            None if own is None else tuple(sorted(own.items())),
            self.candidates,
        )


class Candidate(BaseModel):
    """A span that may be an entity."""

    start: int = Field(description="First character (Unicode code point) in the text")
    end: int = Field(description="Character after the last one")
    label: str
    text: str
    score: float | None = Field(
        description="Estimated probability that the entity is correct; null if another component "
        "of the pipeline set it"
    )


class Entity(Candidate):
    """An entity."""

    sentence_start: int = Field(description="First character of sentence")
    sentence: str = Field(
        description="Its sentence, at most 500 characters on either side of the entity"
    )


class Result(BaseModel):
    """The entities of a text."""

    entities: list[Entity] | None = Field(
        description="In the order of the text; null if the pipeline failed on it"
    )
    candidates: list[Candidate] | None = Field(
        None, description="Most probable first; missing if not requested"
    )
    error: str | None = Field(None, description="Why the pipeline failed; missing if it did not")


class Pipeline(BaseModel):
    """A pipeline."""

    name: str
    version: str


class EntitiesResponse(BaseModel):
    """The results of a request."""

    version: int = Field(
        VERSION, description="Version of this format, the same as of spacy ner annotate"
    )
    pipeline: Pipeline
    results: list[Result]


class ModelResponse(BaseModel):
    """What the model's card says, and the limits of the service."""

    pipeline: Pipeline
    version: int = Field(VERSION, description="Version of the format of the entities")
    lang: str
    description: str
    labels: list[str]
    threshold: float
    label_thresholds: dict[str, float]
    performance: dict[str, Any] = Field(description="Precision, recall and F-score, if known")
    limits: dict[str, int]


class Problem(BaseModel):
    """Why there is no result."""

    detail: str
