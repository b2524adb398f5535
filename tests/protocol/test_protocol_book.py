"""The book's pages while another process writes in them."""

from types import SimpleNamespace

from fake_arms import curve, table

from istar.ledger import Spending
from istar.protocol.book import Book

TABLE = table("shot_shapley/a", 0)


class SharedLedger:
    """A ledger into which another process writes an evaluation, whole, after the first question it is asked."""

    def __init__(self):
        self.written = False

    def _now(self, rows):
        there, self.written = self.written, True
        return rows if there else ()

    def _nothing(self, run):
        return ()

    proposals = rounds = questions = interpretations = _nothing

    def evaluations(self, run, **_):
        record = SimpleNamespace(question_hash=TABLE.question.hash, spending=Spending(), status="ok", reason="")
        return self._now((record,))

    def curves(self, run, **_):
        return self._now((curve(TABLE, 0, "white_box", 0.5),))


def test_an_evaluation_is_never_seen_without_its_curves():
    book = Book(SharedLedger(), "run")
    for _ in range(2):
        found = book.evaluations("train", "method")
        assert all(evaluation.curves for evaluation in found.values())
    assert found
