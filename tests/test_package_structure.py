"""Imports between subpackages ("rooms"), sizes of files and functions, and the form of public functions."""

import ast
import importlib
import importlib.util
import inspect
import re
import sys
import tomllib
from pathlib import Path

import pytest

import scellm

SRC = Path(scellm.__file__).parent
PROJECT = SRC.parents[1]

EVERYWHERE = {"_keys", "_logging", "_options", "_assets", "_compat", "_inputs"}
"""Helper files that any room may import, and that import nothing from the package."""

ROOMS = {
    "_tokens": set(),
    "_random": set(),
    "_download": set(),
    "_labels": set(),
    "_tensors": set(),
    "_threads": set(),
    "_peak_memory": set(),
    "_on_disk": set(),
    "genes": set(),
    "bm": {"_labels", "_on_disk"},
    "pp": {"_labels", "_on_disk", "genes"},
    "drug": {"_labels", "_on_disk", "genes"},
    "nn": {"_tokens"},
    "module": {"_tokens", "nn"},
    "weights": {"_download", "_tensors"},
    "data": {"_tokens", "_random", "_labels", "_download", "_on_disk", "genes", "pp"},
    "train": {"_tokens", "_random", "_tensors", "nn", "module", "train.graphmae"},
    "train.graphmae": {"genes", "train._best_weights"},
    "baselines": {"_labels", "_random", "genes", "data", "bm", "drug"},
    "datasets": {"_download", "bm"},
    "model": {
        "_tokens",
        "_random",
        "_labels",
        "_tensors",
        "_threads",
        "_peak_memory",
        "_on_disk",
        "genes",
        "pp",
        "nn",
        "module",
        "weights",
        "data",
        "train",
    }
    | {"baselines", "bm", "drug"},
    "tl": {"_labels", "_on_disk", "genes", "pp", "data", "drug", "bm", "baselines", "model"},
    "pl": {"_labels", "bm", "model", "tl"},
}
"""For each room, the rooms that it may import."""

FORBIDDEN = {
    "_tokens": {"anndata", "scvi", "lightning"},
    "genes": {"torch", "anndata", "scvi"},
    "drug": {"torch", "lightning", "scvi", "scanpy"},
    "pp": {"torch", "lightning", "scvi"},
    "nn": {"anndata", "scanpy", "scvi", "lightning"},
    "module": {"anndata", "scanpy", "lightning"},
    "weights": {"anndata", "scanpy", "scvi"},
    "train": {"anndata", "scanpy"},
    "train.graphmae": {"anndata", "scanpy"},
    "bm": {"torch", "scvi", "scanpy", "lightning"},
    "baselines": {"torch", "lightning"},
    "datasets": {"torch", "scvi", "scanpy", "lightning"},
    "pl": {"torch", "lightning"},
}
"""For each room, libraries that it must not import."""

BODY, PARAMETERS, LINES = 40, 8, 360

FUNCTIONS = {
    f"{m.__name__}.{n}": getattr(m, n)
    for m in (scellm.pp, scellm.tl, scellm.pl)
    for n in m.__all__
    if inspect.isfunction(getattr(m, n))
}
METHODS = {
    f"CellLM.{n}": getattr(scellm.CellLM, n)
    for n in ("setup_anndata", "pretrain", "train", "predict", "get_latent_representation", "from_pretrained")
} | {
    f"DrugResponse.{n}": getattr(scellm.DrugResponse, n)
    for n in ("setup_anndata", "train", "predict", "in_domain", "save", "load", "save_pretrained", "from_pretrained")
}


