"""How a vendor's API is called, and one room for each vendor: its requests, its auth, the parsing of its answers.

A vendor's spelling becomes one of our dataclasses here, or an `UpstreamError` that says what was wrong. Code above this
package does not know how a vendor spells anything; code in it does not know S3 or GraphQL.
"""
