#include "wire/httpsig.h"
#include "test.h"

#include "mutate.h"
#include "rfc9421.h"

#define NONCE "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define KEYID "_-ECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define ZERO_SIG                                                                                   \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
#define INPUT                                                                                      \
    "idevs=(\"@method\" \"@scheme\" \"@authority\" \"@path\" \"@query\" \"content-digest\" "       \
    "\"content-type\" \"date\" \"idempotency-key\");created=1700000000;expires=1700000060;"        \
    "nonce=\"" NONCE "\";alg=\"ecdsa-p256-sha256\";keyid=\"" KEYID                                 \
    "\";tag=\"idevs-attested-request-v1\""
#define KEYS_INPUT                                                                                 \
    "idevs-keys=(\"@status\" \"content-type\" \"content-digest\");created=1700000000;"             \
    "expires=1700000060;keyid=\"" KEYID                                                            \
    "\";alg=\"ecdsa-p256-sha256\";tag=\"idevs-gateway-keys-v1\""
#define DIGEST "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"

static const struct httpsig_params PARAMS = {1700000000, 1700000060, NONCE, KEYID};
static const struct httpsig_params KEYS_PARAMS = {1700000000, 1700000060, "", KEYID};

static struct http_message write_once(void)
{
    struct http_message m = {.method = bytes_of_text("POST"),
                             .scheme = bytes_of_text("https"),
                             .authority = bytes_of_text("store.example:8443"),
                             .path = bytes_of_text("/api/trips?x=1&y=?")};
    assert_true(http_add(&m, "content-digest", bytes_of_text(DIGEST)));
    assert_true(http_add(&m, "content-type", bytes_of_text("application/json")));
    assert_true(http_add(&m, "date", bytes_of_text("Tue, 14 Nov 2023 22:13:20 GMT")));
    assert_true(http_add(&m, "idempotency-key", bytes_of_text("sale-809")));
    return m;
}

static struct http_message keys_response(void)
{
    struct http_message m = {.status = 200};
    assert_true(http_add(&m, "content-type", bytes_of_text("application/ohttp-keys")));
    assert_true(http_add(&m, "content-digest", bytes_of_text(DIGEST)));
    return m;
}

static void the_signature_base_is_rfc_9421s(void **state)
{
    const struct http_message m = write_once();
    _cleanup_buffer_ struct buffer base = buffer_up_to(4096);
    _cleanup_buffer_ struct buffer input = buffer_up_to(4096);
    (void)state;
    assert_true(httpsig_request_base(&m, &PARAMS, &base));
    assert_string_equal((const char *)base.data,
                        "\"@method\": POST\n"
                        "\"@scheme\": https\n"
                        "\"@authority\": store.example:8443\n"
                        "\"@path\": /api/trips\n"
                        "\"@query\": ?x=1&y=?\n"
                        "\"content-digest\": " DIGEST "\n"
                        "\"content-type\": application/json\n"
                        "\"date\": Tue, 14 Nov 2023 22:13:20 GMT\n"
                        "\"idempotency-key\": sale-809\n"
                        "\"@signature-params\": (\"@method\" \"@scheme\" \"@authority\" \"@path\" "
                        "\"@query\" \"content-digest\" \"content-type\" \"date\" "
                        "\"idempotency-key\");created=1700000000;expires=1700000060;nonce=\"" NONCE
                        "\";alg=\"ecdsa-p256-sha256\";keyid=\"" KEYID
                        "\";tag=\"idevs-attested-request-v1\"");
    assert_true(httpsig_request_input(&m, &PARAMS, &input));
    assert_string_equal((const char *)input.data, INPUT);
}

/* The line of `base` that begins with `name`. */
static struct bytes line_of(const char *base, const char *name)
{
    const char *at = strstr(base, name);

    if (!at)
        fail_msg("no line %s", name);
    return bytes_of(at, (size_t)(strchr(at, '\n') - at));
}

static void assert_same_lines(const struct buffer *ours, const char *theirs,
                              const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!bytes_equal(line_of((const char *)ours->data, names[i]), line_of(theirs, names[i])))
            fail_msg("another line %s", names[i]);
}

