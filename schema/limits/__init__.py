"""What one request may ask for: the size of its document, its cost, the size of its response."""
