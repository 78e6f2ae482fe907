/* The nodes of document/yaml.h from inside: yaml_parse.c makes them, yaml.c reads them. */
#ifndef IDEVS_DOCUMENT_YAML_NODE_H
#define IDEVS_DOCUMENT_YAML_NODE_H

#include "document/yaml.h"

enum kind {
    KIND_SCALAR = 1,
    KIND_LIST,
    KIND_MAP,
};

struct document {
    char *path;
    const char *code;
};

struct entry {
    struct yaml *key; /* a scalar; NULL in lists */
    struct yaml *value;
    bool taken;
};

struct yaml {
    const struct document *document; /* the root owns it */
    enum kind kind;
    size_t line;
    size_t column;
    bool plain; /* a scalar without quotes */
    char *text;
    char *path; /* made on demand by yaml_path() */
    struct entry *entries;
    size_t n;
};

/* The entry of `key`, or NULL. */
struct entry *yaml_find(const struct yaml *map, const char *key);
/* "path:line:column: reason". Always returns false. */
bool yaml_refuse_at(const struct document *document, const char *code, size_t line, size_t column,
                    struct idevs_error *ret_err, const char *reason);

#endif
