"""RDE, the reseller reports: listings, scheduling, access tokens and report files."""
