/* Published test vectors, which are not part of this repository: read at run time from
 * ../shared/vectors beside the source root, and skipped visibly where they are absent. Include
 * after test.h. */
#ifndef IDEVS_TESTS_UNIT_VECTORS_H
#define IDEVS_TESTS_UNIT_VECTORS_H

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"

/* The file's path in `ret`; false when it is not there. */
static inline bool vector_path(const char *name, char ret[4096])
{
    const char *root = getenv("IDEVS_SOURCE_ROOT");

    snprintf(ret, 4096, "%s/../shared/vectors/%s", root ? root : ".", name);
    return access(ret, R_OK) == 0;
}

/* NULL when it is not there: then call skip(). The caller's to json_decref(). */
static inline json_t *vector_json(const char *name)
{
    char path[4096];
    json_error_t err;

    if (!vector_path(name, path)) {
        fprintf(stderr, "vectors are not here: %s\n", name);
        return NULL;
    }
    json_t *loaded = json_load_file(path, 0, &err);
    if (!loaded)
        fail_msg("%s: %s", path, err.text);
    return loaded;
}

/* Bytes of hex in either case; appends to `b`. */
static inline void vector_hex(const char *hex, struct buffer *b)
{
    for (; hex[0] && hex[1]; hex += 2) {
        char pair[3] = {hex[0], hex[1], 0};
        assert_true(buffer_append_u8(b, (uint8_t)strtoul(pair, NULL, 16)));
    }
    assert_int_equal(hex[0], 0);
}

#endif
