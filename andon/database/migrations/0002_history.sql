-- What was measured and what was made of it, and the plant model that it is to be read by.
--
-- The tables of the stages themselves are made from the plant model by the historian (services/historian/tables.py),
-- because they have a column for each tag; their partitions lie in `history_part`. See docs/historian.md.

CREATE SCHEMA history;
CREATE SCHEMA history_part;
COMMENT ON SCHEMA history IS 'Raw and context data by asset class, features, verdicts, alerts; see docs/historian.md';
COMMENT ON SCHEMA history_part IS 'Partitions of the tables in history; nothing to read here';

CREATE TABLE andon.plant_model (
    version  text PRIMARY KEY,
    applied  timestamptz NOT NULL,
    document jsonb NOT NULL
);
COMMENT ON TABLE andon.plant_model IS 'Every plant model that was ever applied; the one applied last is in force';

-- An asset keeps its number for ever, also when it is taken out of the plant model and comes back.
CREATE TABLE andon.asset_path (
    asset_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    path     text NOT NULL UNIQUE
);

CREATE TABLE andon.asset (
    asset_id    integer NOT NULL REFERENCES andon.asset_path,
    path        text NOT NULL,
    class       text NOT NULL,
    description text NOT NULL,
    valid_from  timestamptz NOT NULL,
    valid_to    timestamptz CHECK (valid_to >= valid_from),
    PRIMARY KEY (asset_id, valid_from)
);
CREATE UNIQUE INDEX asset_now ON andon.asset (path) WHERE valid_to IS NULL;
COMMENT ON TABLE andon.asset IS 'Assets of the plant model and when they were in it; valid_to is null for those of today';

CREATE TABLE andon.tag (
    class       text NOT NULL,
    tag         text NOT NULL,
    kind        text NOT NULL,
    unit        text,
    source_unit text,
    rate_hz     double precision NOT NULL,
    description text NOT NULL,
    valid_from  timestamptz NOT NULL,
    valid_to    timestamptz CHECK (valid_to >= valid_from),
    PRIMARY KEY (class, tag, valid_from)
);
CREATE UNIQUE INDEX tag_now ON andon.tag (class, tag) WHERE valid_to IS NULL;
COMMENT ON TABLE andon.tag IS 'Tags of the plant model and when they were declared so; valid_to is null for those of today';
COMMENT ON COLUMN andon.tag.rate_hz IS 'Samples a second that the plant model promises';

-- How much there is of each asset in each table: counted in the transaction that writes the rows, so that it is exact.
CREATE TABLE history.extent (
    relation   text NOT NULL,
    stage      text NOT NULL,
    class      text,
    asset_id   integer NOT NULL REFERENCES andon.asset_path,
    first_time timestamptz NOT NULL,
    last_time  timestamptz NOT NULL,
    rows       bigint NOT NULL,
    tags       jsonb NOT NULL,
    PRIMARY KEY (relation, asset_id)
) WITH (fillfactor = 50);
COMMENT ON COLUMN history.extent.tags IS 'Tag to number of rows in which it has a value';

CREATE FUNCTION history.added(counts jsonb, more jsonb, sign integer) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(jsonb_object_agg(key, coalesce(old.value, '0')::bigint + sign * coalesce(new.value, '0')::bigint), '{}')
    FROM jsonb_each_text(counts) AS old FULL JOIN jsonb_each_text(more) AS new USING (key)
$$;

-- Tells what a record on the bus tells. Reading it again is no news: what is known may have been told after it.
CREATE FUNCTION andon.tell_record(
    told_id text, told_kind text, told_place text, told_name text, told_from timestamptz, told_to timestamptz,
    told_attributes jsonb, told_revision integer, told_at timestamptz, told_topic text, told_offset bigint
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    known andon.plant_event;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(told_id, 0));
    SELECT * INTO known FROM andon.plant_event WHERE id = told_id AND recorded_to IS NULL;
    IF found AND known.revision >= told_revision AND (
        known.recorded_from > told_at
        OR known.recorded_from = told_at AND starts_with(known.source, told_topic || '@')
            AND split_part(known.source, '@', 2)::bigint >= told_offset)
    THEN
        RETURN false;
    END IF;
    RETURN andon.tell(told_id, told_kind, told_place, told_name, told_from, told_to, told_attributes, told_revision,
        told_topic || '@' || told_offset, told_at);
END
$$;
COMMENT ON FUNCTION andon.tell_record IS 'told_topic is <topic>/<partition>';

-- Every dataset there is, for whoever looks for one. Of raw and context data a row for each tag.
CREATE VIEW andon.catalogue AS
    WITH model AS (SELECT document FROM andon.plant_model ORDER BY applied DESC LIMIT 1),
    owned AS (
        SELECT use_case ->> 'asset_class' AS class, string_agg(DISTINCT use_case ->> 'owner', ', ') AS owner
        FROM model, jsonb_array_elements(document -> 'use_cases') AS use_case GROUP BY 1
    ),
    dataset AS (
        SELECT extent.relation, stage, class, asset_id, tag.key AS tag, first_time, last_time,
               coalesce(tag.value::bigint, rows) AS rows
        FROM history.extent LEFT JOIN jsonb_each_text(tags) AS tag ON true
    )
    SELECT dataset.stage, asset.class, asset_path.path AS asset, dataset.tag,
           concat_ws('.', document ->> 'prefix', 'v1', document ->> 'enterprise', document ->> 'site', dataset.stage)
               AS source,
           dataset.relation, CASE dataset.stage WHEN 'raw' THEN coalesce(tag.source_unit, tag.unit) ELSE tag.unit END
               AS unit,
           tag.rate_hz, owned.owner, first_time, last_time, dataset.rows,
           dataset.rows / (extract(epoch FROM last_time - first_time)::double precision * tag.rate_hz + 1) AS completeness
    FROM model CROSS JOIN dataset
    JOIN andon.asset_path USING (asset_id)
    LEFT JOIN andon.asset ON asset.asset_id = dataset.asset_id AND asset.valid_to IS NULL
    LEFT JOIN andon.tag ON tag.class = dataset.class AND tag.tag = dataset.tag AND tag.valid_to IS NULL
    LEFT JOIN owned ON owned.class = asset.class;
COMMENT ON VIEW andon.catalogue IS 'Datasets with source, unit, owner, extent, and rows against the rows that the rate promises';
