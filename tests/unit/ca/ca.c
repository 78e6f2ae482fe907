#include "ca/ca.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/limits.h"
#include "crypto/x509.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW INT64_C(1800000000)
#define DAY (24 * 3600)

static char folder[] = "/tmp/idevs-ca-XXXXXX";

/* One of a few paths in the test's folder. */
static const char *in_folder(const char *name)
{
    static char paths[64][64];
    static unsigned next;
    char *path = paths[next++ % ARRAY_LEN(paths)];

    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static void remove_all(void)
{
    static const char *const NAMES[] = {"ca.pem",   "ca.key", "cert.pem",
                                        "priv.pem", "b.pem",  "b.key"};
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++)
        (void)unlink(in_folder(NAMES[i]));
}

static int between(void **state)
{
    (void)state;
    remove_all();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return rmdir(folder);
}

static struct ca_options root_options(void)
{
    return (struct ca_options){.command = CA_ROOT,
                               .out = in_folder("ca.pem"),
                               .key = in_folder("ca.key"),
                               .subject = "Test root",
                               .days = 30};
}

static struct ca_options server_options(const char *host)
{
    return (struct ca_options){.command = CA_SERVER,
                               .ca = in_folder("ca.pem"),
                               .ca_key = in_folder("ca.key"),
                               .host = host,
                               .out = in_folder("cert.pem"),
                               .key = in_folder("priv.pem"),
                               .days = 10};
}

static void make_root(void)
{
    struct idevs_error err;
    struct ca_options o = root_options();

    assert_true(ca_make_root(&o, NOW, &err));
}

static struct chain chain_in(const char *name)
{
    struct idevs_error err;
    struct chain chain;
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);

    assert_true(file_read(in_folder(name), &pem, &err));
    assert_true(chain_from_pem(buffer_bytes(&pem), &chain, &err));
    return chain;
}

static void assert_nothing_made(void)
{
    assert_int_equal(access(in_folder("cert.pem"), F_OK), -1);
    assert_int_equal(access(in_folder("priv.pem"), F_OK), -1);
}

static void a_server_verifies_under_its_root(void **state)
{
    struct idevs_error err;
    uint8_t spki[SPKI_LEN];
    uint8_t certified[SPKI_LEN];
    struct ca_options o = server_options("store.example:8443");
    _cleanup_buffer_ struct buffer pem = buffer_up_to(KIB(4));
    (void)state;
    make_root();
    assert_true(ca_make_server(&o, NOW, &err));
    _cleanup_chain_ struct chain root = chain_in("ca.pem");
    _cleanup_chain_ struct chain chain = chain_in("cert.pem");
    struct bytes anchor = certificate_der(root.at[0]);
    assert_int_equal(chain.n, 1);
    assert_true(chain_verify(&chain, &anchor, 1, CHAIN_SERVICE, NOW, &err));
    assert_true(certificate_names_host(chain.at[0], "store.example:8443"));
    assert_int_equal(certificate_not_after(chain.at[0]), NOW + 10 * DAY);
    assert_true(file_read(o.key, &pem, &err));
    _cleanup_key_ struct key *key = key_load(buffer_bytes(&pem), &err);
    assert_non_null(key);
    key_spki(key, spki);
    public_key_spki(certificate_public_key(chain.at[0]), certified);
    assert_memory_equal(spki, certified, SPKI_LEN);
}

