-- Indexes that a plan could use, $1 being what EXPLAIN (VERBOSE, FORMAT JSON)
-- says of it: for each table of 10000 rows or more that is read from end to
-- end, of the columns compared in the plan's conditions and of those sorted
-- by; those that are there already are left out. Columns: table, columns, how many,
-- the index's SQL, a guess's rank (1: the likeliest), the table's bytes, and
-- the rows written to it since the counters began.
WITH node AS (
  SELECT DISTINCT n ->> 'Schema' AS nspname, n ->> 'Relation Name' AS relname,
         n ->> 'Alias' AS alias
    FROM jsonb_path_query($1::jsonb,
           'strict $.** ? (@."Node Type" == "Seq Scan")') n
), cond AS (
  SELECT v #>> '{}' AS text
    FROM jsonb_path_query($1::jsonb, 'strict $.**."Filter"', silent => true) v
  UNION ALL
  SELECT v #>> '{}'
    FROM jsonb_path_query($1::jsonb, 'strict $.**."Hash Cond"', silent => true) v
  UNION ALL
  SELECT v #>> '{}'
    FROM jsonb_path_query($1::jsonb, 'strict $.**."Merge Cond"', silent => true) v
  UNION ALL
  SELECT v #>> '{}'
    FROM jsonb_path_query($1::jsonb, 'strict $.**."Join Filter"', silent => true) v
), sort AS (
  SELECT v #>> '{}' AS text
    FROM jsonb_path_query($1::jsonb, 'strict $.**."Sort Key"[*]', silent => true) v
), col AS ( -- the columns, as the plan writes them
  SELECT n.alias, c.oid, a.attnum, quote_ident(a.attname) AS name,
         regexp_replace(quote_ident(n.alias) || '.' || quote_ident(a.attname),
                        '([^[:alnum:]_])', '\\\1', 'g') AS word,
         CASE WHEN s.n_distinct < 0 THEN -s.n_distinct * c.reltuples
              ELSE coalesce(s.n_distinct, 1) END AS values
    FROM node n
    JOIN pg_namespace s1 ON s1.nspname = n.nspname
    JOIN pg_class c ON c.relnamespace = s1.oid AND c.relname = n.relname
     AND c.relkind IN ('r', 'm') AND c.reltuples >= 10000
     AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
     AND NOT a.attisdropped
    LEFT JOIN pg_stats s ON s.schemaname = n.nspname
     AND s.tablename = n.relname AND s.attname = a.attname AND NOT s.inherited
   WHERE coalesce(s.avg_width, 0) < 400 -- an entry has 2700 bytes at most
), used AS (
  SELECT col.*,
         EXISTS (SELECT FROM cond WHERE cond.text ~
           ('(^|[( ])' || word || '\)?(::[^()=<>]*)? = ')
           OR cond.text ~ (' = \(?' || word || '($|[): ])')) AS equal,
         EXISTS (SELECT FROM cond WHERE cond.text ~
           ('(^|[( ])' || word || '\)?(::[^()=<>]*)? (<|>|<=|>=) ')
           OR cond.text ~ (' (<|>|<=|>=) \(?' || word || '($|[): ])'))
         OR EXISTS (SELECT FROM sort WHERE sort.text ~
           ('^' || word || '($| )')) AS ranged
    FROM col
), ranked AS (
  SELECT *, row_number() OVER (PARTITION BY oid, alias, equal
                               ORDER BY values DESC, attnum) AS place
    FROM used WHERE equal OR ranged
), eq AS (SELECT * FROM ranked WHERE equal AND place <= 3),
last AS (SELECT * FROM ranked WHERE ranged AND place <= 3),
made AS (
  SELECT oid, ARRAY[attnum] AS keys, ARRAY[name] AS names, 3 AS rank FROM eq
  UNION SELECT oid, ARRAY[attnum], ARRAY[name], 4 FROM last
  UNION SELECT a.oid, ARRAY[a.attnum, b.attnum], ARRAY[a.name, b.name], 2
    FROM eq a JOIN eq b USING (oid, alias) WHERE a.place < b.place
  UNION SELECT a.oid, ARRAY[a.attnum, b.attnum], ARRAY[a.name, b.name], 1
    FROM eq a JOIN last b USING (oid, alias) WHERE a.attnum <> b.attnum
  UNION SELECT a.oid, ARRAY[a.attnum, b.attnum, d.attnum],
         ARRAY[a.name, b.name, d.name], 5
    FROM eq a JOIN eq b USING (oid, alias) JOIN last d USING (oid, alias)
   WHERE a.place < b.place AND d.attnum NOT IN (a.attnum, b.attnum)
)
SELECT n.nspname AS "schema", c.relname AS "table",
       array_to_string(m.names, ', ') AS columns,
       cardinality(m.keys) AS count,
       format('CREATE INDEX ON %I.%I (%s)', n.nspname, c.relname,
              array_to_string(m.names, ', ')) AS sql,
       m.rank, pg_relation_size(c.oid) AS bytes,
       coalesce(t.n_tup_ins + t.n_tup_upd + t.n_tup_del, 0) AS writes
  FROM (SELECT oid, keys, names, min(rank) AS rank FROM made
         GROUP BY oid, keys, names) m
  JOIN pg_class c ON c.oid = m.oid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_stat_all_tables t ON t.relid = c.oid
 WHERE NOT EXISTS (
   SELECT FROM pg_index i
    WHERE i.indrelid = m.oid AND i.indisvalid AND i.indpred IS NULL
      AND i.indnkeyatts >= cardinality(m.keys)
      AND (i.indkey::int2[])[0:cardinality(m.keys) - 1] = m.keys)
 ORDER BY m.rank, cardinality(m.keys), 1, 2, 3
 LIMIT 24
