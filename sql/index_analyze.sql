-- Tables, and how much of each changed since its statistics were made. A
-- partitioned table has statistics of its own, which autovacuum never makes;
-- its changes are those of its partitions. `bare` counts indexes on
-- expressions that have no statistics though their table has. `may`: whether we
-- are allowed to; ANALYZE by others is passed over with a warning only. `bytes`
-- are those of the last VACUUM or ANALYZE: no lock is asked for. When a
-- table was analyzed is forgotten in a crash, and not known of partitioned
-- ones on 13: `has` says whether there are statistics at all.
WITH RECURSIVE t AS (
  SELECT c.oid, c.relname, n.nspname, c.relkind, c.relowner,
         greatest(c.reltuples, 0)::bigint AS reltuples,
         s.last_analyze, s.last_autoanalyze,
         coalesce(s.n_live_tup, 0) AS live,
         coalesce(s.n_mod_since_analyze, 0) AS changes,
         c.relpages::bigint * current_setting('block_size')::bigint AS bytes
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
   WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't'
     AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
), tree AS ( -- pg_partition_tree() would wait for locks
  SELECT t.oid, t.oid AS relid FROM t WHERE t.relkind = 'p'
  UNION ALL
  SELECT tree.oid, h.inhrelid
    FROM tree JOIN pg_inherits h ON h.inhparent = tree.relid
), sum AS (
  SELECT t.oid, count(*) AS parts, sum(l.changes) AS changes,
         sum(l.live) AS live, sum(l.reltuples) AS reltuples,
         sum(l.bytes) AS bytes
    FROM tree t
    JOIN t l ON l.oid = t.relid AND l.relkind <> 'p'
   GROUP BY t.oid
)
SELECT t.nspname AS "schema", t.relname AS "table",
       t.relkind = 'p' AS partitioned,
       greatest(coalesce(s.live, t.live), coalesce(s.reltuples, t.reltuples))
         AS "rows",
       coalesce(s.changes, t.changes) AS changes,
       to_char(greatest(t.last_analyze, t.last_autoanalyze)
               AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS analyzed,
       greatest(coalesce(s.bytes, t.bytes), 0) AS bytes,
       (SELECT count(*) FROM pg_index i
          JOIN pg_class ic ON ic.oid = i.indexrelid
         WHERE i.indrelid = t.oid AND i.indexprs IS NOT NULL
           AND i.indisvalid AND ic.relkind = 'i'
           AND has_table_privilege(ic.oid, 'SELECT')
           AND NOT EXISTS (SELECT FROM pg_stats v
                            WHERE v.schemaname = t.nspname
                              AND v.tablename = ic.relname)
           AND EXISTS (SELECT FROM pg_stats v
                        WHERE v.schemaname = t.nspname
                          AND v.tablename = t.relname)) AS bare,
       pg_has_role(t.relowner, 'USAGE')
         OR (SELECT pg_has_role(datdba, 'USAGE') FROM pg_database
              WHERE datname = current_database())
         OR CASE WHEN current_setting('server_version_num')::int >= 170000
                 THEN has_table_privilege(t.oid, 'MAINTAIN')
                 ELSE false END AS may,
       EXISTS (SELECT FROM pg_stats v
                WHERE v.schemaname = t.nspname AND v.tablename = t.relname
                  AND v.inherited = (t.relkind = 'p')) AS has
  FROM t LEFT JOIN sum s USING (oid)
 ORDER BY 1, 2
