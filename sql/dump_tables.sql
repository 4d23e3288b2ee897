-- The ordinary tables whose rows pgk-dump copies itself: what pg_dump would
-- dump, less the tables of extensions. Conditions on c.oid and n.nspname are
-- appended. Columns: oid, schema, table, bytes of the heap, heap?, columns
-- for COPY (quoted; NULL when there are none), schema and table to load
-- through (hash partitions on an enum: its values hash differently elsewhere).
SELECT c.oid, n.nspname, c.relname,
       pg_relation_size(c.oid),
       am.amname = 'heap',
       (SELECT string_agg('"' || replace(a.attname, '"', '""') || '"', ', '
                          ORDER BY a.attnum)
          FROM pg_attribute a
         WHERE a.attrelid = c.oid AND a.attnum > 0
           AND NOT a.attisdropped AND a.attgenerated = ''),
       rn.nspname, r.relname
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_am am ON am.oid = c.relam
  LEFT JOIN pg_class r
    ON c.relispartition AND r.oid = pg_partition_root(c.oid)
   AND EXISTS (SELECT FROM pg_partition_ancestors(c.oid) anc
                 JOIN pg_partitioned_table p ON p.partrelid = anc.relid
                 JOIN pg_opclass o ON o.oid = ANY (p.partclass::oid[])
                WHERE p.partstrat = 'h'
                  AND o.opcintype = 'anyenum'::regtype)
  LEFT JOIN pg_namespace rn ON rn.oid = r.relnamespace
 WHERE c.relkind = 'r'
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_class'::regclass
                      AND d.objid = c.oid AND d.deptype = 'e')
   AND NOT (c.relpersistence = 'u' AND pg_is_in_recovery())
