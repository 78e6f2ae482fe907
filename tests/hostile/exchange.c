/* Sealed requests, changed on their way by the launcher, or made by a program that lies to the
 * gateway with a genuine certificate. */
#include "forge.h"

#include <stdlib.h>

/* ---- the launcher changes what it carries ---- */

/* Where things stand in message/ohttp-req (RFC 9458, 4.3). */
enum {
    AT_KEY_ID = 0,
    AT_KEM = 1,
    AT_KDF = 3,
    AT_AEAD = 5,
    AT_ENC = OHTTP_HEADER_LEN,
    AT_CIPHERTEXT = OHTTP_HEADER_LEN + OHTTP_KEY_LEN,
};

/* A genuine write with one byte changed. */
static void changed_at(const struct attack *this, size_t at, uint8_t to_xor)
{
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed;

    seal_write(&store, &x, &sealed);
    sealed.data[at] ^= to_xor;
    gateway_refuses(this, buffer_bytes(&sealed), &x);
}

ATTACK(a_changed_key_identifier_is_refused, GATEWAY, "exchange.key",
       "The launcher changes the key identifier of a sealed request.")
{
    changed_at(this, AT_KEY_ID, 1);
}

ATTACK(a_changed_kem_is_refused, GATEWAY, "exchange.decrypt",
       "The launcher changes the KEM that a sealed request names.")
{
    changed_at(this, AT_KEM + 1, 0x30); /* DHKEM(P-256) */
}

ATTACK(a_changed_kdf_is_refused, GATEWAY, "exchange.decrypt",
       "The launcher changes the KDF that a sealed request names.")
{
    changed_at(this, AT_KDF + 1, 3); /* HKDF-SHA384 */
}

ATTACK(a_changed_aead_is_refused, GATEWAY, "exchange.decrypt",
       "The launcher changes the AEAD that a sealed request names.")
{
    changed_at(this, AT_AEAD + 1, 3); /* AES-256-GCM */
}

ATTACK(a_changed_encapsulated_key_is_refused, GATEWAY, "exchange.decrypt",
       "The launcher changes the encapsulated key of a sealed request.")
{
    changed_at(this, AT_ENC + 5, 1);
}

/* X25519 ignores that bit (RFC 7748, 5), so the shared point stays the same. */
ATTACK(an_encapsulated_key_in_a_second_form_is_refused, GATEWAY, "exchange.decrypt",
       "The launcher writes the same encapsulated key differently (its unused top bit), for a "
       "request that was never seen before.")
{
    changed_at(this, AT_ENC + OHTTP_KEY_LEN - 1, 0x80);
}

ATTACK(a_changed_ciphertext_is_refused, GATEWAY, "exchange.decrypt",
       "The launcher changes the ciphertext of a sealed request.")
{
    changed_at(this, AT_CIPHERTEXT + 2, 1);
}

ATTACK(a_changed_tag_is_refused, GATEWAY, "exchange.decrypt",
       "The launcher changes the authentication tag of a sealed request.")
{
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed;

    seal_write(&store, &x, &sealed);
    sealed.data[sealed.len - 1] ^= 1;
    gateway_refuses(this, buffer_bytes(&sealed), &x);
}

ATTACK(a_request_cut_off_at_any_byte_is_refused, GATEWAY, "exchange.decrypt",
       "The launcher cuts a sealed request off, at every byte of it.")
{
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed;

    seal_read(&store, &x, &sealed);
    for (size_t n = 0; n < sealed.len; n++)
        gateway_refuses(this, bytes_of(sealed.data, n), &x);
}

ATTACK(a_lengthened_request_is_refused, GATEWAY, "exchange.decrypt",
       "The launcher appends a byte to a sealed request.")
{
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed;

    seal_write(&store, &x, &sealed);
    assert_true(buffer_append_u8(&sealed, 0));
    gateway_refuses(this, buffer_bytes(&sealed), &x);
}

