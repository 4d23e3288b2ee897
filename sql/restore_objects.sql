-- Objects of users in the current database, a few, as text: extensions' and
-- those every new database has are none.
WITH extension AS (
    SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
), ours AS (
    SELECT oid, nspname FROM pg_namespace
     WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
)
SELECT what FROM (
    SELECT 1 AS ord, format('%s %I.%I', CASE c.relkind
               WHEN 'r' THEN 'table' WHEN 'p' THEN 'table'
               WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
               WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table'
               ELSE 'type' END, n.nspname, c.relname) AS what,
           'pg_class'::regclass AS classid, c.oid AS objid
      FROM pg_class c JOIN ours n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')
    UNION ALL
    SELECT 2, format('function %s', p.oid::regprocedure),
           'pg_proc'::regclass, p.oid
      FROM pg_proc p JOIN ours n ON n.oid = p.pronamespace
    UNION ALL
    SELECT 3, format('type %I.%I', n.nspname, t.typname),
           'pg_type'::regclass, t.oid
      FROM pg_type t JOIN ours n ON n.oid = t.typnamespace
     WHERE t.typtype IN ('b', 'd', 'e', 'r') AND t.typcategory <> 'A'
    UNION ALL
    SELECT 4, format('schema %I', n.nspname),
           'pg_namespace'::regclass, n.oid
      FROM ours n WHERE n.nspname <> 'public'
    UNION ALL
    SELECT 5, format('large object %s', l.oid),
           'pg_largeobject_metadata'::regclass, l.oid
      FROM pg_largeobject_metadata l
) o
 WHERE NOT EXISTS (SELECT FROM extension x
                    WHERE x.classid = o.classid AND x.objid = o.objid)
 ORDER BY ord, what
 LIMIT 4
