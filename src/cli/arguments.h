/* Command lines, strictly: long options only, each known, values after '=' or as the next word. */
#ifndef IDEVS_CLI_ARGUMENTS_H
#define IDEVS_CLI_ARGUMENTS_H

#include "base/error.h"
#include "base/limits.h"

#include <stddef.h>

struct arguments {
    const char *positional[LIMIT_ARGUMENTS];
    size_t n_positional;
    struct {
        const char *name; /* with its dashes */
        const char *value;
    } options[LIMIT_ARGUMENTS];
    size_t n_options;
};

/* Reads argv[first..]. `known` and `common` are NULL-terminated lists of "--name", "--name=WHAT",
 * or
 * "--name=WHAT...": that one takes every word up to the next option, but leaves the last word of
 * the line to a positional argument when there are not yet `min_positional`. Refuses `usage`. */
bool arguments_parse(int argc, char **argv, int first, const char *const *known,
                     const char *const *common, size_t min_positional, struct arguments *ret,
                     struct idevs_error *ret_err) _must_check_;
bool argument_given(const struct arguments *a, const char *name);
/* The last value given, or NULL. */
const char *argument_value(const struct arguments *a, const char *name);
/* The value number `i` (from 0) of those given, or NULL after the last. */
const char *argument_value_at(const struct arguments *a, const char *name, size_t i);
/* As argument_value(), refusing `usage` when it is missing. */
bool argument_required(const struct arguments *a, const char *name, const char **ret,
                       struct idevs_error *ret_err) _must_check_;

#endif
