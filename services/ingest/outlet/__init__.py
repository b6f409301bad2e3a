"""The way out: Kafka, or the spool on disk while Kafka is away."""
