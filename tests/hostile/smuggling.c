/* Towards the service: a program that writes into its sealed request what the service's HTTP would
 * read differently, and a launcher that adds to what it carries. The gateway writes the service's
 * request itself, from what was verified. */
#include "forge.h"
#include "raw.h"

#include "base/alloc.h"

#include <stdio.h>

/* ---- lines ---- */

/* Sent after signing, so that nothing is refused for the signature's sake before. */
static void with_type(const struct attack *this, struct bytes value)
{
    _cleanup_forge_ struct forge f;

    forge_signed(&f);
    *forge_field(&f, "content-type") = value;
    forged_is_refused(this, &f);
}

ATTACK(a_line_break_in_a_value_is_refused, GATEWAY, "bhttp.malformed",
       "A program puts CR LF and a field of its own into the value of a field.")
{
    with_type(this, bytes_of_text("text/plain\r\nidevs-program: spiffe://evil"));
}

ATTACK(a_bare_line_feed_in_a_value_is_refused, GATEWAY, "bhttp.malformed",
       "A program puts a bare line feed into the value of a field.")
{
    with_type(this, bytes_of_text("text/plain\nidevs-program: spiffe://evil"));
}

ATTACK(a_nul_in_a_value_is_refused, GATEWAY, "bhttp.malformed",
       "A program puts a NUL into the value of a field.")
{
    with_type(this, bytes_of("text\0plain", 10));
}

ATTACK(a_line_break_in_a_name_is_refused, GATEWAY, "bhttp.malformed",
       "A program puts a colon, CR LF and a field of its own into the name of a field.")
{
    _cleanup_forge_ struct forge f;

    forge_signed(&f);
    forge_add(&f, "x: y\r\nidevs-program", "spiffe://evil");
    forged_is_refused(this, &f);
}

ATTACK(a_name_in_capitals_is_refused, GATEWAY, "bhttp.malformed",
       "A program writes the name of a field in capitals, for another field of the same name.")
{
    _cleanup_forge_ struct forge f;

    forge_signed(&f);
    forge_add(&f, "Content-Type", "text/plain");
    forged_is_refused(this, &f);
}

static void with_path(const struct attack *this, const char *path)
{
    _cleanup_forge_ struct forge f;

    forge_signed(&f);
    f.m.path = bytes_of_text(path);
    forged_is_refused(this, &f);
}

ATTACK(a_second_request_in_the_path_is_refused, GATEWAY, "bhttp.malformed",
       "A program puts the rest of a request line, CR LF and a second request into the path.")
{
    with_path(this, "/ok HTTP/1.1\r\nhost: a\r\n\r\nPOST /count");
}

ATTACK(a_space_in_the_path_is_refused, GATEWAY, "bhttp.malformed",
       "A program puts a space into the path, so that the request line has four words.")
{
    with_path(this, "/ok HTTP/1.1 ");
}

ATTACK(a_path_that_is_a_whole_url_is_refused, GATEWAY, "bhttp.malformed",
       "A program sends the URL of another host in place of the path.")
{
    with_path(this, "http://127.0.0.1:1/count");
}

ATTACK(a_line_break_in_the_method_is_refused, GATEWAY, "bhttp.malformed",
       "A program puts a whole request and CR LF before the method.")
{
    _cleanup_forge_ struct forge f;

    forge_signed(&f);
    f.m.method = bytes_of_text("POST /count HTTP/1.1\r\n\r\nGET");
    forged_is_refused(this, &f);
}

/* ---- paths that two servers may read differently ---- */

/* Signed and all. */
static void path_is_refused(const struct attack *this, const char *path)
{
    struct http_message m = forge_full_write();
    _cleanup_forge_ struct forge f;

    m.path = bytes_of_text(path);
    forge_begin(&f, &m);
    forge_sign(&f);
    forged_is_refused(this, &f);
}

