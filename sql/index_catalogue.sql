-- Every index of the tables $1 (oids), with what it is compared by. Texts of
-- several parts end each part with U+001F, so that one is a prefix of the
-- other exactly when its parts are.
SELECT i.indexrelid, i.indrelid, c.relname, am.amname,
       i.indisvalid, i.indisready, i.indislive,
       i.indisunique, c.relkind = 'I', pg_relation_size(i.indexrelid),
       -- the columns or expressions, with operator class and collation
       (SELECT string_agg(pg_get_indexdef(i.indexrelid, n, false) || ' '
               || oc.opcnamespace::regnamespace::text || '.' || oc.opcname
               || ' ' || i.indcollation[n - 1]
               || coalesce(' ' || a.attoptions::text, '') || chr(31), '' ORDER BY n)
          FROM generate_series(1, i.indnkeyatts) n
          JOIN pg_opclass oc ON oc.oid = i.indclass[n - 1]
          JOIN pg_attribute a ON a.attrelid = i.indexrelid AND a.attnum = n) AS keys,
       -- their order, and the same read backwards
       (SELECT string_agg(i.indoption[n - 1] || chr(31), '' ORDER BY n)
          FROM generate_series(1, i.indnkeyatts) n) AS options,
       (SELECT string_agg((i.indoption[n - 1] # 3) || chr(31), '' ORDER BY n)
          FROM generate_series(1, i.indnkeyatts) n) AS reversed,
       coalesce((SELECT string_agg(pg_get_indexdef(i.indexrelid, n, false) || chr(31), '' ORDER BY n)
          FROM generate_series(i.indnkeyatts + 1, i.indnatts) n), '') AS included,
       chr(31) || (SELECT string_agg(pg_get_indexdef(i.indexrelid, n, false) || chr(31), '' ORDER BY n)
          FROM generate_series(1, i.indnatts) n) AS columns,
       coalesce(pg_get_expr(i.indpred, i.indrelid), '') AS predicate,
       -- whatever else tells two indexes apart
       concat_ws(' ', CASE WHEN i.indisunique THEN 'unique' END,
           CASE WHEN (to_jsonb(i) ->> 'indnullsnotdistinct')::boolean THEN 'nulls not distinct' END,
           CASE WHEN NOT i.indimmediate THEN 'deferrable' END,
           CASE WHEN i.indisexclusion THEN 'exclusion' END) AS kind,
       coalesce((SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(c.reloptions) o), '') AS storage,
       pg_get_indexdef(i.indexrelid),
       -- a constraint that is made of it, or leans on it
       (SELECT k.conname FROM pg_constraint k WHERE k.conindid = i.indexrelid
         ORDER BY k.contype = 'f', k.conname LIMIT 1),
       i.indisreplident OR i.indisclustered AS pinned,
       (SELECT h.inhparent FROM pg_inherits h WHERE h.inhrelid = i.indexrelid) AS attached,
       -- who builds it this moment; without the right to see, whoever may
       (SELECT p.pid FROM pg_stat_progress_create_index p
         WHERE p.datid = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND (p.index_relid = i.indexrelid OR p.relid IS NULL)
         ORDER BY p.index_relid NULLS LAST LIMIT 1) AS builder
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_am am ON am.oid = c.relam
 WHERE i.indrelid = ANY ($1::oid[])
 ORDER BY c.relname COLLATE "C", i.indexrelid
