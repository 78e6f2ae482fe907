#include "base/alloc.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

/* That what is left behind is wiped, tests/e2e/secrets.py sees from outside. */
static void a_moved_block_keeps_its_content(void **state)
{
    static const size_t SIZES[] = {1, 100, 101, 5000, 1 << 20, 5001, 100, 1};
    size_t held = 0;
    unsigned char *p = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof(SIZES) / sizeof(SIZES[0]); i++) {
        p = wiping_realloc(p, SIZES[i]);
        assert_non_null(p);
        for (size_t k = 0; k < held && k < SIZES[i]; k++)
            assert_int_equal(p[k], k % 251);
        for (size_t k = 0; k < SIZES[i]; k++)
            p[k] = (unsigned char)(k % 251);
        held = SIZES[i];
    }
    wiping_free(p);
}

static void nothing_can_be_freed(void **state)
{
    char *none = NULL;
    (void)state;
    wiping_free(NULL);
    free_text(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_moved_block_keeps_its_content),
        cmocka_unit_test(nothing_can_be_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
