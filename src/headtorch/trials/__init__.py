"""Trials: the user's script is run again with a change and nothing else, and what the change did is measured.

workplace    a scratch copy of the folders a script runs in
child        one run of a script there, in a process of its own; the only part that meets torch
comparisons  what the script compares: predictions with targets, in training and in evaluation
runner       starts children on this machine and reads what they bring back
cluster      does so on the machines of a Ray cluster
hopeless     what shows of a run, before its end, that nothing will come of it
verdict      what pairs of runs show of a change
pairs        a change that won on one seed, confirmed on others
fix          from a diagnosis to a verified change, one fault after another
"""