ATTACK(an_encoded_slash_is_refused, GATEWAY, "http.malformed",
       "A program encodes slash or backslash in a path that its policy grants.")
{
    path_is_refused(this, "/api/sales%2f..%2fadmin");
    path_is_refused(this, "/api/sales%2F..%2Fadmin");
    path_is_refused(this, "/api/sales%5c..%5cadmin");
    path_is_refused(this, "/api/sales\\..\\admin");
}

ATTACK(an_encoded_dot_is_refused, GATEWAY, "http.malformed",
       "A program leaves a granted path by an encoded `..`.")
{
    path_is_refused(this, "/api/%2e%2e/count");
    path_is_refused(this, "/api/.%2E/count");
}

ATTACK(an_encoded_line_break_is_refused, GATEWAY, "http.malformed",
       "A program encodes CR, LF or NUL in the path.")
{
    path_is_refused(this, "/api/a%0d%0ahost:a");
    path_is_refused(this, "/api/a%0a");
    path_is_refused(this, "/api/a%00.json");
}

ATTACK(a_dot_segment_is_refused, GATEWAY, "http.malformed",
       "A program leaves a granted path by `..`, or hides a segment behind `.` or an empty one.")
{
    path_is_refused(this, "/api/../count");
    path_is_refused(this, "/api/./a");
    path_is_refused(this, "/api//a");
    path_is_refused(this, "//count");
}

ATTACK(a_fragment_in_the_path_is_refused, GATEWAY, "http.malformed",
       "A program appends a fragment, which some servers cut off.")
{
    path_is_refused(this, "/api/a#b");
}

ATTACK(an_escape_that_is_none_is_refused, GATEWAY, "http.malformed",
       "A program sends a percent sign with something else than two digits behind it.")
{
    path_is_refused(this, "/api/%2");
    path_is_refused(this, "/api/%u002e%u002e/count");
}

ATTACK(
    a_path_parameter_does_not_leave_what_was_granted, GATEWAY, "policy.path",
    "A program leaves the prefix that its policy grants by `..;`, which some servers read as `..`.")
{
    path_is_refused(this, "/api/..;/count");
    path_is_refused(this, "/api/..;a=b/count");
    path_is_refused(this, "/api/.;/a");
}

ATTACK(
    a_granted_path_in_other_letters_is_not_granted, GATEWAY, "policy.path",
    "A program writes a path that is not granted so that a server decodes it to one, and the other "
    "way round.")
{
    path_is_refused(this, "/%61pi/sales");
    path_is_refused(this, "/API/sales");
    path_is_refused(this, "/apis");
}

/* ---- methods ---- */

static void method_is_refused(const struct attack *this, const char *method)
{
    struct http_message m = forge_full_write();
    _cleanup_forge_ struct forge f;

    m.method = bytes_of_text(method);
    forge_begin(&f, &m);
    forge_sign(&f);
    forged_is_refused(this, &f);
}

ATTACK(a_method_that_is_none_of_ours_is_refused, GATEWAY, "api.method",
       "A program asks by CONNECT for a tunnel, by TRACE for its own request, by a method in small "
       "letters for whatever the service makes of it.")
{
    method_is_refused(this, "CONNECT");
    method_is_refused(this, "TRACE");
    method_is_refused(this, "OPTIONS");
    method_is_refused(this, "PRI");
    method_is_refused(this, "get");
}

ATTACK(content_in_a_read_is_refused, GATEWAY, "request.field",
       "A program puts a second request into the content of a GET, which some servers do not read.")
{
    const struct http_message m = actor_request(
        "GET", "/ok", NULL, NULL, bytes_of_text("POST /count HTTP/1.1\r\nhost: a\r\n\r\n"));
    _cleanup_forge_ struct forge f;

    forge_begin(&f, &m);
    forge_sign(&f);
    forged_is_refused(this, &f);
}

/* ---- fields inside the seal ---- */

