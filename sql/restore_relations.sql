-- The tables and materialized views of users, with what counting them and
-- building their indexes needs: schema, name, kind, bytes, whether it is
-- a partition, and the root to count at (a leaf below a hash-partitioned
-- table: its rows may lie in other leaves here).
SELECT n.nspname, c.relname, c.relkind, pg_relation_size(c.oid),
       c.relispartition, rn.nspname, r.relname, c.relispopulated
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_class r
    ON c.relispartition AND r.oid = pg_partition_root(c.oid)
   AND EXISTS (SELECT FROM pg_partition_ancestors(c.oid) a
                 JOIN pg_partitioned_table p ON p.partrelid = a.relid
                WHERE p.partstrat = 'h')
  LEFT JOIN pg_namespace rn ON rn.oid = r.relnamespace
 WHERE c.relkind IN ('r', 'p', 'm')
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
 ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
