"""Runs the plain loop in a cell of a notebook, by a real kernel: alone, or with `--watch` under `%%headtorch`."""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent
arguments = [argument for argument in sys.argv[1:] if argument != "--watch"]
magic = "%%headtorch\n" if "--watch" in sys.argv else ""
cells = (
    f"import sys\nsys.path.insert(0, {str(HERE)!r})\nsys.argv[1:] = {arguments!r}\n%load_ext headtorch",
    magic + (HERE / "train_plain.py").read_text(),
)
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
print("".join(output.text for output in notebook.cells[1].outputs if output.output_type == "stream"))