static void field_is_refused(const struct attack *this, const char *name, const char *value)
{
    _cleanup_forge_ struct forge f;

    forge_signed(&f);
    forge_add(&f, name, value);
    forged_is_refused(this, &f);
}

ATTACK(a_host_field_is_refused, GATEWAY, "request.field",
       "A program adds a Host to its sealed request, to reach another site of the same server.")
{
    field_is_refused(this, "host", "admin.example");
}

ATTACK(a_transfer_encoding_is_refused, GATEWAY, "request.field",
       "A program adds a Transfer-Encoding to its sealed request, to end it early.")
{
    field_is_refused(this, "transfer-encoding", "chunked");
}

ATTACK(a_content_length_is_refused, GATEWAY, "request.field",
       "A program adds a second Content-Length to its sealed request.")
{
    field_is_refused(this, "content-length", "0");
}

ATTACK(
    a_field_of_the_connection_is_refused, GATEWAY, "request.field",
    "A program adds a field that is for the next server alone: Connection, Upgrade, TE, Trailer, "
    "Keep-Alive.")
{
    static const char *const NAMES[] = {"connection", "upgrade", "te", "trailer", "keep-alive"};

    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++)
        field_is_refused(this, NAMES[i], "idevs-program");
}

ATTACK(a_certificate_field_is_refused, GATEWAY, "request.field",
       "A program adds the Client-Cert of another to its sealed request.")
{
    field_is_refused(this, "client-cert", ":AAAA:");
    field_is_refused(this, "client-cert-chain", ":AAAA:");
}

ATTACK(a_program_field_is_refused, GATEWAY, "request.field",
       "A program adds the Idevs-Program of another to its sealed request.")
{
    field_is_refused(this, "idevs-program", "spiffe://free-ride.example/program/other");
}

ATTACK(a_field_that_grants_something_is_refused, GATEWAY, "request.field",
       "A program adds fields that services take for granted: Authorization, Cookie, Forwarded, "
       "X-Forwarded-For, X-HTTP-Method-Override.")
{
    static const char *const NAMES[] = {"authorization", "cookie", "forwarded", "x-forwarded-for",
                                        "x-http-method-override"};

    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++)
        field_is_refused(this, NAMES[i], "for=127.0.0.1");
}

/* Signed and all. */
static void key_is_refused(const struct attack *this, const char *key)
{
    const struct http_message m =
        actor_request("POST", "/count", key, "application/json", bytes_of_text("{}"));
    _cleanup_forge_ struct forge f;

    forge_begin(&f, &m);
    forge_sign(&f);
    forged_is_refused(this, &f);
}

ATTACK(an_idempotency_key_of_other_characters_is_refused, GATEWAY, "request.field",
       "A program chooses an idempotency key with quotes, commas or spaces, which services read "
       "differently, or one that is empty or too long.")
{
    static char too_long[LIMIT_IDEMPOTENCY_KEY + 2];

    memset(too_long, 'x', sizeof(too_long) - 1);
    key_is_refused(this, "a, b");
    key_is_refused(this, "\"a\"");
    key_is_refused(this, "a;b");
    key_is_refused(this, "");
    key_is_refused(this, too_long);
}

/* ---- fields outside the seal ---- */

ATTACK(what_the_launcher_adds_never_reaches_the_service, GATEWAY, DROPPED,
       "The launcher puts fields beside a sealed request: Idevs-Program, Idempotency-Key, "
       "Authorization, X-Forwarded-For, Cookie.")
{
    static const char *const NAMES[] = {"idevs-program", "idempotency-key", "authorization",
                                        "x-forwarded-for", "cookie"};
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed;
    _cleanup_answer_ struct answer a;

    seal_write(&store, &x, &sealed);
    struct http_message outer = actor_outer(&store.program, buffer_bytes(&sealed));
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++)
        assert_true(http_add(&outer, NAMES[i], bytes_of_text("spiffe://evil")));
    assert_true(world_send(&store, &outer, &x, &a));
    assert_int_equal(a.message.status, 201);
    assert_true(fake_service_saw(&store.service, "idevs-program: " TEST_PROGRAM "\r\n"));
    for (size_t i = 1; i < ARRAY_LEN(NAMES); i++)
        assert_false(fake_service_saw(&store.service, NAMES[i]));
    assert_false(fake_service_saw(&store.service, "evil"));
    attack_refused(this, GATEWAY, DROPPED);
}

