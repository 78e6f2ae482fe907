#include "crypto/digest.h"
#include "base/fd.h"
#include "test.h"

#include "hex.h"

static const char ABC_256[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char ABC_384[] = "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
                              "8086072ba1e7cc2358baeca134c825a7";
static const char ABC_512[] = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                              "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

static void digests_of_fips_180_examples(void **state)
{
    uint8_t d[SHA512_LEN];
    (void)state;
    sha256(bytes_of_text("abc"), d);
    assert_bytes_are_hex(bytes_of(d, SHA256_LEN), ABC_256);
    sha384(bytes_of_text("abc"), d);
    assert_bytes_are_hex(bytes_of(d, SHA384_LEN), ABC_384);
    sha512(bytes_of_text("abc"), d);
    assert_bytes_are_hex(bytes_of(d, SHA512_LEN), ABC_512);
    sha256(bytes_of(NULL, 0), d);
    assert_bytes_are_hex(bytes_of(d, SHA256_LEN),
                         "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void pieces_have_the_digest_of_the_whole(void **state)
{
    uint8_t d[SHA256_LEN];
    struct sha256_run *run = sha256_begin();
    (void)state;
    sha256_add(run, bytes_of_text("a"));
    sha256_add(run, bytes_of_text(""));
    sha256_add(run, bytes_of_text("bc"));
    sha256_end(run, d);
    assert_bytes_are_hex(bytes_of(d, sizeof(d)), ABC_256);
}

static void a_file_is_read_from_its_beginning(void **state)
{
    uint8_t d[SHA256_LEN];
    char c[2];
    _cleanup_fd_ int fd = memfd_sealed("digest", bytes_of_text("abc"));
    (void)state;
    assert_true(fd >= 0 && fd_read_exactly(fd, c, 2));
    assert_true(sha256_fd(fd, d));
    assert_bytes_are_hex(bytes_of(d, sizeof(d)), ABC_256);
}

static void no_regular_file_has_no_digest(void **state)
{
    uint8_t d[SHA256_LEN];
    (void)state;
    assert_false(sha256_fd(-1, d));
}

static void comparison_sees_every_byte(void **state)
{
    uint8_t a[16] = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(a); i++) {
        uint8_t b[16] = {0};
        assert_true(equal_in_constant_time(a, b, sizeof(a)));
        b[i] = 1;
        assert_false(equal_in_constant_time(a, b, sizeof(a)));
    }
}

static void random_bytes_differ(void **state)
{
    uint8_t a[32];
    uint8_t b[32];
    (void)state;
    random_bytes(a, sizeof(a));
    random_bytes(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_of_fips_180_examples),
        cmocka_unit_test(pieces_have_the_digest_of_the_whole),
        cmocka_unit_test(a_file_is_read_from_its_beginning),
        cmocka_unit_test(no_regular_file_has_no_digest),
        cmocka_unit_test(comparison_sees_every_byte),
        cmocka_unit_test(random_bytes_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
