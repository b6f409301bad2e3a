-- What the plant was told to be like: orders, batches, products, recipes, shifts, maintenance, machine states.
--
-- Bitemporal: valid_* is when it was so on the floor, recorded_* is when we were told, and when we were told otherwise.
-- Rows are never changed but for recorded_to, so what was known at any time can be asked for.

CREATE TABLE andon.plant_event (
    sequence      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id            text NOT NULL CHECK (id <> ''),
    revision      integer NOT NULL DEFAULT 0 CHECK (revision >= 0),
    kind          text NOT NULL CHECK (kind IN (
        'order', 'batch', 'product', 'recipe', 'shift', 'maintenance', 'machine_state',
        'source_silent', 'source_back', 'spool_full', 'spool_drained')),
    place         text NOT NULL DEFAULT '',
    name          text NOT NULL,
    attributes    jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(attributes) = 'object'),
    valid_from    timestamptz NOT NULL,
    valid_to      timestamptz CHECK (valid_to >= valid_from),
    recorded_from timestamptz NOT NULL,
    recorded_to   timestamptz CHECK (recorded_to >= recorded_from),
    source        text NOT NULL,
    relayed       boolean NOT NULL DEFAULT true
);
COMMENT ON TABLE andon.plant_event IS 'Everything ever told about orders, batches, shifts and the like; see docs/context.md';
COMMENT ON COLUMN andon.plant_event.place IS 'ISA-95 path of an asset, or of a level above it; empty for the whole site';
COMMENT ON COLUMN andon.plant_event.valid_to IS 'Exclusive; null while it lasts';
COMMENT ON COLUMN andon.plant_event.recorded_to IS 'When it was superseded; null for what is known now';
COMMENT ON COLUMN andon.plant_event.source IS 'Where it was told: <topic>/<partition>@<offset>, or sql';
COMMENT ON COLUMN andon.plant_event.relayed IS 'Whether it is on the bus; what was told here is put there';

CREATE UNIQUE INDEX plant_event_known ON andon.plant_event (id) WHERE recorded_to IS NULL;
CREATE INDEX plant_event_to_relay ON andon.plant_event (sequence) WHERE NOT relayed;
CREATE INDEX plant_event_valid ON andon.plant_event (kind, place, valid_from) WHERE recorded_to IS NULL;

-- Tells one thing, as an event on the bus would. Returns whether it was news. Without a revision, what differs from what
-- was told before under the same id corrects it.
CREATE FUNCTION andon.tell(
    told_id text, told_kind text, told_place text, told_name text, told_from timestamptz,
    told_to timestamptz DEFAULT NULL, told_attributes jsonb DEFAULT '{}', told_revision integer DEFAULT NULL,
    told_source text DEFAULT 'sql', told_at timestamptz DEFAULT clock_timestamp()
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    known andon.plant_event;
    same boolean;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(told_id, 0));
    SELECT * INTO known FROM andon.plant_event WHERE id = told_id AND recorded_to IS NULL FOR UPDATE;
    IF found THEN
        same := (known.kind, known.place, known.name, known.attributes, known.valid_from, known.valid_to)
            IS NOT DISTINCT FROM (told_kind, told_place, told_name, told_attributes, told_from, told_to);
        IF known.revision > told_revision OR same AND known.revision = coalesce(told_revision, known.revision) THEN
            RETURN false;
        END IF;
        told_revision := coalesce(told_revision, known.revision + 1);
        told_at := greatest(told_at, known.recorded_from);
        UPDATE andon.plant_event SET recorded_to = told_at WHERE sequence = known.sequence;
    END IF;
    INSERT INTO andon.plant_event
        (id, revision, kind, place, name, attributes, valid_from, valid_to, recorded_from, source,
         relayed)
    VALUES (told_id, coalesce(told_revision, 0), told_kind, told_place, told_name, told_attributes, told_from, told_to, told_at,
        told_source, told_source <> 'sql');
    RETURN true;
END
$$;

CREATE FUNCTION andon.notify_plant_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('andon.plant_event', NEW.sequence::text);
    RETURN NULL;
END
$$;

CREATE TRIGGER plant_event_told AFTER INSERT ON andon.plant_event
    FOR EACH ROW EXECUTE FUNCTION andon.notify_plant_event();

-- What was known at a moment.
CREATE FUNCTION andon.known_at(moment timestamptz) RETURNS SETOF andon.plant_event LANGUAGE sql STABLE AS $$
    SELECT * FROM andon.plant_event
    WHERE recorded_from <= moment AND (recorded_to IS NULL OR recorded_to > moment)
$$;

-- What is known now, in the words of whoever asks.
CREATE VIEW andon.orders AS
    SELECT name AS "order", place, attributes ->> 'product' AS product, attributes ->> 'recipe' AS recipe, attributes,
           valid_from, valid_to, recorded_from, id, revision
    FROM andon.plant_event WHERE kind = 'order' AND recorded_to IS NULL;
CREATE VIEW andon.batches AS
    SELECT name AS batch, place, attributes ->> 'order' AS "order", attributes ->> 'product' AS product,
           attributes ->> 'recipe' AS recipe, attributes, valid_from, valid_to, recorded_from, id, revision
    FROM andon.plant_event WHERE kind = 'batch' AND recorded_to IS NULL;
CREATE VIEW andon.products AS
    SELECT name AS product, place, attributes ->> 'description' AS description, attributes ->> 'unit' AS unit,
           attributes ->> 'item_time' AS item_time, attributes, valid_from, valid_to, recorded_from, id, revision
    FROM andon.plant_event WHERE kind = 'product' AND recorded_to IS NULL;
CREATE VIEW andon.recipes AS
    SELECT name AS recipe, place, attributes ->> 'product' AS product, attributes, valid_from, valid_to, recorded_from,
           id, revision
    FROM andon.plant_event WHERE kind = 'recipe' AND recorded_to IS NULL;
CREATE VIEW andon.shifts AS
    SELECT name AS shift, place, attributes, valid_from, valid_to, recorded_from, id, revision
    FROM andon.plant_event WHERE kind = 'shift' AND recorded_to IS NULL;
CREATE VIEW andon.maintenance AS
    SELECT name AS maintenance, place, attributes, valid_from, valid_to, recorded_from, id, revision
    FROM andon.plant_event WHERE kind = 'maintenance' AND recorded_to IS NULL;
CREATE VIEW andon.machine_states AS
    SELECT name AS machine_state, place, attributes, valid_from, valid_to, recorded_from, id, revision
    FROM andon.plant_event WHERE kind = 'machine_state' AND recorded_to IS NULL;
