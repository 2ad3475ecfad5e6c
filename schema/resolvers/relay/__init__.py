"""What every list and object follows, mostly Relay's conventions: connections, cursors, global ids, rows as JSON."""
