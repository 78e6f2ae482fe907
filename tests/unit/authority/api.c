/* The authority's routes through a real HTTP server and client on one event loop. */
#include "authority/api.h"
#include "base/codes.h"
#include "base/fd.h"
#include "crypto/revocation.h"
#include "net/client.h"
#include "test.h"

#include "station.h"

#include <event2/event.h>
#include <signal.h>
#include <string.h>

struct scene {
    struct station station;
    struct api api;
    struct event_base *base;
    struct server *server;
    struct client *client;
    bool signer_lost;
    /* of the last call */
    int status;
    char type[128];
    struct buffer body;
};

static void on_signer_lost(void *context)
{
    ((struct scene *)context)->signer_lost = true;
}

static int set_up(void **state)
{
    static struct scene s;
    struct idevs_error err;
    struct server_options options = {.listen = "127.0.0.1:0",
                                     .max_body = LIMIT_CERTIFICATE_REQUEST,
                                     .handler = api_handle,
                                     .context = &s.api};
    const struct client_options client_options = {0};

    signal(SIGPIPE, SIG_IGN);
    memset(&s, 0, sizeof(s));
    s.body = buffer_up_to(MIB(1));
    station_make(&s.station);
    s.api = (struct api){.issuer = &s.station.issuer,
                         .submissions = {LIMIT_SUBMISSIONS_PER_SECOND, LIMIT_SUBMISSIONS_BURST, 0},
                         .signer_lost = on_signer_lost,
                         .context = &s};
    s.base = event_base_new();
    s.server = server_start(s.base, &options, &err);
    assert_non_null(s.server);
    s.client = client_new(s.base, &client_options);
    *state = &s;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;

    client_free(s->client);
    server_free(s->server);
    event_base_free(s->base);
    buffer_free(&s->body);
    lists_free(&s->api.lists);
    station_free(&s->station);
    return 0;
}

static void on_done(const struct client_response *response, void *context)
{
    struct scene *s = context;
    struct bytes type = {0};

    assert_string_equal(response->error.code, "");
    s->status = response->message.status;
    s->type[0] = 0;
    if (http_get(&response->message, "content-type", &type) && type.len < sizeof(s->type))
        snprintf(s->type, sizeof(s->type), "%.*s", (int)type.len, type.data);
    buffer_clear(&s->body);
    assert_true(buffer_append_bytes(&s->body, response->message.content));
    event_base_loopbreak(s->base);
}

static void call(struct scene *s, const char *method, const char *path, const char *type,
                 struct bytes body)
{
    struct http_message m = {
        .method = bytes_of_text(method), .path = bytes_of_text(path), .content = body};
    char url[64];

    snprintf(url, sizeof(url), "http://127.0.0.1:%u", server_port(s->server));
    if (type)
        assert_true(http_add(&m, "content-type", bytes_of_text(type)));
    s->status = 0;
    assert_non_null(client_send(s->client, url, &m, on_done, s));
    event_base_dispatch(s->base);
    assert_int_not_equal(s->status, 0);
}

static void get(struct scene *s, const char *path)
{
    call(s, "GET", path, NULL, (struct bytes){0});
}

static void post(struct scene *s, const char *path, const char *type, struct bytes body)
{
    call(s, "POST", path, type, body);
}

/* The last answer was a problem with this code, and the catalogue's status. */
static void assert_problem(const struct scene *s, const char *code)
{
    char wanted[80];

    snprintf(wanted, sizeof(wanted), "\"code\":\"%s\"", code);
    assert_string_equal(s->type, "application/problem+json");
    if (!strstr((const char *)s->body.data, wanted))
        fail_msg("wanted %s, got %s", code, s->body.data);
    assert_int_equal(s->status, code_find(code)->http_status);
}

static void take_challenge(struct scene *s)
{
    post(s, "/v1/challenges", NULL, (struct bytes){0});
    assert_int_equal(s->status, 200);
    assert_string_equal(s->type, "application/octet-stream");
    assert_int_equal(s->body.len, CHALLENGE_LEN);
    memcpy(s->station.e.challenge, s->body.data, CHALLENGE_LEN);
    example_nonce(&s->station.e);
}

