-- Large tables that are often read from end to end.
SELECT s.schemaname AS "schema", s.relname AS "table",
       pg_relation_size(s.relid) AS bytes, s.seq_scan AS scans,
       s.seq_tup_read AS rows_read, s.n_live_tup AS "rows",
       coalesce(s.idx_scan, 0) AS index_scans
  FROM pg_stat_user_tables s
 WHERE s.n_live_tup >= 10000 AND s.seq_scan > 10
   AND s.seq_tup_read / s.seq_scan >= 10000
 ORDER BY s.seq_tup_read DESC
 LIMIT 50
