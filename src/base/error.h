/* Refusals: how every module says no.
 *
 * A function that can refuse returns bool (false is the refusal, so that a forgotten result
 * rejects) and takes a struct idevs_error as its last argument. A function either refuses or logs,
 * never both. */
#ifndef IDEVS_BASE_ERROR_H
#define IDEVS_BASE_ERROR_H

#include "base/attr.h"
#include <idevs.h>

/* Fills `ret_err` (may be NULL) with `code` of the catalogue in base/codes.c, its expected text and
 * its remedy, and the formatted `found`. Always returns false. Unprintable bytes of `found` become
 * '?'. */
bool refuse(struct idevs_error *ret_err, const char *code, const char *found, ...) _printf_(3, 4);

/* As refuse(), with an `expected` of the place instead of the catalogue's. */
bool refuse_expecting(struct idevs_error *ret_err, const char *code, const char *expected,
                      const char *found, ...) _printf_(4, 5);

/* Refuses with `code` and the text of the current errno. */
bool refuse_errno(struct idevs_error *ret_err, const char *code, const char *what);

/* True when the error's code equals `code`, or begins with it where `code` ends in '.'. */
bool error_is(const struct idevs_error *err, const char *code);

#endif
