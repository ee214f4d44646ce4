"""The programs that a page runs, inlined, and their digests: Vega of vl-convert, DataTables of itables.

A page names the digest of each program in its content security policy, so that nothing else runs in it and
no request leaves it, whatever a label holds.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
from importlib import resources
from importlib.resources.abc import Traversable

from markupsafe import Markup


@functools.lru_cache(maxsize=1)
def vega() -> str:
    """Returns Vega, Vega-Lite and vega-embed as one program, which sets `window.vegaEmbed`."""
    import vl_convert

    # Its stub asks for a snippet, which it does not need.
    return _inline(vl_convert.javascript_bundle())  # type: ignore[call-arg]


@functools.lru_cache(maxsize=1)
def datatables() -> str:
    """Returns DataTables with its extensions as one program, which sets `window.DataTable`.

    Raises:
      ValueError: If the bundle is not what this was written for.
    """
    text = (_itables() / "dt_bundle.js").read_text(encoding="utf-8")
    found = re.search(r"export\s*\{([^{}]*)\}", text)
    local = {public: name for name, public in re.findall(r"([\w$]+) as (\w+)", found[1])} if found else {}
    if found is None or "default" not in local:
        raise ValueError("the bundle of itables exports no DataTable; expected itables 2.2 or later")
    return _inline(f"{text[: found.start()]}window.DataTable={local['default']};{text[found.end() :]}")


@functools.lru_cache(maxsize=1)
def datatables_style() -> str:
    """Returns the style sheet of DataTables."""
    return (_itables() / "dt_bundle.css").read_text(encoding="utf-8")


def _itables() -> Traversable:
    import itables

    return resources.files(itables) / "html"


def _inline(text: str) -> str:
    """Returns a program as a page can hold it: nothing in it ends its element."""
    return re.sub(r"<(?=/script|!--)", r"\\x3c", text, flags=re.IGNORECASE)


def digest(program: str) -> str:
    """Returns what a content security policy calls a program by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(program.encode()).digest()).decode()


def as_json(content: object) -> Markup:
    """Returns JSON that can stand in a page: no label in it ends its element or begins a comment."""
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))
