-- A partition of table $1 that is a foreign table, if there is one.
SELECT c.relname
  FROM pg_partition_tree($1::oid) t
  JOIN pg_class c ON c.oid = t.relid
 WHERE c.relkind = 'f'
 ORDER BY c.relname COLLATE "C"
 LIMIT 1
