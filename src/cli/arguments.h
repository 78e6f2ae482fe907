/* Command lines, strictly: long options only, each known, values after '=' or as the next word. */
#ifndef IDEVS_CLI_ARGUMENTS_H
#define IDEVS_CLI_ARGUMENTS_H

#include "base/error.h"

#include <stddef.h>

#define ARGUMENTS_MAX 32

struct arguments {
    const char *positional[ARGUMENTS_MAX];
    size_t n_positional;
    struct {
        const char *name; /* with its dashes */
        const char *value;
    } options[ARGUMENTS_MAX];
    size_t n_options;
};

/* Reads argv[first..]. `known` and `common` are NULL-terminated lists of "--name" or "--name=WHAT".
 * Refuses `usage`. */
bool arguments_parse(int argc, char **argv, int first, const char *const *known,
                     const char *const *common, struct arguments *ret,
                     struct idevs_error *ret_err) _must_check_;
bool argument_given(const struct arguments *a, const char *name);
/* The last value given, or NULL. */
const char *argument_value(const struct arguments *a, const char *name);
/* As argument_value(), refusing `usage` when it is missing. */
bool argument_required(const struct arguments *a, const char *name, const char **ret,
                       struct idevs_error *ret_err) _must_check_;

#endif
