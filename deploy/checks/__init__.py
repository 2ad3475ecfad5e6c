"""What `make deploy-check` checks of a deployed stack, a module for each part of it."""
