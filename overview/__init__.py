"""The overview: a finance person's page over the same API, a small front-end of ES modules and plain SVG.

`page(path)` and `FILES` give bytes with their headers and depend on no web framework. The browser gets the modules as
they lie here, so nothing is built; `docs/decisions/overview.md` says why there is no chart library.
"""

from overview.document import page
from overview.files import FILES

__all__ = ["FILES", "page"]
