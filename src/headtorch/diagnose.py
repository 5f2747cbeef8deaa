"""Diagnose: run the rules over a run file and put causes before what follows from them."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np

from headtorch.model import Finding, Report, UserError
from headtorch.rules import Rule, all_rules
from headtorch.signals import Signals
from headtorch.store.run import Run

ENOUGH = 20  # steps, before it says anything that nothing is learned yet
NOTHING = 0.05  # of the way from chance to 0: 117 of 118 healthy trainings come further
MOST_NAMED = 8  # ranks in a sentence
_SEVERITIES = ("error", "warning", "note")


def diagnose(path: Path, rules: Sequence[Rule] | None = None) -> tuple[Report, dict[str, str]]:
    """The report of a run file, and the user's sources by file. Raises UserError when the file cannot be read.

    A rule that raises is named in a notice, and the others go on.
    """
    run = Run(path)
    try:
        signals = Signals(run)
        found: list[Finding] = []
        failed: set[str] = set()
        notices = [*_notices(run), *_ranks_not_seen(signals), *_not_seen(signals)]
        rules = all_rules() if rules is None else rules
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # NaN is what many of them look for
            for rule in rules:
                try:
                    found += rule.find(signals) if signals.fits else ()
                except UserError:
                    raise
                except Exception as error:
                    failed.add(rule.name)
                    notices.append(f"rule `{rule.name}` failed ({type(error).__name__}: {error}); the others went on")
            chosen = {rule.name for rule in rules}
            findings = settled(order(found, rules), [finding for finding in run.tried if finding.rule in chosen])
            told = any(finding.severity != "note" for finding in findings)
            if not told:
                notices = [*_unexplained(signals), *notices]
            report = Report(
                verdict="faulty" if told else "unknown" if _unexplained(signals) or not signals.fits else "healthy",
                run=run.summary(),
                findings=findings,
                looked_at=_looked_at(signals, len(rules)),
                notices=tuple(notices),
                rules=tuple(rule.name for rule in rules if rule.name not in failed),
            )
        return report, run.sources
    finally:
        run.close()


def order(found: Sequence[Finding], rules: Sequence[Rule]) -> tuple[Finding, ...]:
    """Causes first, most certain first; each consequence after them with the name of its cause."""
    symptoms = {rule.name for rule in rules if rule.symptom}
    leads_to = {rule.name: {*rule.leads_to} | (symptoms - {rule.name}) for rule in rules}
    unique = {(finding.rule, finding.where): finding for finding in sorted(found, key=lambda f: f.confidence)}

    def follows(finding: Finding) -> bool:
        """Whether something as certain leads to it, and not the other way round."""
        return any(
            other.confidence == finding.confidence
            and finding.rule in leads_to.get(other.rule, ())
            and other.rule not in leads_to.get(finding.rule, ())
            for other in unique.values()
        )

    ranked = sorted(unique.values(), key=lambda f: _rank(f, follows(f)))
    causes: list[Finding] = []
    consequences: list[Finding] = []
    for finding in ranked:
        cause = next((c for c in causes if finding.rule in leads_to.get(c.rule, ())), None)
        if cause is None:
            causes.append(finding)
        else:
            consequences.append(msgspec.structs.replace(finding, role="consequence", follows_from=cause.rule))
    return (*causes, *consequences)


def settled(findings: Sequence[Finding], tried: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings with what was tried of them, and those that only showed once others were cured.

    What was cured comes before all else: that was the cause.
    """
    left = {(finding.rule, finding.where): finding for finding in reversed(tried)}
    all_findings = [left.pop((finding.rule, finding.where), finding) for finding in findings]
    all_findings += [finding for finding in tried if (finding.rule, finding.where) in left]
    cured, others = [], []
    for finding in all_findings:
        if finding.tried is not None and finding.tried.verdict == "VERIFIED":
            cured.append(msgspec.structs.replace(finding, role="cause", follows_from=None))
        else:
            others.append(finding)
    return (*cured, *others)


def _rank(finding: Finding, follows: bool) -> tuple[bool, float, bool, int]:
    return finding.severity == "note", -finding.confidence, follows, _SEVERITIES.index(finding.severity)