ATTACK(a_request_made_of_two_is_refused, GATEWAY, "exchange.decrypt",
       "The launcher puts the encapsulated key of one request before the ciphertext of another.")
{
    _cleanup_exchange_ struct exchange x;
    _cleanup_exchange_ struct exchange y;
    _cleanup_buffer_ struct buffer one;
    _cleanup_buffer_ struct buffer other;

    seal_write(&store, &x, &one);
    seal_write(&store, &y, &other);
    memcpy(one.data + AT_ENC, other.data + AT_ENC, OHTTP_KEY_LEN);
    gateway_refuses(this, buffer_bytes(&one), &x);
}

static void with_type(const struct attack *this, const char *type, const char *second)
{
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed;

    seal_write(&store, &x, &sealed);
    struct http_message outer = actor_outer(&store.program, buffer_bytes(&sealed));
    outer.fields[0].value = bytes_of_text(type);
    if (second)
        assert_true(http_add(&outer, "content-type", bytes_of_text(second)));
    gateway_refuses_outer(this, &outer, &x);
}

ATTACK(another_media_type_is_refused, GATEWAY, "exchange.media-type",
       "The launcher hands a sealed request over as another media type.")
{
    with_type(this, "message/ohttp-chunked-req", NULL);
}

ATTACK(two_media_types_are_refused, GATEWAY, "exchange.media-type",
       "The launcher hands a sealed request over under two media types.")
{
    with_type(this, OHTTP_REQUEST_TYPE, OHTTP_REQUEST_TYPE);
}

ATTACK(
    a_request_shown_to_another_gateway_is_refused, GATEWAY, "exchange.decrypt",
    "The launcher takes a request that is sealed to one service to the gateway of another, under "
    "that gateway's key identifier.")
{
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed;

    stage_add_transport();
    seal_write(&transport, &x, &sealed);
    sealed.data[AT_KEY_ID] = store.keys.key_id;
    gateway_refuses(this, buffer_bytes(&sealed), &x);
    assert_int_equal(fake_service_count(&transport.service), 0);
}

/* ---- a service that received a request seals it again ---- */

ATTACK(a_signed_request_sealed_again_to_another_service_is_refused, GATEWAY, "request.authority",
       "A service opens a request that it received and seals it anew to the gateway of another.")
{
    struct http_message m = forge_full_write();
    _cleanup_forge_ struct forge f;

    m.authority = bytes_of_text(WORLD_BESIDE);
    forge_begin(&f, &m);
    forge_sign(&f);
    forged_is_refused(this, &f);
}

ATTACK(a_signed_request_sealed_again_to_its_own_gateway_is_refused, GATEWAY, "request.nonce",
       "A service that received a request seals what the program signed anew, to have it carried "
       "out once more.")
{
    _cleanup_forge_ struct forge f;

    forge_signed(&f);
    actor_encapsulate(&store.keys, &f.x);
    forged_is_refused(this, &f);
}

/* ---- what was signed and what was not ---- */

ATTACK(a_method_that_was_not_signed_is_refused, GATEWAY, "request.signature",
       "A program sends another method than it signed.")
{
    _cleanup_forge_ struct forge f;

    forge_signed(&f);
    f.m.method = bytes_of_text("PUT");
    forged_is_refused(this, &f);
}

ATTACK(a_scheme_other_than_https_is_refused, GATEWAY, "request.authority",
       "A program sends the scheme http.")
{
    struct http_message m = forge_full_write();
    _cleanup_forge_ struct forge f;

    m.scheme = bytes_of_text("http");
    forge_begin(&f, &m);
    forge_sign(&f);
    forged_is_refused(this, &f);
}

ATTACK(an_authority_that_differs_by_its_port_is_refused, GATEWAY, "request.authority",
       "A program signs this host with another port.")
{
    struct http_message m = forge_full_write();
    _cleanup_forge_ struct forge f;

    m.authority = bytes_of_text("127.0.0.1:8444");
    forge_begin(&f, &m);
    forge_sign(&f);
    forged_is_refused(this, &f);
}

ATTACK(a_path_that_was_not_signed_is_refused, GATEWAY, "request.signature",
       "A program sends another path than it signed.")
{
    _cleanup_forge_ struct forge f;

    forge_signed(&f);
    f.m.path = bytes_of_text("/ok?x=1");
    forged_is_refused(this, &f);
}

ATTACK(a_query_that_was_not_signed_is_refused, GATEWAY, "request.signature",
       "A program sends another query than it signed.")
{
    _cleanup_forge_ struct forge f;

    forge_signed(&f);
    f.m.path = bytes_of_text("/count?x=2");
    forged_is_refused(this, &f);
}

