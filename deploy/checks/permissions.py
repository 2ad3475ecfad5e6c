"""What each function's role must allow and must not allow, simulated with the deployed roles.

The sample events show that a role allows enough; this table shows that it does not allow too much.
"""

from collections.abc import Iterator

from deploy.emulator import REGION
from deploy.expectations import require
from deploy.stack import Stack

SECRET = f"arn:aws:secretsmanager:{REGION}:000000000000:secret"
LAMBDA = f"arn:aws:lambda:{REGION}:000000000000:function"

# the stack's output that names the function, action, resource ({bucket}: the ledger), allowed
TABLE = (
    ("GraphqlApiFunction", "secretsmanager:GetSecretValue", f"{SECRET}:tally/acme/rde-AbCdEf", True),
    ("GraphqlApiFunction", "secretsmanager:GetSecretValue", f"{SECRET}:payroll-AbCdEf", False),
    ("GraphqlApiFunction", "secretsmanager:ListSecrets", "*", False),
    ("GraphqlApiFunction", "secretsmanager:PutSecretValue", f"{SECRET}:tally/acme/rde-AbCdEf", False),
    ("GraphqlApiFunction", "s3:ListBucket", "{bucket}", True),
    ("GraphqlApiFunction", "s3:PutObject", "{bucket}/credit-log/tenant=acme/brand=__all__/day=2026-11-19/x", True),
    ("GraphqlApiFunction", "s3:PutObject", "{bucket}/credit-log/tenant=acme/brand=__all__/_months/x", False),
    ("GraphqlApiFunction", "s3:PutObject", "{bucket}/archive/x", False),
    ("GraphqlApiFunction", "s3:PutObject", "{bucket}/lake/x", False),
    ("GraphqlApiFunction", "s3:PutObject", "{bucket}/elsewhere/x", False),
    ("GraphqlApiFunction", "logs:CreateLogGroup", "*", False),
    ("GraphqlApiFunction", "s3:DeleteObject", "{bucket}/credit-log/tenant=acme/day=2026-11-19/_lease", True),
    ("GraphqlApiFunction", "s3:DeleteObject", "{bucket}/archive/x", False),
    ("GraphqlApiFunction", "s3:DeleteObject", "{bucket}/credit-log/x", False),
    ("GraphqlApiFunction", "s3:GetObject", "arn:aws:s3:::another-bucket/x", False),
    ("GraphqlApiFunction", "s3:DeleteBucket", "{bucket}", False),
    ("GraphqlApiFunction", "lambda:InvokeFunction", f"{LAMBDA}:tally-check-exporter", True),
    ("GraphqlApiFunction", "lambda:InvokeFunction", f"{LAMBDA}:tally-check-keeper", False),
    ("KeeperFunction", "secretsmanager:ListSecrets", "*", True),
    ("KeeperFunction", "s3:PutObject", "{bucket}/archive/x", True),
    ("KeeperFunction", "s3:PutObject", "{bucket}/lake/x", True),
    ("KeeperFunction", "s3:AbortMultipartUpload", "{bucket}/lake/x", True),
    ("KeeperFunction", "s3:PutObject", "{bucket}/exports/x", False),
    ("KeeperFunction", "s3:PutObject", "{bucket}/schedules/x", False),
    ("KeeperFunction", "logs:CreateLogGroup", "*", False),
    ("KeeperFunction", "s3:DeleteObject", "{bucket}/credit-log/x", True),
    ("KeeperFunction", "s3:DeleteObject", "{bucket}/archive/x", False),
    ("KeeperFunction", "s3:DeleteObject", "{bucket}/lake/x", False),
    ("KeeperFunction", "s3:DeleteObject", "{bucket}/lake/credits/tenant=acme/_lease", True),
    ("KeeperFunction", "lambda:InvokeFunction", f"{LAMBDA}:tally-check-exporter", False),
    ("ExporterFunction", "s3:AbortMultipartUpload", "{bucket}/exports/x", True),
    ("ExporterFunction", "s3:PutObject", "{bucket}/exports/x", True),
    ("ExporterFunction", "s3:PutObject", "{bucket}/archive/x", False),
    ("ExporterFunction", "s3:PutObject", "{bucket}/lake/x", False),
    ("ExporterFunction", "s3:PutObject", "{bucket}/schedules/x", False),
    ("ExporterFunction", "logs:CreateLogGroup", "*", False),
    ("ExporterFunction", "s3:DeleteObject", "{bucket}/archive/x", False),
    ("ExporterFunction", "lambda:InvokeFunction", f"{LAMBDA}:tally-check-exporter", True),
    ("ExporterFunction", "lambda:InvokeFunction", f"{LAMBDA}:tally-check-graphql-api", False),
    ("ExporterFunction", "secretsmanager:ListSecrets", "*", False),
)


def check_permissions(stack: Stack) -> None:
    """Simulate every row of the table.

    Raises:
        CheckError: a role allows too much or too little.
    """
    differences = list(_differences(stack))
    require(not differences, "; ".join(differences))


def _differences(stack: Stack) -> Iterator[str]:
    iam, functions = stack.emulator.client("iam"), stack.emulator.client("lambda")
    bucket = f"arn:aws:s3:::{stack.bucket}"
    for output, action, resource, expected in TABLE:
        role = functions.get_function_configuration(FunctionName=stack.outputs[output])["Role"]
        request = {"ActionNames": [action], "ResourceArns": [resource.format(bucket=bucket)]}
        simulated = iam.simulate_principal_policy(PolicySourceArn=role, **request)
        allowed = simulated["EvaluationResults"][0]["EvalDecision"] == "allowed"
        if allowed != expected:
            yield f"{output} {'may' if allowed else 'may not'} {action} on {resource}"
