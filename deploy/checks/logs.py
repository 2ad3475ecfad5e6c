"""Checks of what the deployed functions have logged."""

from collections.abc import Mapping
from pathlib import Path

from deploy.expectations import require
from deploy.stack import Stack

SECRET_FIELDS = {"password", "subscriptionKey"}


def logged(stack: Stack) -> list[str]:
    """Every line that the functions have logged."""
    logs = stack.emulator.client("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    pages = (page for group in groups for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group))
    return [line["message"].rstrip() for page in pages for line in page["events"]]


def save_logs(stack: Stack, file: Path) -> None:
    """Save the functions' log lines, so that a failure can be explained."""
    file.write_text("\n".join(logged(stack)))


def check_logs(stack: Stack, *secrets: Mapping[str, str]) -> None:
    """No access was denied, not even where a function carries on; no secret and no full phone number was logged."""
    lines = logged(stack)
    require(any("REPORT" in line for line in lines), "nothing was logged at all")
    forbidden = [value for secret in secrets for name, value in secret.items() if name in SECRET_FIELDS]
    for line in lines:
        require(not any(word in line for word in ("PermissionDenied", "AccessDenied", "Traceback")), line)
        require(not any(value in line for value in forbidden), "a secret is in the log")
        require("447700900" not in line, "a full phone number is in the log")
