-- Foreign keys whose own columns no index serves: each delete or key update
-- in the table referred to then reads the whole table. An index serves when it
-- is whole and valid, its first key columns are the foreign key's in any order, in
-- their collation, with an operator class that knows the key's equality
-- (INCLUDE columns do not help, BRIN narrows only); a partial one only WHERE
-- the one column IS NOT NULL. A partitioned table is looked at by partitions,
-- and named once.
WITH RECURSIVE locked AS MATERIALIZED (
  SELECT relation AS oid FROM pg_locks
   WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock'
     AND database = (SELECT oid FROM pg_database
                      WHERE datname = current_database())
), fk AS (
  SELECT c.oid AS root, c.oid, c.conrelid, c.conkey, c.conpfeqop
    FROM pg_constraint c
    JOIN pg_class r ON r.oid = c.conrelid
    JOIN pg_namespace n ON n.oid = r.relnamespace
   WHERE c.contype = 'f' AND c.conparentid = 0
     AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
     AND coalesce((to_jsonb(c) ->> 'conenforced')::boolean, true)
     AND c.conrelid NOT IN (SELECT oid FROM locked)
  UNION ALL
  SELECT fk.root, c.oid, c.conrelid, c.conkey, c.conpfeqop
    FROM fk JOIN pg_constraint c ON c.conparentid = fk.oid
   WHERE c.contype = 'f'
     AND c.conrelid NOT IN (SELECT oid FROM locked)
), bare AS (
  SELECT fk.root, fk.conrelid
    FROM fk
    JOIN pg_class r ON r.oid = fk.conrelid AND r.relkind = 'r'
   WHERE NOT EXISTS (
     SELECT FROM pg_index i
       JOIN pg_class ic ON ic.oid = i.indexrelid
       JOIN pg_am am ON am.oid = ic.relam AND am.amname <> 'brin'
      WHERE i.indrelid = fk.conrelid
        AND i.indisvalid AND i.indisready AND i.indislive
        AND i.indnkeyatts >= cardinality(fk.conkey)
        AND NOT EXISTS (
          SELECT FROM unnest(fk.conkey, fk.conpfeqop) AS k (attnum, op)
            JOIN pg_attribute a ON a.attrelid = fk.conrelid
             AND a.attnum = k.attnum
           WHERE NOT EXISTS (
             SELECT FROM generate_series(0, cardinality(fk.conkey) - 1) at
               JOIN pg_opclass oc ON oc.oid = i.indclass[at]
               JOIN pg_amop o ON o.amopfamily = oc.opcfamily
               JOIN pg_operator p ON p.oid = k.op
              WHERE i.indkey[at] = k.attnum
                AND o.amopopr IN (p.oid, p.oprcom)
                AND i.indcollation[at] IN (0, a.attcollation)))
        AND (i.indpred IS NULL
             OR (cardinality(fk.conkey) = 1
                 AND pg_get_expr(i.indpred, i.indrelid) =
                     format('(%I IS NOT NULL)',
                            (SELECT attname FROM pg_attribute
                              WHERE attrelid = fk.conrelid
                                AND attnum = fk.conkey[1])))))
   GROUP BY fk.root, fk.conrelid
)
SELECT n.nspname AS "schema", r.relname AS "table", c.conname AS "constraint",
       cols.list AS columns,
       format('%I.%I', pn.nspname, p.relname) AS refers_to,
       CASE c.confdeltype WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null'
            WHEN 'd' THEN 'set default' WHEN 'r' THEN 'restrict'
            ELSE 'no action' END AS on_delete,
       (SELECT count(*) FROM bare b WHERE b.root = c.oid) AS tables,
       (SELECT coalesce(sum(CASE WHEN b.conrelid IN (SELECT oid FROM locked)
                                 THEN k.relpages::bigint *
                                      current_setting('block_size')::bigint
                                 ELSE pg_relation_size(k.oid) END), 0)
          FROM bare b JOIN pg_class k ON k.oid = b.conrelid
         WHERE b.root = c.oid) AS bytes,
       coalesce(t.n_tup_del + t.n_tup_upd - t.n_tup_hot_upd, 0)
         AS parent_changes,
       EXISTS (SELECT FROM pg_index i
                WHERE i.indrelid = c.conrelid AND NOT i.indisvalid
                  AND i.indkey[0] = ANY (c.conkey)) AS has_invalid,
       CASE WHEN r.relkind = 'r' THEN
         format('CREATE INDEX CONCURRENTLY ON %I.%I %s(%s);', n.nspname,
                r.relname, -- of periods: 18 and later, with btree_gist
                CASE WHEN (to_jsonb(c) ->> 'conperiod')::boolean
                     THEN 'USING gist ' END, cols.list) END AS fix
  FROM pg_constraint c
  JOIN pg_class r ON r.oid = c.conrelid
  JOIN pg_namespace n ON n.oid = r.relnamespace
  JOIN pg_class p ON p.oid = c.confrelid
  JOIN pg_namespace pn ON pn.oid = p.relnamespace
  LEFT JOIN pg_stat_all_tables t ON t.relid = c.confrelid
  CROSS JOIN LATERAL (
    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.at) AS list
      FROM unnest(c.conkey) WITH ORDINALITY k (attnum, at)
      JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum)
    AS cols
 WHERE c.oid IN (SELECT root FROM bare)
 ORDER BY bytes DESC, parent_changes DESC, 1, 2, 3
