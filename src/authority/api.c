#include "authority/api.h"
#include "authority/submissions.h"
#include "base/clock.h"
#include "base/log.h"
#include "wire/certificate_request.h"

#define PEM_TYPE   "application/pem-certificate-chain"
#define BYTES_TYPE "application/octet-stream"
#define JSON_TYPE  "application/json"
#define CRL_TYPE   "application/pkix-crl"
#define CRL_PATH   "/v1/crl/"

static bool post_challenge(struct api *api, struct server_request *request,
                           struct idevs_error *ret_err)
{
    uint8_t challenge[CHALLENGE_LEN];

    (void)ret_err;
    challenge_make(api->issuer->challenges, clock_monotonic_ns(), challenge);
    server_answer_bytes(request, 200, BYTES_TYPE, bytes_of(challenge, sizeof(challenge)));
    return true;
}

static bool post_certificate(struct api *api, struct server_request *request,
                             struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);

    if (!issuer_certify(api->issuer, server_message(request)->content, clock_unix(),
                        clock_monotonic_ns(), &pem, ret_err))
        return false;
    server_answer_bytes(request, 200, PEM_TYPE, buffer_bytes(&pem));
    return true;
}

/* Only what was kept is counted: what nobody signed must not keep owners and platforms out. */
static bool has_room(const struct api *api, struct idevs_error *ret_err)
{
    return rate_has_room(&api->submissions, clock_monotonic_ns()) ||
           refuse(ret_err, "authority.busy", "more than %d submissions a second",
                  LIMIT_SUBMISSIONS_PER_SECOND);
}

static bool post_approval(struct api *api, struct server_request *request,
                          struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer json = buffer_up_to(256);
    struct approval approval;

    if (!has_room(api, ret_err) ||
        !submit_approval(api->issuer->registry, server_message(request)->content, clock_unix(),
                         &approval, ret_err))
        return false;
    (void)rate_take(&api->submissions, clock_monotonic_ns());
    if (!buffer_append_format(&json, "{\"program\":\"%s\"}", approval.program))
        return refuse(ret_err, "internal", "a long answer");
    log_info("approval of %s", approval.program);
    server_answer_bytes(request, 201, JSON_TYPE, buffer_bytes(&json));
    return true;
}

static bool answer_enrolled(struct api *api, struct server_request *request, const char *how,
                            enum tier tier, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer json = buffer_up_to(256);

    (void)rate_take(&api->submissions, clock_monotonic_ns());
    if (!buffer_append_format(&json, "{\"tier\":\"%s\"}", tier_name(tier)))
        return refuse(ret_err, "internal", "a long answer");
    log_info("platform enrolled %s, tier %s", how, tier_name(tier));
    server_answer_bytes(request, 201, JSON_TYPE, buffer_bytes(&json));
    return true;
}

static bool post_platform(struct api *api, struct server_request *request,
                          struct idevs_error *ret_err)
{
    enum tier tier;

    return has_room(api, ret_err) &&
           submit_platform(api->issuer->registry, server_message(request)->content, clock_unix(),
                           &tier, ret_err) &&
           answer_enrolled(api, request, "by its key", tier, ret_err);
}

/* 202: enrolled only once the TPM has shown that it can open what this answers. */
static bool post_tpm_platform(struct api *api, struct server_request *request,
                              struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer credential = buffer_up_to(LIMIT_TPM_CREDENTIAL);

    if (!has_room(api, ret_err) ||
        !submit_tpm_platform(api->issuer->registry, &api->issuer->tpm_makers,
                             server_message(request)->content, clock_unix(), &credential, ret_err))
        return false;
    (void)rate_take(&api->submissions, clock_monotonic_ns());
    log_info("a platform's TPM is to open a credential");
    server_answer_bytes(request, 202, TPM_CREDENTIAL_TYPE, buffer_bytes(&credential));
    return true;
}

static bool post_activation(struct api *api, struct server_request *request,
                            struct idevs_error *ret_err)
{
    enum tier tier;

    return has_room(api, ret_err) &&
           submit_activation(api->issuer->registry, server_message(request)->content, clock_unix(),
                             &tier, ret_err) &&
           answer_enrolled(api, request, "with a TPM", tier, ret_err);
}

static bool post_revocation(struct api *api, struct server_request *request,
                            struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer json = buffer_up_to(256);
    bool has_room = rate_has_room(&api->submissions, clock_monotonic_ns());
    struct revoked_by done;

    if (!submit_revocation(api->issuer->registry, server_message(request)->content, clock_unix(),
                           has_room, &done, ret_err))
        return false;
    (void)rate_take(&api->submissions, clock_monotonic_ns());
    lists_spoil(&api->lists);
    if (!buffer_append_format(&json, "{\"certificates\":%zu}", done.n))
        return refuse(ret_err, "internal", "a long answer");
    log_info("revoked by %s: %zu certificates, %s", done.owner.name, done.n,
             revocation_reason_name(done.what.reason));
    server_answer_bytes(request, 201, JSON_TYPE, buffer_bytes(&json));
    return true;
}