static void a_challenge_and_evidence_become_a_certificate_once(void **state)
{
    struct scene *s = *state;
    struct idevs_error err;
    struct bytes root = certificate_der(s->station.issuer.root);
    _cleanup_buffer_ struct buffer body = buffer_up_to(LIMIT_CERTIFICATE_REQUEST);
    _cleanup_chain_ struct chain chain = {0};

    take_challenge(s);
    station_body(&s->station, &body);
    post(s, "/v1/certificates", CERTIFICATE_REQUEST_TYPE, buffer_bytes(&body));
    assert_int_equal(s->status, 200);
    assert_string_equal(s->type, "application/pem-certificate-chain");
    assert_true(chain_from_pem(buffer_bytes(&s->body), &chain, &err));
    assert_true(chain_verify(&chain, &root, 1, CHAIN_PROGRAM, clock_unix(), &err));
    post(s, "/v1/certificates", CERTIFICATE_REQUEST_TYPE, buffer_bytes(&body));
    assert_problem(s, "challenge.stale");
}

static void approvals_are_taken_from_registered_owners(void **state)
{
    struct scene *s = *state;
    struct approval a = s->station.e.approval;
    struct idevs_error err;
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(8));

    strcpy(a.program, "second");
    station_sign_approval(&s->station.e, &a, &b);
    post(s, "/v1/approvals", APPROVAL_TYPE, buffer_bytes(&b));
    assert_int_equal(s->status, 201);
    assert_string_equal((const char *)s->body.data, "{\"program\":\"second\"}");
    b.data[b.len - 1] ^= 1;
    post(s, "/v1/approvals", APPROVAL_TYPE, buffer_bytes(&b));
    assert_problem(s, "approval.signature");
    b.data[b.len - 1] ^= 1;
    assert_true(registry_remove_owner(s->station.issuer.registry, "owner", &err));
    post(s, "/v1/approvals", APPROVAL_TYPE, buffer_bytes(&b));
    assert_problem(s, "approval.owner");
}

static void a_taken_name_is_said(void **state)
{
    struct scene *s = *state;
    struct idevs_error err;
    struct example other = s->station.e;
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(8));
    uint8_t spki[SPKI_LEN];

    key_spki(key, spki);
    assert_true(registry_add_owner(s->station.issuer.registry, "other", spki, &err));
    other.owner = key;
    station_sign_approval(&other, &other.approval, &b);
    post(s, "/v1/approvals", APPROVAL_TYPE, buffer_bytes(&b));
    assert_problem(s, "approval.name-taken");
}

static void platforms_are_enrolled_by_token(void **state)
{
    struct scene *s = *state;
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_PLATFORM_REQUEST);

    station_token(&s->station, "http token", TIER_DEVELOPMENT, clock_unix() + 60);
    station_platform_request(key, "http token", &b);
    post(s, "/v1/platforms", PLATFORM_REQUEST_TYPE, buffer_bytes(&b));
    assert_int_equal(s->status, 201);
    assert_string_equal((const char *)s->body.data, "{\"tier\":\"development\"}");
    post(s, "/v1/platforms", PLATFORM_REQUEST_TYPE, buffer_bytes(&b));
    assert_problem(s, "platform.token");
    post(s, "/v1/platforms", PLATFORM_REQUEST_TYPE, bytes_of_text("x"));
    assert_problem(s, "platform.request");
}

/* What they take and answer is tested with a TPM (tpm.c). */
static void a_tpm_is_enrolled_in_two_steps_each_of_its_own_type(void **state)
{
    struct scene *s = *state;

    post(s, "/v1/platforms/tpm", PLATFORM_REQUEST_TYPE, bytes_of_text("x"));
    assert_problem(s, "api.field");
    post(s, "/v1/platforms/tpm", TPM_PLATFORM_TYPE, bytes_of_text("x"));
    assert_problem(s, "platform.request");
    post(s, "/v1/platforms/activation", TPM_PLATFORM_TYPE, bytes_of_text("x"));
    assert_problem(s, "api.field");
    post(s, "/v1/platforms/activation", TPM_ACTIVATION_TYPE, bytes_of_text("x"));
    assert_problem(s, "platform.request");
}

