"""The template as plain data: CloudFormation's short tags become their long forms."""

from functools import cache
from typing import Any

import yaml  # type: ignore[import-untyped]

from deploy.artifact import ROOT


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    pass


def _intrinsic(loader: Any, suffix: str, node: Any) -> dict[str, Any]:
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _intrinsic)


@cache
def template() -> Any:
    return yaml.load((ROOT / "template.yaml").read_text(), _Loader)  # noqa: S506 - a safe loader's subclass


def resources(kind: str) -> dict[str, Any]:
    return {name: found for name, found in template()["Resources"].items() if found["Type"] == kind}


def environment() -> dict[str, Any]:
    variables: dict[str, Any] = template()["Globals"]["Function"]["Environment"]["Variables"]
    return variables
