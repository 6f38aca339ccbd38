"""Draw the imports between the subpackages of scellm, as text.

    python scripts/draw_imports.py            # prints the picture
    python scripts/draw_imports.py --write    # puts it into CONTRIBUTING.md

A room is a subpackage of `src/scellm`, or a file next to them. A room is listed above all rooms that it imports. A
circular import between rooms or files ends the script with an error.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src" / "scellm"
START, END = "<!-- imports -->", "<!-- /imports -->"
NESTED = ("scellm.train.graphmae",)  # a subpackage that counts as a room of its own
HELPERS = ("_keys", "_logging", "_options", "_assets", "_compat")  # may be imported by any room

Graph = dict[str, set[str]]


def main() -> None:
    """Print the picture, or write it to CONTRIBUTING.md."""
    files = file_graph(SRC)
    for graph in (files, room_graph(files)):
        circle = find_circle(graph)
        if circle:
            raise SystemExit(f"There is a circular import: {' -> '.join(circle)}")
    picture = draw(room_graph(files))
    if "--write" not in sys.argv:
        print(picture)
        return
    page = ROOT / "CONTRIBUTING.md"
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(START)
    page.write_text(f"{before}{START}\n```text\n{picture}```\n{END}{rest.split(END)[1]}", encoding="utf-8")


def file_graph(src: Path) -> Graph:
    """For each module, the modules of the package that it imports, also under `if TYPE_CHECKING`."""
    paths = {module_name(src, path): path for path in src.rglob("*.py")}
    return {name: set(imports_of(path, set(paths))) - {name} for name, path in paths.items()}


def module_name(src: Path, path: Path) -> str:
    """The import name of a file."""
    parts = path.relative_to(src.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path, known: set[str]) -> Iterator[str]:
    """Modules of `known` that a file imports; for a name imported from a package, its module if there is one."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from {name if name in known else node.module for name in names} & known
        elif isinstance(node, ast.Import):
            yield from {alias.name for alias in node.names} & known


def room_of(module: str) -> str:
    """The room that a module belongs to."""
    nested = next((n for n in NESTED if module == n or module.startswith(f"{n}.")), None)
    parts = module.split(".")
    return nested.removeprefix("scellm.") if nested else parts[1] if len(parts) > 1 else parts[0]


def room_graph(files: Graph) -> Graph:
    """For each room, the rooms that it imports; the package itself and its helpers are left out."""
    graph: Graph = {}
    for module, imported in files.items():
        room = room_of(module)
        if room != "scellm":
            graph.setdefault(room, set()).update(room_of(other) for other in imported)
    # A nested room is reached through its outer room; a file of that room that it uses is not counted as an import.
    outer = {n.removeprefix("scellm."): n.split(".")[1] for n in NESTED}
    leave = {"scellm", *HELPERS}
    return {r: {o for o in found if o not in leave | {r, outer.get(r)}} for r, found in graph.items() if r not in leave}


def find_circle(graph: Mapping[str, set[str]]) -> list[str]:
    """One cycle of a graph, with its first member repeated at the end; an empty list if there is none."""
    done: set[str] = set()

    def visit(node: str, way: list[str]) -> list[str]:
        if node in way:
            return [*way[way.index(node) :], node]
        if node in done:
            return []
        for other in sorted(graph.get(node, ())):
            found = visit(other, [*way, node])
            if found:
                return found
        done.add(node)
        return []

    return next((found for node in sorted(graph) if (found := visit(node, []))), [])


def floors(graph: Graph) -> list[list[str]]:
    """Rooms by level: the length of the longest chain of imports below them, the lowest first."""
    height: dict[str, int] = {}

    def of(node: str) -> int:
        if node not in height:
            height[node] = 1 + max((of(other) for other in graph[node]), default=-1)
        return height[node]

    top = max(of(node) for node in graph)
    return [sorted(n for n in graph if height[n] == floor) for floor in range(top + 1)]


def draw(graph: Graph) -> str:
    """One line per room: its level, its name, and the rooms that it imports."""
    wide = max(map(len, graph))
    lines = []
    for number, rooms in reversed(list(enumerate(floors(graph)))):
        for at, room in enumerate(rooms):
            floor = f"level {number}" if at == 0 else ""
            imported = ", ".join(sorted(graph[room])) or "nothing"
            lines.append(f"{floor:8} {room:{wide}} -> {imported}")
    helpers = ", ".join(HELPERS)
    n = sum(map(len, graph.values()))
    lines.append(f"{len(graph)} rooms, {n} imports, none circular; any room but bm may import {helpers}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
