"""The keeper's Lambda function: what `template.yaml` names, made from the environment when Lambda loads it."""

from functions import logs
from functions.keeper_handler import KeeperHandler
from functions.settings import Settings

SETTINGS = Settings.read()
logs.set_up(SETTINGS.log_level)
handler = KeeperHandler(SETTINGS)
