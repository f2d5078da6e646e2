"""Compares what a judge saw with the world that was asked for, and counts with Wilson's intervals."""

import math
from dataclasses import dataclass, field
from itertools import permutations

from judge import SubjectVerdict, Verdict, best
from judge_fit import FOLDS
from world import Relation, Subject, World

ATTRIBUTES = ("color", "shape", "size", "motion")
EVERYTHING = frozenset([*ATTRIBUTES, "scene", "camera", "relation"])
Z = 1.96  # of a 95 % interval
SAME_SIZE = 0.82  # of two radii: half of the step from one of the world's sizes to the next


@dataclass
class Tally:
    """Right answers out of all."""

    right: int = 0
    total: int = 0

    def add(self, is_right: bool) -> None:
        self.right += is_right
        self.total += 1

    @property
    def share(self) -> float:
        return self.right / self.total if self.total else math.nan

    def interval(self) -> tuple[float, float]:
        """Wilson's score interval at 95 %."""
        if self.total == 0:
            return 0.0, 1.0
        n, p = self.total, self.share
        middle = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
        half = Z / (1 + Z**2 / n) * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
        return max(0.0, middle - half), min(1.0, middle + half)

    def as_dict(self) -> dict[str, object]:
        return dict(right=self.right, total=self.total, interval=[round(end, 4) for end in self.interval()])


@dataclass
class Scores:
    """A tally for each question, in the order in which the questions came up."""

    tallies: dict[str, Tally] = field(default_factory=dict)

    def add(self, answers: dict[str, list[bool]]) -> None:
        for question, rights in answers.items():
            for is_right in rights:
                self.tallies.setdefault(question, Tally()).add(is_right)

    def as_dict(self) -> dict[str, object]:
        return {question: tally.as_dict() for question, tally in self.tallies.items()}


def is_right(asked: Subject, seen: SubjectVerdict, attribute: str) -> bool:
    answer, wanted = seen.best(attribute), getattr(asked, attribute)
    if attribute == "motion" and asked.shape not in FOLDS and wanted in ("still", "spin"):
        return answer in ("still", "spin")  # nobody sees a ball or a ring turn
    return answer == wanted


def right_attributes(asked: Subject, seen: SubjectVerdict | None) -> dict[str, bool]:
    return {attribute: seen is not None and is_right(asked, seen, attribute) for attribute in ATTRIBUTES}


def match(world: World, verdict: Verdict) -> list[SubjectVerdict | None]:
    """For each subject asked for the one seen that fits it best, among as many of the largest ones."""
    seen: list[SubjectVerdict | None] = list(verdict.subjects[: len(world.subjects)])
    seen += [None] * (len(world.subjects) - len(seen))

    def fit(order: tuple[SubjectVerdict | None, ...]) -> int:
        return sum(sum(right_attributes(asked, one).values()) for asked, one in zip(world.subjects, order))

    return list(max(permutations(seen), key=fit))


def holds(relation: Relation, seen: list[SubjectVerdict | None]) -> bool:
    one, other = seen[relation.one], seen[relation.other]
    if one is None or other is None:
        return False
    return one.x < other.x if relation.kind == "left of" else one.radius > other.radius


def answers(
    world: World, verdict: Verdict, asked: frozenset[str] = EVERYTHING
) -> dict[str, list[bool]]:
    """Question → right or wrong, for each subject or once. What was not asked for is left out."""
    seen = match(world, verdict)
    matched = [right_attributes(subject, one) for subject, one in zip(world.subjects, seen)]
    result = {attribute: [rights[attribute] for rights in matched] for attribute in ATTRIBUTES if attribute in asked}
    if "scene" in asked:
        result["scene"] = [best(verdict.scene) == world.scene]
    if "camera" in asked and world.scene != "gray":  # nothing shows a camera before a plain wall
        result["camera"] = [best(verdict.camera) == world.camera]
    result["number of subjects"] = [len(verdict.subjects) == len(world.subjects)]
    if len(world.subjects) > 1:
        bound = all(rights["color"] and rights["shape"] for rights in matched)
        count = {2: "two", 3: "three"}[len(world.subjects)]
        result[f"{count} bound (color, shape)"] = [bound]
        result[f"{count} bound (and motion)"] = [bound and all(rights["motion"] for rights in matched)]
    if "relation" in asked:  # what is behind what is not judged
        judged = [relation for relation in world.relations if relation.kind != "behind"]
        result["relation"] = [holds(relation, seen) for relation in judged]
    return result


def comes_back(before: SubjectVerdict, after: SubjectVerdict) -> bool:
    """Whether it is the same subject: by color, shape and size."""
    named = all(before.best(attribute) == after.best(attribute) != "none" for attribute in ("color", "shape"))
    return named and min(before.radius, after.radius) > SAME_SIZE * max(before.radius, after.radius)


def table(columns: dict[str, Scores]) -> str:
    """A Markdown table: a row for each question, a column for each set of scores."""
    questions = list(dict.fromkeys(question for scores in columns.values() for question in scores.tallies))
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for question in questions:
        cells = [cell(scores.tallies.get(question)) for scores in columns.values()]
        lines.append(f"| {question} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def cell(tally: Tally | None) -> str:
    if tally is None:
        return "–"
    low, high = tally.interval()
    return f"{tally.right}/{tally.total} = {100 * tally.share:.0f} % ({100 * low:.0f} to {100 * high:.0f})"
