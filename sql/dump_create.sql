-- CREATE DATABASE for the current database, as text.
SELECT format('CREATE DATABASE "%s" WITH TEMPLATE = template0 ENCODING = %L'
              || ' LC_COLLATE = %L LC_CTYPE = %L%s%s;',
              replace(d.datname, '"', '""'),
              pg_encoding_to_char(d.encoding), d.datcollate, d.datctype,
              CASE to_jsonb(d) ->> 'datlocprovider'
                  WHEN 'i' THEN ' LOCALE_PROVIDER = icu'
                  WHEN 'b' THEN ' LOCALE_PROVIDER = builtin' ELSE '' END,
              CASE to_jsonb(d) ->> 'datlocprovider'
                  WHEN 'i' THEN format(' ICU_LOCALE = %L',
                      coalesce(to_jsonb(d) ->> 'datlocale',
                               to_jsonb(d) ->> 'daticulocale'))
                  WHEN 'b' THEN format(' BUILTIN_LOCALE = %L',
                      to_jsonb(d) ->> 'datlocale') ELSE '' END)
  FROM pg_database d
 WHERE d.datname = current_database()
