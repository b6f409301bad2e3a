-- Stands in for an MES: two orders of the pump station. Run once, when the database is made.
CREATE SCHEMA mes;
CREATE TABLE mes.production_orders (
    order_no text PRIMARY KEY,
    product text NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now());
INSERT INTO mes.production_orders (order_no, product, started_at, finished_at) VALUES
    ('4711', 'drinking water', now() - interval '8 hours', now()),
    ('4712', 'irrigation water', now(), NULL);
