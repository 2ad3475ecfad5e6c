"""The keeper's Lambda function: what `template.yaml` names, made from the environment when Lambda loads it."""

from functions import logs
from functions.keeper_handler import KeeperHandler
from functions.settings import Settings
from functions.wiring import keeper_of

SETTINGS = Settings.read()
logs.set_up(SETTINGS.log_level)
handler = KeeperHandler(keeper_of(SETTINGS))
