"""Find reviewed texts in the documents of a corpus file, and correct their entities."""

from collections.abc import Iterator

from spacy.tokens import Doc

from ..checks.facts import fact_id
from ..corpus.origin import origin_of
from ..corpus.sources import shorten
from ..errors import InputError
from .changes import Change, Ent
from .decisions import Decision, Dense, Text, dense, overlap


class ReviewedDoc:
    """A document of a corpus file.

    doc (Doc): The document, with the entities of the file.

    path (str): The file that it comes from. "" if unknown.
    lines (list[int | None]): The line of each token. None if unknown.
    """

    def __init__(self, doc: Doc):
        self.doc = doc
        origins = [origin_of(doc, i) for i in range(len(doc))]
        self.path = origins[0][0] if origins and origins[0] else ""
        self.lines = [None if origin is None else origin[1] for origin in origins]
        self._decided: list[tuple[Decision, int]] = []

    def read(self) -> None:
        """Prepare for `find` and `apply`, if there may be a decision about this document."""
        self._text, self._offsets = dense(self.doc.text)
        self._places = [i for i, c in enumerate(self.doc.text) if not c.isspace()]
        self._before = {
            (self._offsets[ent.start_char], self._offsets[ent.end_char], ent.label_)
            for ent in self.doc.ents
        }
        self._after = set(self._before)

    def find(self, decision: Decision) -> int | None:
        """Find a reviewed text.

        decision (Decision): A decision about it.
        RETURNS (int | None): Its offset in the text without whitespace. None if it is not here.
        """
        starts = [
            token.idx
            for token, line in zip(self.doc, self.lines)
            if line == decision.line
            and self._text.startswith(decision.text, self._offsets[token.idx])
        ]
        nearest = min(starts, key=lambda start: abs(start - decision.offset), default=None)
        return None if nearest is None else self._offsets[nearest]

    def apply(self, text: Text, base: int) -> Iterator[str]:
        """Apply the decisions about a text.

        text (Text): The decisions.
        base (int): The offset of the text, from `find`.
        YIELDS (str): The outcome of each: "kept", "corrected", or "before" if it had been
            corrected in this way before.
        RAISES: InputError if the annotation is not the one that was reviewed.
        """
        removed, added = (
            {_moved(ent, base) for ent in entities} for entities in (text.removed, text.added)
        )
        touched = removed | added
        is_done = added == {
            ent for ent in self._after if any(overlap(ent, other) for other in touched)
        }
        for decision in text.decisions:
            mention = _moved(decision.mention, base)
            if decision.corrects:
                yield "before" if is_done else "corrected"
            else:
                yield "kept"
            wrong = {_moved(ent, base) for ent in decision.removed} - self._before
            if not decision.corrects and self._label(mention, self._before) != mention[2]:
                wrong.add(mention)
            if wrong and not (is_done and decision.corrects):
                raise self._changed(decision, min(wrong))
            self._decided.append((decision, base))
        self._after = self._after - removed | added
        for ent in added:
            for other in self._after - {ent}:
                if overlap(ent, other):
                    raise self._error(
                        ent,
                        f"{self._said(ent)} of {text.first.at} overlaps with {self._said(other)}. "
                        "Remove one of them in the review.",
                    )

    def change(self, number: int) -> Change | None:
        """number (int): The index of the document in the file.
        RETURNS (Change | None): The change, if there is one."""
        if self._after == self._before:
            return None
        return Change(number, self.doc, tuple(sorted(map(self._ent, self._after))))

    def facts(self) -> Iterator[dict]:
        """YIELDS (dict): What was decided, to remember it: about each suspect, its label or that
        it is not an entity, and the entities that were added."""
        for decision, base in self._decided:
            mention = _moved(decision.mention, base)
            now = {(*mention[:2], self._label(mention, self._after))}
            for ent in sorted(now | {_moved(ent, base) for ent in decision.added}):
                start, end, label = self._ent(ent)
                yield {
                    "id": fact_id(self.doc, start, end, label),
                    "text": self.doc.text[start:end],
                    "label": label,
                    "decision": "corrected" if decision.corrects else "kept",
                    "place": self._place(start),
                }

    def _label(self, mention: Dense, entities: set[Dense]) -> str:
        """The label of exactly this mention; "" if it is not an entity."""
        return next((ent[2] for ent in entities if ent[:2] == mention[:2]), "")

    def _ent(self, ent: Dense) -> Ent:
        return Ent(self._places[ent[0]], self._places[ent[1] - 1] + 1, ent[2])

    def _said(self, ent: Dense) -> str:
        text = shorten(self._text[ent[0] : ent[1]], 40)
        return f"{ent[2]} {text}" if ent[2] else text

    def _place(self, start: int) -> str:
        token = self._token(start)
        return f"{self.path}:{self.lines[token]}" if self.path else ""

    def _token(self, start: int) -> int:
        return max(t.i for t in self.doc if t.idx <= start)

    def _changed(self, decision: Decision, ent: Dense) -> InputError:
        label = self._label(ent, self._before)
        found = f"is {label} here" if label else "is not an entity here"
        return self._error(
            ent,
            f"{self._said((*ent[:2], ''))} {found}, but was {ent[2] or 'not an entity'} when it "
            f"was reviewed ({decision.at}). List the suspects again, or remove this decision.",
        )

    def _error(self, ent: Dense, message: str) -> InputError:
        line = self.lines[self._token(self._places[ent[0]])]
        return InputError(message, path=self.path or None, line=line)


def _moved(ent: Dense, base: int) -> Dense:
    return ent[0] + base, ent[1] + base, ent[2]
