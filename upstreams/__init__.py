"""The two vendors' APIs, one module each: requests, auth and parsing, and nothing else.

Whatever a vendor spells oddly becomes one of our dataclasses here, or a clear `UpstreamError`. Nothing above this
package knows a vendor's spelling; nothing in it knows S3 or GraphQL.
"""
