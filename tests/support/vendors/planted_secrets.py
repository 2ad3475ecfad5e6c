"""The credentials that the tests put into Secrets Manager."""

from typing import Protocol

RDE = {"username": "resel", "password": "rde-p4ss", "subscriptionKey": "k3y-one", "marketplace": "eu"}
OPENMARKET = {"accountId": "Acc-1", "password": "om:p4ss-ü"}


class PutSecret(Protocol):
    """Put a secret: text as it is, anything else as JSON."""

    def __call__(self, tenant: str, upstream: str, value: object) -> None: ...
