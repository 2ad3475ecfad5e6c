"""Checks of a stack that is changed and deleted: what follows a new parameter, and what stays."""

from collections.abc import Mapping

from botocore.exceptions import ClientError

from deploy.emulator import REGION
from deploy.expectations import CheckError, require
from deploy.stack import Stack

DOMAIN = "api.example.com"


CERTIFICATE = f"arn:aws:acm:{REGION}:000000000000:certificate/12345678-1234-1234-1234-123456789012"


def check_update(stack: Stack) -> None:
    """A changed setting reaches the functions, and the gateway calls a new version."""
    client = stack.emulator.client("lambda")

    def serving() -> Mapping[str, str]:
        name = {"FunctionName": stack.outputs["GraphqlApiFunction"], "Qualifier": "live"}
        function = client.get_function_configuration(**name)
        return {"version": function["Version"], "fresh": function["Environment"]["Variables"]["FRESH_SECONDS"]}

    before = serving()
    stack.update(FreshSeconds="5")
    after = serving()
    require(after["fresh"] == "5" and after["version"] != before["version"], f"{before} became {after}")
    stack.update(SnapStart="off", Explorer="off")
    require(stack.http("GET", "/").status == 404, "the explorer is still served after it was turned off")
    require(stack.http("GET", "/health").status == 200, "no health without SnapStart")
    without = serving()
    stack.update(SnapStart="on")
    require(serving()["version"] != without["version"], "SnapStart was turned on without a new version")


def check_domain(stack: Stack) -> None:
    """The API under a path of another domain; the default address is not closed while there is no other."""
    try:
        stack.update(DisableDefaultEndpoint="yes")
    except ClientError as refused:
        require("DomainName" in str(refused), refused)
    else:
        raise CheckError("the only address of the API could be closed")
    stack.update(DomainName=DOMAIN, CertificateArn=CERTIFICATE, DomainPath="tally/")
    gateway = stack.emulator.client("apigatewayv2")
    mapping = gateway.get_api_mappings(DomainName=DOMAIN)["Items"][0]
    require((mapping["ApiMappingKey"], mapping["Stage"]) == ("tally", "$default"), mapping)


def check_own_issuer(stack: Stack) -> None:
    """The operator's own identity provider replaces the user pool, but only with an audience."""
    own = {"JwtIssuer": "https://login.example.com/", "JwtAudience": "tally,dashboard"}
    try:
        stack.update(JwtIssuer=own["JwtIssuer"])
    except ClientError as refused:
        require("JwtAudience" in str(refused), refused)
    else:
        raise CheckError("an issuer without an audience was accepted")
    stack.update(**own)
    gateway, pools = stack.emulator.client("apigatewayv2"), stack.emulator.client("cognito-idp")
    authorizer = gateway.get_authorizers(ApiId=gateway.get_apis()["Items"][0]["ApiId"])["Items"][0]
    expected = {"Issuer": own["JwtIssuer"], "Audience": own["JwtAudience"].split(",")}
    require(authorizer["JwtConfiguration"] == expected, authorizer)
    require(not pools.list_user_pools(MaxResults=1)["UserPools"], "the user pool is still there")


def check_removal(stack: Stack) -> None:
    """Deleting the stack leaves the ledger's bucket and its objects."""
    s3 = stack.emulator.client("s3")
    before = s3.list_objects_v2(Bucket=stack.bucket)["KeyCount"]
    stack.delete()
    after = s3.list_objects_v2(Bucket=stack.bucket)["KeyCount"]
    require(after == before > 0, f"{before} objects before, {after} after")
