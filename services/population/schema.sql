-- Idempotent: run at every start. The reader may look people up and nothing else.
CREATE SCHEMA IF NOT EXISTS population;

CREATE TABLE IF NOT EXISTS population.person (
    citizen_id char(18) PRIMARY KEY CHECK (citizen_id ~ '^[0-9]{17}[0-9X]$'),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100)
);

REVOKE ALL ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON SCHEMA population FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA population FROM PUBLIC;
