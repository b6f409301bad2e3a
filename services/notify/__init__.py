"""Alerts to whoever must know: webhooks, MQTT, the log; each change of an alert, at least once and in order."""
