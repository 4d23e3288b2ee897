-- Statements that give a new database $1 the limit, settings and grants of
-- the present one.
WITH d AS (
    SELECT * FROM pg_database WHERE datname = $1
), setting AS (
    SELECT s.setrole, split_part(c, '=', 1) AS name,
           substr(c, strpos(c, '=') + 1) AS value
      FROM pg_db_role_setting s JOIN d ON d.oid = s.setdatabase,
           unnest(s.setconfig) c
)
SELECT sql FROM (
    SELECT 1 AS ord, format('ALTER DATABASE %I CONNECTION LIMIT %s',
                            datname, datconnlimit) AS sql
      FROM d WHERE datconnlimit >= 0
    UNION ALL
    SELECT 2, CASE WHEN s.setrole = 0
                   THEN format('ALTER DATABASE %I SET %I TO %s',
                               d.datname, s.name, v.value)
                   ELSE format('ALTER ROLE %I IN DATABASE %I SET %I TO %s',
                               r.rolname, d.datname, s.name, v.value) END
      FROM setting s CROSS JOIN d
      LEFT JOIN pg_roles r ON r.oid = s.setrole,
           -- these are stored as lists, quoted already
           LATERAL (SELECT CASE WHEN s.name IN ('search_path',
               'temp_tablespaces', 'local_preload_libraries',
               'session_preload_libraries', 'unix_socket_directories',
               'shared_preload_libraries', 'listen_addresses') AND s.value <> ''
               THEN s.value ELSE quote_literal(s.value) END) v (value)
    UNION ALL
    SELECT 3, format('REVOKE ALL ON DATABASE %I FROM PUBLIC', datname)
      FROM d WHERE datacl IS NOT NULL
    UNION ALL
    SELECT 4, format('GRANT %s ON DATABASE %I TO %s%s', a.privilege_type,
                     d.datname, CASE WHEN a.grantee = 0 THEN 'PUBLIC'
                     ELSE format('%I', r.rolname) END,
                     CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION'
                     ELSE '' END)
      FROM d CROSS JOIN LATERAL aclexplode(d.datacl) a
      LEFT JOIN pg_roles r ON r.oid = a.grantee
) s
 ORDER BY ord
