"""S3 and what is built on its conditional writes: leases, circuit breakers, persisted queries."""