ATTACK(a_path_beside_the_seal_is_not_served, GATEWAY, "api.not-found",
       "The launcher posts a sealed request to another path of the gateway's server.")
{
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed;

    seal_write(&store, &x, &sealed);
    struct http_message outer = actor_outer(&store.program, buffer_bytes(&sealed));
    outer.path = bytes_of_text("/count");
    gateway_refuses_outer(this, &outer, &x);
}

/* ---- the launcher's own HTTP ---- */

#define TARGET "POST /.well-known/ohttp-gateway HTTP/1.1\r\n"

static void raw_is_refused(const struct attack *this, const char *request)
{
    _cleanup_raw_ struct raw r;
    _cleanup_buffer_ struct buffer answer = buffer_up_to(KIB(64));

    raw_open(&r, store.host, store.port, true);
    assert_true(raw_send(&r, bytes_of_text(request)));
    assert_true(raw_receive_all(&r, 60, &answer));
    assert_int_equal(fake_service_count(&store.service), 0);
    attack_refused(this, GATEWAY, raw_code(&answer));
}

ATTACK(two_lengths_are_refused, GATEWAY, "http.malformed",
       "The launcher sends the gateway a request with two Content-Length.")
{
    raw_is_refused(this, TARGET "host: a\r\ncontent-length: 2\r\ncontent-length: 40\r\n\r\n{}");
    raw_is_refused(this, TARGET "host: a\r\ncontent-length: 2, 2\r\n\r\n{}");
    raw_is_refused(this, TARGET "host: a\r\ncontent-length: +2\r\n\r\n{}");
}

ATTACK(a_transfer_encoding_beside_a_length_is_refused, GATEWAY, "http.malformed",
       "The launcher sends the gateway a request with Transfer-Encoding and Content-Length.")
{
    raw_is_refused(this, TARGET "host: a\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n"
                                "0\r\n\r\n");
    raw_is_refused(this, TARGET "host: a\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n");
}

ATTACK(a_malformed_head_is_refused, GATEWAY, "http.malformed",
       "The launcher sends the gateway a head with a bare line feed, a folded line, a space before "
       "the colon, a NUL, no Host or two.")
{
    raw_is_refused(this, TARGET "host: a\nx: y\r\n\r\n");
    raw_is_refused(this, TARGET "host: a\r\nx: y\r\n z\r\n\r\n");
    raw_is_refused(this, TARGET "host : a\r\n\r\n");
    raw_is_refused(this, TARGET "x: y\r\n\r\n");
    raw_is_refused(this, TARGET "host: a\r\nhost: b\r\n\r\n");
    raw_is_refused(this, TARGET "host: a\r\nx: y\001z\r\n\r\n");
}

ATTACK(a_head_over_the_limit_is_refused, GATEWAY, "http.malformed",
       "The launcher sends the gateway a head without an end.")
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(256));

    assert_true(buffer_append_text(&b, TARGET "host: a\r\nx: "));
    for (size_t i = 0; i < KIB(128); i++)
        assert_true(buffer_append_u8(&b, 'x'));
    raw_is_refused(this, (const char *)b.data);
}

/* ---- from the service to the program ---- */