def script():
    """The module of scripts/draw_imports.py."""
    path = PROJECT / "scripts/draw_imports.py"
    if not path.exists():
        pytest.skip("installed without the project's scripts")
    spec = importlib.util.spec_from_file_location("draw_imports", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def room_of(path: Path) -> str:
    parts = path.relative_to(SRC).with_suffix("").parts
    return ".".join(parts[:2]) if parts[:2] == ("train", "graphmae") else parts[0]


def imported(path: Path):
    """Full names of all imports of a file, also under `if TYPE_CHECKING`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def allowed(room: str, name: str) -> bool:
    """Whether a room may import `name`, such as "scellm.pp._binning.Binning"."""
    own = name.removeprefix("scellm.")
    if own.split(".")[0] in EVERYWHERE:
        return room != "bm"
    if own.startswith("train.graphmae"):
        return "train.graphmae" in {room, *ROOMS[room]}
    return any(own == r or own.startswith(f"{r}.") for r in {room, *ROOMS[room]})


def arrows_that_may_not_be(files: dict[Path, list[str]]) -> list[str]:
    """Imports that the tables do not allow."""
    found = []
    for path, names in files.items():
        room = room_of(path)
        for name in names:
            foreign = name.split(".")[0] in FORBIDDEN.get(room, ())
            if foreign or (name.startswith("scellm.") and not allowed(room, name)):
                found.append(f"{path.relative_to(SRC)} imports {name}")
    return found


def sources():
    return [p for p in sorted(SRC.rglob("*.py")) if p.name != "__init__.py" or p.parent != SRC]


def test_no_room_has_a_forbidden_import():
    files = {p: list(imported(p)) for p in sources() if room_of(p) not in EVERYWHERE}
    assert not arrows_that_may_not_be(files)


def test_the_files_that_all_import_import_nothing():
    for name in EVERYWHERE:
        assert not [n for n in imported(SRC / f"{name}.py") if n.startswith("scellm")], name


def test_forbidden_imports_would_be_found():
    path = SRC / "nn/_encoder.py"
    for name in ("scellm.data.Counts", "anndata.AnnData", "scellm.module.CellEncoder", "scellm.train.mask"):
        assert arrows_that_may_not_be({path: [name]})
    assert not arrows_that_may_not_be({path: ["scellm._tokens.Padded", "torch", "scellm._options.checked"]})
    assert arrows_that_may_not_be({SRC / "train/_fit.py": ["scellm.pp.prepare"]})
    assert arrows_that_may_not_be({SRC / "train/graphmae/_train.py": ["scellm.train._fit.fit"]})
    assert arrows_that_may_not_be({SRC / "bm/_run.py": ["scellm._logging.logger"]})


def test_every_room_is_in_the_table():
    rooms = {p.name for p in SRC.iterdir() if (p / "__init__.py").exists()}
    files = {p.stem for p in SRC.glob("_*.py") if p.name != "__init__.py"}
    assert rooms | files | {"train.graphmae"} == set(ROOMS) | EVERYWHERE


def test_no_circular_import_of_files_or_rooms():
    draw = script()
    files = draw.file_graph(SRC)
    assert len(files) > 100
    assert draw.find_circle(files) == []
    assert draw.find_circle(draw.room_graph(files)) == []


def test_a_circular_import_would_be_found(tmp_path):
    draw = script()
    assert draw.find_circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == ["a", "b", "c", "a"]
    package = tmp_path / "scellm"
    package.mkdir()
    (package / "one.py").write_text("from scellm.two import B\n")
    (package / "two.py").write_text("if TYPE_CHECKING:\n    from scellm.one import A\n")
    assert draw.find_circle(draw.file_graph(package)) == ["scellm.one", "scellm.two", "scellm.one"]


def test_the_picture_of_contributing_is_todays():
    page, draw = PROJECT / "CONTRIBUTING.md", script()
    picture = draw.draw(draw.room_graph(draw.file_graph(SRC)))
    assert picture in page.read_text(encoding="utf-8"), "run python scripts/draw_imports.py --write"


def body_lines(node) -> int:
    """Lines of a function without its signature and docstring."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def n_parameters(node) -> int:
    arguments = [a.arg for a in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]]
    return len([a for a in arguments if a not in {"self", "cls"}])


def too_large(name: str, text: str) -> list[str]:
    """Files and functions that are too large, and asserts."""
    found = [f"{name}: {text.count(chr(10))} lines"] if text.count("\n") > LINES else []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Assert):
            found.append(f"{name}:{node.lineno} asserts")
        if not isinstance(node, ast.FunctionDef):
            continue
        if body_lines(node) > BODY:
            found.append(f"{name}:{node.lineno} {node.name} has a body of {body_lines(node)} lines")
        private = node.name.startswith("_") and not node.name.startswith("__")
        if private and n_parameters(node) > PARAMETERS:
            found.append(f"{name}:{node.lineno} {node.name} takes {n_parameters(node)} parameters")
    return found


