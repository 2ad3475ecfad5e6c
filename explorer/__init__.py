"""The GraphiQL page and its self-hosted assets."""
