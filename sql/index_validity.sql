-- Whether index $2 of schema $1 is valid; no row: it is not there.
SELECT i.indisvalid AND i.indisready AND i.indislive
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = $1 AND c.relname = $2