static void private_keys_are_for_their_owner_alone(void **state)
{
    struct idevs_error err;
    struct stat st;
    struct ca_options o = server_options("store.example");
    (void)state;
    (void)umask(0);
    make_root();
    assert_true(ca_make_server(&o, NOW, &err));
    assert_int_equal(stat(in_folder("ca.key"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(o.key, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void addresses_are_addresses(void **state)
{
    static const char *const HOSTS[] = {"127.0.0.1:8443", "[::1]:8443"};
    (void)state;
    make_root();
    for (size_t i = 0; i < ARRAY_LEN(HOSTS); i++) {
        struct idevs_error err;
        struct ca_options o = server_options(HOSTS[i]);
        assert_true(ca_make_server(&o, NOW, &err));
        _cleanup_chain_ struct chain chain = chain_in("cert.pem");
        assert_true(certificate_names_host(chain.at[0], HOSTS[i]));
        (void)unlink(o.out);
        (void)unlink(o.key);
    }
}

static void existing_files_are_not_replaced(void **state)
{
    static const char *const TAKEN[] = {"cert.pem", "priv.pem"};
    struct idevs_error err;
    struct ca_options root = root_options();
    (void)state;
    make_root();
    assert_false(ca_make_root(&root, NOW, &err));
    assert_refused(&err, "file.unwritable");
    for (size_t i = 0; i < ARRAY_LEN(TAKEN); i++) {
        struct ca_options o = server_options("store.example");
        _cleanup_buffer_ struct buffer b = buffer_up_to(100);
        assert_true(file_write(in_folder(TAKEN[i]), bytes_of_text("mine"), 0600, &err));
        assert_false(ca_make_server(&o, NOW, &err));
        assert_refused(&err, "file.unwritable");
        assert_true(file_read(in_folder(TAKEN[i]), &b, &err));
        assert_true(bytes_equal_text(buffer_bytes(&b), "mine"));
        (void)unlink(in_folder(TAKEN[i]));
        assert_nothing_made();
    }
}

static void nothing_is_made_when_a_place_is_missing(void **state)
{
    struct idevs_error err;
    struct ca_options o = server_options("store.example");
    (void)state;
    make_root();
    o.out = in_folder("no/cert.pem");
    assert_false(ca_make_server(&o, NOW, &err));
    assert_refused(&err, "file.unwritable");
    assert_nothing_made();
}

static void a_leaf_ends_no_later_than_its_issuer(void **state)
{
    struct idevs_error err;
    struct ca_options o = server_options("store.example");
    (void)state;
    make_root();
    o.days = 365;
    assert_true(ca_make_server(&o, NOW, &err));
    _cleanup_chain_ struct chain chain = chain_in("cert.pem");
    assert_int_equal(certificate_not_after(chain.at[0]), NOW + 30 * DAY);
}

static void an_expired_or_mismatched_issuer_is_refused(void **state)
{
    struct idevs_error err;
    struct ca_options o = server_options("store.example");
    struct ca_options other = root_options();
    (void)state;
    make_root();
    assert_false(ca_make_server(&o, NOW + 31 * DAY, &err));
    assert_refused(&err, "certificate.expired");
    other.out = in_folder("b.pem");
    other.key = in_folder("b.key");
    assert_true(ca_make_root(&other, NOW, &err));
    o.ca_key = in_folder("b.key");
    assert_false(ca_make_server(&o, NOW, &err));
    assert_refused(&err, "certificate.key");
    assert_nothing_made();
}

static void a_service_is_no_issuer(void **state)
{
    struct idevs_error err;
    struct ca_options o = server_options("store.example");
    struct ca_options below = server_options("other.example");
    (void)state;
    make_root();
    assert_true(ca_make_server(&o, NOW, &err));
    below.ca = o.out;
    below.ca_key = o.key;
    below.out = in_folder("b.pem");
    below.key = in_folder("b.key");
    assert_false(ca_make_server(&below, NOW, &err));
    assert_refused(&err, "certificate.chain");
}

static void hosts_and_subjects_are_checked(void **state)
{
    static const char *const HOSTS[] = {"Store.example", "a b", "*.example",
                                        ".example",      "x:0", ":1"};
    struct idevs_error err;
    struct ca_options root = root_options();
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(HOSTS); i++) {
        struct ca_options o = server_options(HOSTS[i]);
        if (i == 0)
            make_root();
        assert_false(ca_make_server(&o, NOW, &err));
        assert_refused(&err, "usage");
    }
    remove_all();
    root.subject = "a\nb";
    assert_false(ca_make_root(&root, NOW, &err));
    assert_refused(&err, "name.invalid");
    root.subject = "12345678901234567890123456789012345678901234567890123456789012345";
    assert_false(ca_make_root(&root, NOW, &err));
}

/* ---- arguments ---- */

#define ARGUMENTS_MAX 16

static bool parses(const char *const *words, struct ca_options *ret, struct idevs_error *err)
{
    char *argv[ARGUMENTS_MAX] = {0};
    int argc = 0;

    for (; words[argc]; argc++)
        argv[argc] = (char *)words[argc];
    return ca_options_parse(argc, argv, ret, err);
}

static void good_arguments_are_understood(void **state)
{
    static const char *const ROOT[] = {"idevs-ca", "root",      "--out", "a", "--key",
                                       "b",        "--subject", "c",     NULL};
    static const char *const SERVER[] = {"idevs-ca", "server",   "--days", "7",      "--ca",
                                         "a",        "--ca-key", "b",      "--host", "c:1",
                                         "--out",    "d",        "--key",  "e",      NULL};
    struct ca_options o;
    struct idevs_error err;
    (void)state;
    assert_true(parses(ROOT, &o, &err));
    assert_int_equal(o.command, CA_ROOT);
    assert_int_equal(o.days, LIMIT_CA_ROOT_DAYS);
    assert_string_equal(o.subject, "c");
    assert_true(parses(SERVER, &o, &err));
    assert_int_equal(o.command, CA_SERVER);
    assert_int_equal(o.days, 7);
    assert_string_equal(o.host, "c:1");
}

static void bad_arguments_are_refused(void **state)
{
    static const char *const BAD[][ARGUMENTS_MAX] = {
        {"idevs-ca"},
        {"idevs-ca", "leaf"},
        {"idevs-ca", "--help", "more"},
        {"idevs-ca", "root"},
        {"idevs-ca", "root", "--out", "a", "--key", "b"},
        {"idevs-ca", "root", "--out", "a", "--key", "b", "--subject"},
        {"idevs-ca", "root", "--out", "a", "--key", "b", "--subject", ""},
        {"idevs-ca", "root", "--out", "a", "--key", "b", "--subject", "c", "--host", "d"},
        {"idevs-ca", "root", "--out", "a", "--out", "b", "--key", "b", "--subject", "c"},
        {"idevs-ca", "root", "--out", "a", "--key", "b", "--subject", "c", "--days", "0"},
        {"idevs-ca", "root", "--out", "a", "--key", "b", "--subject", "c", "--days", "7301"},
        {"idevs-ca", "root", "--out", "a", "--key", "b", "--subject", "c", "--days", "1x"},
        {"idevs-ca", "root", "out", "a", "--key", "b", "--subject", "c"},
        {"idevs-ca", "server", "--ca", "a", "--ca-key", "b", "--out", "d", "--key", "e"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        struct ca_options o;
        struct idevs_error err;
        assert_false(parses(BAD[i], &o, &err));
        assert_refused(&err, "usage");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_server_verifies_under_its_root, between),
        cmocka_unit_test_teardown(private_keys_are_for_their_owner_alone, between),
        cmocka_unit_test_teardown(addresses_are_addresses, between),
        cmocka_unit_test_teardown(existing_files_are_not_replaced, between),
        cmocka_unit_test_teardown(nothing_is_made_when_a_place_is_missing, between),
        cmocka_unit_test_teardown(a_leaf_ends_no_later_than_its_issuer, between),
        cmocka_unit_test_teardown(an_expired_or_mismatched_issuer_is_refused, between),
        cmocka_unit_test_teardown(a_service_is_no_issuer, between),
        cmocka_unit_test_teardown(hosts_and_subjects_are_checked, between),
        cmocka_unit_test(good_arguments_are_understood),
        cmocka_unit_test(bad_arguments_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
