"""Sick scripts: one training a rule, whose only fault is the one the rule is named after."""
