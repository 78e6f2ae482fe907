#include "base/log.h"
#include "base/text.h"
#include "launcher/api_private.h"
#include "launcher/record.h"
#include "wire/http.h"

#include <stdio.h>

static const struct {
    const char *method;
    const char *path; /* '*' stands for one segment */
    void (*handle)(struct api_call *call);
    size_t max_body;
    bool anybody; /* needs no owner */
} ROUTES[] = {
    {"GET", "/v1/health", api_health, 0, true},
    {"GET", "/v1/backends", api_list_back_ends, 0, false},
    {"PUT", "/v1/blobs/*", api_put_blob, LIMIT_EXECUTABLE, false},
    {"GET", "/v1/blobs/*", api_get_blob, 0, false},
    {"POST", "/v1/programs", api_add_program, LIMIT_API_BODY, false},
    {"GET", "/v1/programs", api_list_programs, 0, false},
    {"GET", "/v1/programs/*", api_get_program, 0, false},
    {"DELETE", "/v1/programs/*", api_delete_program, 0, false},
    {"POST", "/v1/programs/*/builds", api_add_build, LIMIT_API_BODY, false},
    {"GET", "/v1/builds/*", api_get_build, 0, false},
    {"POST", "/v1/programs/*/runs", api_add_run, LIMIT_API_BODY, false},
    {"GET", "/v1/runs", api_list_runs, 0, false},
    {"GET", "/v1/runs/*", api_get_run, 0, false},
    {"POST", "/v1/runs/*/stop", api_stop_run, LIMIT_API_BODY, false},
    {"GET", "/v1/runs/*/logs", api_get_logs, 0, false},
    {"GET", "/v1/runs/*/certificate", api_get_certificate, 0, false},
    {"GET", "/v1/services", api_list_services, 0, false},
    {"PUT", "/v1/services/*", api_put_service, LIMIT_API_BODY, false},
    {"DELETE", "/v1/services/*", api_delete_service, 0, false},
};

/* ---- answers ---- */

static void answer(struct launcher *l, struct server_request *request, int status, const char *type,
                   struct bytes body)
{
    struct http_message m = {.status = (uint16_t)status, .content = body};

    record_http(l->record, "owner", "to", &m);
    server_answer_bytes(request, status, type, body);
}

void api_answer(struct launcher *l, struct server_request *request, int status, json_t *object)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_API_ANSWER);
    _cleanup_json_ json_t *owned = object;
    struct idevs_error err;

    if (json_write(owned, &b)) {
        answer(l, request, status, "application/json", buffer_bytes(&b));
        return;
    }
    refuse(&err, "internal", "an answer that is too large");
    api_refuse(l, request, &err);
}

void api_refuse(struct launcher *l, struct server_request *request, const struct idevs_error *err)
{
    struct http_message m = {.content = bytes_of_text(err->found)};

    record_http(l->record, "owner", "to", &m);
    server_answer_error(request, err);
}

void api_answer_nothing(struct launcher *l, struct server_request *request)
{
    struct http_message m = {.status = 204};

    record_http(l->record, "owner", "to", &m);
    server_answer(request, &m);
}

void api_set(json_t *object, const char *key, json_t *value)
{
    if (!value || json_object_set_new(object, key, value) < 0)
        log_error("%s has no JSON form", key);
}

json_t *api_digest(const struct digest *digest)
{
    char text[65];

    if (!digest->set)
        return json_null();
    hex_text(digest->sha256, 32, text);
    return json_string(text);
}

/* What compilers and programs print need not be UTF-8; JSON must be. */
json_t *api_text(struct bytes text)
{
    json_t *value = json_stringn((const char *)text.data, text.len);

    if (value || text.len == 0)
        return value ? value : json_string("");
    _cleanup_buffer_ struct buffer ascii = buffer_up_to(LIMIT_COMPILER_TEXT);
    if (!buffer_append_bytes(&ascii, text))
        return json_string("");
    for (size_t i = 0; i < ascii.len; i++)
        if (ascii.data[i] > 0x7e || ascii.data[i] == 0)
            ascii.data[i] = '?';
    return json_stringn((const char *)ascii.data, ascii.len);
}

json_t *api_error(const struct idevs_error *err)
{
    if (!err->code[0])
        return json_null();
    json_t *object = json_object();
    api_set(object, "code", json_string(err->code));
    api_set(object, "expected", json_string(err->expected));
    api_set(object, "found", json_string(err->found));
    api_set(object, "remedy", json_string(err->remedy));
    return object;
}

json_t *api_body(struct api_call *call, const char *const *known, struct idevs_error *ret_err)
{
    json_t *object = json_object_from(call->message->content, ret_err);

    if (object && json_only(object, known, ret_err))
        return object;
    json_decref(object);
    return NULL;
}

bool api_parameter_name(const struct api_call *call, size_t max, struct idevs_error *ret_err)
{
    return name_is_valid(call->parameter, max) ||
           refuse(ret_err, "name.invalid", "%s", call->parameter);
}

