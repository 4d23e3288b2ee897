-- What this database's statements cost, the dearest first. The extension's
-- schema must be in the search_path.
SELECT s.query, sum(s.calls)::bigint AS calls,
       round(sum(s.total_exec_time)::numeric, 1) AS milliseconds,
       round((100 * sum(s.total_exec_time) / nullif(sum(sum(s.total_exec_time))
              OVER (), 0))::numeric, 1) AS percent
  FROM pg_stat_statements s
 WHERE s.dbid = (SELECT oid FROM pg_catalog.pg_database
                  WHERE datname = pg_catalog.current_database())
 GROUP BY s.query
 ORDER BY sum(s.total_exec_time) DESC
 LIMIT 200