ATTACK(content_that_was_not_signed_is_refused, GATEWAY, "request.digest",
       "A program sends other content than the signed digest is of.")
{
    _cleanup_forge_ struct forge f;

    forge_signed(&f);
    f.m.content = bytes_of_text("[]");
    forged_is_refused(this, &f);
}

ATTACK(a_digest_that_was_not_signed_is_refused, GATEWAY, "request.signature",
       "A program sends other content with its right digest, which it did not sign.")
{
    _cleanup_forge_ struct forge f;
    uint8_t hash[SHA256_LEN];

    forge_signed(&f);
    f.m.content = bytes_of_text("[]");
    sha256(f.m.content, hash);
    buffer_clear(&f.digest);
    assert_true(httpsig_digest(hash, &f.digest));
    *forge_field(&f, "content-digest") = buffer_bytes(&f.digest);
    forged_is_refused(this, &f);
}

ATTACK(a_digest_by_another_algorithm_is_refused, GATEWAY, "request.digest",
       "A program signs a digest of another algorithm.")
{
    const struct http_message m = forge_full_write();
    _cleanup_forge_ struct forge f;

    forge_begin(&f, &m);
    forge_set(&f, "content-digest", "md5=:mZFLkyvTelC5g8XnyQrpOw==:");
    forge_sign(&f);
    forged_is_refused(this, &f);
}

ATTACK(a_content_type_that_was_not_signed_is_refused, GATEWAY, "request.signature",
       "A program sends another content type than it signed.")
{
    _cleanup_forge_ struct forge f;

    forge_signed(&f);
    forge_set(&f, "content-type", "text/plain");
    forged_is_refused(this, &f);
}

ATTACK(a_content_type_added_after_signing_is_refused, GATEWAY, "request.signature",
       "A program adds a content type that the signature does not cover.")
{
    const struct http_message m = actor_request("POST", "/count", NULL, NULL, bytes_of_text("{}"));
    _cleanup_forge_ struct forge f;

    forge_begin(&f, &m);
    forge_sign(&f);
    forge_add(&f, "content-type", "text/plain");
    forged_is_refused(this, &f);
}

ATTACK(an_idempotency_key_that_was_not_signed_is_refused, GATEWAY, "request.signature",
       "A program sends another idempotency key than it signed.")
{
    _cleanup_forge_ struct forge f;

    forge_signed(&f);
    forge_set(&f, "idempotency-key", "sale-810");
    forged_is_refused(this, &f);
}

ATTACK(an_idempotency_key_taken_out_is_refused, GATEWAY, "request.signature",
       "A program takes the signed idempotency key out, for a write that happens twice.")
{
    _cleanup_forge_ struct forge f;

    forge_signed(&f);
    forge_drop(&f, "idempotency-key");
    forged_is_refused(this, &f);
}

ATTACK(a_date_that_was_not_signed_is_refused, GATEWAY, "request.signature",
       "A program sends another date than it signed.")
{
    _cleanup_forge_ struct forge f;

    forge_signed(&f);
    http_date_format(f.params.created + 1, f.date);
    forged_is_refused(this, &f);
}

ATTACK(a_date_that_contradicts_created_is_refused, GATEWAY, "request.date",
       "A program signs a date far from the signature's own time.")
{
    const struct http_message m = forge_full_write();
    _cleanup_forge_ struct forge f;

    forge_begin(&f, &m);
    http_date_format(f.params.created - 3600, f.date);
    forge_sign(&f);
    forged_is_refused(this, &f);
}

ATTACK(a_signature_of_another_key_is_refused, GATEWAY, "request.signature",
       "A program signs with a key that is not the certified one.")
{
    const struct http_message m = forge_full_write();
    _cleanup_key_ struct key *other = key_generate();
    struct key *own = store.program.key;
    _cleanup_forge_ struct forge f;

    forge_begin(&f, &m);
    store.program.key = other;
    forge_sign(&f);
    store.program.key = own;
    forged_is_refused(this, &f);
}

/* ---- the signature's parameters ---- */