/* ---- routing ---- */

/* The pattern's '*' takes one segment that is not empty. */
static bool path_matches(const char *pattern, const char *path, size_t len,
                         char ret[LIMIT_API_PARAMETER])
{
    size_t at = 0;

    for (; *pattern; pattern++) {
        if (*pattern != '*') {
            if (at == len || path[at++] != *pattern)
                return false;
            continue;
        }
        size_t n = 0;
        while (at + n < len && path[at + n] != '/')
            n++;
        if (n == 0 || n >= LIMIT_API_PARAMETER)
            return false;
        memcpy(ret, path + at, n);
        ret[n] = 0;
        at += n;
    }
    return at == len;
}

static bool take_query_pair(struct api_call *call, struct bytes name, struct bytes value)
{
    uint64_t n;

    if (bytes_equal_text(name, "state")) {
        if (value.len >= sizeof(call->state))
            return false;
        memcpy(call->state, value.data, value.len);
        return true;
    }
    if (bytes_equal_text(name, "wait") && parse_u64(value, UINT32_MAX, &n)) {
        call->waits = n > 0;
        call->wait = n < LIMIT_API_WAIT ? (unsigned)n : LIMIT_API_WAIT;
        return true;
    }
    if (bytes_equal_text(name, "after") && parse_u64(value, INT64_MAX, &n)) {
        call->after = (int64_t)n;
        return true;
    }
    return false;
}

static bool take_query(struct api_call *call, struct bytes query, struct idevs_error *ret_err)
{
    size_t at = 0;

    while (at < query.len) {
        size_t end = at;
        while (end < query.len && query.data[end] != '&')
            end++;
        size_t equals = at;
        while (equals < end && query.data[equals] != '=')
            equals++;
        if (equals == end || !take_query_pair(call, bytes_of(query.data + at, equals - at),
                                              bytes_of(query.data + equals + 1, end - equals - 1)))
            return refuse_expecting(ret_err, "api.field", "wait=SECONDS, after=N, state=STATE",
                                    "%.*s", (int)(end - at), (const char *)query.data + at);
        at = end + 1;
    }
    return true;
}

static bool is_owner(struct api_call *call, struct idevs_error *ret_err)
{
    const struct launcher_config *config = call->launcher->config;

    if (!server_client_spki(call->request, call->owner.spki_sha256))
        return refuse(ret_err, "api.owner", "no client certificate");
    for (size_t i = 0; i < config->n_owners; i++)
        if (memcmp(&config->owners[i], &call->owner, sizeof(call->owner)) == 0)
            return true;
    return refuse(ret_err, "api.owner", "a key that is no owner's");
}

/* The route's index; the refusal says whether the path or the method is unknown. */
static bool find_route(struct api_call *call, struct bytes path, size_t *ret,
                       struct idevs_error *ret_err)
{
    bool path_known = false;

    for (size_t i = 0; i < ARRAY_LEN(ROUTES); i++) {
        if (!path_matches(ROUTES[i].path, (const char *)path.data, path.len, call->parameter))
            continue;
        path_known = true;
        if (bytes_equal_text(call->message->method, ROUTES[i].method)) {
            *ret = i;
            return true;
        }
    }
    return refuse(ret_err, path_known ? "api.method" : "api.not-found", "%.*s %.*s",
                  (int)call->message->method.len, (const char *)call->message->method.data,
                  (int)path.len, (const char *)path.data);
}

static bool admit(struct api_call *call, uint64_t content_len, size_t *ret_route,
                  struct idevs_error *ret_err)
{
    struct bytes path = call->message->path;
    const uint8_t *mark = path.len ? memchr(path.data, '?', path.len) : NULL;
    struct bytes query = {0};

    if (mark) {
        query = bytes_of(mark + 1, path.len - (size_t)(mark - path.data) - 1);
        path.len = (size_t)(mark - path.data);
    }
    if (!find_route(call, path, ret_route, ret_err))
        return false;
    if (!ROUTES[*ret_route].anybody && !is_owner(call, ret_err))
        return false;
    if (content_len > ROUTES[*ret_route].max_body)
        return refuse(ret_err, "http.body-too-large", "%llu bytes",
                      (unsigned long long)content_len);
    return take_query(call, query, ret_err);
}

bool api_admit(struct server_request *request, uint64_t content_length, void *context,
               struct idevs_error *ret_err)
{
    struct api_call call = {
        .launcher = context, .request = request, .message = server_message(request)};
    size_t route;

    return admit(&call, content_length, &route, ret_err);
}

void api_handle(struct server_request *request, void *context)
{
    struct api_call call = {
        .launcher = context, .request = request, .message = server_message(request)};
    struct idevs_error err;
    size_t route;

    record_http(call.launcher->record, "owner", "from", call.message);
    if (admit(&call, call.message->content.len, &route, &err))
        ROUTES[route].handle(&call);
    else
        api_refuse(call.launcher, request, &err);
}
