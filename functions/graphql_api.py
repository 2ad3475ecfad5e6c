"""The GraphQL API's Lambda function: what `template.yaml` names, made from the environment when Lambda loads it."""

from functions.application import make_handler
from functions.settings import Settings

handler = make_handler(Settings.read())
