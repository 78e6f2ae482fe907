/* Published vectors, which are not part of this repository: read from ../shared/vectors beside the
 * source root. A test of them ends with SKIPPED, visibly, where they are absent. Include after
 * test.h. */
#ifndef IDEVS_TESTS_VECTORS_PUBLISHED_H
#define IDEVS_TESTS_VECTORS_PUBLISHED_H

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../unit/vectors.h"

#define SKIPPED 77

static inline void published_path(const char *name, char ret[4096])
{
    const char *root = getenv("IDEVS_SOURCE_ROOT");

    snprintf(ret, 4096, "%s/../shared/vectors/%s", root ? root : ".", name);
}

static inline bool published_is_here(const char *folder)
{
    char path[4096];

    published_path(folder, path);
    if (access(path, R_OK) == 0)
        return true;
    fprintf(stderr, "%s is not there: skipped\n", path);
    return false;
}

/* The caller's to json_decref(). */
static inline json_t *published(const char *name)
{
    char path[4096];
    json_error_t err;

    published_path(name, path);
    json_t *loaded = json_load_file(path, 0, &err);
    if (!loaded)
        fail_msg("%s: %s", path, err.text);
    return loaded;
}

/* How many files of a folder end in .json: so that none is forgotten. */
static inline size_t published_count(const char *folder)
{
    char path[4096];
    size_t n = 0;

    published_path(folder, path);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        size_t len = strlen(entry->d_name);
        n += len > 5 && strcmp(entry->d_name + len - 5, ".json") == 0;
    }
    closedir(dir);
    return n;
}

static inline const char *text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));

    if (!value)
        fail_msg("no text %s", name);
    return value;
}

static inline int64_t number(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    if (!json_is_integer(value))
        fail_msg("no number %s", name);
    return json_integer_value(value);
}

static inline struct buffer octets(const json_t *object, const char *name)
{
    struct buffer b = buffer_up_to(1 << 20);

    vector_hex(text(object, name), &b);
    return b;
}

#endif