static void refusals_of_certificates_have_their_codes(void **state)
{
    struct scene *s = *state;
    _cleanup_buffer_ struct buffer body = buffer_up_to(LIMIT_CERTIFICATE_REQUEST);

    post(s, "/v1/certificates", CERTIFICATE_REQUEST_TYPE, bytes_of_text("x"));
    assert_problem(s, "api.field");
    take_challenge(s);
    measure(&s->station.e.claims.source, "another source");
    station_body(&s->station, &body);
    post(s, "/v1/certificates", CERTIFICATE_REQUEST_TYPE, buffer_bytes(&body));
    assert_problem(s, "approval.missing");
    assert_non_null(strstr((const char *)s->body.data, "\"expected\":\"source "));
}

static void other_paths_methods_and_types_are_refused(void **state)
{
    struct scene *s = *state;

    get(s, "/v1/nothing");
    assert_problem(s, "api.not-found");
    get(s, "/v1/health?x=1");
    assert_problem(s, "api.not-found");
    get(s, "/v1/challenges");
    assert_problem(s, "api.method");
    call(s, "DELETE", "/v1/health", NULL, (struct bytes){0});
    assert_problem(s, "api.method");
    post(s, "/v1/certificates", "application/pkcs10", bytes_of_text("x"));
    assert_problem(s, "api.field");
    post(s, "/v1/approvals", NULL, bytes_of_text("x"));
    assert_problem(s, "api.field");
}

static void a_body_over_the_limit_is_refused(void **state)
{
    struct scene *s = *state;
    _cleanup_buffer_ struct buffer large = buffer_up_to(LIMIT_CERTIFICATE_REQUEST + 1);

    assert_non_null(buffer_extend(&large, LIMIT_CERTIFICATE_REQUEST + 1));
    post(s, "/v1/certificates", CERTIFICATE_REQUEST_TYPE, buffer_bytes(&large));
    assert_problem(s, "http.body-too-large");
}

static void submissions_beyond_the_rate_are_refused(void **state)
{
    struct scene *s = *state;
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(8));

    station_sign_approval(&s->station.e, &s->station.e.approval, &b);
    s->api.submissions = (struct rate){.per_second = 1, .burst = 2};
    for (int i = 0; i < 2; i++) {
        post(s, "/v1/approvals", APPROVAL_TYPE, buffer_bytes(&b));
        assert_int_equal(s->status, 201);
    }
    post(s, "/v1/platforms", PLATFORM_REQUEST_TYPE, bytes_of_text("x"));
    assert_problem(s, "authority.busy");
    post(s, "/v1/approvals", APPROVAL_TYPE, buffer_bytes(&b));
    assert_problem(s, "authority.busy");
    take_challenge(s); /* programs are served all the same */
}

static void submissions_that_nobody_signed_keep_no_owner_out(void **state)
{
    struct scene *s = *state;
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(8));

    station_sign_approval(&s->station.e, &s->station.e.approval, &b);
    s->api.submissions = (struct rate){.per_second = 1, .burst = 2};
    for (int i = 0; i < 3; i++) {
        post(s, "/v1/approvals", APPROVAL_TYPE, bytes_of_text("x"));
        assert_problem(s, "approval.signature");
        post(s, "/v1/platforms", PLATFORM_REQUEST_TYPE, bytes_of_text("x"));
        assert_problem(s, "platform.request");
    }
    post(s, "/v1/approvals", APPROVAL_TYPE, buffer_bytes(&b));
    assert_int_equal(s->status, 201);
}

static void anchors_are_root_and_tiers(void **state)
{
    struct scene *s = *state;
    struct idevs_error err;
    _cleanup_chain_ struct chain chain = {0};

    get(s, "/v1/anchors");
    assert_int_equal(s->status, 200);
    assert_true(chain_from_pem(buffer_bytes(&s->body), &chain, &err));
    assert_int_equal(chain.n, 1 + TIERS);
    assert_true(bytes_equal(certificate_der(chain.at[0]), certificate_der(s->station.issuer.root)));
    for (unsigned i = 0; i < TIERS; i++)
        assert_true(bytes_equal(certificate_der(chain.at[1 + i]),
                                certificate_der(s->station.issuer.tiers[i])));
}

