/* Revocation lists: what is made is read again, by OpenSSL too, and everything else is refused. */
#include "test.h"

#include "crypto/certificate.h"
#include "crypto/handles.h"
#include "crypto/revocation.h"

#include "ca.h"

#include <openssl/x509v3.h>
#include <stdlib.h>

static struct ca ca;
static struct certificate *leaf; /* of the tier, from EARLY */

static int set_up(void **state)
{
    struct certificate_fields f;
    (void)state;
    ca_make(&ca);
    f = program_fields(&ca);
    leaf = made(&f, ca.tier, ca.tier_key);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    certificate_free(leaf);
    ca_free(&ca);
    return 0;
}

/* Two entries, the second of them the leaf's. */
static void entries_of(struct revoked ret[2])
{
    memset(ret, 0, 2 * sizeof(*ret));
    ret[0].serial[SERIAL_LEN - 1] = 9;
    ret[0].at = ret[1].at = NOW - 1;
    ret[1].reason = REVOKED_KEY_COMPROMISE;
    assert_true(certificate_serial(leaf, ret[1].serial));
}

static struct revocation_fields fields_of(const struct revoked *revoked, size_t n)
{
    return (struct revocation_fields){.number = 7,
                                      .this_update = NOW,
                                      .next_update = NOW + 60,
                                      .revoked = revoked,
                                      .n_revoked = n};
}

static void make(const struct revocation_fields *f, struct buffer *der)
{
    *der = buffer_up_to(LIMIT_REVOCATION_LIST);
    assert_true(revocation_list_make(f, ca.tier, ca.tier_key, der));
}

static void what_is_made_is_read_again(void **state)
{
    struct revoked revoked[2];
    _cleanup_buffer_ struct buffer der;
    (void)state;
    entries_of(revoked);
    struct revocation_fields f = fields_of(revoked, 2);
    make(&f, &der);
    _cleanup_revocation_list_ struct revocation_list *l =
        revocation_list_parse(buffer_bytes(&der), NULL);
    assert_non_null(l);
    assert_int_equal(revocation_list_number(l), 7);
    assert_int_equal(revocation_list_this_update(l), NOW);
    assert_int_equal(revocation_list_next_update(l), NOW + 60);
    assert_int_equal(revocation_list_through(l), 0);
    assert_int_equal(revocation_list_count(l), 2);
    assert_true(bytes_equal(revocation_list_der(l), buffer_bytes(&der)));
    assert_true(revocation_list_is_by(l, ca.tier));
    assert_false(revocation_list_is_by(l, ca.root));
    assert_true(revocation_list_revokes(l, leaf));
    assert_false(revocation_list_revokes(l, ca.tier));
}

/* Another implementation of the reading: OpenSSL's own path validation with a list. */
static int verify_with_openssl(struct bytes der)
{
    X509_CRL *crl = x509_crl_exactly(der);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();

    X509_STORE_add_cert(store, ca.tier->x509);
    X509_STORE_add_crl(store, crl);
    X509_STORE_CTX_init(ctx, store, leaf->x509, NULL);
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_time(param, NOW + 1);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_PARTIAL_CHAIN);
    int error = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    X509_CRL_free(crl);
    return error;
}

static void openssl_reads_the_same_list_alike(void **state)
{
    struct revoked revoked[2];
    _cleanup_buffer_ struct buffer with;
    _cleanup_buffer_ struct buffer without;
    _cleanup_buffer_ struct buffer all;
    (void)state;
    entries_of(revoked);
    struct revocation_fields f = fields_of(revoked, 2);
    make(&f, &with);
    f.n_revoked = 1;
    make(&f, &without);
    f.through = NOW;
    make(&f, &all);
    assert_int_equal(verify_with_openssl(buffer_bytes(&with)), X509_V_ERR_CERT_REVOKED);
    assert_int_equal(verify_with_openssl(buffer_bytes(&without)), X509_V_OK);
    /* Whoever does not know what revokes all certificates accepts none. */
    assert_int_equal(verify_with_openssl(buffer_bytes(&all)),
                     X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION);
}

static void all_until_a_time_are_revoked_and_none_of_after(void **state)
{
    _cleanup_buffer_ struct buffer der;
    _cleanup_buffer_ struct buffer before;
    (void)state;
    struct revocation_fields f = fields_of(NULL, 0);
    f.through = EARLY; /* the leaf's notBefore */
    make(&f, &der);
    _cleanup_revocation_list_ struct revocation_list *l =
        revocation_list_parse(buffer_bytes(&der), NULL);
    assert_int_equal(revocation_list_through(l), EARLY);
    assert_true(revocation_list_revokes(l, leaf));
    f.through = EARLY - 1;
    make(&f, &before);
    _cleanup_revocation_list_ struct revocation_list *earlier =
        revocation_list_parse(buffer_bytes(&before), NULL);
    assert_non_null(earlier);
    assert_false(revocation_list_revokes(earlier, leaf));
}

