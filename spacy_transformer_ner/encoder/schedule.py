"""A learning rate that warms up and falls to zero over the run, however long
the run turns out to be."""

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
) -> Iterator[float]:
    """Rise linearly from zero over the warm-up, then fall linearly to zero at
    the last step that is evaluated, which gives the pipeline that is kept.
    Registered as spacy-transformer-ner.linear_over_run.v1. All but the first
    two settings refer to the config's own, so the run's number of steps is
    counted, not guessed; the corpus is read for it when training starts.

    Outside of `spacy train` there is no such run: `nlp.resume_training()` and
    `nlp.update()` take the optimizer from the config without what it refers to.
    Then the references are strings still, and the rate is constant.

    initial_rate (float): The highest rate.
    warmup (float): The part of the run that is warm-up, 0 to 1.
    max_epochs, max_steps, eval_frequency (int): Of [training].
    lang (str): Of [nlp].
    corpus (Callable): The reader of the training corpus.
    batcher (Callable): The batcher of [training].
    YIELDS (float): The rate of each step.
    RAISES: InputError if the run has no end or would not be evaluated.
    """
    run = (max_epochs, max_steps, eval_frequency, corpus, batcher)
    if any(isinstance(setting, str) for setting in run):
        yield from repeat(initial_rate)
    # The first rate is zero in any case. Giving it before the corpus is read
    # lets the config be resolved where there is no corpus.
    yield 0.0
    steps = count_steps(max_epochs, max_steps, _epochs(lang, corpus, batcher))
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
    """Count the steps that `spacy train` makes.

    max_epochs, max_steps (int): Of [training]; 0 means no limit.
    epochs (Iterator[int]): The number of batches of each epoch.
    RETURNS (int): The steps.
    RAISES: InputError if neither limits the run.
    """
    # spaCy's loop makes the step it stops at.
    steps = max_steps + 1 if max_steps > 0 else None
    if max_epochs < 1:
        if steps is None:
            raise InputError(
                "linear_over_run needs a run that ends: set [training] max_epochs or max_steps."
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

    steps (int): The steps of the run.
    eval_frequency (int): Of [training].
    RETURNS (int): The step.
    RAISES: InputError if that is the very first.
    """
    last = (steps - 1) // eval_frequency * eval_frequency
    if last < 1:
        raise InputError(
            f"the training has {steps} steps and is evaluated every {eval_frequency}, so "
            "nothing it learns would be kept. Set [training] eval_frequency to at most "
            f"{max(1, steps - 1)}, or max_epochs higher."
        )
    return last


def _epochs(
    lang: str,
    corpus: Callable[[Language], Iterable[Example]],
    batcher: Callable[[Iterable[Example]], Iterable[list[Example]]],
) -> Iterator[int]:
    examples = list(corpus(spacy.blank(lang)))
    while True:  # the size of batches may change from epoch to epoch
        yield sum(1 for _ in batcher(examples))
