-- Columns that look like password hashes, by name and type, in the tables of
-- users: their backup ought to be encrypted.
SELECT n.nspname, c.relname, a.attname
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND a.attnum > 0 AND NOT a.attisdropped
   AND a.atttypid IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype,
                      'bytea'::regtype)
   AND a.attname ~* '(passw(or)?d|passwd|(^|_)pwd|(^|_)pass_?(hash|word)|crypt)'
 ORDER BY 1, 2, 3
 LIMIT 20
