/*
 * conf_int: between conf.c (the file), policy.c (a row of the policy) and
 * conninfo.c (what a conninfo must not hold).
 */
#ifndef PGK_CONF_INT_H
#define PGK_CONF_INT_H

#include "conf/conf.h"

/*
 * Whether a conninfo string or URI gives a password. One that is not well
 * formed may go either way: libpq refuses it later.
 */
bool conf_has_password(const char *conninfo);

/*
 * Five crontab fields, as cron reads them: numbers, names of months and
 * days, ranges, steps, lists, '*'. Returns them with one blank between
 * (caller frees), or NULL (ERR_CONF).
 */
char *conf_crontab(const char *text, struct err *e);

#endif
