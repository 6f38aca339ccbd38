"""Sphinx, with the book theme of scverse."""

import shutil
from importlib.metadata import version as version_of
from pathlib import Path

HERE = Path(__file__).parent
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
autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_google_docstring = False
napoleon_use_rtype = False
default_role = "literal"
nitpicky = False  # scvi-tools and jaxtyping name types that no inventory resolves
nb_execution_mode = "off"  # notebooks are committed with their output, and executed by the tests
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header", "mystnb.unknown_mime_type"]
exclude_patterns = ["_build", "**.ipynb_checkpoints", "user_guide/_*.md"]  # parts that pages include
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb", ".ipynb": "myst-nb"}
# Pages build without the network; readers get the links where the inventories can be had.
intersphinx_mapping = {}

html_theme = "sphinx_book_theme"
html_title = "scellm"
html_theme_options = {
    "repository_url": "https://github.com/scellm/scellm",
    "use_repository_button": True,
    "show_navbar_depth": 2,
}
