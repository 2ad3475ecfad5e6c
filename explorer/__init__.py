"""The GraphQL page: GraphiQL with its explorer plugin, self-hosted.

`page(path)` and `asset(name)` return bytes with their headers and depend on no web framework. Everything comes from
this package: the page works behind a firewall, and under a policy that allows no other origin and no inline script,
but for the identity provider that it signs in with.
"""

from explorer.delivery import Asset
from explorer.document import page
from explorer.files import asset
from explorer.sign_in import SignIn

__all__ = ["Asset", "SignIn", "asset", "page"]