static void lines_of_a_request_are_those_of_rfc_9421_b_2_3(void **state)
{
    static const char *const NAMES[] = {
        "\"@method\": ",      "\"@authority\": ",     "\"@path\": ", "\"@query\": ",
        "\"content-type\": ", "\"content-digest\": ", "\"date\": "};
    struct http_message m = {.method = bytes_of_text("POST"),
                             .scheme = bytes_of_text("https"),
                             .authority = bytes_of_text("example.com"),
                             .path = bytes_of_text("/foo?param=Value&Pet=dog")};
    _cleanup_buffer_ struct buffer base = buffer_up_to(4096);
    (void)state;
    assert_true(http_add(&m, "date", bytes_of_text("Tue, 20 Apr 2021 02:07:55 GMT")));
    assert_true(http_add(&m, "content-type", bytes_of_text("application/json")));
    assert_true(http_add(
        &m, "content-digest",
        bytes_of_text("sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BN"
                      "NyealdVLvRwEmTHWXvJwew==:")));
    assert_true(httpsig_request_base(&m, &PARAMS, &base));
    assert_same_lines(&base, RFC9421_REQUEST_BASE, NAMES, ARRAY_LEN(NAMES));
}

static void lines_of_a_response_are_those_of_rfc_9421_b_2_4(void **state)
{
    static const char *const NAMES[] = {
        "\"@status\": ", "\"content-type\": ", "\"content-digest\": "};
    struct http_message m = {.status = 200};
    _cleanup_buffer_ struct buffer base = buffer_up_to(4096);
    (void)state;
    assert_true(http_add(&m, "content-type", bytes_of_text("application/json")));
    assert_true(http_add(
        &m, "content-digest",
        bytes_of_text("sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWd"
                      "XymyU0rjJuahq4l5aGgfLQ==:")));
    assert_true(httpsig_keys_base(&m, &KEYS_PARAMS, &base));
    assert_same_lines(&base, RFC9421_RESPONSE_BASE, NAMES, ARRAY_LEN(NAMES));
}

static void absent_optional_fields_are_not_covered(void **state)
{
    struct http_message m = {.method = bytes_of_text("GET"),
                             .scheme = bytes_of_text("https"),
                             .authority = bytes_of_text("a"),
                             .path = bytes_of_text("/")};
    _cleanup_buffer_ struct buffer base = buffer_up_to(4096);
    (void)state;
    assert_true(http_add(&m, "date", bytes_of_text("d")));
    assert_true(http_add(&m, "content-digest", bytes_of_text("c")));
    assert_true(httpsig_request_base(&m, &PARAMS, &base));
    assert_non_null(strstr((const char *)base.data,
                           "\"@path\": /\n\"@query\": ?\n\"content-digest\": c\n\"date\": d\n"
                           "\"@signature-params\": (\"@method\" \"@scheme\" \"@authority\" "
                           "\"@path\" \"@query\" \"content-digest\" \"date\");created="));
}

static void what_must_be_covered_must_be_there_once(void **state)
{
    static const char *const NAMES[] = {"content-digest", "date", "content-type",
                                        "idempotency-key"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        struct http_message m = write_once();
        _cleanup_buffer_ struct buffer base = buffer_up_to(4096);
        assert_true(http_add(&m, NAMES[i], bytes_of_text("again")));
        assert_false(httpsig_request_base(&m, &PARAMS, &base));
    }
    for (size_t i = 0; i < 2; i++) {
        struct http_message m = write_once();
        _cleanup_buffer_ struct buffer base = buffer_up_to(4096);
        m.fields[i ? 2 : 0].name = bytes_of_text("other");
        assert_false(httpsig_request_base(&m, &PARAMS, &base));
    }
}

static void a_line_break_cannot_forge_a_line(void **state)
{
    struct http_message m = write_once();
    _cleanup_buffer_ struct buffer base = buffer_up_to(4096);
    (void)state;
    m.method = bytes_of_text("GET\n\"@scheme\": http");
    assert_false(httpsig_request_base(&m, &PARAMS, &base));
    m = write_once();
    m.path = bytes_of_text("/a?b\nc");
    assert_false(httpsig_request_base(&m, &PARAMS, &base));
    m = write_once();
    m.fields[1].value = bytes_of_text("a\rb");
    assert_false(httpsig_request_base(&m, &PARAMS, &base));
}

