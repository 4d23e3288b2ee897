-- What a REINDEX of index $1 (a name, quoted as SQL has it) is about: the
-- index, or those of the partitions of a partitioned one. `may`: whether we are
-- allowed to. `place` is the folder it lies in, as the server names it, if we
-- may know.
SELECT n.nspname AS "schema", t.relname AS "table", c.relname AS "index",
       pg_relation_size(c.oid) AS bytes, i.indisexclusion AS exclusion,
       coalesce((SELECT nullif(pg_tablespace_location(s.oid), '')
                   FROM pg_tablespace s
                  WHERE s.oid = coalesce(nullif(c.reltablespace, 0),
                                         d.dattablespace)),
                (SELECT setting FROM pg_settings
                  WHERE name = 'data_directory')) AS place,
       pg_has_role(t.relowner, 'USAGE') OR pg_has_role(d.datdba, 'USAGE')
         OR CASE WHEN current_setting('server_version_num')::int >= 170000
                 THEN has_table_privilege(t.oid, 'MAINTAIN')
                 ELSE false END AS may,
       n.nspname ~ '^pg_' OR n.nspname = 'information_schema' AS system
  FROM pg_class top
  JOIN pg_database d ON d.datname = current_database()
 CROSS JOIN LATERAL (SELECT top.oid AS relid WHERE top.relkind = 'i'
                     UNION ALL
                     SELECT p.relid FROM pg_partition_tree(top.oid) p
                      WHERE top.relkind = 'I' AND p.isleaf) l
  JOIN pg_class c ON c.oid = l.relid AND c.relkind = 'i'
  JOIN pg_index i ON i.indexrelid = c.oid
  JOIN pg_class t ON t.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE top.oid = to_regclass($1)
 ORDER BY 1, 3
