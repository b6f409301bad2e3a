"""Everything on the bus into PostgreSQL (and raw data into Parquet files), each event once."""
