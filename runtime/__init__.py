"""What every layer needs in one invocation: clock, deadline, telemetry, redaction, memory, tenants.

Values here and on the way of a cold start are named tuples or plain classes: making a frozen dataclass takes ten times
as long as making a named tuple, and a first query makes some fifty of them (docs/decisions/light-imports.md).
"""
