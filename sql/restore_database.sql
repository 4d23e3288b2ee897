-- What database $1 is like: comment, owner, tablespace, size, encoding,
-- locale. No row: there is none.
SELECT shobj_description(d.oid, 'pg_database'), r.rolname, t.spcname,
       CASE WHEN has_database_privilege(d.oid, 'CONNECT')
            THEN pg_size_pretty(pg_database_size(d.oid)) END,
       pg_encoding_to_char(d.encoding), d.datcollate, d.datctype,
       coalesce(to_jsonb(d) ->> 'datlocprovider', 'c'),
       coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale')
  FROM pg_database d
  JOIN pg_roles r ON r.oid = d.datdba
  JOIN pg_tablespace t ON t.oid = d.dattablespace
 WHERE d.datname = $1
