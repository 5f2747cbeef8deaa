"""The drawings behind `figures.svg`: one file a kind of figure."""