static bool parses(const char *input, const char *signature)
{
    struct http_message m = write_once();
    struct httpsig_params p;
    uint8_t sig[HTTPSIG_SIG_LEN];

    assert_true(http_add(&m, "signature-input", bytes_of_text(input)));
    assert_true(http_add(&m, "signature", bytes_of_text(signature)));
    return httpsig_request_parse(&m, &p, sig);
}

static void parameters_come_back(void **state)
{
    struct http_message m = write_once();
    struct httpsig_params p;
    uint8_t want[HTTPSIG_SIG_LEN];
    uint8_t got[HTTPSIG_SIG_LEN];
    _cleanup_buffer_ struct buffer signature = buffer_up_to(256);
    (void)state;
    for (size_t i = 0; i < sizeof(want); i++)
        want[i] = (uint8_t)(i * 5);
    assert_true(httpsig_signature(HTTPSIG_LABEL, want, &signature));
    assert_true(http_add(&m, "signature-input", bytes_of_text(INPUT)));
    assert_true(http_add(&m, "signature", buffer_bytes(&signature)));
    assert_true(httpsig_request_parse(&m, &p, got));
    assert_true(p.created == 1700000000 && p.expires == 1700000060);
    assert_string_equal(p.nonce, NONCE);
    assert_string_equal(p.keyid, KEYID);
    assert_memory_equal(got, want, sizeof(got));
}

/* INPUT with one stretch of it replaced. */
static bool input_with(const char *old, const char *new_text)
{
    const char *at = strstr(INPUT, old);
    _cleanup_buffer_ struct buffer b = buffer_up_to(2048);

    assert_non_null(at);
    assert_true(buffer_append(&b, INPUT, (size_t)(at - INPUT)));
    assert_true(buffer_append_text(&b, new_text));
    assert_true(buffer_append_text(&b, at + strlen(old)));
    return parses((const char *)b.data, "idevs=:" ZERO_SIG ":");
}

static void any_other_spelling_of_the_parameters_is_refused(void **state)
{
    static const char *const CHANGES[][2] = {
        {"idevs=", "idevz="},
        {"idevs=", " idevs="},
        {"idevs=", "idevs= "},
        {"\"@method\" ", ""},
        {"\"@method\" \"@scheme\"", "\"@scheme\" \"@method\""},
        {" \"idempotency-key\"", ""},
        {" \"content-type\"", ""},
        {"\"date\"", "\"date\" \"date\""},
        {"\"date\"", "\"date\";sf"},
        {"created=1700000000", "created=01700000000"},
        {"created=1700000000", "created=-1700000000"},
        {"created=1700000000", "created=1000000000000000"},
        {"created=", "Created="},
        {"created=1700000000;", ""},
        {"created=1700000000;expires=1700000060", "expires=1700000060;created=1700000000"},
        {";nonce", "; nonce"},
        {"ecdsa-p256-sha256", "ed25519"},
        {"request-v1", "request-v2"},
        {NONCE, "short"},
        {"AAECAw", "AA=CAw"},
        {"AAECAw", "AA\"CAw"},
        {"v1\"", "v1\";x"},
        {"v1\"", "v1\", sig2=(\"date\")"},
    };
    (void)state;
    assert_true(input_with("idevs", "idevs"));
    assert_true(input_with("created=1700000000", "created=0"));
    for (size_t i = 0; i < ARRAY_LEN(CHANGES); i++)
        if (input_with(CHANGES[i][0], CHANGES[i][1]))
            fail_msg("accepted '%s' for '%s'", CHANGES[i][1], CHANGES[i][0]);
}