static void with_params(const struct attack *this, int64_t created, int64_t expires)
{
    const struct http_message m = forge_full_write();
    _cleanup_forge_ struct forge f;

    forge_begin(&f, &m);
    f.params.created += created;
    f.params.expires = f.params.created + expires;
    http_date_format(f.params.created, f.date);
    forge_sign(&f);
    forged_is_refused(this, &f);
}

ATTACK(a_request_that_lives_too_long_is_refused, GATEWAY, "request.date",
       "A program signs for longer than a minute, so that the launcher may keep the request.")
{
    with_params(this, 0, LIMIT_SIGNATURE_LIFE + 1);
}

ATTACK(a_request_of_the_future_is_refused, GATEWAY, "request.date",
       "A program signs for a time that has not come.")
{
    with_params(this, 30, LIMIT_SIGNATURE_LIFE);
}

ATTACK(a_request_that_ends_before_it_begins_is_refused, GATEWAY, "request.date",
       "A program signs for a time that ends before it begins.")
{
    with_params(this, 0, -1);
}

/* Replaces the first `from` in the signature's parameters, after signing. */
static void with_input(const struct attack *this, const char *from, const char *to)
{
    _cleanup_forge_ struct forge f;
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(4));

    forge_signed(&f);
    struct bytes *input = forge_field(&f, "signature-input");
    const char *text = (const char *)input->data;
    const char *at = strstr(text, from);
    assert_non_null(at);
    assert_true(buffer_append(&b, text, (size_t)(at - text)) && buffer_append_text(&b, to) &&
                buffer_append_text(&b, at + strlen(from)));
    *input = buffer_bytes(&b);
    forged_is_refused(this, &f);
}

ATTACK(another_algorithm_is_refused, GATEWAY, "request.signature",
       "A program names another signature algorithm.")
{
    with_input(this, "ecdsa-p256-sha256", "hmac-sha256");
}

ATTACK(another_tag_is_refused, GATEWAY, "request.signature",
       "A program signs for another purpose (the tag of key configurations).")
{
    with_input(this, HTTPSIG_TAG, HTTPSIG_KEYS_TAG);
}

ATTACK(a_component_left_out_is_refused, GATEWAY, "request.signature",
       "A program leaves the query out of what the signature covers.")
{
    with_input(this, " \"@query\"", "");
}

ATTACK(components_in_another_order_are_refused, GATEWAY, "request.signature",
       "A program orders the signed components differently.")
{
    with_input(this, "\"@method\" \"@scheme\"", "\"@scheme\" \"@method\"");
}

ATTACK(a_second_signature_is_refused, GATEWAY, "request.signature",
       "A program adds a second signature under another label.")
{
    with_input(this, HTTPSIG_TAG "\"", HTTPSIG_TAG "\", other=();created=1");
}

ATTACK(another_label_is_refused, GATEWAY, "request.signature",
       "A program labels the signature differently.")
{
    _cleanup_forge_ struct forge f;
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(1));

    forge_signed(&f);
    assert_true(buffer_append_text(&b, "other") &&
                buffer_append_text(&b, (const char *)f.signature.data + strlen(HTTPSIG_LABEL)));
    *forge_field(&f, "signature") = buffer_bytes(&b);
    forged_is_refused(this, &f);
}

ATTACK(the_keyid_of_another_certificate_is_refused, GATEWAY, "request.signature",
       "A program signs with its own key and names the certificate of another.")
{
    const struct http_message m = forge_full_write();
    _cleanup_forge_ struct forge f;

    forge_begin(&f, &m);
    f.params.keyid[0] = f.params.keyid[0] == 'A' ? 'B' : 'A';
    forge_sign(&f);
    forged_is_refused(this, &f);
}

/* ---- fields once, twice, not at all ---- */

/* All the fields that a signed request has. */
static const char *const SECURITY_FIELDS[] = {
    "content-digest", "content-type", "date", "signature", "idempotency-key", "signature-input"};

ATTACK(a_security_field_given_twice_is_refused, GATEWAY, "request.field",
       "A program sends one of the signed fields, or of the signature's own, twice: each of them.")
{
    for (size_t i = 0; i < ARRAY_LEN(SECURITY_FIELDS); i++) {
        _cleanup_forge_ struct forge f;
        forge_signed(&f);
        struct bytes value = *forge_field(&f, SECURITY_FIELDS[i]);
        assert_true(http_add(&f.m, SECURITY_FIELDS[i], value));
        forged_is_refused(this, &f);
    }
}