static void fields_out_of_bounds_are_not_made(void **state)
{
    struct revoked revoked[2];
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_REVOCATION_LIST);
    (void)state;
    entries_of(revoked);
    struct revocation_fields good = fields_of(revoked, 2);
    struct revocation_fields f = good;
    f.number = 0;
    assert_false(revocation_list_make(&f, ca.tier, ca.tier_key, &b));
    f = good;
    f.next_update = f.this_update;
    assert_false(revocation_list_make(&f, ca.tier, ca.tier_key, &b));
    f = good;
    revoked[0] = revoked[1]; /* twice */
    assert_false(revocation_list_make(&f, ca.tier, ca.tier_key, &b));
    entries_of(revoked);
    memset(revoked[0].serial, 0, SERIAL_LEN);
    assert_false(revocation_list_make(&f, ca.tier, ca.tier_key, &b));
    entries_of(revoked);
    revoked[1].reason = (enum revocation_reason)8;
    assert_false(revocation_list_make(&f, ca.tier, ca.tier_key, &b));
    entries_of(revoked);
    assert_false(revocation_list_make(&f, ca.tier, ca.root_key, &b));
    assert_int_equal(b.len, 0);
    assert_true(revocation_list_make(&f, ca.tier, ca.tier_key, &b));
}

static void the_longest_list_fits_and_one_more_entry_does_not(void **state)
{
    struct revoked *revoked = calloc(LIMIT_REVOKED + 1, sizeof(*revoked));
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_REVOCATION_LIST);
    (void)state;
    for (size_t i = 0; i <= LIMIT_REVOKED; i++) {
        memset(revoked[i].serial, 0x7f, SERIAL_LEN);
        revoked[i].serial[1] = (uint8_t)(i >> 8);
        revoked[i].serial[2] = (uint8_t)i;
        revoked[i].at = NOW;
        revoked[i].reason = REVOKED_PRIVILEGE_WITHDRAWN;
    }
    struct revocation_fields f = fields_of(revoked, LIMIT_REVOKED + 1);
    f.through = NOW;
    assert_false(revocation_list_make(&f, ca.tier, ca.tier_key, &b));
    f.n_revoked = LIMIT_REVOKED;
    assert_true(revocation_list_make(&f, ca.tier, ca.tier_key, &b));
    _cleanup_revocation_list_ struct revocation_list *l =
        revocation_list_parse(buffer_bytes(&b), NULL);
    assert_non_null(l);
    assert_int_equal(revocation_list_count(l), LIMIT_REVOKED);
    free(revoked);
}

/* ---- hostile lists, soundly signed ---- */

static void add_extension(X509_CRL *crl, const char *oid, const char *text, int critical)
{
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(value, (const unsigned char *)text, (int)strlen(text));
    X509_EXTENSION *ext = X509_EXTENSION_create_by_OBJ(NULL, object, critical, value);
    X509_CRL_add_ext(crl, ext, -1);
    X509_EXTENSION_free(ext);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(object);
}

static void set_number(X509_CRL *crl, int64_t v)
{
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    ASN1_INTEGER_set_int64(number, v);
    X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, X509V3_ADD_REPLACE);
    ASN1_INTEGER_free(number);
}

