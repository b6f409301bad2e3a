"""Raw frames as Parquet files, by asset class, hour of event time and Kafka partition."""