def _unexplained(signals: Signals) -> list[str]:
    """What is wrong with the losses and would stand unsaid where no rule tells of it."""
    unexplained = []
    for fit in signals.fits:
        if signals.outdone(fit) or (fit.is_to_climb and fit.diverged_at is None):
            continue
        if fit.diverged_at is not None:
            unexplained.append(f"the loss became NaN at step {fit.diverged_at}, and no rule tells why")
        elif not signals.continued(fit) and fit.chance is not None and fit.steps >= ENOUGH and fit.gain < NOTHING:
            unexplained.append(
                f"the loss ended at {fit.last_loss:.3g}, where a constant answer has {fit.chance:.3g}: "
                "nothing was learned, and no rule tells why"
            )
        elif len(signals.fits) == 1 and fit.chance is None and fit.steps >= ENOUGH and fit.answered < 0:
            unexplained.append(
                f"the answers are right in {fit.fits_measure:.1%}, less often than if they all named one class: "
                "nothing was learned, and no rule tells why"
            )
        elif len(signals.fits) == 1 and fit.chance is None and fit.steps >= ENOUGH and fit.gain < 0:
            unexplained.append(
                f"the loss ended at {fit.last_loss:.3g}, above its start at {fit.first_loss:.3g}, and no rule tells why"
            )
    return unexplained


def _notices(run: Run) -> list[str]:
    notices = []
    for resume in run.resumes:
        at = time.strftime("%Y-%m-%d %H:%M", time.localtime(resume.began))
        notices.append(f"resumed at step {resume.step:,} on {at}; before that: {resume.ending}")
    if trouble := run.facts.get("trouble"):
        notices.append(str(trouble))
    if threads := run.facts.get("other_threads"):
        others = "another thread" if threads == 1 else f"{threads} other threads"
        notices.append(f"what {others} trained at the same time was not looked at")
    opaque = sorted({name for objective in run.objectives for name in objective.opaque})
    if opaque:
        notices.append(f"the inside of {', '.join(opaque)} could not be looked at")
    if not run.objectives:
        notices += _not_learnt(run)
    if any(objective.truncated for objective in run.objectives):
        notices.append("the network is too large for its graph to be looked at whole")
    return notices


def _not_learnt(run: Run) -> Iterator[str]:
    """What came instead of a training."""
    if any(optimizer.stepped_at is not None for optimizer in run.optimizers.values()):
        yield (
            "an optimizer took steps, but on gradients that no backward pass made: what torch.func or a formula of "
            "your own computes is not looked at"
        )
    elif calls := run.facts.get("unlearnt"):
        broken = run.facts.get("unlearnt_broken", 0.0)
        nan = f", and {broken:.2%} of what it was given is NaN or infinite" if broken else ""
        yield f"the network was called {calls:,} times, but no backward pass followed{nan}"


def _not_seen(signals: Signals) -> list[str]:
    """What the rules that need it had to do without, in a compiled network or the file of another version."""
    expected = {
        "gradients": ("grad_norm", signals.fits),
        "updates": ("update_ratio", [fit for fit in signals.fits if fit.steps > 1]),
        "inputs": ("input", [fit for fit in signals.fits if fit.objective.roots]),
        "activations": ("activation_std", [fit for fit in signals.fits if fit.objective.measured]),
    }
    missing = [
        name for name, (quantity, fits) in expected.items() if fits and not any(f.series(quantity) for f in fits)
    ]
    return [f"no {' and no '.join(missing)} could be looked at: the rules on them abstain"] if missing else []


def _ranks_not_seen(signals: Signals) -> list[str]:
    """The ranks of the job that could not be compared with this one."""
    facts, seen = signals.run.facts, {rank.number for rank in signals.ranks}
    notices = []
    missing = sorted({*range(int(facts.get("ranks", 1)))} - seen - {facts.get("rank", 0)})
    if missing:
        files = "no run file" if len(missing) == 1 else "no run files"
        notices.append(f"{files} of {_numbered(missing)} beside this one: what differs there could not be looked at")
    running = [rank.number for rank in signals.ranks if not rank.ended]
    if running and "ended" in facts:
        notices.append(f"{_numbered(running)} had not ended yet, or was killed, when this was judged")
    return notices


def _numbered(ranks: Sequence[int]) -> str:
    shown = ", ".join(map(str, ranks[:MOST_NAMED]))
    more = f" and {len(ranks) - MOST_NAMED} more" if len(ranks) > MOST_NAMED else ""
    return f"rank{'s' * (len(ranks) > 1)} {shown}{more}"


def _looked_at(signals: Signals, rules: int) -> str:
    looked = sum(len(fit.series("grad_norm").steps) for fit in signals.fits)
    parameters = len({number for fit in signals.fits for number in fit.objective.parameters})
    layers = sum(len(fit.network.linear_maps) for fit in signals.fits)
    steps = sum(fit.steps for fit in signals.fits)
    return (
        f"{parameters} parameters and {layers} layers on {looked:,} of {steps:,} steps and every loss, by {rules} rules"
    )
