#include "base/alloc.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "net/client.h"
#include "net/server.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The answer waits at most this long inside the peer (?wait=), so the call a little longer. */

bool remote_ask(const struct cli *cli, const struct ask *ask, struct buffer *ret,
                struct idevs_error *ret_err)
{
    _cleanup_addresses_ struct addresses to = {0};
    _cleanup_text_ char *certificate = home_path(cli, "owner.crt");
    _cleanup_text_ char *key = home_path(cli, "owner.key");
    size_t max = ask->max_answer ? ask->max_answer : LIMIT_JSON;
    _cleanup_buffer_ struct buffer storage = buffer_up_to(max + LIMIT_ANSWER_HEAD);
    struct http_message m = {.method = bytes_of_text(ask->method),
                             .path = bytes_of_text(ask->path),
                             .content = ask->body};
    struct http_message answer;
    bool launcher = ask->peer == PEER_LAUNCHER;

    if (!home_addresses(cli, &to, ret_err))
        return false;
    const char *url = to.url[ask->peer];
    if (!url)
        return refuse(ret_err, "owner.config", "%s: no address of the %s", cli->home,
                      PEERS[ask->peer]);
    _cleanup_text_ char *ca = to.ca[ask->peer] ? home_path(cli, to.ca[ask->peer]) : NULL;
    struct client_options options = {.ca_file = ca,
                                     .certificate = launcher ? certificate : NULL,
                                     .key = launcher ? key : NULL,
                                     .max_body = max,
                                     .total_ms = LIMIT_CLI_TOTAL_MS};
    if (ask->type && !http_add(&m, "content-type", bytes_of_text(ask->type)))
        return refuse(ret_err, "internal", "too many fields");
    if (!client_fetch(&options, url, &m, &storage, &answer, ret_err)) {
        if (error_is(ret_err, "service.unreachable"))
            refuse(ret_err, launcher ? "launcher.unreachable" : "authority.unreachable", "%s: %s",
                   url, ret_err->found);
        return false;
    }
    if (answer.status < 200 || answer.status > 299)
        return problem_read(answer.content, ret_err)
                   ? false
                   : refuse(ret_err, "authority.answer", "status %d without a problem document",
                            answer.status);
    return buffer_append_bytes(ret, answer.content) ||
           refuse(ret_err, "http.body-too-large", "an answer of %zu bytes", answer.content.len);
}

static bool ask_with_json(const struct cli *cli, const char *method, const json_t *body,
                          const char *path, va_list args, struct buffer *ret,
                          struct idevs_error *ret_err)
{
    char full[LIMIT_PATH];
    _cleanup_buffer_ struct buffer text = buffer_up_to(LIMIT_JSON);

    if (body && !json_write(body, &text))
        return refuse(ret_err, "internal", "a request over 1 MiB");
    vsnprintf(full, sizeof(full), path, args);
    const struct ask ask = {.peer = PEER_LAUNCHER,
                            .method = method,
                            .path = full,
                            .type = body ? "application/json" : NULL,
                            .body = buffer_bytes(&text)};
    return remote_ask(cli, &ask, ret, ret_err);
}

static json_t *plain_text(const char *text, size_t len)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_JSON);

    if (len == 0 || !buffer_append(&b, text, len))
        return json_string("");
    make_plain((char *)b.data, b.len);
    return json_stringn((const char *)b.data, b.len);
}

/* A copy whose keys and texts are plain. As deep as jansson parses. */
static json_t *plain_copy(json_t *from)
{
    json_t *part;
    const char *key;
    size_t i;

    if (json_is_string(from))
        return plain_text(json_string_value(from), json_string_length(from));
    if (json_is_array(from)) {
        json_t *copy = json_array();
        json_array_foreach(from, i, part) json_array_append_new(copy, plain_copy(part));
        return copy;
    }
    if (!json_is_object(from))
        return json_incref(from);
    json_t *copy = json_object();
    json_object_foreach(from, key, part)
    {
        _cleanup_text_ char *name = alloc_text(key);
        make_plain(name, strlen(name));
        json_object_set_new(copy, name, plain_copy(part));
    }
    return copy;
}

json_t *answer_json(struct bytes answer, struct idevs_error *ret_err)
{
    _cleanup_json_ json_t *j = json_object_from(answer, ret_err);

    return j ? plain_copy(j) : NULL;
}

json_t *authority_post(const struct cli *cli, const char *path, const char *type, struct bytes body,
                       struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer answer = buffer_up_to(LIMIT_JSON);
    const struct ask ask = {
        .peer = PEER_AUTHORITY, .method = "POST", .path = path, .type = type, .body = body};

    return remote_ask(cli, &ask, &answer, ret_err) ? answer_json(buffer_bytes(&answer), ret_err)
                                                   : NULL;
}

json_t *launcher_ask(const struct cli *cli, const char *method, const json_t *body,
                     struct idevs_error *ret_err, const char *path, ...)
{
    _cleanup_buffer_ struct buffer answer = buffer_up_to(LIMIT_JSON);
    va_list args;

    va_start(args, path);
    bool ok = ask_with_json(cli, method, body, path, args, &answer, ret_err);
    va_end(args);
    return ok ? answer_json(buffer_bytes(&answer), ret_err) : NULL;
}

bool launcher_tell(const struct cli *cli, const char *method, const json_t *body,
                   struct idevs_error *ret_err, const char *path, ...)
{
    _cleanup_buffer_ struct buffer answer = buffer_up_to(LIMIT_JSON);
    va_list args;

    va_start(args, path);
    bool ok = ask_with_json(cli, method, body, path, args, &answer, ret_err);
    va_end(args);
    return ok;
}
