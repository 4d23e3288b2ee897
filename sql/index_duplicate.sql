-- Indexes that another one makes redundant: an exact duplicate, or a btree
-- whose columns are the first ones of another's. Told by the catalogue, never
-- by text: column or expression, operator class, collation, order, INCLUDE,
-- predicate, method, and storage parameters but for a btree's. What a
-- constraint, the replica identity or CLUSTER rests on, a partition's part of
-- a partitioned index, and a unique index that no equal unique one covers are
-- never the redundant one.
WITH locked AS MATERIALIZED (
  SELECT relation AS oid FROM pg_locks
   WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock'
     AND database = (SELECT oid FROM pg_database
                      WHERE datname = current_database())
), ix AS (
  SELECT i.indexrelid, i.indrelid, c.relnamespace, c.relname AS name,
         c.relam, am.amname, c.relkind, i.indnkeyatts AS nk,
         i.indisunique AS uq, i.indimmediate,
         EXISTS (SELECT FROM pg_inherits h
                  WHERE h.inhrelid = i.indexrelid) AS part,
         i.indisexclusion
           OR EXISTS (SELECT FROM pg_constraint k
                       WHERE k.conindid = i.indexrelid)
           OR i.indisreplident OR i.indisclustered
           OR EXISTS (SELECT FROM pg_depend d
                       WHERE d.classid = 'pg_class'::regclass
                         AND d.objid = i.indexrelid AND d.deptype = 'e')
           AS pinned,
         coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false)
           AS nnd,
         (SELECT array_agg(concat_ws('/',
                   CASE WHEN i.indkey[k - 1] = 0
                        THEN 'e' || pg_get_indexdef(i.indexrelid, k, false)
                        ELSE 'a' || i.indkey[k - 1] END,
                   CASE WHEN am.amname = 'btree'
                        THEN oc.opcfamily || '.' || oc.opcintype
                        ELSE oc.oid::text END,
                   i.indcollation[k - 1]) ORDER BY k)
            FROM generate_series(1, i.indnkeyatts) k
            JOIN pg_opclass oc ON oc.oid = i.indclass[k - 1]) AS keys,
         (SELECT array_agg(i.indoption[k - 1]::int ORDER BY k)
            FROM generate_series(1, i.indnkeyatts) k) AS ordering,
         (SELECT coalesce(array_agg(i.indkey[k - 1]::int), '{}')
            FROM generate_series(i.indnkeyatts + 1, i.indnatts) k) AS included,
         (SELECT coalesce(array_agg(k::int), '{}')
            FROM unnest(i.indkey) k WHERE k <> 0) AS columns,
         coalesce(pg_get_expr(i.indpred, i.indrelid), '') AS predicate,
         CASE WHEN am.amname <> 'btree' THEN concat(
           (SELECT string_agg(o, ',' ORDER BY o)
              FROM unnest(c.reloptions) o), ' ',
           (SELECT string_agg(a.attnum || a.attoptions::text, ','
                              ORDER BY a.attnum)
              FROM pg_attribute a WHERE a.attrelid = i.indexrelid
               AND a.attoptions IS NOT NULL)) END AS unlike,
         CASE WHEN c.relkind = 'I' THEN
                (SELECT sum(pg_relation_size(p.relid))
                   FROM pg_partition_tree(i.indexrelid) p WHERE p.isleaf)
              WHEN i.indexrelid IN (SELECT oid FROM locked)
              THEN c.relpages::bigint * current_setting('block_size')::bigint
              ELSE pg_relation_size(i.indexrelid) END AS bytes
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid
    JOIN pg_am am ON am.oid = c.relam
    JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE i.indisvalid AND i.indisready AND i.indislive
     AND i.indrelid NOT IN (SELECT oid FROM locked)
     AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
), pair AS (
  SELECT b.*, a.name AS a_name, a.bytes AS a_bytes,
         a.indexrelid AS a_oid,
         CASE WHEN b.keys <> a.keys THEN 'prefix'
              WHEN a.included <@ b.included THEN 'duplicate'
              ELSE 'covered' END AS kind,
         b.ordering IS DISTINCT FROM a.ordering[1:b.nk] AS reversed
    FROM ix b
    JOIN ix a ON a.indrelid = b.indrelid AND a.indexrelid <> b.indexrelid
     AND a.relam = b.relam AND a.predicate = b.predicate
     AND a.unlike IS NOT DISTINCT FROM b.unlike
   WHERE NOT b.pinned AND NOT b.part
     AND (NOT b.uq OR (a.uq AND a.keys = b.keys AND a.nnd = b.nnd
                       AND a.indimmediate >= b.indimmediate))
     AND (b.keys = a.keys
          OR (b.amname = 'btree' AND b.nk < a.nk
              AND a.keys[1:b.nk] = b.keys))
     AND (b.amname <> 'btree' OR a.ordering[1:b.nk] = b.ordering
          -- backwards
          OR a.ordering[1:b.nk] = (SELECT array_agg(x # 3 ORDER BY k)
               FROM unnest(b.ordering) WITH ORDINALITY u (x, k)))
     AND b.included <@ a.columns
     -- of two that cover each other one stays
     AND (b.keys <> a.keys OR (a.uq AND NOT b.uq) OR a.pinned OR a.part
          OR cardinality(a.included) > cardinality(b.included)
          OR (cardinality(a.included) = cardinality(b.included)
              AND a.indexrelid < b.indexrelid))
), best AS (
  SELECT DISTINCT ON (p.indexrelid) p.*
    FROM pair p
   ORDER BY p.indexrelid, EXISTS (SELECT FROM pair q
                                   WHERE q.indexrelid = p.a_oid),
            p.kind = 'duplicate' DESC, p.a_bytes, p.a_oid
)
SELECT n.nspname AS "schema", r.relname AS "table", b.name AS "index",
       b.kind,
       b.reversed, b.a_name AS covered_by,
       coalesce(b.bytes, 0) AS bytes, coalesce(b.a_bytes, 0) AS cover_bytes,
       format('DROP INDEX %s%I.%I;',
              CASE WHEN b.relkind = 'I' THEN '' ELSE 'CONCURRENTLY ' END,
              n.nspname, b.name) AS fix,
       concat(
         'SET default_tablespace = ' || quote_literal(
           (SELECT spcname FROM pg_tablespace
             WHERE oid = c.reltablespace)) || '; ',
         CASE WHEN c.relkind = 'I'
              THEN replace(pg_get_indexdef(b.indexrelid),
                     format('INDEX %I ON ONLY ', b.name),
                     format('INDEX %I ON ', b.name))
              ELSE regexp_replace(pg_get_indexdef(b.indexrelid),
                     '^CREATE (UNIQUE )?INDEX ',
                     'CREATE \1INDEX CONCURRENTLY ') END, ';',
         CASE WHEN c.reltablespace <> 0
              THEN ' RESET default_tablespace;' END,
         ' ' || (SELECT format('COMMENT ON INDEX %I.%I IS %L;', n.nspname,
                               b.name, d.description)
                   FROM pg_description d
                  WHERE d.objoid = b.indexrelid AND d.objsubid = 0
                    AND d.classoid = 'pg_class'::regclass)) AS undo
  FROM best b
  JOIN pg_class r ON r.oid = b.indrelid
  JOIN pg_class c ON c.oid = b.indexrelid
  JOIN pg_namespace n ON n.oid = b.relnamespace
 ORDER BY b.bytes DESC NULLS LAST, 1, 2, 3
