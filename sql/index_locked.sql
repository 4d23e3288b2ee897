-- Tables that others hold so that nobody can look at them: the definitions of
-- their indexes would have to be waited for.
SELECT n.nspname AS "schema", c.relname AS "table", min(l.pid) AS process
  FROM pg_locks l
  JOIN pg_class c ON c.oid = l.relation
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
   AND l.database = (SELECT oid FROM pg_database
                      WHERE datname = current_database())
   AND c.relkind IN ('r', 'p', 'm') AND n.nspname !~ '^pg_'
 GROUP BY 1, 2
 ORDER BY 1, 2