/* The path ends in the tier's name: the route saw to that. */
static bool get_list(struct api *api, struct server_request *request, struct idevs_error *ret_err)
{
    struct bytes path = server_message(request)->path;
    struct bytes list;
    unsigned tier = 0;

    while (tier < TIERS - 1 &&
           !bytes_equal_text(bytes_of(path.data + strlen(CRL_PATH), path.len - strlen(CRL_PATH)),
                             tier_name((enum tier)tier)))
        tier++;
    if (!lists_get(&api->lists, api->issuer, (enum tier)tier, clock_unix(), clock_monotonic_ns(),
                   &list, ret_err))
        return false;
    server_answer_bytes(request, 200, CRL_TYPE, list);
    return true;
}

static bool get_anchors(struct api *api, struct server_request *request,
                        struct idevs_error *ret_err)
{
    struct chain chain = {.at = {api->issuer->root}, .n = 1};
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);

    _Static_assert(1 + TIERS <= LIMIT_CHAIN, "root and tier CAs fit a chain");
    for (unsigned i = 0; i < TIERS; i++)
        chain.at[chain.n++] = api->issuer->tiers[i];
    if (!chain_to_pem(&chain, &pem))
        return refuse(ret_err, "internal", "a long chain");
    server_answer_bytes(request, 200, PEM_TYPE, buffer_bytes(&pem));
    return true;
}

static bool get_health(struct api *api, struct server_request *request, struct idevs_error *ret_err)
{
    (void)api;
    (void)ret_err;
    server_answer_bytes(request, 200, JSON_TYPE,
                        bytes_of_text("{\"status\":\"ok\",\"version\":\"" IDEVS_VERSION "\"}"));
    return true;
}

static const struct route {
    const char *method;
    const char *path;
    const char *type; /* of the body; NULL: none is read */
    bool (*handle)(struct api *api, struct server_request *request, struct idevs_error *ret_err);
} ROUTES[] = {
    {"POST", "/v1/challenges", NULL, post_challenge},
    {"POST", "/v1/certificates", CERTIFICATE_REQUEST_TYPE, post_certificate},
    {"POST", "/v1/approvals", APPROVAL_TYPE, post_approval},
    {"POST", "/v1/platforms", PLATFORM_REQUEST_TYPE, post_platform},
    {"POST", "/v1/platforms/tpm", TPM_PLATFORM_TYPE, post_tpm_platform},
    {"POST", "/v1/platforms/activation", TPM_ACTIVATION_TYPE, post_activation},
    {"POST", "/v1/revocations", REVOCATION_TYPE, post_revocation},
    {"GET", CRL_PATH "hardware", NULL, get_list},
    {"GET", CRL_PATH "isolated", NULL, get_list},
    {"GET", CRL_PATH "development", NULL, get_list},
    {"GET", "/v1/anchors", NULL, get_anchors},
    {"GET", "/v1/health", NULL, get_health},
};

static bool find_route(const struct http_message *m, const struct route **ret,
                       struct idevs_error *ret_err)
{
    bool path_exists = false;

    for (size_t i = 0; i < ARRAY_LEN(ROUTES); i++) {
        if (!bytes_equal_text(m->path, ROUTES[i].path))
            continue;
        path_exists = true;
        if (bytes_equal_text(m->method, ROUTES[i].method)) {
            *ret = &ROUTES[i];
            return true;
        }
    }
    return refuse(ret_err, path_exists ? "api.method" : "api.not-found", "%.*s %.*s",
                  (int)(m->method.len < 16 ? m->method.len : 16), m->method.data,
                  (int)(m->path.len < 100 ? m->path.len : 100), m->path.data);
}

static bool check_type(const struct http_message *m, const char *wanted,
                       struct idevs_error *ret_err)
{
    struct bytes type = {0};

    if (!wanted || (http_get(m, "content-type", &type) && bytes_equal_text(type, wanted)))
        return true;
    return refuse_expecting(ret_err, "api.field", wanted, "content-type %.*s",
                            (int)(type.len < 100 ? type.len : 100), type.data);
}

void api_handle(struct server_request *request, void *context)
{
    struct api *api = context;
    const struct http_message *m = server_message(request);
    const struct route *route;
    struct idevs_error err;

    if (find_route(m, &route, &err) && check_type(m, route->type, &err) &&
        route->handle(api, request, &err))
        return;
    log_info("refused: %s: found %s; expected %s", err.code, err.found, err.expected);
    server_answer_error(request, &err);
    if (error_is(&err, "signer.unreachable"))
        api->signer_lost(api->context);
}
