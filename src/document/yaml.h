/* Strict YAML configuration: a small tree of nodes that know their line and column, read by typed
 * accessors. On libyaml's event parser. At most LIMIT_CONFIG bytes of UTF-8, one block or flow
 * document that is a mapping; no anchors, aliases, tags, directives, duplicate keys, NUL; depth at
 * most LIMIT_YAML_DEPTH. An accessor takes its key; yaml_done() refuses the keys that nobody took.
 *
 *     _cleanup_yaml_ struct yaml *doc = yaml_load(path, "config.syntax", err);
 *     const char *listen = "127.0.0.1:8443";
 *     uint64_t max_body = LIMIT_BODY;
 *     struct yaml *tls = NULL;
 *     return doc && yaml_text(doc, "listen", YAML_OPTIONAL, &listen, err) &&
 *            yaml_size(doc, "max_body", YAML_OPTIONAL, 1, LIMIT_BODY_CEILING, &max_body, err) &&
 *            yaml_map(doc, "tls", YAML_REQUIRED, &tls, err) && ... && yaml_done(doc, err);
 *
 * Names of our own avoid libyaml's exported ones (yaml_free among them), which would be replaced
 * throughout the process. */
#ifndef IDEVS_DOCUMENT_YAML_H
#define IDEVS_DOCUMENT_YAML_H

#include "base/buffer.h"
#include "base/error.h"

/* A mapping, a list or a scalar; belongs to its document, as do all texts that it hands out. */
struct yaml;

/* The root mapping. Every refusal here and below has `code` (`config.syntax` or `manifest.syntax`)
 * and "path:line:column: reason" as found; or `file.*`. NULL when refused. */
struct yaml *yaml_load(const char *path, const char *code, struct idevs_error *ret_err);
/* The same of bytes in memory; `path` is for messages and relative paths. */
struct yaml *yaml_parse(struct bytes text, const char *path, const char *code,
                        struct idevs_error *ret_err);
void yaml_release(struct yaml *root);
DEFINE_CLEANUP(struct yaml *, yaml_release)
#define _cleanup_yaml_ _cleanup_(yaml_releasep)

enum yaml_need {
    YAML_REQUIRED, /* an absent key is refused */
    YAML_OPTIONAL, /* an absent key leaves *ret untouched: put the default there first */
};

/* The value of `key` in the mapping `map`. A NULL `map` is an optional mapping that is absent:
 * nothing is read or required. With `key` NULL the node `map` is the value itself (an
 * item of a list, a value by yaml_at()). Limits are inclusive. */
/* 1 to 4095 bytes; plain `~` and `null` are no text. */
bool yaml_text(struct yaml *map, const char *key, enum yaml_need need, const char **ret,
               struct idevs_error *ret_err) _must_check_;
/* Unquoted decimal, no sign, no leading zero. */
bool yaml_u64(struct yaml *map, const char *key, enum yaml_need need, uint64_t min, uint64_t max,
              uint64_t *ret, struct idevs_error *ret_err) _must_check_;
/* Unquoted `true` or `false`, nothing else. */
bool yaml_bool(struct yaml *map, const char *key, enum yaml_need need, bool *ret,
               struct idevs_error *ret_err) _must_check_;
/* One of `names` (NULL-terminated): its index. */
bool yaml_choice(struct yaml *map, const char *key, enum yaml_need need, const char *const *names,
                 unsigned *ret, struct idevs_error *ret_err) _must_check_;
/* Bytes: 4096, 512 KiB, 64 MiB, 1 GiB (at most one space). */
bool yaml_size(struct yaml *map, const char *key, enum yaml_need need, uint64_t min, uint64_t max,
               uint64_t *ret, struct idevs_error *ret_err) _must_check_;
/* Seconds: 30, 5s, 10 min, 1 h, 2 d (at most one space). */
bool yaml_seconds(struct yaml *map, const char *key, enum yaml_need need, uint64_t min,
                  uint64_t max, uint64_t *ret, struct idevs_error *ret_err) _must_check_;
/* A path; a relative one is relative to the folder of the document's file. */
bool yaml_path(struct yaml *map, const char *key, enum yaml_need need, const char **ret,
               struct idevs_error *ret_err) _must_check_;
/* A list of 1 to `max` of them. */
bool yaml_paths(struct yaml *map, const char *key, enum yaml_need need, size_t max,
                const char **ret, size_t *ret_n, struct idevs_error *ret_err) _must_check_;
bool yaml_map(struct yaml *map, const char *key, enum yaml_need need, struct yaml **ret,
              struct idevs_error *ret_err) _must_check_;
bool yaml_list(struct yaml *map, const char *key, enum yaml_need need, struct yaml **ret,
               struct idevs_error *ret_err) _must_check_;

/* Entries of a mapping or list, by index; 0 for NULL and scalars. yaml_key() takes the key: for
 * mappings whose keys are names. */
size_t yaml_count(const struct yaml *node);
struct yaml *yaml_at(struct yaml *node, size_t i);
const char *yaml_key(struct yaml *map, size_t i);

/* For yaml_refuse(): the value that an accessor took under `key`, and the key of an entry. */
const struct yaml *yaml_value(const struct yaml *map, const char *key);
const struct yaml *yaml_key_at(const struct yaml *map, size_t i);

/* Refuses at the place of `node`, for checks of the caller's own. Always returns false. */
bool yaml_refuse(const struct yaml *node, struct idevs_error *ret_err, const char *reason, ...)
    _printf_(3, 4);
/* The same under another code than the document's. */
bool yaml_refuse_as(const struct yaml *node, const char *code, struct idevs_error *ret_err,
                    const char *reason, ...) _printf_(4, 5);
/* Every key of every mapping was taken. */
bool yaml_done(const struct yaml *root, struct idevs_error *ret_err) _must_check_;

#endif