static void negative_number(X509_CRL *crl)
{
    set_number(crl, -1);
}
static void number_zero(X509_CRL *crl)
{
    set_number(crl, 0);
}
static void huge_number(X509_CRL *crl)
{
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    ASN1_INTEGER_set_uint64(number, (uint64_t)INT64_MAX + 1);
    X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, X509V3_ADD_REPLACE);
    ASN1_INTEGER_free(number);
}
static void no_number(X509_CRL *crl)
{
    X509_EXTENSION_free(X509_CRL_delete_ext(crl, X509_CRL_get_ext_by_NID(crl, NID_crl_number, -1)));
}
static void two_numbers(X509_CRL *crl)
{
    X509_EXTENSION *ext =
        X509_EXTENSION_dup(X509_CRL_get_ext(crl, X509_CRL_get_ext_by_NID(crl, NID_crl_number, -1)));
    X509_CRL_add_ext(crl, ext, -1);
    X509_EXTENSION_free(ext);
}
static void unknown_critical_extension(X509_CRL *crl)
{
    add_extension(crl, "1.2.3.4", "x", 1);
}
static void a_list_of_changes_alone(X509_CRL *crl)
{
    add_extension(crl, "2.5.29.27", "\x02\x01\x01", 1);
}
static void a_list_of_some_certificates_alone(X509_CRL *crl)
{
    add_extension(crl, "2.5.29.28", "\x30", 1);
}
static void all_revoked_that_is_not_critical(X509_CRL *crl)
{
    add_extension(crl, OID_THROUGH,
                  "\x18\x0f"
                  "20260101000000Z",
                  0);
}
static void all_revoked_at_no_time(X509_CRL *crl)
{
    add_extension(crl, OID_THROUGH,
                  "\x18\x0f"
                  "20261301000000Z",
                  1);
}
static void all_revoked_twice(X509_CRL *crl)
{
    add_extension(crl, OID_THROUGH,
                  "\x18\x0f"
                  "20260101000000Z",
                  1);
    add_extension(crl, OID_THROUGH,
                  "\x18\x0f"
                  "20260101000000Z",
                  1);
}
static void all_revoked_with_more_after_it(X509_CRL *crl)
{
    add_extension(crl, OID_THROUGH,
                  "\x18\x0f"
                  "20260101000000Zx",
                  1);
}
static void version_1(X509_CRL *crl)
{
    X509_CRL_set_version(crl, 0);
}
static void end_before_begin(X509_CRL *crl)
{
    ASN1_TIME *t = ASN1_TIME_set(NULL, NOW - 1);
    X509_CRL_set1_nextUpdate(crl, t);
    ASN1_TIME_free(t);
}
static X509_REVOKED *first_entry(X509_CRL *crl)
{
    return sk_X509_REVOKED_value(X509_CRL_get_REVOKED(crl), 0);
}
static void set_serial(X509_CRL *crl, int64_t serial)
{
    ASN1_INTEGER *v = ASN1_INTEGER_new();
    ASN1_INTEGER_set_int64(v, serial);
    X509_REVOKED_set_serialNumber(first_entry(crl), v);
    ASN1_INTEGER_free(v);
}
static void negative_serial(X509_CRL *crl)
{
    set_serial(crl, -9);
}
static void serial_zero(X509_CRL *crl)
{
    set_serial(crl, 0);
}
static void a_serial_twice(X509_CRL *crl)
{
    X509_CRL_add0_revoked(crl, X509_REVOKED_dup(first_entry(crl)));
}
static void critical_entry_extension(X509_CRL *crl)
{
    ASN1_ENUMERATED *v = ASN1_ENUMERATED_new();
    ASN1_ENUMERATED_set(v, 1);
    X509_REVOKED_add1_ext_i2d(first_entry(crl), NID_crl_reason, v, 1, X509V3_ADD_REPLACE);
    ASN1_ENUMERATED_free(v);
}
static void taken_off_the_list(X509_CRL *crl)
{
    ASN1_ENUMERATED *v = ASN1_ENUMERATED_new();
    ASN1_ENUMERATED_set(v, 8); /* removeFromCRL */
    X509_REVOKED_add1_ext_i2d(first_entry(crl), NID_crl_reason, v, 0, X509V3_ADD_REPLACE);
    ASN1_ENUMERATED_free(v);
}

/* Signs the list again after `twist`; DER in `b`. */
static void twisted(void (*twist)(X509_CRL *), const EVP_MD *digest, struct buffer *b)
{
    struct revoked revoked[2];
    _cleanup_buffer_ struct buffer der;
    uint8_t *out = NULL;

    entries_of(revoked);
    struct revocation_fields f = fields_of(revoked, 2);
    make(&f, &der);
    X509_CRL *crl = x509_crl_exactly(buffer_bytes(&der));
    if (twist)
        twist(crl);
    assert_true(X509_CRL_sign(crl, ca.tier_key->pkey, digest) > 0);
    int len = i2d_X509_CRL(crl, &out);
    *b = buffer_up_to(LIMIT_REVOCATION_LIST);
    assert_true(len > 0 && buffer_append(b, out, (size_t)len));
    OPENSSL_free(out);
    X509_CRL_free(crl);
}

static void assert_malformed(struct bytes der, const char *what, size_t number)
{
    struct idevs_error err = {0};
    _cleanup_revocation_list_ struct revocation_list *l = revocation_list_parse(der, &err);

    if (l)
        fail_msg("%s %zu was read", what, number);
    assert_refused(&err, "crl.malformed");
}

static void hostile_lists_are_refused_whoever_signed_them(void **state)
{
    static void (*const TWIST[])(X509_CRL *) = {
        negative_number,
        number_zero,
        huge_number,
        no_number,
        two_numbers,
        unknown_critical_extension,
        a_list_of_changes_alone,
        a_list_of_some_certificates_alone,
        all_revoked_that_is_not_critical,
        all_revoked_at_no_time,
        all_revoked_twice,
        all_revoked_with_more_after_it,
        version_1,
        end_before_begin,
        negative_serial,
        serial_zero,
        a_serial_twice,
        critical_entry_extension,
        taken_off_the_list,
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(TWIST); i++) {
        _cleanup_buffer_ struct buffer b;
        twisted(TWIST[i], EVP_sha256(), &b);
        assert_malformed(buffer_bytes(&b), "twist", i);
    }
    _cleanup_buffer_ struct buffer sha384;
    _cleanup_buffer_ struct buffer plain;
    twisted(NULL, EVP_sha384(), &sha384);
    assert_malformed(buffer_bytes(&sha384), "digest", 384);
    twisted(NULL, EVP_sha256(), &plain); /* what all of them began with */
    _cleanup_revocation_list_ struct revocation_list *l =
        revocation_list_parse(buffer_bytes(&plain), NULL);
    assert_non_null(l);
}

