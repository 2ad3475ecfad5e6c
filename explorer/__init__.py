"""The GraphQL page: GraphiQL with its explorer plugin, self-hosted.

`page(path)` and `asset(name)` give bytes with their headers and know no web framework. Everything comes from this
package: the page works behind a firewall, and under a policy that allows nothing from elsewhere and no inline script.
"""

from explorer.delivery import Asset
from explorer.document import page
from explorer.files import asset

__all__ = ["Asset", "asset", "page"]
