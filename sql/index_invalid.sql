-- Indexes that are not valid, ready and live, and what each is: being built
-- or dropped at this moment, or left behind by something that died. Those of
-- REINDEX CONCURRENTLY are matched to the index they copy by structure: names
-- are cut at 63 bytes and numbered. Other roles' builds are told from their
-- leavings with pg_read_all_stats, else by their locks.
WITH locked AS MATERIALIZED (
  SELECT relation AS oid FROM pg_locks
   WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock'
     AND database = (SELECT oid FROM pg_database
                      WHERE datname = current_database())
), busy AS MATERIALIZED (
  SELECT k.relation, k.pid, p.index_relid, p.phase, p.current_locker_pid,
         p.pid IS NOT NULL AS builds
    FROM pg_locks k
    LEFT JOIN pg_stat_progress_create_index p ON p.pid = k.pid
   WHERE k.locktype = 'relation' AND k.granted
     AND k.mode IN ('ShareUpdateExclusiveLock', 'ShareLock',
                    'AccessExclusiveLock')
     AND k.database = (SELECT oid FROM pg_database
                        WHERE datname = current_database())
     AND k.pid <> pg_backend_pid()
), bad AS (
  SELECT i.*, c.relname, c.relnamespace, c.relkind, c.relam, c.relpages,
         substring(c.relname from '_cc(?:new|old)[0-9]*$') AS suffix,
         coalesce(s.idx_scan, 0) AS scans, b.pid, b.phase,
         b.current_locker_pid AS locker
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid
    LEFT JOIN pg_stat_all_indexes s ON s.indexrelid = i.indexrelid
    LEFT JOIN LATERAL (
      SELECT b.pid, b.phase, nullif(b.current_locker_pid, 0)
               AS current_locker_pid
        FROM busy b
       WHERE (b.relation = i.indexrelid)
          OR (b.relation = i.indrelid AND b.builds
              AND coalesce(nullif(b.index_relid, 0), i.indexrelid) =
                  i.indexrelid)
       ORDER BY b.phase IS NULL LIMIT 1) b ON true
   WHERE NOT (i.indisvalid AND i.indisready AND i.indislive)
     AND c.relpersistence <> 't'
     AND i.indrelid NOT IN (SELECT oid FROM locked)
), origin AS (
  SELECT DISTINCT ON (x.indexrelid) x.indexrelid, oc.relname
    FROM bad x
    JOIN pg_index o ON o.indrelid = x.indrelid
     AND o.indexrelid <> x.indexrelid AND o.indisvalid
     AND o.indkey = x.indkey AND o.indclass = x.indclass
     AND o.indcollation = x.indcollation AND o.indoption = x.indoption
     AND o.indnkeyatts = x.indnkeyatts AND o.indisunique = x.indisunique
     AND pg_get_expr(o.indexprs, o.indrelid) IS NOT DISTINCT FROM
         pg_get_expr(x.indexprs, x.indrelid)
     AND pg_get_expr(o.indpred, o.indrelid) IS NOT DISTINCT FROM
         pg_get_expr(x.indpred, x.indrelid)
    JOIN pg_class oc ON oc.oid = o.indexrelid AND oc.relam = x.relam
     AND starts_with(oc.relname::text,
                     left(x.relname, length(x.relname) - length(x.suffix)))
   WHERE x.suffix IS NOT NULL
   ORDER BY x.indexrelid, length(oc.relname), oc.relname
), judged AS (
  SELECT b.*, o.relname AS origin,
         CASE WHEN b.pid IS NOT NULL AND NOT b.indislive THEN 'dropping'
              WHEN b.pid IS NOT NULL THEN 'building'
              WHEN b.relkind = 'I' THEN 'incomplete'
              WHEN NOT b.indislive THEN 'half-dropped'
              WHEN o.relname IS NOT NULL THEN 'leftover'
              ELSE 'failed' END AS state
    FROM bad b LEFT JOIN origin o USING (indexrelid)
)
SELECT n.nspname AS "schema", r.relname AS "table", j.relname AS "index",
       j.state,
       CASE j.state
         WHEN 'building' THEN concat_ws(', ', 'by process ' || j.pid, j.phase,
              'waits for process ' || j.locker)
         WHEN 'dropping' THEN 'by process ' || j.pid
         WHEN 'incomplete' THEN format(
              '%s of %s partitions without a valid index of it',
              (SELECT count(*) FROM pg_inherits p
                WHERE p.inhparent = j.indrelid
                  AND NOT EXISTS (
                      SELECT FROM pg_inherits q
                        JOIN pg_index i ON i.indexrelid = q.inhrelid
                       WHERE q.inhparent = j.indexrelid
                         AND i.indrelid = p.inhrelid AND i.indisvalid)),
              (SELECT count(*) FROM pg_inherits p
                WHERE p.inhparent = j.indrelid))
         WHEN 'half-dropped' THEN 'a DROP INDEX CONCURRENTLY did not finish'
         WHEN 'leftover' THEN format('of a REINDEX of "%s"', j.origin)
         ELSE CASE WHEN j.scans > 0
              THEN 'was in use: a DROP INDEX CONCURRENTLY was given up'
              ELSE 'a CREATE INDEX CONCURRENTLY failed' END
       END AS what,
       coalesce(CASE WHEN j.indexrelid IN (SELECT oid FROM locked)
                     THEN j.relpages::bigint *
                          current_setting('block_size')::bigint
                     ELSE pg_relation_size(j.indexrelid) END, 0) AS bytes,
       j.indisready AND j.indislive AND j.relkind = 'i' AS slows_writes,
       j.indisunique AND j.indisready AND j.indislive AND j.relkind = 'i'
         AS rejects_duplicates,
       CASE j.state
         WHEN 'half-dropped' THEN format('DROP INDEX CONCURRENTLY %I.%I;',
              n.nspname, j.relname)
         WHEN 'leftover' THEN format('DROP INDEX CONCURRENTLY %I.%I;',
              n.nspname, j.relname)
         WHEN 'failed' THEN format('REINDEX INDEX CONCURRENTLY %I.%I;',
              n.nspname, j.relname)
       END AS fix,
       concat(
         'SET default_tablespace = ' || quote_literal(
           (SELECT spcname FROM pg_tablespace
             WHERE oid = c.reltablespace)) || '; ',
         CASE WHEN c.relkind = 'I'
              THEN replace(pg_get_indexdef(j.indexrelid),
                     format('INDEX %I ON ONLY ', j.relname),
                     format('INDEX %I ON ', j.relname))
              ELSE regexp_replace(pg_get_indexdef(j.indexrelid),
                     '^CREATE (UNIQUE )?INDEX ',
                     'CREATE \1INDEX CONCURRENTLY ') END, ';',
         CASE WHEN c.reltablespace <> 0
              THEN ' RESET default_tablespace;' END,
         ' ' || (SELECT format('COMMENT ON INDEX %I.%I IS %L;', n.nspname,
                               j.relname, d.description)
                   FROM pg_description d
                  WHERE d.objoid = j.indexrelid AND d.objsubid = 0
                    AND d.classoid = 'pg_class'::regclass)) AS undo,
       j.origin
  FROM judged j
  JOIN pg_class r ON r.oid = j.indrelid
  JOIN pg_class c ON c.oid = j.indexrelid
  JOIN pg_namespace n ON n.oid = j.relnamespace
 ORDER BY bytes DESC, 1, 2, 3
