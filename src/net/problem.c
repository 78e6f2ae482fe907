#include "base/codes.h"
#include "base/limits.h"
#include "net/server.h"

#include <jansson.h>
#include <string.h>

static int append(const char *piece, size_t len, void *buffer)
{
    return buffer_append(buffer, piece, len) ? 0 : -1;
}

bool problem_json(const struct idevs_error *err, struct buffer *b)
{
    const struct code *entry = code_find(err->code);
    /* RFC 9457: a type that names the code; all texts are printable ASCII by refuse(). */
    json_t *j =
        json_pack("{s:s+, s:s, s:i, s:s, s:s, s:s, s:s}", "type", "urn:idevs:error:", err->code,
                  "title", entry ? entry->meaning : "The request was refused.", "status",
                  entry ? entry->http_status : 500, "code", err->code, "expected", err->expected,
                  "found", err->found, "remedy", err->remedy);
    bool ok = j && json_dump_callback(j, append, b, JSON_COMPACT) == 0;

    json_decref(j);
    return ok;
}

static const char *text_of(const json_t *j, const char *key)
{
    const char *text = json_string_value(json_object_get(j, key));

    return text ? text : "";
}

bool problem_read(struct bytes body, struct idevs_error *ret)
{
    if (body.len == 0 || body.len > LIMIT_PROBLEM)
        return false;
    json_t *j = json_loadb((const char *)body.data, body.len, JSON_REJECT_DUPLICATES, NULL);
    const char *code = text_of(j, "code");
    size_t n = strlen(code);
    bool known =
        n > 0 && n < sizeof(ret->code) && strspn(code, "abcdefghijklmnopqrstuvwxyz.-") == n;

    if (known)
        refuse_expecting(ret, code, text_of(j, "expected"), "%s", text_of(j, "found"));
    json_decref(j);
    return known;
}
