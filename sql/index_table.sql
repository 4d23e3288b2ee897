-- The table that a name, quoted as SQL has it, means: oid, schema, name,
-- kind, how it is partitioned. No row: there is none.
SELECT c.oid, n.nspname, c.relname, c.relkind, pg_catalog.pg_get_partkeydef(c.oid)
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = pg_catalog.to_regclass($1)
