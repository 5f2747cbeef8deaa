"""The run file: one SQLite file a run, written beside the training and read by everything after it."""
