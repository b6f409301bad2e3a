"""MQTT brokers: how to reach one, the same for what reads from them and what tells them something."""