static void signatures_have_one_form(void **state)
{
    static const char *const BAD[] = {"",
                                      "idevs=::",
                                      "idevs=:" ZERO_SIG,
                                      "idevs=:" ZERO_SIG ": ",
                                      "idevs=" ZERO_SIG,
                                      "other=:" ZERO_SIG ":",
                                      "idevs-keys=:" ZERO_SIG ":",
                                      "idevs=:" ZERO_SIG ":, b=:AA==:",
                                      "idevs=:AAAA" ZERO_SIG ":"};
    (void)state;
    assert_true(parses(INPUT, "idevs=:" ZERO_SIG ":"));
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++)
        if (parses(INPUT, BAD[i]))
            fail_msg("accepted %s", BAD[i]);
    /* spare bits of the last group */
    char spare[] = "idevs=:" ZERO_SIG ":";
    spare[7 + 85] = 'B';
    assert_false(parses(INPUT, spare));
}

static void a_second_signature_is_refused(void **state)
{
    struct http_message m = write_once();
    struct httpsig_params p;
    uint8_t sig[HTTPSIG_SIG_LEN];
    (void)state;
    assert_true(http_add(&m, "signature-input", bytes_of_text(INPUT)));
    assert_false(httpsig_request_parse(&m, &p, sig));
    assert_true(http_add(&m, "signature", bytes_of_text("idevs=:" ZERO_SIG ":")));
    assert_true(httpsig_request_parse(&m, &p, sig));
    assert_true(http_add(&m, "signature", bytes_of_text("idevs=:" ZERO_SIG ":")));
    assert_false(httpsig_request_parse(&m, &p, sig));
    m.n_fields--;
    assert_true(http_add(&m, "signature-input", bytes_of_text(INPUT)));
    assert_false(httpsig_request_parse(&m, &p, sig));
}

static bool accepts_input(struct bytes in)
{
    struct http_message m = write_once();
    struct httpsig_params p;
    uint8_t sig[HTTPSIG_SIG_LEN];

    assert_true(http_add(&m, "signature-input", in));
    assert_true(http_add(&m, "signature", bytes_of_text("idevs=:" ZERO_SIG ":")));
    if (!httpsig_request_parse(&m, &p, sig))
        return false;
    _cleanup_buffer_ struct buffer again = buffer_up_to(2048);
    assert_true(httpsig_request_input(&m, &p, &again));
    assert_true(bytes_equal(buffer_bytes(&again), in));
    return true;
}

static bool accepts_keys_input(struct bytes in)
{
    struct http_message m = keys_response();
    struct httpsig_params p;
    uint8_t sig[HTTPSIG_SIG_LEN];

    assert_true(http_add(&m, "signature-input", in));
    assert_true(http_add(&m, "signature", bytes_of_text("idevs-keys=:" ZERO_SIG ":")));
    if (!httpsig_keys_parse(&m, &p, sig))
        return false;
    _cleanup_buffer_ struct buffer again = buffer_up_to(2048);
    assert_true(httpsig_keys_input(&p, &again));
    assert_true(bytes_equal(buffer_bytes(&again), in));
    return true;
}

static bool accepts_digest(struct bytes in)
{
    uint8_t sha256[32];

    if (!httpsig_digest_parse(in, sha256))
        return false;
    _cleanup_buffer_ struct buffer again = buffer_up_to(128);
    assert_true(httpsig_digest(sha256, &again));
    assert_true(bytes_equal(buffer_bytes(&again), in));
    return true;
}

static void prefixes_and_changed_bytes_are_survived(void **state)
{
    (void)state;
    assert_no_prefix_is_accepted(bytes_of_text(INPUT), accepts_input);
    assert_no_trailing_byte_is_accepted(bytes_of_text(INPUT), accepts_input);
    try_every_single_byte(bytes_of_text(INPUT), accepts_input);
    assert_no_prefix_is_accepted(bytes_of_text(KEYS_INPUT), accepts_keys_input);
    assert_no_trailing_byte_is_accepted(bytes_of_text(KEYS_INPUT), accepts_keys_input);
    try_every_single_byte(bytes_of_text(KEYS_INPUT), accepts_keys_input);
    assert_no_prefix_is_accepted(bytes_of_text(DIGEST), accepts_digest);
    assert_no_trailing_byte_is_accepted(bytes_of_text(DIGEST), accepts_digest);
    try_every_single_byte(bytes_of_text(DIGEST), accepts_digest);
}

