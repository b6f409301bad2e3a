-- What checks of feature parity came to: vectors that were sent, computed again. Added up by the hour, so it stays small.

CREATE TABLE registry.parity (
    definition text NOT NULL,
    reporter   text NOT NULL,
    hour       bigint NOT NULL,
    checked    bigint NOT NULL CHECK (checked >= mismatches),
    mismatches bigint NOT NULL CHECK (mismatches >= 0),
    largest    double precision NOT NULL CHECK (largest >= 0),
    PRIMARY KEY (definition, reporter, hour)
);
COMMENT ON TABLE registry.parity IS 'Mismatches keep models of a feature definition from being let through; see docs/registry.md';
COMMENT ON COLUMN registry.parity.hour IS 'Begin of the hour in which it was reported, by the registry''s clock, microseconds UTC';
COMMENT ON COLUMN registry.parity.reporter IS 'As the access file names it';
