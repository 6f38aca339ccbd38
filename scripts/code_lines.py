"""Print the lines of code of the package and of its tests, and their ratio (without docstrings and comments).

python scripts/code_lines.py [minimum ratio]    # an error if the ratio is lower
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from pathlib import Path

ROOT = Path(__file__).parents[1]


def code_lines(path: Path) -> int:
    """Number of lines that contain code."""
    text = path.read_text(encoding="utf-8")
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in skipped:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)


def main(least: float) -> None:
    """Print both numbers and their ratio."""
    n = {name: sum(map(code_lines, (ROOT / name).rglob("*.py"))) for name in ("src", "tests")}
    ratio = n["tests"] / n["src"]
    print(f"lines of code: {n['src']:,} in src, {n['tests']:,} in tests; tests / src {ratio:.2f} (at least {least})")
    if ratio < least:
        raise SystemExit("There are too few tests.")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 0.8)
