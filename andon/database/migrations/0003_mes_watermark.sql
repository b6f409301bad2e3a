-- How far the tables of MES and ERP have been read, and what was told of the rows that are read again.

CREATE TABLE andon.mes_watermark (
    system     text NOT NULL,
    kind       text NOT NULL,
    definition text NOT NULL,
    watermark  bigint NOT NULL,
    stored     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (system, kind)
);
COMMENT ON TABLE andon.mes_watermark IS 'Delete a row, with the service stopped, to have its table read from the beginning';
COMMENT ON COLUMN andon.mes_watermark.definition IS 'Digest of the mapping; another one reads from the beginning';
COMMENT ON COLUMN andon.mes_watermark.watermark IS 'Microseconds since 1970, or the integer itself';

CREATE TABLE andon.mes_told (
    system    text NOT NULL,
    kind      text NOT NULL,
    key       text NOT NULL,
    watermark bigint NOT NULL,
    digest    bytea NOT NULL,
    PRIMARY KEY (system, kind, key, watermark),
    FOREIGN KEY (system, kind) REFERENCES andon.mes_watermark ON DELETE CASCADE
);
CREATE INDEX mes_told_by_watermark ON andon.mes_told (system, kind, watermark);
COMMENT ON TABLE andon.mes_told IS 'Rows that are behind the watermark by the lookback at most, and what was told of them';
