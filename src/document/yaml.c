#include "document/yaml.h"
#include "base/alloc.h"
#include "base/limits.h"
#include "base/text.h"
#include "document/yaml_node.h"

#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>

#define PATH_TAIL 72 /* of the path in messages, which must leave room for the reason */

bool yaml_refuse_at(const struct document *document, const char *code, size_t line, size_t column,
                    struct idevs_error *ret_err, const char *reason)
{
    size_t len = strlen(document->path);
    bool cut = len > PATH_TAIL;

    return refuse(ret_err, code, "%s%s:%zu:%zu: %s", cut ? "..." : "",
                  document->path + (cut ? len - PATH_TAIL : 0), line, column, reason);
}

static bool refuse_node(const struct yaml *node, const char *code, struct idevs_error *ret_err,
                        const char *reason, va_list args)
{
    char text[160];

    vsnprintf(text, sizeof(text), reason, args);
    return yaml_refuse_at(node->document, code, node->line, node->column, ret_err, text);
}

bool yaml_refuse(const struct yaml *node, struct idevs_error *ret_err, const char *reason, ...)
{
    va_list args;

    va_start(args, reason);
    refuse_node(node, node->document->code, ret_err, reason, args);
    va_end(args);
    return false;
}

bool yaml_refuse_as(const struct yaml *node, const char *code, struct idevs_error *ret_err,
                    const char *reason, ...)
{
    va_list args;

    va_start(args, reason);
    refuse_node(node, code, ret_err, reason, args);
    va_end(args);
    return false;
}

struct entry *yaml_find(const struct yaml *map, const char *key)
{
    for (size_t i = 0; i < map->n; i++)
        if (strcmp(map->entries[i].key->text, key) == 0)
            return &map->entries[i];
    return NULL;
}

/* *ret is NULL when there is nothing to read and that is fine. */
static bool take(struct yaml *map, const char *key, enum yaml_need need, struct yaml **ret,
                 struct idevs_error *ret_err)
{
    *ret = NULL;
    if (!map)
        return true;
    if (!key) {
        *ret = map;
        return true;
    }
    if (map->kind != KIND_MAP)
        return yaml_refuse(map, ret_err, "not a mapping of keys to values");
    struct entry *entry = yaml_find(map, key);
    if (!entry)
        return need == YAML_OPTIONAL ||
               yaml_refuse(map, ret_err, "key \"%s\" is missing in what begins here", key);
    entry->taken = true;
    *ret = entry->value;
    return true;
}

static bool is_printable(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if (*p < 0x20 || *p == 0x7f)
            return false;
    return true;
}

/* The text of a scalar that has one. */
static bool scalar(const struct yaml *node, struct idevs_error *ret_err)
{
    if (node->kind != KIND_SCALAR)
        return yaml_refuse(node, ret_err, "a %s where one value is needed",
                           node->kind == KIND_MAP ? "mapping" : "list");
    if (node->text[0] == 0 ||
        (node->plain && (strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0)))
        return yaml_refuse(node, ret_err, "no value");
    if (strlen(node->text) > LIMIT_YAML_TEXT)
        return yaml_refuse(node, ret_err, "a value of more than %d bytes", LIMIT_YAML_TEXT);
    if (!is_printable(node->text))
        return yaml_refuse(node, ret_err, "a control character");
    return true;
}

static bool take_scalar(struct yaml *map, const char *key, enum yaml_need need, struct yaml **ret,
                        struct idevs_error *ret_err)
{
    return take(map, key, need, ret, ret_err) && (!*ret || scalar(*ret, ret_err));
}

bool yaml_text(struct yaml *map, const char *key, enum yaml_need need, const char **ret,
               struct idevs_error *ret_err)
{
    struct yaml *node;

    if (!take_scalar(map, key, need, &node, ret_err))
        return false;
    if (node)
        *ret = node->text;
    return true;
}

bool yaml_u64(struct yaml *map, const char *key, enum yaml_need need, uint64_t min, uint64_t max,
              uint64_t *ret, struct idevs_error *ret_err)
{
    struct yaml *node;
    uint64_t v;

    if (!take_scalar(map, key, need, &node, ret_err))
        return false;
    if (!node)
        return true;
    if (!node->plain || !parse_u64(bytes_of_text(node->text), max, &v) || v < min)
        return yaml_refuse(node, ret_err, "\"%s\" is not a number from %llu to %llu", node->text,
                           (unsigned long long)min, (unsigned long long)max);
    *ret = v;
    return true;
}

bool yaml_bool(struct yaml *map, const char *key, enum yaml_need need, bool *ret,
               struct idevs_error *ret_err)
{
    struct yaml *node;

    if (!take_scalar(map, key, need, &node, ret_err))
        return false;
    if (!node)
        return true;
    bool is_true = strcmp(node->text, "true") == 0;
    if (!node->plain || (!is_true && strcmp(node->text, "false") != 0))
        return yaml_refuse(node, ret_err, "\"%s\" is neither true nor false", node->text);
    *ret = is_true;
    return true;
}

bool yaml_choice(struct yaml *map, const char *key, enum yaml_need need, const char *const *names,
                 unsigned *ret, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer all = buffer_up_to(80);
    struct yaml *node;

    if (!take_scalar(map, key, need, &node, ret_err))
        return false;
    if (!node)
        return true;
    for (unsigned i = 0; names[i]; i++) {
        if (strcmp(node->text, names[i]) == 0) {
            *ret = i;
            return true;
        }
        if (!buffer_append_format(&all, "%s%s", i ? ", " : "", names[i]))
            continue; /* the message names fewer */
    }
    return yaml_refuse(node, ret_err, "\"%.40s\" is none of %s", node->text,
                       all.data ? (const char *)all.data : "nothing");
}

