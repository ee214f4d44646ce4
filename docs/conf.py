"""Settings of the site: `nox -s docs` builds it, and every warning is an error.

Pages are plain Markdown that a code host shows as well; their links are those between files of the
repository. Pages that lie outside this folder have one in it that includes them, and links go there.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import diffbench

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "results"))

project = "diffbench"
author = "the diffbench authors"
version = release = diffbench.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = f"diffbench {version}"
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
exclude_patterns = ["_build"]

# What is not said to be in a language is shown as it is.
highlight_language = "none"
myst_heading_anchors = 3

# Tutorials are run anew, in a folder of their own: nothing that they print is kept in the repository.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 600
# Progress and hints of other packages are no part of a page.
nb_output_stderr = "remove"

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
# By their names, rather than by what they stand for.
autodoc_type_aliases = {
    name: name
    for name in ("Array", "ArrayLike", "Entry", "Json", "JsonObject", "Parameter", "Parts", "Points")
}
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_custom_sections = [("Class attributes", "params_style")]
# Types of other packages have no page here, and no index is fetched; links between pages are all checked.
nitpick_ignore_regex = [("py:.*", ".*")]

# What lies outside this folder -> the page that includes it.
_OUTSIDE = {"CHANGELOG.md": "changelog.md", "results/README.md": "formats.md", "README.md": "index.md"}


def _inside(text: str) -> str:
    """Returns a page with its links to included files as links to the pages that include them."""
    for file, page in _OUTSIDE.items():
        text = re.sub(rf"\]\(((?:\.\./)*)\.\./{re.escape(file)}(?=[)#])", rf"](\g<1>{page}", text)
    # A number of a table stays on the line of its half width.
    return re.sub(r"(?<=\d) ± (?=\d)", "\u00a0±\u00a0", text)


# Stands for a colon of prose while napoleon, which takes what is before one for a type, reads the sections.
_COLON = "\ue000"


def _as_rest(_app, what: str, _name: str, _object, _options, lines: list[str]) -> None:
    """Makes reStructuredText of a docstring's code: `this`, and what stands under Example."""
    code = returned = False
    for at, line in enumerate(lines):
        code = line.startswith("  ") or (code and not line)
        returned = line == "Returns:" or (returned and (code or not line))
        if line == "Example:":
            lines[at] = "Example:\n  .. code-block:: python\n"
        elif code and lines[:at].count("Example:\n  .. code-block:: python\n"):
            lines[at] = f"  {line}"
        else:
            lines[at] = re.sub(r"(?<!`)`([^`]+)`(?!`)", r"``\1``", line)
        if what == "property" or (returned and line != "Returns:"):
            lines[at] = lines[at].replace(": ", f"{_COLON} ")
    lines[:] = "\n".join(lines).split("\n")


def _with_colons(_app, _what, _name: str, _object, _options, lines: list[str]) -> None:
    """Gives back the colons that napoleon was not to see."""
    lines[:] = [line.replace(_COLON, ":") for line in lines]


def _by_name(_app, _what, _name: str, _object, _options, signature: str | None, returned: str | None):
    """Shows types that stand for others by name, in unions too, and defaults that are code as `...`."""

    def shown(text: str) -> str:
        text = re.sub(r"TypeAliasForwardRef\('(\w+)'\)", r"\1", text)
        return re.sub(r"<function [\w.]*<lambda>>|<factory>", "...", text)

    return tuple(shown(text) if text else None for text in (signature, returned))


def setup(app) -> None:
    """Has links between files lead to pages."""

    def read(_app, page: str, content: list[str]) -> None:
        content[0] = _inside(content[0])
        if page == "cli":
            import reference_pages

            content[0] = content[0].replace("<!-- commands -->", reference_pages.commands())

    def included(_app, _path, _page: str, content: list[str]) -> None:
        # Paths of an included file are relative to its own folder, which is not that of the pages.
        content[0] = re.sub(r"\]\((?:\.\./)?docs/", "](", _inside(content[0]))

    app.connect("source-read", read)
    app.connect("autodoc-process-signature", _by_name)
    # Before napoleon, which reads the sections.
    app.connect("autodoc-process-docstring", _as_rest, priority=400)
    app.connect("autodoc-process-docstring", _with_colons, priority=600)
    app.connect("include-read", included)