static void health_says_ok(void **state)
{
    struct scene *s = *state;

    get(s, "/v1/health");
    assert_int_equal(s->status, 200);
    assert_string_equal((const char *)s->body.data,
                        "{\"status\":\"ok\",\"version\":\"" IDEVS_VERSION "\"}");
}

static void a_lost_signer_is_said_and_ends_the_daemon(void **state)
{
    struct scene *s = *state;
    _cleanup_buffer_ struct buffer body = buffer_up_to(LIMIT_CERTIFICATE_REQUEST);

    signer_stop(&s->station.issuer.signer);
    take_challenge(s);
    station_body(&s->station, &body);
    post(s, "/v1/certificates", CERTIFICATE_REQUEST_TYPE, buffer_bytes(&body));
    assert_problem(s, "signer.unreachable");
    assert_true(s->signer_lost);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static struct revocation_list *fetched(struct scene *s, const char *path, enum tier tier)
{
    struct idevs_error err;

    get(s, path);
    assert_int_equal(s->status, 200);
    assert_string_equal(s->type, "application/pkix-crl");
    struct revocation_list *l = revocation_list_parse(buffer_bytes(&s->body), &err);
    assert_non_null(l);
    assert_true(revocation_list_is_by(l, s->station.issuer.tiers[tier]));
    return l;
}

static void each_tier_has_its_list_and_a_revocation_is_in_the_next(void **state)
{
    struct scene *s = *state;
    _cleanup_buffer_ struct buffer payload = buffer_up_to(LIMIT_REVOCATION);
    _cleanup_buffer_ struct buffer body = buffer_up_to(LIMIT_REVOCATION);
    struct revocation r = {.what = REVOKE_EVERYTHING, .issued_at = clock_unix()};
    struct idevs_error err;

    _cleanup_revocation_list_ struct revocation_list *hardware =
        fetched(s, "/v1/crl/hardware", TIER_HARDWARE);
    _cleanup_revocation_list_ struct revocation_list *development =
        fetched(s, "/v1/crl/development", TIER_DEVELOPMENT);
    _cleanup_revocation_list_ struct revocation_list *before =
        fetched(s, "/v1/crl/isolated", TIER_ISOLATED);
    assert_int_equal(revocation_list_through(before), 0);
    assert_true(registry_make_administrator(s->station.issuer.registry, "owner", &err));
    assert_true(revocation_encode(&r, &payload));
    assert_true(cose_sign(s->station.e.owner, REVOCATION_TYPE, buffer_bytes(&payload), &body));
    post(s, "/v1/revocations", REVOCATION_TYPE, buffer_bytes(&body));
    assert_int_equal(s->status, 201);
    assert_non_null(strstr((const char *)s->body.data, "{\"certificates\":"));
    _cleanup_revocation_list_ struct revocation_list *after =
        fetched(s, "/v1/crl/isolated", TIER_ISOLATED);
    assert_true(revocation_list_through(after) > 0);
    assert_true(revocation_list_number(after) > revocation_list_number(before));
    get(s, "/v1/crl/other");
    assert_problem(s, "api.not-found");
    post(s, "/v1/revocations", REVOCATION_TYPE, bytes_of_text("x"));
    assert_problem(s, "revocation.signature");
    post(s, "/v1/revocations", APPROVAL_TYPE, buffer_bytes(&body));
    assert_problem(s, "api.field");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_challenge_and_evidence_become_a_certificate_once),
        TEST(approvals_are_taken_from_registered_owners),
        TEST(a_taken_name_is_said),
        TEST(platforms_are_enrolled_by_token),
        TEST(a_tpm_is_enrolled_in_two_steps_each_of_its_own_type),
        TEST(refusals_of_certificates_have_their_codes),
        TEST(other_paths_methods_and_types_are_refused),
        TEST(a_body_over_the_limit_is_refused),
        TEST(submissions_beyond_the_rate_are_refused),
        TEST(submissions_that_nobody_signed_keep_no_owner_out),
        TEST(each_tier_has_its_list_and_a_revocation_is_in_the_next),
        TEST(anchors_are_root_and_tiers),
        TEST(health_says_ok),
        TEST(a_lost_signer_is_said_and_ends_the_daemon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