ATTACK(a_service_does_not_speak_for_its_gateway, GATEWAY, DROPPED,
       "A service answers a write with fields by which the gateway says that nothing was done, so "
       "that the program writes again elsewhere.")
{
    const struct http_message m =
        actor_request("POST", "/fields", NULL, "application/json", bytes_of_text("{}"));
    _cleanup_answer_ struct answer a;

    assert_true(world_exchange(&store, &m, &a));
    assert_int_equal(a.message.status, 201);
    assert_int_equal(http_count(&a.message, "idevs-error"), 0);
    assert_int_equal(http_count(&a.message, "idevs-processed"), 0);
    assert_int_equal(http_count(&a.message, "set-cookie"), 0);
    attack_refused(this, GATEWAY, DROPPED);
}

static void answer_is_refused(const struct attack *this, const char *path)
{
    _cleanup_answer_ struct answer a;

    assert_true(world_get(&store, path, &a));
    attack_refused(this, GATEWAY, refusal_of(&a));
}

ATTACK(an_answer_that_is_no_http_is_not_passed_on, GATEWAY, "service.status",
       "A service answers with garbage, or ends in the middle of its answer.")
{
    answer_is_refused(this, "/garbage");
    answer_is_refused(this, "/cut");
}

ATTACK(an_answer_over_the_limit_is_not_passed_on, GATEWAY, "service.status",
       "A service answers with more than the gateway's limit.")
{
    answer_is_refused(this, "/large");
}

static const struct attack *const ATTACKS[] = {
    ROW(a_line_break_in_a_value_is_refused),
    ROW(a_bare_line_feed_in_a_value_is_refused),
    ROW(a_nul_in_a_value_is_refused),
    ROW(a_line_break_in_a_name_is_refused),
    ROW(a_name_in_capitals_is_refused),
    ROW(a_second_request_in_the_path_is_refused),
    ROW(a_space_in_the_path_is_refused),
    ROW(a_path_that_is_a_whole_url_is_refused),
    ROW(a_line_break_in_the_method_is_refused),
    ROW(an_encoded_slash_is_refused),
    ROW(an_encoded_dot_is_refused),
    ROW(an_encoded_line_break_is_refused),
    ROW(a_dot_segment_is_refused),
    ROW(a_fragment_in_the_path_is_refused),
    ROW(an_escape_that_is_none_is_refused),
    ROW(a_path_parameter_does_not_leave_what_was_granted),
    ROW(a_granted_path_in_other_letters_is_not_granted),
    ROW(a_method_that_is_none_of_ours_is_refused),
    ROW(content_in_a_read_is_refused),
    ROW(a_host_field_is_refused),
    ROW(a_transfer_encoding_is_refused),
    ROW(a_content_length_is_refused),
    ROW(a_field_of_the_connection_is_refused),
    ROW(a_certificate_field_is_refused),
    ROW(a_program_field_is_refused),
    ROW(a_field_that_grants_something_is_refused),
    ROW(an_idempotency_key_of_other_characters_is_refused),
    ROW(what_the_launcher_adds_never_reaches_the_service),
    ROW(a_path_beside_the_seal_is_not_served),
    ROW(two_lengths_are_refused),
    ROW(a_transfer_encoding_beside_a_length_is_refused),
    ROW(a_malformed_head_is_refused),
    ROW(a_head_over_the_limit_is_refused),
    ROW(a_service_does_not_speak_for_its_gateway),
    ROW(an_answer_that_is_no_http_is_not_passed_on),
    ROW(an_answer_over_the_limit_is_not_passed_on),
};

/* The program may do these, so that it is not its policy which refuses. */
static int begin(void **state)
{
    (void)state;
    return stage_begin_with("programs:\n  - {name: '" TEST_PROGRAM
                            "', paths: [/ok, /count, /fields, "
                            "/garbage, /cut, /large, /api/*]}\n");
}

int main(int argc, char **argv)
{
    const struct area area = {.name = "smuggling",
                              .begin = begin,
                              .end = stage_end,
                              .control = forge_control,
                              .attacks = ATTACKS,
                              .n = ARRAY_LEN(ATTACKS)};

    return area_main(&area, argc, argv);
}
