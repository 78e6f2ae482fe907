/* Strict JSON documents on jansson: size-capped before parsing, duplicate keys refused, fields by
 * name and type, unknown fields refused. */
#ifndef IDEVS_DOCUMENT_JSON_H
#define IDEVS_DOCUMENT_JSON_H

#include "base/buffer.h"
#include "base/error.h"
#include <jansson.h>

static inline void json_release(json_t **j)
{
    json_decref(*j);
}
#define _cleanup_json_ _cleanup_(json_release)

/* An object of at most LIMIT_JSON bytes; NULL refuses `api.field` with line and column. */
json_t *json_object_from(struct bytes text, struct idevs_error *ret_err);
/* Every key of `object` is one of `known` (NULL-terminated). Refuses `api.field`. */
bool json_only(const json_t *object, const char *const *known,
               struct idevs_error *ret_err) _must_check_;
/* Required fields. Text: no NUL, at most `max` bytes. */
bool json_text(const json_t *object, const char *key, size_t max, const char **ret,
               struct idevs_error *ret_err) _must_check_;
bool json_number(const json_t *object, const char *key, int64_t min, int64_t max, int64_t *ret,
                 struct idevs_error *ret_err) _must_check_;
bool json_sha256(const json_t *object, const char *key, uint8_t ret[32],
                 struct idevs_error *ret_err) _must_check_;
/* Compact text, keys in insertion order, appended. Consumes nothing. */
bool json_write(const json_t *j, struct buffer *b) _must_check_;

#endif
