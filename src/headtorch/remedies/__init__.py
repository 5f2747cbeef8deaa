"""Remedies: what the changes of several rules have in common."""

from headtorch.remedies.data import evaluated_made, input_made, standardised
from headtorch.remedies.initialisation import by_he
from headtorch.remedies.names import callee, network_name, optimizer_name, stepped_name
from headtorch.remedies.numbers import largest_rate, lower_rate, scaled, this_number, valued
from headtorch.remedies.shuffling import shuffled
from headtorch.remedies.statements import assignment_at, at_each_epoch, calls_on_line, source_of

__all__ = [
    "assignment_at",
    "at_each_epoch",
    "by_he",
    "callee",
    "calls_on_line",
    "evaluated_made",
    "input_made",
    "largest_rate",
    "lower_rate",
    "network_name",
    "optimizer_name",
    "scaled",
    "shuffled",
    "source_of",
    "standardised",
    "stepped_name",
    "this_number",
    "valued",
]
