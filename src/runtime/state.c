/* State that a service's gateway keeps. Versions make a save safe to repeat: it
 * is carried out only over the version that this program saw last, and the gateway knows it again
 * when its answer was lost. */
#include "base/alloc.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "runtime/api.h"
#include "runtime/call.h"
#include "runtime/service.h"

#include <inttypes.h>
#include <stdio.h>

#define STATE_PATH "/.well-known/idevs/state/"
#define STATE_TYPE "application/octet-stream"

static struct state_version *find_version(struct idevs *ip, const struct service *s,
                                          const char *name)
{
    for (size_t i = 0; i < ip->n_versions; i++)
        if (ip->versions[i].service == s && strcmp(ip->versions[i].name, name) == 0)
            return &ip->versions[i];
    return NULL;
}

/* False: the program uses more names than all its services together keep. */
static bool remember_version(struct idevs *ip, const struct service *s, const char *name,
                             uint64_t version)
{
    struct state_version *v = find_version(ip, s, name);

    if (!v) {
        if (ip->n_versions == (size_t)LIMIT_STATE_NAMES * LIMIT_SERVICES)
            return false;
        ip->versions = alloc_grow(ip->versions, ip->n_versions + 1, sizeof(ip->versions[0]));
        v = &ip->versions[ip->n_versions++];
        *v = (struct state_version){.service = s};
        snprintf(v->name, sizeof(v->name), "%s", name);
    }
    v->version = version;
    return true;
}

/* etag: "N" */
static bool get_version(const struct http_message *m, uint64_t *ret)
{
    struct bytes etag;

    if (!http_get(m, "etag", &etag) || etag.len < 3 || etag.data[0] != '"' ||
        etag.data[etag.len - 1] != '"')
        return false;
    return parse_u64(bytes_of(etag.data + 1, etag.len - 2), INT64_MAX, ret);
}

static bool begin(struct idevs *ip, const char *service, const char *name, struct service **ret,
                  struct idevs_error *ret_err)
{
    *ret = service_find(ip, service, ret_err);
    if (!*ret)
        return false;
    if (!name || !token_is_valid(name, LIMIT_STATE_NAME))
        return refuse_expecting(ret_err, "call.argument", "a name of 1 to 64 of [A-Za-z0-9._-]",
                                "the name of a state");
    return true;
}

/* The newest value and its version, 0 when there is none. */
static bool load(struct idevs *ip, struct service *s, const char *name, struct call_answer *ret,
                 uint64_t *ret_version, struct idevs_error *ret_err)
{
    char path[LIMIT_STATE_NAME + sizeof(STATE_PATH)];
    struct call call = {.service = s, .method = "GET", .path = path, .repeatable = true};

    snprintf(path, sizeof(path), "%s%s", STATE_PATH, name);
    if (!call_carry_out(ip, &call, ret, ret_err))
        return false;
    if (ret->message.status == 404 && ret->refusal.len == 0) {
        ret->message.content.len = 0;
        *ret_version = 0;
        return true;
    }
    if (!call_accept(&call, ret, ret_err))
        return false;
    if (ret->message.status != 200 || !get_version(&ret->message, ret_version))
        return refuse(ret_err, "service.status", "%s answered a load with status %u", s->as->name,
                      ret->message.status);
    return true;
}

int idevs_load(struct idevs *ip, const char *service, const char *name,
               struct idevs_reply *ret_reply)
{
    _cleanup_call_answer_ struct call_answer answer = {0};
    struct service *s;
    uint64_t version = 0;

    if (!begin(ip, service, name, &s, &ip->error) ||
        !load(ip, s, name, &answer, &version, &ip->error))
        return -1;
    if (!remember_version(ip, s, name, version))
        return api_result(refuse(&ip->error, "state.full", "too many names"));
    api_hand_out(ip, &answer, ret_reply);
    return 0;
}

static bool save(struct idevs *ip, struct service *s, const char *name, struct bytes data,
                 uint64_t version, struct idevs_error *ret_err)
{
    char path[LIMIT_STATE_NAME + sizeof(STATE_PATH) + 40];
    _cleanup_call_answer_ struct call_answer answer = {0};
    struct call call = {
        .service = s,
        .method = "PUT",
        .path = path,
        .content_type = STATE_TYPE,
        .content = data,
        .repeatable = true,
    };

    snprintf(path, sizeof(path), "%s%s?version=%" PRIu64, STATE_PATH, name, version);
    if (!call_carry_out(ip, &call, &answer, ret_err))
        return false;
    if (!call_accept(&call, &answer, ret_err))
        return false;
    uint64_t saved;
    if (answer.message.status / 100 != 2 || !get_version(&answer.message, &saved))
        return refuse(ret_err, "service.status", "%s answered a save with status %u", s->as->name,
                      answer.message.status);
    return remember_version(ip, s, name, saved) || refuse(ret_err, "state.full", "too many names");
}

/* The version to save over: the last one seen, or the newest when none was. */
static bool find_base(struct idevs *ip, struct service *s, const char *name, uint64_t *ret,
                      struct idevs_error *ret_err)
{
    _cleanup_call_answer_ struct call_answer answer = {0};
    const struct state_version *seen = find_version(ip, s, name);

    if (!seen)
        return load(ip, s, name, &answer, ret, ret_err);
    *ret = seen->version;
    return true;
}

int idevs_save(struct idevs *ip, const char *service, const char *name, const void *data,
               size_t len)
{
    struct service *s;
    uint64_t version = 0;

    if (!begin(ip, service, name, &s, &ip->error))
        return -1;
    if (len > LIMIT_STATE_VALUE)
        return api_result(refuse(&ip->error, "state.full", "a value of %zu bytes", len));
    return api_result(find_base(ip, s, name, &version, &ip->error) &&
                      save(ip, s, name, bytes_of(data, len), version, &ip->error));
}
