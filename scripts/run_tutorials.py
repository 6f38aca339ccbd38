"""Execute the tutorials in place; remove progress bars, warnings of this machine and colour codes.

python scripts/run_tutorials.py [NOTEBOOK ...]      # SCELLM_DATA_DIR: the folder that 03 and 04 read
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

import nbclient
import nbformat

TUTORIALS = Path(__file__).parent.parent / "tutorials"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def tidy(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Remove the error stream, empty output and colour codes."""
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.outputs = [tidy_output(o) for o in cell.outputs if not (o.output_type == "stream" and o.name == "stderr")]
        cell.outputs = [o for o in cell.outputs if not (o.output_type == "stream" and is_noise(o.text))]
        cell.outputs = [o for o in cell.outputs if "ipywidgets" not in o.get("data", {}).get("text/plain", "")]
        cell.metadata.pop("execution", None)
    return notebook


def is_noise(text: str) -> bool:
    """Whether a text is empty or a progress bar."""
    return not text.strip() or text.strip().startswith(("Training:", "Epoch "))


def tidy_output(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Remove colour codes from text, and the markup for notebooks from rich output, which repeats the text."""
    if output.output_type == "stream":
        output.text = COLOUR.sub("", output.text)
    elif "data" in output and "text/plain" in output.data:
        output.data["text/plain"] = COLOUR.sub("", output.data["text/plain"])
    return output


def main() -> None:
    """Run all tutorials, or those named on the command line."""
    for path in [Path(a) for a in sys.argv[1:]] or sorted(TUTORIALS.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        with tempfile.TemporaryDirectory() as folder:
            nbclient.NotebookClient(notebook, timeout=900, resources={"metadata": {"path": folder}}).execute()
        nbformat.write(tidy(notebook), path)


if __name__ == "__main__":
    main()
