"""The Lambda functions, one module each. Wiring only: settings and clients in, handler out."""
