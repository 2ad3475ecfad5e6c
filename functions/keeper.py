"""The keeper's Lambda function: what `template.yaml` names, made from the environment when Lambda loads it."""

from functions.keeper_handler import KeeperHandler
from functions.settings import Settings
from functions.wiring import keeper_of
from runtime import logs, metrics

SETTINGS = Settings.read()
logs.set_up(SETTINGS.log_level)
metrics.set_up(SETTINGS.metrics_namespace)
handler = KeeperHandler(keeper_of(SETTINGS))
