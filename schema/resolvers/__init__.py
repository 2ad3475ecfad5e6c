"""What the root fields do, in plain Python: arguments in, objects whose attributes are the GraphQL fields out.

Nothing here imports strawberry or graphql-core.
"""

from schema.resolvers.credits import credit_log, credit_outcome
from schema.resolvers.exports import credit_log_export, export_credit_log
from schema.resolvers.reports import reports, schedule_report

__all__ = ["credit_log", "credit_log_export", "credit_outcome", "export_credit_log", "reports", "schedule_report"]
