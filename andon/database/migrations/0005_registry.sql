-- The model registry: immutable versions, what their aliases stand for, requests, and the audit log.

CREATE SCHEMA registry;

CREATE TABLE registry.model (
    name        text PRIMARY KEY,
    asset_class text NOT NULL
);
COMMENT ON TABLE registry.model IS 'A name stays with its asset class for ever';

CREATE TABLE registry.version (
    name             text NOT NULL REFERENCES registry.model,
    version          text NOT NULL,
    digest           text NOT NULL,
    feature_hash     text NOT NULL,
    go               boolean NOT NULL,
    manifest         bytea NOT NULL,
    files            jsonb NOT NULL,
    author_signature bytea NOT NULL,
    author           text NOT NULL,
    author_key       text NOT NULL,
    publisher        text NOT NULL,
    published        bigint NOT NULL,
    entry            bigint NOT NULL,
    PRIMARY KEY (name, version)
);
COMMENT ON COLUMN registry.version.entry IS 'Entry of the audit log that tells of it';

CREATE TABLE registry.promotion (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name            text NOT NULL,
    version         text NOT NULL,
    alias           text NOT NULL CHECK (alias IN ('canary', 'production')),
    share_permille  integer NOT NULL CHECK (share_permille BETWEEN 1 AND 1000),
    replaces        text NOT NULL,
    requester       text NOT NULL,
    reason          text NOT NULL,
    requested       bigint NOT NULL,
    state           text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'approved', 'rejected')),
    decider         text NOT NULL DEFAULT '',
    decision_reason text NOT NULL DEFAULT '',
    decided         bigint NOT NULL DEFAULT 0,
    entry           bigint NOT NULL,
    FOREIGN KEY (name, version) REFERENCES registry.version
);
CREATE INDEX promotion_by_model ON registry.promotion (name, id);

CREATE TABLE registry.assignment (
    name               text NOT NULL,
    alias              text NOT NULL CHECK (alias IN ('candidate', 'shadow', 'canary', 'production', 'previous')),
    version            text NOT NULL,
    share_permille     integer NOT NULL,
    approver_signature bytea NOT NULL,
    approver           text NOT NULL,
    serial             bigint NOT NULL,
    since              bigint NOT NULL,
    entry              bigint NOT NULL,
    PRIMARY KEY (name, alias),
    FOREIGN KEY (name, version) REFERENCES registry.version
);

CREATE TABLE registry.audit (
    number   bigint PRIMARY KEY,
    at       bigint NOT NULL,
    actor    text NOT NULL,
    action   text NOT NULL,
    name     text NOT NULL,
    version  text NOT NULL,
    details  text NOT NULL,
    previous text NOT NULL,
    hash     text NOT NULL UNIQUE
);
COMMENT ON TABLE registry.audit IS 'Append-only; each entry holds the hash of the one before it';

-- Who owns the table can still take the triggers off: the chain, and the receipts that callers keep, find that out.
CREATE FUNCTION registry.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'registry.% is append-only', TG_TABLE_NAME;
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON registry.audit FOR EACH ROW EXECUTE FUNCTION registry.refuse();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON registry.audit FOR EACH STATEMENT EXECUTE FUNCTION registry.refuse();
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON registry.version FOR EACH ROW EXECUTE FUNCTION registry.refuse();
CREATE TRIGGER immutable_whole BEFORE TRUNCATE ON registry.version FOR EACH STATEMENT EXECUTE FUNCTION registry.refuse();

CREATE TABLE registry.announced (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    number   bigint NOT NULL
);
INSERT INTO registry.announced (number) VALUES (0);
COMMENT ON TABLE registry.announced IS 'Last entry of the audit log that has been put on the bus';
