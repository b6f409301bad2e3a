"""OPC UA servers: values that are subscribed to."""
