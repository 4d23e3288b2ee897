-- What bears the name $2 in schema $1: kind, and the table of an index.
SELECT c.relkind, i.indrelid, t.relname, c.oid
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_index i ON i.indexrelid = c.oid
  LEFT JOIN pg_class t ON t.oid = i.indrelid
 WHERE n.nspname = $1 AND c.relname = $2
