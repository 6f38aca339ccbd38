"""Scripts and benchmarks use names that exist; running all of them would take hours."""

import ast
import importlib
import inspect
from pathlib import Path

import pytest

import scellm

PROJECT = Path(__file__).parents[1]
FILES = sorted([*PROJECT.glob("scripts/*.py"), *PROJECT.glob("benchmarks/*.py")])


def missing_imports(tree):
    """Names that are imported from the package and do not exist."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "scellm":
            try:
                module = importlib.import_module(node.module)
            except ModuleNotFoundError as error:
                yield str(error)
                continue
            yield from (f"{node.module}.{a.name}" for a in node.names if not hasattr(module, a.name))


def missing_attributes(tree):
    """Chains such as `scellm.pp.prepare` that do not exist, up to the first object that is no module."""
    for node in ast.walk(tree):
        names = []
        while isinstance(node, ast.Attribute):
            names, node = [node.attr, *names], node.value
        found = scellm if isinstance(node, ast.Name) and node.id == "scellm" else None
        for name in names:
            if not inspect.ismodule(found):
                break
            if not hasattr(found, name):
                yield ".".join(["scellm", *names])
            found = getattr(found, name, None)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_every_name_exists(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not [*missing_imports(tree), *missing_attributes(tree)]


def test_a_missing_name_would_be_found():
    tree = ast.parse("from scellm.pp import nothing\nfrom scellm.none import x\nscellm.tl.none(1)\nscellm.tl.embed(1)")
    assert list(missing_imports(tree)) == ["scellm.pp.nothing", "No module named 'scellm.none'"]
    assert set(missing_attributes(tree)) == {"scellm.tl.none"}