static void digests_have_one_form(void **state)
{
    /* SHA-256 of nothing, as in RFC 9530's examples of the form */
    static const uint8_t EMPTY[] = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14,
                                    0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
                                    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c,
                                    0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55};
    uint8_t got[32];
    _cleanup_buffer_ struct buffer b = buffer_up_to(128);
    (void)state;
    assert_true(httpsig_digest(EMPTY, &b));
    assert_string_equal((const char *)b.data, DIGEST);
    assert_true(httpsig_digest_parse(bytes_of_text(DIGEST), got));
    assert_memory_equal(got, EMPTY, sizeof(got));
    assert_false(accepts_digest(bytes_of_text("sha-512"
                                              "=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:")));
    assert_false(accepts_digest(bytes_of_text(DIGEST ", " DIGEST)));
}

static void key_configurations_are_signed_in_their_own_shape(void **state)
{
    struct http_message m = keys_response();
    struct httpsig_params p;
    uint8_t sig[HTTPSIG_SIG_LEN];
    _cleanup_buffer_ struct buffer base = buffer_up_to(4096);
    _cleanup_buffer_ struct buffer input = buffer_up_to(4096);
    (void)state;
    assert_true(httpsig_keys_base(&m, &KEYS_PARAMS, &base));
    assert_string_equal((const char *)base.data,
                        "\"@status\": 200\n"
                        "\"content-type\": application/ohttp-keys\n"
                        "\"content-digest\": " DIGEST "\n"
                        "\"@signature-params\": (\"@status\" \"content-type\" \"content-digest\")"
                        ";created=1700000000;expires=1700000060;keyid=\"" KEYID
                        "\";alg=\"ecdsa-p256-sha256\";tag=\"idevs-gateway-keys-v1\"");
    assert_true(httpsig_keys_input(&KEYS_PARAMS, &input));
    assert_string_equal((const char *)input.data, KEYS_INPUT);
    assert_true(http_add(&m, "signature-input", bytes_of_text(KEYS_INPUT)));
    assert_true(http_add(&m, "signature", bytes_of_text("idevs-keys=:" ZERO_SIG ":")));
    assert_true(httpsig_keys_parse(&m, &p, sig));
    assert_string_equal(p.keyid, KEYID);
    assert_string_equal(p.nonce, "");
    m.fields[3].value = bytes_of_text("idevs=:" ZERO_SIG ":");
    assert_false(httpsig_keys_parse(&m, &p, sig));
    m.fields[3].value = bytes_of_text("idevs-keys=:" ZERO_SIG ":");
    m.fields[2].value = bytes_of_text(INPUT);
    assert_false(httpsig_keys_parse(&m, &p, sig));
}

static void nonces_belong_to_requests_only(void **state)
{
    const struct http_message m = write_once();
    _cleanup_buffer_ struct buffer b = buffer_up_to(4096);
    (void)state;
    assert_false(httpsig_keys_input(&PARAMS, &b));
    assert_false(httpsig_request_input(&m, &KEYS_PARAMS, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_signature_base_is_rfc_9421s),
        cmocka_unit_test(lines_of_a_request_are_those_of_rfc_9421_b_2_3),
        cmocka_unit_test(lines_of_a_response_are_those_of_rfc_9421_b_2_4),
        cmocka_unit_test(absent_optional_fields_are_not_covered),
        cmocka_unit_test(what_must_be_covered_must_be_there_once),
        cmocka_unit_test(a_line_break_cannot_forge_a_line),
        cmocka_unit_test(parameters_come_back),
        cmocka_unit_test(any_other_spelling_of_the_parameters_is_refused),
        cmocka_unit_test(signatures_have_one_form),
        cmocka_unit_test(a_second_signature_is_refused),
        cmocka_unit_test(prefixes_and_changed_bytes_are_survived),
        cmocka_unit_test(digests_have_one_form),
        cmocka_unit_test(key_configurations_are_signed_in_their_own_shape),
        cmocka_unit_test(nonces_belong_to_requests_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
