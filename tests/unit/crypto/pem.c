#include "crypto/pem.h"
#include "test.h"

static void a_block_comes_back(void **state)
{
    uint8_t data[100];
    _cleanup_buffer_ struct buffer text = buffer_up_to(1000);
    _cleanup_buffer_ struct buffer der = buffer_up_to(1000);
    (void)state;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)i;
    assert_true(pem_write("THING", bytes_of(data, sizeof(data)), &text));
    assert_true(pem_find(buffer_bytes(&text), "THING", &der));
    assert_true(bytes_equal(buffer_bytes(&der), bytes_of(data, sizeof(data))));
    assert_false(pem_find(buffer_bytes(&text), "OTHER", &der));
}

static void every_shorter_text_is_refused(void **state)
{
    static const char whole[] = "-----BEGIN A-----\nAAAA\n-----END A-----";
    _cleanup_buffer_ struct buffer der = buffer_up_to(100);
    (void)state;
    assert_true(pem_find(bytes_of_text(whole), "A", &der));
    for (size_t n = 0; n < strlen(whole); n++)
        assert_false(pem_find(bytes_of(whole, n), "A", &der));
}

static void malformed_blocks_are_refused(void **state)
{
    static const char *const BAD[] = {
        "-----BEGIN A-----\nAAAA\n-----END B-----\n",
        "-----BEGIN A-----\nAAA\n-----END A-----\n",
        "-----BEGIN A-----\nAA*A\n-----END A-----\n",
        "-----BEGIN A-----\n-----END A-----\n",
        "-----BEGIN A\nAAAA\n-----END A-----\n",
        "-----BEGIN -----\nAAAA\n-----END -----\n",
        "-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END A-----\n",
        "-----BEGIN A-----\nAAAA\n-----END A----\n",
    };
    _cleanup_buffer_ struct buffer der = buffer_up_to(100);
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++)
        assert_false(pem_find(bytes_of_text(BAD[i]), "A", &der));
}

static void what_is_too_large_is_refused(void **state)
{
    _cleanup_buffer_ struct buffer der = buffer_up_to(2);
    (void)state;
    assert_false(pem_find(bytes_of_text("-----BEGIN A-----\nAAAA\n-----END A-----\n"), "A", &der));
}

static void prose_before_a_block_is_noticed(void **state)
{
    struct reader r = reader_of(bytes_of_text("-----BEGIN A-----\nAAAA\n-----END A-----\n"
                                              " \r\n-----BEGIN B-----\nAAAA\n-----END B-----\n"
                                              "x\n-----BEGIN C-----\nAAAA\n-----END C-----\n"));
    char label[LIMIT_PEM_LABEL];
    bool prose;
    _cleanup_buffer_ struct buffer der = buffer_up_to(100);
    (void)state;
    assert_true(pem_next(&r, label, &der, &prose) && !prose);
    assert_string_equal(label, "A");
    assert_true(pem_next(&r, label, &der, &prose) && !prose);
    assert_string_equal(label, "B");
    assert_true(pem_next(&r, label, &der, &prose) && prose);
    assert_false(pem_next(&r, label, &der, &prose));
    assert_int_equal(reader_left(&r), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_comes_back),
        cmocka_unit_test(every_shorter_text_is_refused),
        cmocka_unit_test(malformed_blocks_are_refused),
        cmocka_unit_test(what_is_too_large_is_refused),
        cmocka_unit_test(prose_before_a_block_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