static void an_extension_that_is_not_critical_is_left_alone(void **state)
{
    (void)state;
    struct revoked revoked[2];
    _cleanup_buffer_ struct buffer der;

    entries_of(revoked);
    struct revocation_fields f = fields_of(revoked, 2);
    make(&f, &der);
    X509_CRL *crl = x509_crl_exactly(buffer_bytes(&der));
    add_extension(crl, "1.2.3.4", "x", 0);
    X509_CRL_sign(crl, ca.tier_key->pkey, EVP_sha256());
    uint8_t *out = NULL;
    int len = i2d_X509_CRL(crl, &out);
    _cleanup_revocation_list_ struct revocation_list *l =
        revocation_list_parse(bytes_of(out, (size_t)len), NULL);
    assert_non_null(l);
    OPENSSL_free(out);
    X509_CRL_free(crl);
}

/* Cut anywhere, longer by a byte, or any one bit of it other: no list, or none by this CA. */
static void no_changed_byte_passes(void **state)
{
    struct revoked revoked[2];
    _cleanup_buffer_ struct buffer der;
    (void)state;
    entries_of(revoked);
    struct revocation_fields f = fields_of(revoked, 2);
    f.through = NOW;
    make(&f, &der);
    for (size_t i = 0; i < der.len; i++) {
        assert_malformed(bytes_of(der.data, i), "prefix", i);
        der.data[i] ^= 1;
        _cleanup_revocation_list_ struct revocation_list *l =
            revocation_list_parse(buffer_bytes(&der), NULL);
        if (l && revocation_list_is_by(l, ca.tier))
            fail_msg("byte %zu is not covered", i);
        der.data[i] ^= 1;
    }
    assert_true(buffer_append_u8(&der, 0));
    assert_malformed(buffer_bytes(&der), "trailing byte", 0);
}

static void a_giant_is_refused_before_it_is_read(void **state)
{
    uint8_t *giant = calloc(1, LIMIT_REVOCATION_LIST + 1);
    (void)state;
    memcpy(giant, "\x30\x83\x01\xff\xfd", 5); /* a SEQUENCE of all the rest */
    assert_malformed(bytes_of(giant, LIMIT_REVOCATION_LIST + 1), "giant", 0);
    free(giant);
}

/* keyUsage digitalSignature alone: what a program's key signs is no list. */
static void a_key_that_may_not_sign_lists_signs_none(void **state)
{
    struct certificate_fields f = program_fields(&ca);
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_REVOCATION_LIST);
    (void)state;
    f.subject = "Tier"; /* the CA's name */
    struct certificate *program = made(&f, ca.tier, ca.tier_key);
    struct revocation_fields l = fields_of(NULL, 0);
    assert_true(revocation_list_make(&l, program, ca.leaf_key, &der));
    _cleanup_revocation_list_ struct revocation_list *list =
        revocation_list_parse(buffer_bytes(&der), NULL);
    assert_non_null(list);
    assert_false(revocation_list_is_by(list, program));
    assert_false(revocation_list_is_by(list, ca.tier));
    certificate_free(program);
}

static void an_issuer_is_told_by_name_and_signature(void **state)
{
    (void)state;
    _cleanup_certificate_ struct certificate *other =
        made_ca("Tier", ca.root_key, 0, ca.root, ca.root_key);

    assert_true(certificate_is_by(leaf, ca.tier));
    assert_false(certificate_is_by(leaf, ca.root));
    assert_false(certificate_is_by(leaf, other)); /* the same name, another key */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_made_is_read_again),
        cmocka_unit_test(openssl_reads_the_same_list_alike),
        cmocka_unit_test(all_until_a_time_are_revoked_and_none_of_after),
        cmocka_unit_test(fields_out_of_bounds_are_not_made),
        cmocka_unit_test(the_longest_list_fits_and_one_more_entry_does_not),
        cmocka_unit_test(hostile_lists_are_refused_whoever_signed_them),
        cmocka_unit_test(an_extension_that_is_not_critical_is_left_alone),
        cmocka_unit_test(no_changed_byte_passes),
        cmocka_unit_test(a_giant_is_refused_before_it_is_read),
        cmocka_unit_test(a_key_that_may_not_sign_lists_signs_none),
        cmocka_unit_test(an_issuer_is_told_by_name_and_signature),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
