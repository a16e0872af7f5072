from hypothesis import given
from hypothesis import strategies as st

from spacy_transformer_ner.encoder.windows import Window, batch_windows, cut_windows


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
def test_every_wordpiece_is_read_where_it_has_most_context(text):
    length, size, context, *_ = text
    windows = cut_windows(*text)

    def seen(window, position):
        # An end of the text is no lack of context.
        left = position - window.start if window.start else length
        right = window.end - 1 - position if window.end < length else length
        return min(left, right)

    for window in windows:
        for position in range(window.core_start, window.core_end):
            assert seen(window, position) >= min(
                context, max(seen(w, position) for w in windows if w.start <= position < w.end)
            )


@given(texts())
def test_tokens_are_cut_only_if_longer_than_a_window(text):
    length, size, context, starts, _ = text
    longest = max([b - a for a, b in zip(starts, [*starts[1:], length])], default=0)
    if longest <= size - 2 * context:
        assert all(w.core_start in starts for w in cut_windows(*text))


def test_short_text_is_one_window():
    assert cut_windows(5, 10, 2, offset=7) == [Window(7, 12, 7, 12)]
    assert cut_windows(0, 10, 2) == []


def test_windows_end_with_sentences():
    # Cores could be 8 and then 6 long; sentences make them 6 and 5.
    windows = cut_windows(20, 10, 2, range(20), [0, 6, 11])
    assert [w.core_end for w in windows[:2]] == [6, 11]


def test_batches_are_bounded_and_complete():
    windows = [Window(0, n, 0, n) for n in (3, 9, 1, 4, 20, 4)]
    batches = batch_windows(windows, 10)
    assert sorted(w.end for batch in batches for w in batch) == [1, 3, 4, 4, 9, 20]
    for batch in batches:
        assert len(batch) == 1 or max(w.end for w in batch) * len(batch) <= 10


@given(st.lists(st.integers(1, 60), max_size=150), st.integers(8, 500))
def test_batches_pad_little_unless_they_are_small(lengths, max_items):
    windows = [Window(0, n, 0, n) for n in lengths]
    batches = batch_windows(windows, max_items)
    for batch in batches:
        longest = batch[0].end
        for position, window in enumerate(batch):
            assert 8 * window.end >= 7 * longest or 4 * longest * position < max_items
