"""A learning rate schedule with linear warmup and decay over the whole run."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice, repeat
from typing import List, Union

import spacy
from spacy.language import Language
from spacy.training import Example

from ..errors import InputError


def linear_over_run(
    initial_rate: float,
    warmup: float,
    max_epochs: Union[int, str],
    max_steps: Union[int, str],
    eval_frequency: Union[int, str],
    lang: str,
    corpus: Union[Callable[[Language], Iterable[Example]], str],
    batcher: Union[Callable[[Iterable[Example]], Iterable[List[Example]]], str],
    min_steps: int = 0,
) -> Iterator[float]:
    """Increase the rate linearly from zero during warmup, then decrease it linearly to zero
    at the last evaluated step, which is the last that can affect the saved pipeline.
    Registered as spacy-transformer-ner.linear_over_run.v1. The settings from `max_epochs` to
    `batcher` refer to other parts of the config, so that the number of steps can be counted. The
    corpus is read for this when training starts.

    Outside of `spacy train`, in `nlp.resume_training()` and `nlp.update()`, spaCy does not
    resolve these references. They are still strings then, and the rate is constant.

    initial_rate (float): The maximum rate.
    warmup (float): The proportion of the run that is warmup, 0 to 1.
    max_epochs, max_steps, eval_frequency (int): The settings in [training].
    lang (str): The setting in [nlp].
    corpus (Callable): The reader of the training corpus.
    batcher (Callable): The batcher in [training].
    min_steps (int): The least number of steps, for small corpora. spaCy's training loop does not
        know it: `preflight.check_training` sets `max_steps` to it if `max_epochs` are fewer.
    YIELDS (float): The rate of each step.
    RAISES: InputError if the run has no limit or would not be evaluated.
    """
    if (
        isinstance(max_epochs, str)
        or isinstance(max_steps, str)
        or isinstance(eval_frequency, str)
        or isinstance(corpus, str)
        or isinstance(batcher, str)
    ):
        yield from repeat(initial_rate)
        return
    # The first rate is always zero. Yield it before reading the corpus, so that the config
    # can be resolved without a corpus.
    yield 0.0
    steps = count_steps(
        max_epochs, max_steps, count_batches(lambda: corpus(spacy.blank(lang)), batcher)
    )
    last = last_evaluated_step(steps, eval_frequency)
    warmup_steps = max(1, round(last * warmup))
    step = 1
    while True:
        if step < warmup_steps:
            yield initial_rate * step / warmup_steps
        else:
            yield initial_rate * max(0.0, (last - step) / max(1, last - warmup_steps))
        step += 1


def count_steps(max_epochs: int, max_steps: int, epochs: Iterator[int]) -> int:
    """Count the steps of a `spacy train` run.

    max_epochs, max_steps (int): The settings in [training]; 0 means no limit.
    epochs (Iterator[int]): The number of batches in each epoch.
    RETURNS (int): The number of steps.
    RAISES: InputError if the run has no limit.
    """
    # spaCy's training loop runs one more step than max_steps.
    steps = max_steps + 1 if max_steps > 0 else None
    if max_epochs < 1:
        if steps is None:
            raise InputError(
                "linear_over_run needs a limit: set [training] max_epochs or max_steps."
            )
        return steps
    counted = 0
    for batches in islice(epochs, max_epochs):
        counted += batches
        if steps is not None and counted >= steps:
            return steps
    return counted


def last_evaluated_step(steps: int, eval_frequency: int) -> int:
    """Find the last step, counted from 0, after which spaCy evaluates.

    steps (int): The number of steps in the run.
    eval_frequency (int): The setting in [training].
    RETURNS (int): The step.
    RAISES: InputError if it is the first step.
    """
    last = (steps - 1) // eval_frequency * eval_frequency
    if last < 1:
        raise InputError(
            f"training has {steps} steps and is evaluated every {eval_frequency} steps, so "
            "nothing it learns would be kept. Set [training] eval_frequency to at most "
            f"{max(1, steps - 1)}, or increase max_epochs."
        )
    return last


def fit_evaluations(steps: int, eval_frequency: int) -> tuple[int, int]:
    """Fit the evaluations to the length of a run, so that the last one is at its end: what is
    learnt after it is lost.

    steps (int): The number of steps in the run.
    eval_frequency (int): The setting in [training].
    RETURNS (tuple[int, int]): `max_steps` and `eval_frequency`, which is not higher than before.
    """
    last = max(1, steps - 1)  # counted from 0
    frequency = last // -(-last // eval_frequency)
    return last // frequency * frequency, frequency


def count_batches(
    read: Callable[[], Iterable[Example]],
    batcher: Callable[[Iterable[Example]], Iterable[list[Example]]],
) -> Iterator[int]:
    """Count the batches of a training.

    read (Callable): Reads the corpus, when the first number is asked for.
    batcher (Callable): The batcher in [training].
    YIELDS (int): The number of batches in each epoch.
    """
    examples = list(read())
    while True:  # batch sizes may differ between epochs
        yield sum(1 for _ in batcher(examples))
