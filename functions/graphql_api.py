"""The GraphQL API's Lambda function: what `template.yaml` names, made from the environment when Lambda loads it."""

import atexit
import gc

from runtime import openssl

gc.disable()  # imported modules stay: collecting among them again and again takes a tenth of the start
openssl.leave_out()

from functions.application import make_handler
from functions.settings import Settings
from runtime import logs, metrics

SETTINGS = Settings.read()
logs.set_up(SETTINGS.log_level)
metrics.set_up(SETTINGS.metrics_namespace)
handler = make_handler(SETTINGS)
atexit.register(handler.close)  # `make run` ends like any program; Lambda kills the process

gc.freeze()
gc.enable()
