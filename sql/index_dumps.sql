-- A dump of this database that runs: a concurrent build would wait for its
-- end.
SELECT a.application_name, a.pid
  FROM pg_stat_activity a
 WHERE a.datname = current_database()
   AND a.application_name IN ('pg_dump', 'pgk-dump')
 ORDER BY a.pid
 LIMIT 1
