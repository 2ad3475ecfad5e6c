"""Both vendors, simulated over HTTP as their documents describe them, with ways to misbehave."""
