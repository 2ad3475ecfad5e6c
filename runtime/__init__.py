"""What every layer needs in one invocation: clock, deadline, telemetry, redaction, memory, tenants."""
