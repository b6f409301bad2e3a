-- Key performance indicators (ISO 22400-2), computed from history.context_<class>.

CREATE SCHEMA IF NOT EXISTS oee;
COMMENT ON SCHEMA oee IS 'How OEE comes about; the results are in history.kpi';

-- Minutes of an asset whose frames have changed since its indicators were computed.
CREATE TABLE oee.touched_minute (
    asset_id integer NOT NULL,
    minute   timestamptz NOT NULL,
    PRIMARY KEY (asset_id, minute)
);

-- Set by the service on the context tables of the classes that have `production`.
CREATE FUNCTION oee.touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO oee.touched_minute SELECT DISTINCT asset_id, date_trunc('minute', time) FROM new_frames
    ORDER BY 1, 2 ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

-- What a minute of an asset went into.
CREATE TABLE oee.minute (
    asset_id integer NOT NULL,
    minute   timestamptz NOT NULL,
    shift    text NOT NULL,
    product  text,
    state    text,
    seconds  double precision NOT NULL,
    produced double precision NOT NULL,
    good     double precision NOT NULL
);
CREATE INDEX minute_of_asset ON oee.minute (asset_id, minute);
CREATE INDEX minute_of_shift ON oee.minute (asset_id, shift);
COMMENT ON COLUMN oee.minute.state IS 'Machine state; null where it could not be told';

-- Indicators as they were computed last, and whether they are on the bus.
CREATE TABLE oee.indicator (
    id        text PRIMARY KEY,
    revision  integer NOT NULL,
    document  jsonb NOT NULL,
    published boolean NOT NULL DEFAULT false
);
CREATE INDEX indicator_to_publish ON oee.indicator (id) WHERE NOT published;
