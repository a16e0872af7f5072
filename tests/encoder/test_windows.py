from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from spacy_transformer_ner.encoder.windows import (
    ON_CPU,
    ON_GPU,
    Window,
    batch_windows,
    cut_windows,
    padded_length,
)


@st.composite
def texts(draw):
    lengths = draw(st.lists(st.integers(0, 9), min_size=1, max_size=80))
    starts = [sum(lengths[:i]) for i, n in enumerate(lengths) if n]
    sentences = sorted(draw(st.sets(st.sampled_from(starts)))) if starts else []
    size = draw(st.integers(4, 40))
    return sum(lengths), size, draw(st.integers(0, size // 4)), starts, sentences


@given(texts())
def test_cores_partition_the_text_and_windows_fit(text):
    length, size, context, *_ = text
    windows = cut_windows(*text)
    assert [p for w in windows for p in range(w.core_start, w.core_end)] == list(range(length))
    for window in windows:
        assert 0 <= window.start <= window.core_start < window.core_end <= window.end <= length
        assert window.end - window.start <= size


@given(texts())
def test_every_wordpiece_is_read_with_the_most_context(text):
    length, size, context, *_ = text
    windows = cut_windows(*text)

    def seen(window, position):
        # Context is only missing where the text continues.
        left = position - window.start if window.start else length
        right = window.end - 1 - position if window.end < length else length
        return min(left, right)

    for window in windows:
        for position in range(window.core_start, window.core_end):
            assert seen(window, position) >= min(
                context, max(seen(w, position) for w in windows if w.start <= position < w.end)
            )


@given(texts())
def test_only_tokens_longer_than_a_window_are_split(text):
    length, size, context, starts, _ = text
    longest = max([b - a for a, b in zip(starts, [*starts[1:], length])], default=0)
    if longest <= size - 2 * context:
        assert all(w.core_start in starts for w in cut_windows(*text))


def test_short_text_is_one_window():
    assert cut_windows(5, 10, 2, offset=7) == [Window(7, 12, 7, 12)]
    assert cut_windows(0, 10, 2) == []


def test_windows_end_with_sentences():
    # Cores could have 8 and 6 wordpieces; sentence ends reduce them to 6 and 5.
    windows = cut_windows(20, 10, 2, range(20), [0, 6, 11])
    assert [w.core_end for w in windows[:2]] == [6, 11]


def test_sentence_ends_are_ignored_in_the_first_half_of_a_core():
    # Ending cores at every sentence end would give more windows.
    assert [w.core_end for w in cut_windows(20, 10, 2, range(20), [0, 3, 4])] == [8, 14, 20]
    # A core that is exactly half full does not end there.
    assert [w.core_end for w in cut_windows(20, 10, 2, range(20), [0, 4, 5])] == [5, 11, 17, 20]
    assert [w.core_end for w in cut_windows(20, 10, 2, range(20), [0, 9])][0] == 8


def size(batch):
    return len(batch) * padded_length(batch[0].end + 2)


def cost(batches, batching):
    return sum(size(batch) + batching.cost for batch in batches)


def groupings(windows, batching):
    """All ways to split windows into allowed batches."""
    if not windows:
        yield []
    for n in batching.counts[batching.counts <= len(windows)].tolist():
        if n == 1 or size(windows[:n]) <= batching.max_items:
            yield from ([windows[:n], *rest] for rest in groupings(windows[n:], batching))


@given(
    st.lists(st.integers(1, 60), max_size=9),
    st.integers(8, 300),
    st.integers(1, 200),
    st.sampled_from([ON_CPU, ON_GPU]),
)
def test_batches_are_bounded_and_have_the_lowest_cost(lengths, max_items, batch_cost, device):
    batching = replace(device, max_items=max_items, cost=batch_cost)
    windows = [Window(0, n, 0, n) for n in lengths]
    batches = batch_windows(windows, 2, batching)
    longest_first = sorted(windows, key=lambda window: -window.end)
    assert [window for batch in batches for window in batch] == longest_first
    assert all(len(batch) == 1 or size(batch) <= max_items for batch in batches)
    cheapest = min(cost(some, batching) for some in groupings(longest_first, batching))
    assert cost(batches, batching) == cheapest


def test_cpu_batches_have_few_shapes():
    windows = [Window(0, n, 0, n) for n in range(1, 255) for _ in range(n % 7)]
    batches = batch_windows(windows, 2, ON_CPU)
    shapes = {(len(batch), padded_length(batch[0].end + 2)) for batch in batches}
    assert {n for n, _ in shapes} <= {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128}
    assert {length % 4 for _, length in shapes} == {0}
    text = sum(window.end + 2 for window in windows)
    assert cost(batches, ON_CPU) < 1.15 * text


def test_gpu_batches_are_as_large_as_possible():
    windows = [Window(0, n, 0, n) for n in range(5, 130)]
    assert len(batch_windows(windows, 2, ON_GPU)) == 1
