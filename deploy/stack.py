"""The real template, built and deployed into an emulator by the real `sam`, and ways to call the deployed functions.

Resources that the emulator cannot make are removed from the built template by name, with the reason; all others must
deploy.
"""

import json
import os
import subprocess
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from deploy.artifact import ROOT, host_architecture
from deploy.emulator import Emulator
from deploy.expectations import ExpectedAnswer

SAM = ROOT / ".tools" / "sam" / "bin"
NAME = "tally-check"
LEFT_OUT = {
    "LedgerPolicy": "the emulator speaks plain HTTP, which this policy refuses",
    "UpstreamFailures": "the emulator has no metric math",
    "KeeperFailing": "the emulator has no metric math",
    "DaysUnsettled": "the emulator has no metric math",
    "TotalsByDay": "the emulator has no saved Athena queries",
    "FailuresByNetwork": "the emulator has no saved Athena queries",
    "MaskedNumbers": "the emulator has no saved Athena queries",
}
_TO_JSON = (
    "import json, sys; from samcli.yamlhelper import yaml_parse; json.dump(yaml_parse(sys.stdin.read()), sys.stdout)"
)


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployed stack."""

    emulator: Emulator
    outputs: Mapping[str, str]

    @property
    def bucket(self) -> str:
        """The ledger's bucket."""
        return self.outputs["LedgerBucket"]

    def invoke(self, function: str, event: Mapping[str, Any]) -> Any:  # noqa: ANN401 - whatever the handler returns
        """`lambda invoke`, synchronously; `function` is the output that names it.

        Raises:
            RuntimeError: the function failed.
        """
        client = self.emulator.client("lambda")
        answer = client.invoke(FunctionName=self.outputs[function], Payload=json.dumps(event).encode())
        payload = json.load(answer["Payload"])
        if "FunctionError" in answer:
            raise RuntimeError(f"{function}: {json.dumps(payload)[:2000]}")
        return payload

    def environment(self, function: str) -> dict[str, str]:
        """A function's own settings as deployed."""
        client = self.emulator.client("lambda")
        configuration = client.get_function_configuration(FunctionName=self.outputs[function])
        variables: dict[str, str] = configuration["Environment"]["Variables"]
        return variables

    def token(self, scopes: str) -> str:
        """A token of the stack's own user pool, for the machine client's id and secret."""
        cognito = self.emulator.client("cognito-idp")
        pool, client_id = self.outputs["UserPoolId"], self.outputs["UserPoolClientId"]
        client = cognito.describe_user_pool_client(UserPoolId=pool, ClientId=client_id)["UserPoolClient"]
        form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client["ClientSecret"],
            "scope": scopes,
        }
        host = urlsplit(self.outputs["TokenUrl"]).netloc
        url = f"{self.emulator.endpoint}/oauth2/token"
        answer = httpx.post(url, data=form, headers={"host": host}, timeout=60, trust_env=False)
        token: str = answer.json()["access_token"]
        return token

    def http(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> ExpectedAnswer:
        """A request through the deployed gateway: routes, token check, CORS, function."""
        host = urlsplit(self.outputs["Endpoint"]).netloc
        response = httpx.request(
            method,
            f"{self.emulator.endpoint}{path}",
            headers={**(headers or {}), "host": host},
            content=body,
            timeout=60,
            trust_env=False,
        )
        return ExpectedAnswer(response.status_code, dict(response.headers), response.content)

    def update(self, **changed: str) -> None:
        """Change parameters of the stack."""
        client = self.emulator.client("cloudformation")
        names = [
            parameter["ParameterKey"] for parameter in client.describe_stacks(StackName=NAME)["Stacks"][0]["Parameters"]
        ]
        parameters = [
            *({"ParameterKey": name, "UsePreviousValue": True} for name in names if name not in changed),
            *({"ParameterKey": name, "ParameterValue": value} for name, value in changed.items()),
        ]
        capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
        client.update_stack(StackName=NAME, UsePreviousTemplate=True, Parameters=parameters, Capabilities=capabilities)
        client.get_waiter("stack_update_complete").wait(StackName=NAME, WaiterConfig={"Delay": 1})

    def delete(self) -> None:
        """Delete the stack."""
        client = self.emulator.client("cloudformation")
        client.delete_stack(StackName=NAME)
        client.get_waiter("stack_delete_complete").wait(StackName=NAME, WaiterConfig={"Delay": 1})


def build(folder: Path) -> Path:
    """`sam build` for this machine's processor; returns the built template without the resources of `LEFT_OUT`.

    Its functions are archives that are not compressed: to compress them, `sam deploy` took half of its time.
    """
    architecture = host_architecture()
    options = ("--build-dir", str(folder), "--parameter-overrides", f"Architecture={architecture}")
    _sam("build", *options, environ={**os.environ, "ARCH": architecture})
    built = subprocess.run(
        [SAM / "python", "-c", _TO_JSON],
        input=(folder / "template.yaml").read_text(),
        capture_output=True,
        text=True,
        check=True,
    )
    template = json.loads(built.stdout)
    for name in LEFT_OUT:
        del template["Resources"][name]
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = _archived(folder / resource["Properties"]["CodeUri"])
    adapted = folder / "adapted.json"
    adapted.write_text(json.dumps(template))
    return adapted


def _archived(artifact: Path) -> str:
    archive = artifact.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as files:
        for path in sorted(artifact.rglob("*")):
            files.write(path, path.relative_to(artifact))
    return str(archive)


def deployed(emulator: Emulator, template: Path, parameters: Mapping[str, str]) -> Stack:
    """Deploy with `sam deploy`; returns the stack with its outputs."""
    overrides = [f"{name}={value}" for name, value in parameters.items()]
    target = (
        "--template-file",
        str(template),
        "--stack-name",
        NAME,
        "--resolve-s3",
        "--capabilities",
        "CAPABILITY_IAM",
    )
    how = ("--config-env", "check", "--no-confirm-changeset", "--no-progressbar", "--parameter-overrides", *overrides)
    _sam("deploy", *target, *how, environ=emulator.environ)
    _put_cors_again(emulator)
    found = emulator.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"][0]
    return Stack(emulator, {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]})


def _put_cors_again(emulator: Emulator) -> None:
    """Set the deployed CORS settings again: the emulator stores a template's under names that it does not read."""
    client, responses = emulator.client("apigatewayv2"), []
    client.meta.events.register(
        "after-call.apigatewayv2.GetApis", lambda http_response, **_: responses.append(http_response.text)
    )
    client.get_apis()
    for api in json.loads(responses[0])["items"]:
        client.update_api(ApiId=api["apiId"], CorsConfiguration=api["corsConfiguration"])


def _sam(*arguments: str, environ: Mapping[str, str]) -> None:
    done = subprocess.run(
        [SAM / "sam", *arguments],
        cwd=ROOT,
        env={**environ, "SAM_CLI_TELEMETRY": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"sam {arguments[0]} failed:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