struct unit {
    const char *name;
    uint64_t factor;
};

/* A number, at most one space, a unit; without unit the factor is 1. */
static bool parse_quantity(const char *text, const struct unit *units, uint64_t max, uint64_t *ret)
{
    size_t digits = strspn(text, "0123456789");
    const char *unit = text + digits;
    uint64_t v;

    if (!parse_u64(bytes_of(text, digits), max, &v))
        return false;
    if (*unit == 0) {
        *ret = v;
        return true;
    }
    unit += *unit == ' ';
    for (; units->name; units++) {
        if (strcmp(unit, units->name) != 0)
            continue;
        if (v > max / units->factor)
            return false;
        *ret = v * units->factor;
        return true;
    }
    return false;
}

static bool yaml_quantity(struct yaml *map, const char *key, enum yaml_need need,
                          const struct unit *units, uint64_t min, uint64_t max, uint64_t *ret,
                          struct idevs_error *ret_err)
{
    struct yaml *node;
    uint64_t v;

    if (!take_scalar(map, key, need, &node, ret_err))
        return false;
    if (!node)
        return true;
    if (!parse_quantity(node->text, units, max, &v) || v < min)
        return yaml_refuse(node, ret_err, "\"%.40s\" is not %llu to %llu, or has no unit of %s..%s",
                           node->text, (unsigned long long)min, (unsigned long long)max,
                           units[0].name, units[2].name);
    *ret = v;
    return true;
}

bool yaml_size(struct yaml *map, const char *key, enum yaml_need need, uint64_t min, uint64_t max,
               uint64_t *ret, struct idevs_error *ret_err)
{
    static const struct unit UNITS[] = {
        {"KiB", KIB(1)}, {"MiB", MIB(1)}, {"GiB", MIB(1024)}, {NULL, 0}};

    return yaml_quantity(map, key, need, UNITS, min, max, ret, ret_err);
}

bool yaml_seconds(struct yaml *map, const char *key, enum yaml_need need, uint64_t min,
                  uint64_t max, uint64_t *ret, struct idevs_error *ret_err)
{
    static const struct unit UNITS[] = {
        {"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}, {NULL, 0}};

    return yaml_quantity(map, key, need, UNITS, min, max, ret, ret_err);
}

bool yaml_path(struct yaml *map, const char *key, enum yaml_need need, const char **ret,
               struct idevs_error *ret_err)
{
    struct yaml *node;

    if (!take_scalar(map, key, need, &node, ret_err))
        return false;
    if (!node)
        return true;
    if (node->text[0] == '/') {
        *ret = node->text;
        return true;
    }
    if (!node->path) {
        _cleanup_text_ char *copy = alloc_text(node->document->path);
        node->path = alloc_format("%s/%s", dirname(copy), node->text);
    }
    *ret = node->path;
    return true;
}

static bool take_kind(struct yaml *map, const char *key, enum yaml_need need, enum kind kind,
                      struct yaml **ret, struct idevs_error *ret_err)
{
    struct yaml *node;

    if (!take(map, key, need, &node, ret_err))
        return false;
    if (!node)
        return true;
    if (node->kind != kind)
        return yaml_refuse(node, ret_err, "not a %s", kind == KIND_MAP ? "mapping" : "list");
    *ret = node;
    return true;
}

bool yaml_map(struct yaml *map, const char *key, enum yaml_need need, struct yaml **ret,
              struct idevs_error *ret_err)
{
    return take_kind(map, key, need, KIND_MAP, ret, ret_err);
}

bool yaml_list(struct yaml *map, const char *key, enum yaml_need need, struct yaml **ret,
               struct idevs_error *ret_err)
{
    return take_kind(map, key, need, KIND_LIST, ret, ret_err);
}

bool yaml_paths(struct yaml *map, const char *key, enum yaml_need need, size_t max,
                const char **ret, size_t *ret_n, struct idevs_error *ret_err)
{
    struct yaml *list = NULL;

    if (!yaml_list(map, key, need, &list, ret_err))
        return false;
    if (!list)
        return true;
    size_t n = yaml_count(list);
    if (n == 0 || n > max)
        return yaml_refuse(list, ret_err, "%s: 1 to %zu files", key, max);
    for (size_t i = 0; i < n; i++)
        if (!yaml_path(yaml_at(list, i), NULL, YAML_REQUIRED, &ret[i], ret_err))
            return false;
    *ret_n = n;
    return true;
}

size_t yaml_count(const struct yaml *node)
{
    return node ? node->n : 0;
}

struct yaml *yaml_at(struct yaml *node, size_t i)
{
    return node->entries[i].value;
}

const char *yaml_key(struct yaml *map, size_t i)
{
    map->entries[i].taken = true;
    return map->entries[i].key->text;
}

const struct yaml *yaml_value(const struct yaml *map, const char *key)
{
    return yaml_find(map, key)->value;
}

const struct yaml *yaml_key_at(const struct yaml *map, size_t i)
{
    return map->entries[i].key;
}

bool yaml_done(const struct yaml *root, struct idevs_error *ret_err)
{
    for (size_t i = 0; root && i < root->n; i++) {
        const struct entry *entry = &root->entries[i];
        if (entry->key && !entry->taken)
            return yaml_refuse(entry->key, ret_err, "unknown key \"%s\"", entry->key->text);
        if (!yaml_done(entry->value, ret_err))
            return false;
    }
    return true;
}
