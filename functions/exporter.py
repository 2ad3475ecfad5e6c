"""The exporter's Lambda function: what `template.yaml` names, made from the environment when Lambda loads it."""

from functions.exporter_handler import ExporterHandler
from functions.settings import Settings
from runtime import logs, metrics

SETTINGS = Settings.read()
logs.set_up(SETTINGS.log_level)
metrics.set_up(SETTINGS.metrics_namespace)
handler = ExporterHandler(SETTINGS)
