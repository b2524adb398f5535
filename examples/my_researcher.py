"""A researcher of your own: it tunes the constants of one method of the library by what its questions say."""

import ast
import math

from istar.researchers import RESEARCHERS, NothingNewError, Proposal, Researcher, ResearcherError

ATTEMPTS = 20  # draws for one proposal


@RESEARCHERS.register("tuner")
class Tuner(Researcher):
    """Varies the constants of the best method so far, and proposes the variant that does best where that did worst.

    Args:
        method: the method of the library that it begins with.
        step: how far a constant moves, as a share of itself.
        candidates: how many variants it tries before it proposes one.
        questions: on how many questions it tries each.
    """

    name = "tuner"

    def __init__(self, method="tuned_lens", step=0.3, candidates=2, questions=1):
        super().__init__()
        self.method, self.step, self.candidates, self.questions = method, step, candidates, questions

    def begin(self, workbench):
        """Find the constants of the method."""
        super().begin(workbench)
        if not constants(workbench.library.get(self.method, "")):
            raise ResearcherError(f"the library has no method {self.method!r} with numbers at its top")

    def _compose(self, seed):
        known = {proposal.source for proposal in (*(each for each, _ in self.told), *self.pending)}
        if not known:
            return Proposal(self.workbench.library[self.method], self.method)
        parent, worst = self._best()
        drawn = []
        for attempt in range(ATTEMPTS):
            source = varied(parent.source, self.step, seed.split(attempt).generator())
            if source not in known and source not in drawn and self._passes(source):
                drawn.append(source)
            if len(drawn) == self.candidates:
                break
        if not drawn:
            raise NothingNewError(f"none of {ATTEMPTS} variants of {parent.name} is new and passes the check")
        source = max(drawn, key=lambda each: self._promise(each, worst))
        chosen = constants(source)
        name = " ".join([self.method, *(f"{key.lower()}={value:g}" for key, value in chosen.items())])
        return Proposal(source, name, parents=(parent.hash,), parameters={"constants": chosen, "worst": worst})

    def _best(self):
        """Return the best proposal so far, and the questions on which it did worst."""
        rewarded = [each for each in self.told if each[1].reward is not None]
        if not rewarded:  # its first methods failed, or are still being tried
            first = self.told[0][0] if self.told else self.pending[0]
            return first, []
        proposal, feedback = max(rewarded, key=lambda each: each[1].reward)
        asked = [each for each in feedback.questions if each.reward is not None]
        return proposal, [each.question for each in sorted(asked, key=lambda each: each.reward)[: self.questions]]

    def _passes(self, source):
        return self.workbench.checks_left > 0 and self.workbench.check(source, self.method).passed

    def _promise(self, source, worst):
        """Return the reward of a variant on a few questions, as long as the workbench's budget lasts."""
        if not worst or len(worst) > self.workbench.questions_left:
            return 0.0
        reward = self.workbench.score(source, worst, name=self.method).reward
        return -math.inf if reward is None else reward


def constants(source):
    """Return the numbers that a method sets at its top, by name."""
    found = {}
    for node in ast.parse(source).body:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Constant)
            and type(node.value.value) in (int, float)
        ):
            found[node.targets[0].id] = node.value.value
    return found


def varied(source, step, generator):
    """Return the source with one of its constants moved."""
    found = constants(source)
    name = str(generator.choice(list(found)))
    value = found[name] * math.exp(generator.normal(0, step))
    value = max(1, round(value)) if isinstance(found[name], int) else float(f"{value:.3g}")
    lines = source.splitlines(keepends=True)
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            line = lines[node.lineno - 1]
            lines[node.lineno - 1] = f"{line[: node.value.col_offset]}{value!r}{line[node.value.end_col_offset :]}"
    return "".join(lines)
