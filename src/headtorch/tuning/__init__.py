"""Tuning: a search over the numbers of a script, begun where its diagnosis points and cut short where it shows harm.

knobs        the numbers, found in the source by what was recorded; one file a kind
beginnings   what the diagnosis and a range test know of good values
study        the Optuna study in its file
search       trials until the budget is used up, and the best one confirmed on fresh seeds
command      what `headtorch tune` does
"""
