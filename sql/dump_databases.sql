-- The databases of a cluster dump, in the order pg_dumpall takes.
SELECT datname
  FROM pg_database
 WHERE datallowconn AND datconnlimit <> -2 AND datname <> 'template0'
 ORDER BY datname <> 'template1', datname
