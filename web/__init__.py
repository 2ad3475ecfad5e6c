"""What the pages for a browser share: how files are served and cached, the policy, and signing in.

It depends on no web framework. `explorer/` and `overview/` are the pages; each says what it is made of, and takes the
rest from here.
"""
