"""RDE, the reseller reports: its calls, its answers as dataclasses, its token, and the files behind its links."""
