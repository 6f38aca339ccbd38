"""Sphinx, with the book theme of scverse."""

import shutil
import sys
from importlib.metadata import version as version_of
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from _inventories import write_inventories  # noqa: E402 - a file beside this one

shutil.copytree(
    HERE.parent / "tutorials", HERE / "tutorials", dirs_exist_ok=True
)  # notebooks live beside the package, pages here

project = "scellm"
author = "scellm developers"
project_copyright = "2026, scellm developers"
version = release = version_of("scellm")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
]
templates_path = ["_templates"]
autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_google_docstring = False
napoleon_use_rtype = False
default_role = "literal"
nitpicky = True
nb_execution_mode = "off"  # notebooks are committed with their output, and executed by the tests
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header", "mystnb.unknown_mime_type"]
# Parts of pages, which these include, are no pages.
exclude_patterns = ["_build", "**.ipynb_checkpoints", "user_guide/_*.md", "user_guide/_drug/*.md"]
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb", ".ipynb": "myst-nb"}
# Pages build without the network, from the inventories in inventories.toml.
intersphinx_mapping = write_inventories(HERE / "inventories.toml", HERE / "_build/inventories")
intersphinx_disabled_reftypes = ["std:*"]
nitpick_ignore_regex = [
    ("py:class", r".*'.*|''"),  # the shapes of jaxtyping, such as Float[Tensor, 'cells dim']
    ("py:class", r"MakeHead|StepOptions|Checkpoint"),  # internal types, named in signatures
]

html_theme = "sphinx_book_theme"
html_title = "scellm"
html_theme_options = {
    "repository_url": "https://github.com/scellm/scellm",
    "use_repository_button": True,
    "show_navbar_depth": 2,
}


def skip_members_of_others(app, what, name, obj, skip, options):
    """Leave out what is inherited from torch, Lightning, scvi-tools or scikit-learn: their own pages describe it."""
    function = getattr(obj, "fget", None) or getattr(obj, "__func__", obj)
    module = getattr(function, "__module__", None) or "scellm"
    return True if not module.startswith("scellm") else None


def setup(app):
    """Register the hook."""
    app.connect("autodoc-skip-member", skip_members_of_others)
