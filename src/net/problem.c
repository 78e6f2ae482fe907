#include "base/codes.h"
#include "net/server.h"

#include <jansson.h>

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