ATTACK(a_missing_security_field_is_refused, GATEWAY, "request.field",
       "A program leaves out its digest, date or signature: each of them.")
{
    static const char *const REQUIRED[] = {"content-digest", "date", "signature",
                                           "signature-input"};

    for (size_t i = 0; i < ARRAY_LEN(REQUIRED); i++) {
        _cleanup_forge_ struct forge f;
        forge_signed(&f);
        forge_drop(&f, REQUIRED[i]);
        forged_is_refused(this, &f);
    }
}

/* ---- Binary HTTP ---- */

ATTACK(an_indeterminate_length_is_refused, GATEWAY, "bhttp.malformed",
       "A program sends Binary HTTP of indeterminate length.")
{
    _cleanup_forge_ struct forge f;

    forge_signed(&f);
    forge_write(&f);
    f.plain.data[0] = 2;
    forge_seal(&f);
    gateway_refuses(this, buffer_bytes(&f.sealed), &f.x);
}

ATTACK(padding_that_says_something_is_refused, GATEWAY, "bhttp.malformed",
       "A program hides bytes in the padding of a request.")
{
    _cleanup_forge_ struct forge f;

    forge_signed(&f);
    forge_write(&f);
    f.plain.data[f.plain.len - 1] = 1;
    forge_seal(&f);
    gateway_refuses(this, buffer_bytes(&f.sealed), &f.x);
}

ATTACK(a_message_that_claims_to_be_longer_is_refused, GATEWAY, "bhttp.malformed",
       "A program claims 16,383 bytes of content inside the seal and sends two.")
{
    _cleanup_forge_ struct forge f;

    forge_signed(&f);
    forge_write(&f);
    uint8_t *content = memmem(f.plain.data, f.plain.len, "\x40\x02{}", 4);
    assert_non_null(content);
    content[0] = 0x7f;
    content[1] = 0xff;
    f.plain.len = (size_t)(content + 4 - f.plain.data);
    forge_seal(&f);
    gateway_refuses(this, buffer_bytes(&f.sealed), &f.x);
}

/* ---- too much ---- */

ATTACK(a_sealed_request_over_the_limit_is_refused, GATEWAY, "http.body-too-large",
       "The launcher posts more than the largest sealed request.")
{
    static const uint8_t zeros[MIB(1)];
    struct exchange x = {0};

    gateway_refuses(this, bytes_of(zeros, sizeof(zeros)), &x);
}

ATTACK(content_over_the_limit_is_refused, GATEWAY, "http.body-too-large",
       "A program seals content of one byte over the gateway's limit.")
{
    static const uint8_t zeros[KIB(64) + 1];
    const struct http_message m =
        actor_request("POST", "/count", NULL, NULL, bytes_of(zeros, sizeof(zeros)));
    _cleanup_forge_ struct forge f;

    forge_begin(&f, &m);
    forge_sign(&f);
    forged_is_refused(this, &f);
}

ATTACK(more_fields_than_allowed_are_refused, GATEWAY, "bhttp.malformed",
       "A program sends one field more than a message may have.")
{
    _cleanup_buffer_ struct buffer plain = buffer_up_to(KIB(4));
    static const uint8_t HEAD[] = {0,
                                   4,
                                   'P',
                                   'O',
                                   'S',
                                   'T',
                                   5,
                                   'h',
                                   't',
                                   't',
                                   'p',
                                   's',
                                   1,
                                   'a',
                                   1,
                                   '/',
                                   0x40 | (65 * 4) >> 8,
                                   (65 * 4) & 255};
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(KIB(4));

    assert_true(buffer_append(&plain, HEAD, sizeof(HEAD)));
    for (size_t i = 0; i <= LIMIT_FIELDS; i++)
        assert_true(buffer_append(&plain, "\1x\1y", 4));
    assert_true(buffer_append(&plain, "\0\0", 2));
    actor_seal_raw(&store.keys, buffer_bytes(&plain), &x, &sealed);
    gateway_refuses(this, buffer_bytes(&sealed), &x);
}

