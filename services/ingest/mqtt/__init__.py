"""MQTT brokers: topics and JSON bodies that rules map to assets and tags."""
