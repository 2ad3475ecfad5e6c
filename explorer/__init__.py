"""The GraphQL page: GraphiQL with its explorer plugin, self-hosted.

`page(path)` and `FILES` give bytes with their headers and depend on no web framework. Everything comes from our own
origin: the page works behind a firewall, and under a policy that allows no other origin and no inline script, but for
the identity provider that it signs in with.
"""

from explorer.document import page
from explorer.files import FILES

__all__ = ["FILES", "page"]
