-- How often each index was scanned on this server, one row an index of users;
-- a partitioned index with all its partitions is one. Reads the catalogue
-- and counters only. `needed` says what an index is for besides being
-- scanned; such a one is never called unused. `created` is known with
-- track_commit_timestamp only, and is at the latest then; `writes` counts
-- rows put into, moved or deleted (HOT updates touch no index).
WITH locked AS MATERIALIZED (
  SELECT relation AS oid FROM pg_locks
   WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock'
     AND database = (SELECT oid FROM pg_database
                      WHERE datname = current_database())
), top AS (
  SELECT i.*, c.relname, c.relnamespace, c.relkind, c.xmin AS made_by
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
     AND c.relpersistence <> 't'
     AND i.indisvalid AND i.indisready AND i.indislive
     AND NOT EXISTS (SELECT FROM pg_inherits h
                      WHERE h.inhrelid = i.indexrelid)
), leaf AS (
  SELECT t.indexrelid, t.indexrelid AS leafid FROM top t WHERE t.relkind = 'i'
  UNION ALL
  SELECT t.indexrelid, p.relid
    FROM top t CROSS JOIN LATERAL pg_partition_tree(t.indexrelid) p
   WHERE t.relkind = 'I' AND p.isleaf AND p.relid <> t.indexrelid
), counted AS (
  SELECT l.indexrelid, count(*) AS parts,
         sum(coalesce(s.idx_scan, 0)) AS scans,
         sum(coalesce(s.idx_tup_read, 0)) AS entries,
         max((to_jsonb(s) ->> 'last_idx_scan')::timestamptz) AS last_scan,
         sum(CASE WHEN l.leafid IN (SELECT oid FROM locked)
                  THEN c.relpages::bigint *
                       current_setting('block_size')::bigint
                  ELSE coalesce(pg_relation_size(l.leafid), 0) END) AS bytes,
         sum(coalesce(t.n_tup_ins + t.n_tup_upd - t.n_tup_hot_upd +
                      t.n_tup_del, 0)) AS writes
    FROM leaf l
    JOIN pg_class c ON c.oid = l.leafid
    LEFT JOIN pg_stat_all_indexes s ON s.indexrelid = l.leafid
    LEFT JOIN pg_stat_all_tables t ON t.relid = s.relid
   GROUP BY l.indexrelid
)
SELECT n.nspname AS "schema", r.relname AS "table", t.relname AS "index",
       am.amname AS method,
       coalesce(u.scans, 0) AS scans, coalesce(u.entries, 0) AS entries,
       to_char(u.last_scan AT TIME ZONE 'UTC',
               'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS last_scan,
       coalesce(u.bytes, 0) AS bytes, coalesce(u.writes, 0) AS writes,
       CASE
         WHEN t.indrelid IN (SELECT oid FROM locked)
           THEN 'not known, others hold a lock on its table'
         WHEN t.indisprimary THEN 'primary key'
         WHEN t.indisexclusion THEN 'exclusion constraint'
         WHEN EXISTS (SELECT FROM pg_constraint k
                       WHERE k.conindid = t.indexrelid) THEN 'constraint'
         WHEN t.indisunique THEN 'unique'
         WHEN t.indisreplident THEN 'replica identity'
         WHEN t.indisclustered THEN 'table is clustered on it'
         WHEN t.relkind = 'I' AND u.parts IS NULL THEN 'no partitions yet'
         WHEN EXISTS (SELECT FROM pg_depend d
                       WHERE d.classid = 'pg_class'::regclass
                         AND d.objid = t.indexrelid AND d.deptype = 'e')
           THEN 'of an extension'
         WHEN EXISTS (SELECT FROM pg_constraint k
                       WHERE k.contype = 'f' AND k.conrelid = t.indrelid
                         AND t.indkey[0] = ANY (k.conkey))
           THEN 'foreign key'
       END AS needed,
       CASE WHEN t.indexprs IS NOT NULL
             AND t.indrelid NOT IN (SELECT oid FROM locked) THEN
         (SELECT string_agg('(' || pg_get_indexdef(t.indexrelid, k, false) ||
                            ')', ', ' ORDER BY k)
            FROM generate_series(1, t.indnatts) k
           WHERE t.indkey[k - 1] = 0) END AS expressions,
       CASE WHEN current_setting('track_commit_timestamp') = 'on' THEN
         to_char(pg_xact_commit_timestamp(t.made_by) AT TIME ZONE 'UTC',
                 'YYYY-MM-DD"T"HH24:MI:SS"Z"') END AS created,
       t.relkind = 'I' AS partitioned,
       CASE WHEN t.indrelid NOT IN (SELECT oid FROM locked) THEN concat(
         'SET default_tablespace = ' || quote_literal(
           (SELECT spcname FROM pg_tablespace
             WHERE oid = c.reltablespace)) || '; ',
         CASE WHEN c.relkind = 'I'
              THEN replace(pg_get_indexdef(t.indexrelid),
                     format('INDEX %I ON ONLY ', t.relname),
                     format('INDEX %I ON ', t.relname))
              ELSE regexp_replace(pg_get_indexdef(t.indexrelid),
                     '^CREATE (UNIQUE )?INDEX ',
                     'CREATE \1INDEX CONCURRENTLY ') END, ';',
         CASE WHEN c.reltablespace <> 0
              THEN ' RESET default_tablespace;' END,
         ' ' || (SELECT format('COMMENT ON INDEX %I.%I IS %L;', n.nspname,
                               t.relname, d.description)
                   FROM pg_description d
                  WHERE d.objoid = t.indexrelid AND d.objsubid = 0
                    AND d.classoid = 'pg_class'::regclass)) END AS undo,
       CASE WHEN t.indrelid NOT IN (SELECT oid FROM locked)
            THEN md5(pg_get_indexdef(t.indexrelid)) ELSE '-' END AS definition
  FROM top t
  JOIN pg_class r ON r.oid = t.indrelid
  JOIN pg_namespace n ON n.oid = t.relnamespace
  JOIN pg_class c ON c.oid = t.indexrelid
  JOIN pg_am am ON am.oid = c.relam
  LEFT JOIN counted u ON u.indexrelid = t.indexrelid
 ORDER BY bytes DESC, 1, 3
