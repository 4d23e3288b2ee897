/*
 * stop_int: for the unit test alone.
 */
#ifndef PGK_STOP_INT_H
#define PGK_STOP_INT_H

/* Seconds between the first signal and the end by force; 20. */
extern int stop_grace;

#endif
