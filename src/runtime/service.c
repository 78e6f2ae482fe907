#include "runtime/service.h"
#include "exchange/keys.h"
#include "runtime/problem.h"
#include "wire/bhttp.h"

#include <stdio.h>

struct service *service_find(struct idevs *ip, const char *name, struct idevs_error *ret_err)
{
    for (size_t i = 0; name && i < ip->manifest.n_services; i++)
        if (strcmp(ip->services[i].as->name, name) == 0)
            return &ip->services[i];
    refuse(ret_err, "service.unknown", "%s", name ? name : "no name");
    return NULL;
}

/* What the service signed, or nothing: the message came through the launcher. */
static bool take_keys(struct idevs *ip, struct service *s, struct bytes bhttp,
                      struct idevs_error *ret_err)
{
    struct http_message message;
    struct ohttp_key_config keys;
    int64_t now = timekeeper_now(&ip->time) + s->offset;
    int64_t expires;

    if (!bhttp_decode_response(bhttp, &message))
        return refuse(ret_err, "bhttp.malformed", "the key configuration of %s", s->as->name);
    if (!signed_keys_verify(&message, s->as->authority, s->as->anchors, s->as->n_anchors, now,
                            &keys, &expires, ret_err))
        return false;
    s->keys = keys;
    s->has_keys = true;
    s->suspect = false;
    s->keys_since_ns = timekeeper_progress_ns(&ip->time);
    s->keys_life_ns = expires > now ? (uint64_t)(expires - now) * NS_PER_SECOND : 0;
    return true;
}

static bool fetch_keys(struct idevs *ip, struct service *s, struct idevs_error *ret_err)
{
    char target[LIMIT_FRAME_TARGET];
    struct channel_request request = {.target = target, .type = ""};
    struct frame reply;

    snprintf(target, sizeof(target), "service-keys:%s", s->as->name);
    s->keys_tried_ns = timekeeper_progress_ns(&ip->time);
    if (!channel_call(&ip->launcher, &request, runtime_attempt_deadline(ip), &reply, ret_err))
        return false;
    if (reply.status != 200)
        return problem_refuse(&reply, "service.unreachable", target, ret_err);
    return take_keys(ip, s, reply.body, ret_err);
}

/* A wrong signature may be the launcher's or a misconfigured service's; at the start the owner is
 * better served by its reason than by a long silence. */
static bool is_final(const struct idevs_error *err)
{
    return error_is(err, "keys.") || error_is(err, "certificate.") || error_is(err, "bhttp.");
}

static bool fetch_until_there(struct idevs *ip, struct service *s, struct idevs_error *ret_err)
{
    struct backoff backoff =
        backoff_between(ip->options.backoff_first_ms, ip->options.backoff_max_ms);
    struct idevs_error why;

    while (!fetch_keys(ip, s, &why)) {
        if (is_final(&why)) {
            *ret_err = why;
            return false;
        }
        if (!runtime_pause(ip, &backoff, &why, ret_err))
            return false;
    }
    return true;
}

bool services_exchange_keys(struct idevs *ip, struct idevs_error *ret_err)
{
    uint64_t since = clock_monotonic_ns();

    for (size_t i = 0; i < ip->manifest.n_services; i++)
        if (!fetch_until_there(ip, &ip->services[i], ret_err))
            return false;
    runtime_span(ip, "exchangeKeys", since);
    return true;
}

bool service_ready(struct idevs *ip, struct service *s, struct idevs_error *ret_err)
{
    uint64_t now = timekeeper_progress_ns(&ip->time);
    uint64_t age = now - s->keys_since_ns;
    bool wanted = !s->has_keys || s->suspect || age >= s->keys_life_ns / 2;
    struct idevs_error why;

    if (wanted && now - s->keys_tried_ns >= (uint64_t)ip->options.refetch_ms * 1000000 &&
        fetch_keys(ip, s, &why))
        return true;
    if (s->has_keys && age < s->keys_life_ns)
        return true;
    s->has_keys = false;
    return refuse(ret_err, "service.unreachable", "no current key of %s", s->as->name);
}
