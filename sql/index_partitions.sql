-- The partitions below table $1, parents first: oid, parent's oid, whether
-- it has partitions itself, schema, name, kind.
SELECT t.relid::oid, t.parentrelid::oid, NOT t.isleaf, n.nspname, c.relname,
       c.relkind
  FROM pg_partition_tree($1::oid) t
  JOIN pg_class c ON c.oid = t.relid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE t.level > 0
 ORDER BY t.level, n.nspname COLLATE "C", c.relname COLLATE "C"
