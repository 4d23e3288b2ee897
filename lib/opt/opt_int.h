/*
 * opt_int: between opt.c (parsing) and show.c (what the tables say).
 */
#ifndef PGK_OPT_INT_H
#define PGK_OPT_INT_H

#include <stdio.h>

#include "opt/opt.h"

/* --help and --version, behind a tool's own tables. */
extern const struct opt opt_common[];

/* Call `each` for every option in the tables' order, the common ones last. */
void opt_each(const struct opt_tool *tool,
    void (*each)(void *ctx, const struct opt *o), void *ctx);

void opt_show_help(const struct opt_tool *tool, FILE *out);
void opt_show_options(const struct opt_tool *tool, FILE *out);
void opt_show_completion(const struct opt_tool *tool, FILE *out);

#endif
