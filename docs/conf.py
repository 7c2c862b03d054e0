"""Settings of the documentation site, built by `make docs`. Nothing is fetched from the network."""

from __future__ import annotations

import tomllib
from pathlib import Path

TREE = Path(__file__).resolve().parents[1]

project = "labctl"
author = "The labctl developers"
project_copyright = author
release = tomllib.loads((TREE / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
language = "en"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["paper_figures"]

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4            # pages link to headings as they do on a code host
suppress_warnings = ["myst.header"]

html_theme = "furo"
html_title = "labctl"
html_show_sphinx = False
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": True}
html_static_path = ["_static"]
html_css_files = ["labctl.css"]

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True

# `-n` complains of every reference that leads nowhere. Types of other packages lead nowhere on purpose: their documentation would
# have to be fetched. Types of ours that are no part of the public interface are named in signatures and described in the source.
nitpick_ignore_regex = [("py:.*", r"(?!labctl\.(api|core)\.[A-Z]\w*$).*")]