ATTACK(fields_of_too_many_bytes_are_refused, GATEWAY, "bhttp.malformed",
       "A program sends more bytes of fields than a message may have.")
{
    static char value[LIMIT_FIELD_BYTES + 1];
    _cleanup_forge_ struct forge f;

    forge_signed(&f);
    memset(value, 'x', sizeof(value) - 1);
    forge_add(&f, "x-long", value);
    forged_is_refused(this, &f);
}

ATTACK(a_path_over_the_limit_is_refused, GATEWAY, "bhttp.malformed",
       "A program signs a path of one byte over the limit.")
{
    static char path[LIMIT_PATH + 2];
    struct http_message m = forge_full_write();
    _cleanup_forge_ struct forge f;

    memset(path, 'x', sizeof(path) - 1);
    path[0] = '/';
    m.path = bytes_of_text(path);
    forge_begin(&f, &m);
    forge_sign(&f);
    forged_is_refused(this, &f);
}

static const struct attack *const ATTACKS[] = {
    ROW(a_changed_key_identifier_is_refused),
    ROW(a_changed_kem_is_refused),
    ROW(a_changed_kdf_is_refused),
    ROW(a_changed_aead_is_refused),
    ROW(a_changed_encapsulated_key_is_refused),
    ROW(an_encapsulated_key_in_a_second_form_is_refused),
    ROW(a_changed_ciphertext_is_refused),
    ROW(a_changed_tag_is_refused),
    ROW(a_request_cut_off_at_any_byte_is_refused),
    ROW(a_lengthened_request_is_refused),
    ROW(a_request_made_of_two_is_refused),
    ROW(another_media_type_is_refused),
    ROW(two_media_types_are_refused),
    ROW(a_request_shown_to_another_gateway_is_refused),
    ROW(a_signed_request_sealed_again_to_another_service_is_refused),
    ROW(a_signed_request_sealed_again_to_its_own_gateway_is_refused),
    ROW(a_method_that_was_not_signed_is_refused),
    ROW(a_scheme_other_than_https_is_refused),
    ROW(an_authority_that_differs_by_its_port_is_refused),
    ROW(a_path_that_was_not_signed_is_refused),
    ROW(a_query_that_was_not_signed_is_refused),
    ROW(content_that_was_not_signed_is_refused),
    ROW(a_digest_that_was_not_signed_is_refused),
    ROW(a_digest_by_another_algorithm_is_refused),
    ROW(a_content_type_that_was_not_signed_is_refused),
    ROW(a_content_type_added_after_signing_is_refused),
    ROW(an_idempotency_key_that_was_not_signed_is_refused),
    ROW(an_idempotency_key_taken_out_is_refused),
    ROW(a_date_that_was_not_signed_is_refused),
    ROW(a_date_that_contradicts_created_is_refused),
    ROW(a_signature_of_another_key_is_refused),
    ROW(a_request_that_lives_too_long_is_refused),
    ROW(a_request_of_the_future_is_refused),
    ROW(a_request_that_ends_before_it_begins_is_refused),
    ROW(another_algorithm_is_refused),
    ROW(another_tag_is_refused),
    ROW(a_component_left_out_is_refused),
    ROW(components_in_another_order_are_refused),
    ROW(a_second_signature_is_refused),
    ROW(another_label_is_refused),
    ROW(the_keyid_of_another_certificate_is_refused),
    ROW(a_security_field_given_twice_is_refused),
    ROW(a_missing_security_field_is_refused),
    ROW(an_indeterminate_length_is_refused),
    ROW(padding_that_says_something_is_refused),
    ROW(a_message_that_claims_to_be_longer_is_refused),
    ROW(a_sealed_request_over_the_limit_is_refused),
    ROW(content_over_the_limit_is_refused),
    ROW(more_fields_than_allowed_are_refused),
    ROW(fields_of_too_many_bytes_are_refused),
    ROW(a_path_over_the_limit_is_refused),
};

int main(int argc, char **argv)
{
    const struct area area = {.name = "exchange",
                              .begin = stage_begin,
                              .end = stage_end,
                              .control = forge_control,
                              .attacks = ATTACKS,
                              .n = ARRAY_LEN(ATTACKS)};

    return area_main(&area, argc, argv);
}
