"""The embedded stack for `make run`: AWS, both upstreams, and API Gateway in front of the handler."""
