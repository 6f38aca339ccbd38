"""What every public function looks like, and which room may import which."""

import ast
import importlib
import inspect
from pathlib import Path

import pytest

import scellm

SRC = Path(scellm.__file__).parent
ROOMS = {
    "pp": set(),
    "data": {"pp"},
    "nn": {"data"},
    "train": {"pp", "data", "nn"},
    "model": {"pp", "data", "nn", "train"},
    "baselines": {"pp", "data"},
    "bm": {"baselines"},
    "tl": {"pp", "model"},
    "pl": {"model", "tl"},
}
FORBIDDEN = {
    "pp": {"torch", "lightning"},
    "nn": {"anndata"},
    "train": {"anndata", "scanpy"},
    "pl": {"torch", "lightning"},
}
FUNCTIONS = {
    f"{m.__name__}.{n}": getattr(m, n)
    for m in (scellm.pp, scellm.tl, scellm.pl)
    for n in m.__all__
    if inspect.isfunction(getattr(m, n))
}
METHODS = {
    f"CellLM.{n}": getattr(scellm.CellLM, n)
    for n in ("setup_anndata", "pretrain", "train", "predict", "get_latent_representation")
}


def modules(room):
    return sorted((SRC / room).rglob("*.py"))


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_looks_up(room):
    for path in modules(room):
        for name in imports(path):
            parts = name.split(".")
            if parts[0] == "scellm" and len(parts) > 1 and not parts[1].startswith("_"):
                assert parts[1] == room or parts[1] in ROOMS[room], f"{path} imports {name}"
            assert parts[0] not in FORBIDDEN.get(room, ()), f"{path} imports {name}"


def test_every_room_is_listed():
    assert {p.name for p in SRC.iterdir() if (p / "__init__.py").exists()} == set(ROOMS)


def test_nn_takes_tokens_only_from_data():
    names = {n for path in modules("nn") for n in imports(path) if n.startswith("scellm.data")}
    assert names <= {"scellm.data._tokens"}


@pytest.mark.parametrize("name", [n for n in FUNCTIONS if "load_vocabulary" not in n])
def test_signature(name):
    parameters = list(inspect.signature(FUNCTIONS[name]).parameters.values())
    positional = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert len(positional) <= 3
    assert parameters[0].name in {"adata", "model"}
    for p in parameters:
        if p.default is not p.empty:
            assert p.kind is p.KEYWORD_ONLY, f"{name}({p.name})"
    if "copy" in {p.name for p in parameters}:
        assert "| None" in str(inspect.signature(FUNCTIONS[name]).return_annotation)


@pytest.mark.parametrize("name", FUNCTIONS | METHODS)
def test_docstring_has_its_sections_and_every_parameter(name):
    f = (FUNCTIONS | METHODS)[name]
    doc = inspect.getdoc(f)
    parameters = [p for p in inspect.signature(f).parameters if p != "self"]
    wanted = ["Returns\n-------"] + (["Parameters\n----------"] if parameters else [])
    wanted += ["Examples\n--------"] if name in FUNCTIONS and parameters else []
    for section in wanted:
        assert section in doc, f"{name} lacks {section.splitlines()[0]}"
    for p in parameters:
        assert p in doc, f"{name} does not describe {p}"


def test_every_argument_is_annotated():
    for path in SRC.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                for a in [*node.args.args, *node.args.kwonlyargs]:
                    assert a.annotation is not None or a.arg in {"self", "cls"}, (
                        f"{path}:{node.lineno} {node.name}({a.arg})"
                    )


def test_every_public_name_is_in_the_api_docs():
    page = SRC.parents[1] / "docs/api/index.md"
    if not page.exists():
        pytest.skip("installed without the documentation's source")
    text = page.read_text()
    for room in ("pp", "tl", "pl", "baselines", "bm", "data", "nn", "train", "train.graphmae"):
        module = importlib.import_module(f"scellm.{room}")
        for name in module.__all__:
            obj = getattr(module, name)
            if inspect.isfunction(obj) or inspect.isclass(obj):
                assert f"{room}.{name}" in text or name == "identity", f"{room}.{name} is not in docs/api/index.md"
    assert "CellLM" in text


def test_files_and_functions_are_small():
    for path in SRC.rglob("*.py"):
        text = path.read_text()
        assert text.count("\n") <= 400, path
        assert not [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Assert)], path


def test_settings_are_scvis():
    import scvi

    assert scellm.settings is scvi.settings
