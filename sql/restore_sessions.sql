-- The other sessions of database $1.
SELECT pid, coalesce(usename, ''), coalesce(application_name, ''),
       coalesce(state, 'state not visible')
  FROM pg_stat_activity
 WHERE datname = $1 AND pid <> pg_backend_pid()
   AND coalesce(backend_type, '') NOT LIKE 'autovacuum%'
   AND coalesce(backend_type, '') <> 'parallel worker'
 ORDER BY pid