def test_files_and_functions_are_small():
    found = [w for p in SRC.rglob("*.py") for w in too_large(str(p.relative_to(SRC)), p.read_text(encoding="utf-8"))]
    assert not found


def test_what_is_too_large_would_be_found():
    assert too_large("f", "def f():\n" + "    x = 1\n" * 41)
    assert not too_large("f", "def f():\n" + "    x = 1\n" * 40)
    assert too_large("f", f"def _f({', '.join('abcdefghi')}): pass\n")
    assert too_large("f", "x = 1\n" * 361)
    assert too_large("f", "assert x\n")


def test_every_source_file_has_a_test_file():
    """tests/ mirrors src/; only a file of names has no test file."""
    if not (PROJECT / "tests").exists():
        pytest.skip("installed without the tests")
    lacking = []
    for path in SRC.rglob("_*.py"):
        if path.name == "__init__.py":
            continue
        relative = path.relative_to(SRC)
        mirror = PROJECT / "tests" / relative.parent / f"test{path.name}"
        if not mirror.exists():
            lacking.append(str(relative))
    assert sorted(lacking) == ["_keys.py"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_signature(name):
    parameters = list(inspect.signature(FUNCTIONS[name]).parameters.values())
    positional = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert len(positional) <= 3
    assert parameters[0].name in {"adata", "model", "results"}
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
        assert re.search(rf"\b{p}\b", doc), f"{name} does not describe {p}"
    assert "%(" not in doc


@pytest.mark.parametrize(
    "documented",
    [
        scellm.train.PretrainingConfig,
        scellm.train.FineTuningConfig,
        scellm.train.ResponseConfig,
        scellm.nn.Config,
        scellm.train.graphmae.GraphMAEConfig,
    ],
)
def test_every_option_is_described(documented):
    for field in documented.__dataclass_fields__:
        assert re.search(rf"^[\w, ]*\b{field}\b[\w, ]*$", inspect.getdoc(documented), re.MULTILINE), field


def is_kernel(node) -> bool:
    """Whether Triton compiles a function: it types arguments by itself, and reads annotations as constants."""
    return any(ast.unparse(d).startswith("triton.jit") for d in node.decorator_list)


def test_every_argument_is_annotated():
    for path in SRC.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and not is_kernel(node):
                for a in [*node.args.args, *node.args.kwonlyargs]:
                    named = f"{path}:{node.lineno} {node.name}({a.arg})"
                    assert a.annotation is not None or a.arg in {"self", "cls"}, named


PUBLIC = (
    "baselines",
    "baselines.drug",
    "bm",
    "bm.drug",
    "bm.metrics",
    "data",
    "drug",
    "genes",
    "model",
    "module",
    "nn",
    "pl",
    "pp",
    "tl",
    "train",
    "train.graphmae",
    "weights",
)


def test_every_public_name_is_in_the_api_docs():
    page = PROJECT / "docs/api/index.md"
    if not page.exists():
        pytest.skip("installed without the documentation's source")
    text = page.read_text(encoding="utf-8")
    lacking = []
    for room in PUBLIC:
        module = importlib.import_module(f"scellm.{room}")
        for name in module.__all__:
            obj = getattr(module, name)
            if (inspect.isfunction(obj) or inspect.isclass(obj)) and not re.search(rf"[ .]{name}\n", text):
                lacking.append(f"{room}.{name}")
    assert not lacking


def test_every_import_is_declared():
    if not (PROJECT / "pyproject.toml").exists():
        pytest.skip("installed without the project's files")
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [r for extra in declared["optional-dependencies"].values() for r in extra]
    names = {re.split(r"[\[<>=; ]", r)[0].lower().replace("_", "-") for r in [*declared["dependencies"], *extras]}
    called = {"sklearn": "scikit-learn", "scvi": "scvi-tools", "performer_pytorch": "performer-pytorch"}
    called["triton"] = "torch"  # whose builds for GPUs bring it
    used = {n.split(".")[0] for p in SRC.rglob("*.py") for n in imported(p)}
    used = {called.get(n, n).replace("_", "-") for n in used - set(sys.stdlib_module_names) - {"scellm"}}
    assert used <= names, used - names


def test_settings_are_scvis():
    import scvi

    assert scellm.settings is scvi.settings
