"""The order of a printed report: which findings are shown, which fold under their cause, which are only named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from headtorch.model import Finding
from headtorch.render.numbers import count

MOST_SHOWN = 3


class Order(NamedTuple):
    """`shown` are the first causes, each with the rules that follow from it; `named` the causes beyond these.

    `brief` are the findings of severity "note" that follow from nothing shown.
    """

    shown: list[tuple[Finding, list[str]]]
    named: list[str]
    brief: list[Finding]


def order(findings: Sequence[Finding]) -> Order:
    """Sort `findings` for printing. A consequence whose cause is not in the report stands like a cause."""
    groups = grouped(findings)
    causes = [(head, followers) for head, followers in groups if head.severity != "note"]
    return Order(
        shown=[(head, [follower.rule for follower in followers]) for head, followers in causes[:MOST_SHOWN]],
        named=[head.rule for head, _ in causes[MOST_SHOWN:]],
        brief=[head for head, _ in groups if head.severity == "note"],
    )


def grouped(findings: Sequence[Finding]) -> list[tuple[Finding, list[Finding]]]:
    """The findings that follow from nothing in the report, each with all that follow from it in the end."""
    by_rule: dict[str, Finding] = {}
    for finding in sorted(findings, key=lambda finding: finding.role == "consequence"):
        if finding.severity != "note":
            by_rule.setdefault(finding.rule, finding)

    heads: list[Finding] = []
    followers: dict[str, list[Finding]] = {}
    for finding in findings:
        root = _root(finding, by_rule)
        if root is finding:
            heads.append(finding)
        else:
            followers.setdefault(root.rule, []).append(finding)
    # Of two causes of one rule the first takes the consequences; a note takes none.
    ordered = sorted(heads, key=lambda head: head.severity == "note")
    return [(head, followers.pop(head.rule, []) if head.severity != "note" else []) for head in ordered]


def counted(findings: Iterable[Finding]) -> str:
    """How many causes of each severity, and how many findings follow from them: "1 error, 2 that follow"."""
    roles = Counter(finding.severity if finding.role == "cause" else "consequence" for finding in findings)
    told = [count(roles[severity], severity) for severity in ("error", "warning", "note") if roles[severity]]
    if followers := roles["consequence"]:
        told.append(f"{followers} that follow" if followers > 1 else "1 that follows")
    return ", ".join(told)


def names(rules: Iterable[str]) -> str:
    """Rules in a sentence: "`nan-loss`, `no-zero-grad` and `dead-relu` (3 times)"."""
    *others, last = [f"`{rule}`" if n == 1 else f"`{rule}` ({n} times)" for rule, n in Counter(rules).items()]
    return f"{', '.join(others)} and {last}" if others else last


def _root(finding: Finding, by_rule: dict[str, Finding]) -> Finding:
    """What `finding` follows from in the end; itself for a cause, and for one in a circle of consequences."""
    passed = [finding]
    while passed[-1].role == "consequence":
        cause = by_rule.get(passed[-1].follows_from or "")
        if cause is None:
            break
        if any(cause is earlier for earlier in passed):
            return finding
        passed.append(cause)
    return passed[-1]
