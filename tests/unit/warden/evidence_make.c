/* Evidence as files; what makes it is played. */
#include "warden/evidence_make.h"
#include "../test.h"
#include "base/alloc.h"
#include "base/fd.h"
#include "folder.h"

#include <unistd.h>

static const char *endorsements = "";
static bool refuses;

static bool make(const uint8_t report_data[REPORT_DATA_LEN], struct hardware_evidence *ret,
                 struct idevs_error *ret_err)
{
    if (refuses)
        return refuse(ret_err, "evidence.unavailable", "busy");
    *ret = (struct hardware_evidence){"snp", buffer_up_to(LIMIT_HARDWARE_EVIDENCE),
                                      buffer_up_to(LIMIT_HARDWARE_ENDORSEMENTS)};
    assert_true(buffer_append(&ret->evidence, report_data, REPORT_DATA_LEN));
    assert_true(buffer_append_text(&ret->endorsements, endorsements));
    return true;
}

static const struct hardware_maker maker = {"snp", "played", NULL, make};
static const uint8_t OVER[REPORT_DATA_LEN] = {1, 2, 3};

static void assert_file(const char *folder, const char *name, struct bytes content)
{
    _cleanup_text_ char *path = alloc_format("%s/%s", folder, name);
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_HARDWARE_EVIDENCE);
    struct idevs_error err;

    if (!content.data) {
        assert_int_equal(access(path, F_OK), -1);
        return;
    }
    assert_true(file_read(path, &b, &err));
    assert_true(bytes_equal(buffer_bytes(&b), content));
}

static void files_are_what_the_maker_made(void **state)
{
    static const char *const PEM[] = {"", "-----BEGIN"};

    (void)state;
    refuses = false;
    for (size_t i = 0; i < ARRAY_LEN(PEM); i++) {
        _cleanup_folder_ char *folder = folder_fresh();
        _cleanup_text_ char *out = alloc_format("%s/out", folder);
        struct idevs_error err;
        bool endorsed;
        endorsements = PEM[i];
        assert_true(evidence_make(&maker, OVER, out, &endorsed, &err));
        assert_int_equal(endorsed, i == 1);
        assert_file(out, EVIDENCE_FILE, bytes_of(OVER, sizeof(OVER)));
        assert_file(out, ENDORSEMENTS_FILE, i ? bytes_of_text(PEM[i]) : bytes_of(NULL, 0));
    }
}

static void a_folder_that_is_there_is_left_alone(void **state)
{
    _cleanup_folder_ char *folder = folder_fresh();
    struct idevs_error err;
    bool endorsed;

    (void)state;
    refuses = false;
    assert_false(evidence_make(&maker, OVER, folder, &endorsed, &err));
    assert_refused(&err, "file.unwritable");
    assert_file(folder, EVIDENCE_FILE, bytes_of(NULL, 0));
}

static void a_maker_that_refuses_leaves_no_folder(void **state)
{
    _cleanup_folder_ char *folder = folder_fresh();
    _cleanup_text_ char *out = alloc_format("%s/out", folder);
    struct idevs_error err;
    bool endorsed;

    (void)state;
    refuses = true;
    assert_false(evidence_make(&maker, OVER, out, &endorsed, &err));
    assert_refused(&err, "evidence.unavailable");
    assert_int_equal(access(out, F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_what_the_maker_made),
        cmocka_unit_test(a_folder_that_is_there_is_left_alone),
        cmocka_unit_test(a_maker_that_refuses_leaves_no_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
