/* idevs_read, idevs_write, idevs_write_once. */
#include "base/text.h"
#include "runtime/api.h"
#include "runtime/service.h"

#include <stdio.h>

void api_hand_out(struct idevs *ip, struct call_answer *answer, struct idevs_reply *ret_reply)
{
    struct bytes content = answer->message.content;
    struct bytes type;

    ip->reply_type[0] = 0;
    if (http_get(&answer->message, "content-type", &type) && type.len < sizeof(ip->reply_type))
        snprintf(ip->reply_type, sizeof(ip->reply_type), "%.*s", (int)type.len,
                 (const char *)type.data);
    buffer_free(&ip->reply);
    ip->reply = answer->plain;
    answer->plain = (struct buffer){0};
    /* What follows the content in Binary HTTP is not the program's; there is always a byte. */
    size_t at = content.len ? (size_t)(content.data - ip->reply.data) : 0;
    ip->reply.data[at + content.len] = 0;
    if (ret_reply)
        *ret_reply = (struct idevs_reply){
            .status = answer->message.status,
            .content_type = ip->reply_type,
            .body = ip->reply.data + at,
            .body_len = content.len,
        };
}

static bool refuse_argument(struct idevs *ip, const char *expected, const char *found)
{
    return refuse_expecting(&ip->error, "call.argument", expected, "%s", found);
}

static bool check_call(struct idevs *ip, const struct call *call)
{
    if (!call->path || !path_is_valid(call->path))
        return refuse_argument(ip, "a path in origin form (\"/api/sales?after=809\")",
                               call->path ? call->path : "no path");
    if (call->content_type && !media_type_is_valid(call->content_type))
        return refuse_argument(ip, "a media type", call->content_type);
    if (call->content.len > 0 && !call->content.data)
        return refuse_argument(ip, "a body", "no body");
    return true;
}

/* The manifest's word counts here first: a gateway would refuse it too, after a round trip. */
static bool check_direction(struct idevs *ip, const struct service *s, bool is_read)
{
    if (is_read && !s->as->reads)
        return refuse(&ip->error, "policy.reads", "%s is not under `reads`", s->as->name);
    if (!is_read && !s->as->writes)
        return refuse(&ip->error, "policy.writes", "%s is not under `writes`", s->as->name);
    return true;
}

static int carry_out(struct idevs *ip, const char *service, struct call *call,
                     struct idevs_reply *ret_reply)
{
    _cleanup_call_answer_ struct call_answer answer = {0};
    bool is_read = strcmp(call->method, "GET") == 0;

    call->service = service_find(ip, service, &ip->error);
    if (!call->service || !check_direction(ip, call->service, is_read) || !check_call(ip, call) ||
        !call_carry_out(ip, call, &answer, &ip->error) || !call_accept(call, &answer, &ip->error))
        return -1;
    api_hand_out(ip, &answer, ret_reply);
    return 0;
}

int idevs_read(struct idevs *ip, const char *service, const char *path,
               struct idevs_reply *ret_reply)
{
    struct call call = {.method = "GET", .path = path, .repeatable = true};

    return carry_out(ip, service, &call, ret_reply);
}

int idevs_write(struct idevs *ip, const char *service, const char *path, const char *content_type,
                const void *body, size_t len, struct idevs_reply *ret_reply)
{
    struct call call = {
        .method = "POST",
        .path = path,
        .content_type = content_type,
        .content = bytes_of(body, len),
    };

    return carry_out(ip, service, &call, ret_reply);
}

int idevs_write_once(struct idevs *ip, const char *service, const char *path, const char *key,
                     const char *content_type, const void *body, size_t len,
                     struct idevs_reply *ret_reply)
{
    struct call call = {
        .method = "POST",
        .path = path,
        .idempotency_key = key,
        .content_type = content_type,
        .content = bytes_of(body, len),
        .repeatable = true,
    };

    if (!key || !token_is_valid(key, LIMIT_IDEMPOTENCY_KEY))
        return api_result(
            refuse_argument(ip, "a key of 1 to 128 of [A-Za-z0-9._-]", "the key of write_once"));
    return carry_out(ip, service, &call, ret_reply);
}
