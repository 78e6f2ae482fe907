#include "document/json.h"
#include "base/limits.h"
#include "base/text.h"

json_t *json_object_from(struct bytes text, struct idevs_error *ret_err)
{
    json_error_t why;

    if (text.len > LIMIT_JSON) {
        refuse(ret_err, "api.field", "more than %zu bytes of JSON", LIMIT_JSON);
        return NULL;
    }
    _cleanup_json_ json_t *j =
        json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &why);
    if (!j) {
        refuse(ret_err, "api.field", "line %d, column %d: %s", why.line, why.column, why.text);
        return NULL;
    }
    if (!json_is_object(j)) {
        refuse(ret_err, "api.field", "not an object");
        return NULL;
    }
    return json_incref(j);
}

static bool is_known(const char *key, const char *const *known)
{
    for (; *known; known++)
        if (strcmp(key, *known) == 0)
            return true;
    return false;
}

bool json_only(const json_t *object, const char *const *known, struct idevs_error *ret_err)
{
    /* jansson's iterators take a pointer to what they do not change. */
    json_t *j = (json_t *)(uintptr_t)object;

    for (void *at = json_object_iter(j); at; at = json_object_iter_next(j, at))
        if (!is_known(json_object_iter_key(at), known))
            return refuse(ret_err, "api.field", "unknown field \"%.64s\"",
                          json_object_iter_key(at));
    return true;
}

bool json_text(const json_t *object, const char *key, size_t max, const char **ret,
               struct idevs_error *ret_err)
{
    const json_t *field = json_object_get(object, key);

    if (!json_is_string(field))
        return refuse(ret_err, "api.field", "\"%s\" is %s", key, field ? "no text" : "missing");
    const char *text = json_string_value(field);
    size_t len = json_string_length(field);
    if (len > max || strlen(text) != len)
        return refuse(ret_err, "api.field", "\"%s\" has a NUL or more than %zu bytes", key, max);
    *ret = text;
    return true;
}

bool json_number(const json_t *object, const char *key, int64_t min, int64_t max, int64_t *ret,
                 struct idevs_error *ret_err)
{
    const json_t *field = json_object_get(object, key);

    if (!json_is_integer(field))
        return refuse(ret_err, "api.field", "\"%s\" is %s", key, field ? "no integer" : "missing");
    json_int_t v = json_integer_value(field);
    if (v < min || v > max)
        return refuse(ret_err, "api.field", "\"%s\" is not from %lld to %lld", key, (long long)min,
                      (long long)max);
    *ret = v;
    return true;
}

bool json_sha256(const json_t *object, const char *key, uint8_t ret[32],
                 struct idevs_error *ret_err)
{
    const char *text = "";
    uint8_t digest[32];

    if (!json_text(object, key, 64, &text, ret_err))
        return false;
    if (!hex_exactly(bytes_of_text(text), digest, sizeof(digest)))
        return refuse(ret_err, "api.field", "\"%s\" is not 64 characters of lower-case hex", key);
    memcpy(ret, digest, sizeof(digest));
    return true;
}

static int append(const char *piece, size_t len, void *buffer)
{
    return buffer_append(buffer, piece, len) ? 0 : -1;
}

bool json_write(const json_t *j, struct buffer *b)
{
    return json_dump_callback(j, append, b, JSON_COMPACT | JSON_ENCODE_ANY) == 0;
}
