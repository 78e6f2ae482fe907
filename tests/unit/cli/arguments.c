#include "cli/arguments.h"
#include "base/attr.h"
#include "test.h"

#include <stdio.h>

static const char *const KNOWN[] = {"--manifest=FILE", "--toolchain=HEX", "--wait",
                                    "--root=PATH...", NULL};
static const char *const COMMON[] = {"--home=DIR", "--json", NULL};

#define PARSE(ret, ret_err, ...)                                                                   \
    parse((const char *[]){"idevs", "run", __VA_ARGS__, NULL}, 0, (ret), (ret_err))

static bool parse(const char **argv, size_t min_positional, struct arguments *ret,
                  struct idevs_error *ret_err)
{
    int argc = 0;

    while (argv[argc])
        argc++;
    return arguments_parse(argc, (char **)argv, 2, KNOWN, COMMON, min_positional, ret, ret_err);
}

static void values_come_after_an_equals_sign_or_as_the_next_word(void **state)
{
    struct arguments a;
    struct idevs_error err;

    (void)state;
    assert_true(PARSE(&a, &err, "--manifest=a=b.yaml", "x", "--home", "--json"));
    assert_string_equal(argument_value(&a, "--manifest"), "a=b.yaml");
    assert_string_equal(argument_value(&a, "--home"),
                        "--json"); /* a value, whatever it looks like */
    assert_false(argument_given(&a, "--json"));
    assert_int_equal(a.n_positional, 1);
    assert_string_equal(a.positional[0], "x");
}

static void an_option_of_several_values_takes_words_up_to_the_next_option(void **state)
{
    struct arguments a;
    struct idevs_error err;

    (void)state;
    assert_true(PARSE(&a, &err, "x", "--root", "a", "b", "--wait", "--root=c"));
    assert_string_equal(argument_value_at(&a, "--root", 0), "a");
    assert_string_equal(argument_value_at(&a, "--root", 1), "b");
    assert_string_equal(argument_value_at(&a, "--root", 2), "c");
    assert_null(argument_value_at(&a, "--root", 3));
    assert_int_equal(a.n_positional, 1);
}

static void it_leaves_the_last_word_to_a_positional_argument_that_is_missing(void **state)
{
    const char *argv[] = {"idevs", "run", "--root", "a", "x", NULL};
    const char *alone[] = {"idevs", "run", "--root", "a", NULL};
    struct arguments a;
    struct idevs_error err;

    (void)state;
    assert_true(parse(argv, 1, &a, &err));
    assert_int_equal(a.n_positional, 1);
    assert_string_equal(a.positional[0], "x");
    assert_null(argument_value_at(&a, "--root", 1));
    assert_true(parse(argv, 0, &a, &err));
    assert_int_equal(a.n_positional, 0);
    assert_true(parse(alone, 1, &a, &err)); /* its only value stays its own */
    assert_int_equal(a.n_positional, 0);
}

static void options_of_the_command_and_of_all_commands_are_known(void **state)
{
    struct arguments a;
    struct idevs_error err;

    (void)state;
    assert_true(PARSE(&a, &err, "--wait", "--json", "-"));
    assert_true(argument_given(&a, "--wait") && argument_given(&a, "--json"));
    assert_false(argument_given(&a, "--manifest"));
    assert_null(argument_value(&a, "--manifest"));
    assert_string_equal(a.positional[0], "-"); /* a file's name, no option */
}

static void the_last_of_equal_options_counts_and_all_are_kept(void **state)
{
    struct arguments a;
    struct idevs_error err;

    (void)state;
    assert_true(PARSE(&a, &err, "--toolchain", "1", "--toolchain=2"));
    assert_string_equal(argument_value(&a, "--toolchain"), "2");
    assert_int_equal(a.n_options, 2);
    assert_string_equal(a.options[0].value, "1");
}

static void what_is_not_understood_is_a_usage_error(void **state)
{
    static const char *const BAD[] = {
        "--unknown", "-x",    "--wai",       "--waiting", "--wait=yes",
        "--wait=",   "--man", "--manifest2", "--home"};
    struct arguments a;
    struct idevs_error err;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        assert_false(PARSE(&a, &err, BAD[i]));
        assert_refused(&err, "usage");
    }
}

static void a_missing_required_option_is_named(void **state)
{
    struct arguments a;
    struct idevs_error err;
    const char *value = NULL;

    (void)state;
    assert_true(PARSE(&a, &err, "x"));
    assert_false(argument_required(&a, "--manifest", &value, &err));
    assert_refused(&err, "usage");
    assert_string_equal(err.expected, "--manifest");
    assert_null(value);
}

static void more_words_than_there_is_room_for_are_refused(void **state)
{
    const char *argv[LIMIT_ARGUMENTS + 2] = {NULL};
    struct arguments a;
    struct idevs_error err;

    (void)state;
    for (size_t i = 0; i <= LIMIT_ARGUMENTS; i++)
        argv[i] = "x";
    assert_true(arguments_parse(LIMIT_ARGUMENTS, (char **)argv, 0, KNOWN, COMMON, 0, &a, &err));
    assert_int_equal(a.n_positional, LIMIT_ARGUMENTS);
    assert_false(
        arguments_parse(LIMIT_ARGUMENTS + 1, (char **)argv, 0, KNOWN, COMMON, 0, &a, &err));
    assert_refused(&err, "usage");
    for (size_t i = 0; i <= LIMIT_ARGUMENTS; i++)
        argv[i] = "--wait";
    assert_false(
        arguments_parse(LIMIT_ARGUMENTS + 1, (char **)argv, 0, KNOWN, COMMON, 0, &a, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_after_an_equals_sign_or_as_the_next_word),
        cmocka_unit_test(an_option_of_several_values_takes_words_up_to_the_next_option),
        cmocka_unit_test(it_leaves_the_last_word_to_a_positional_argument_that_is_missing),
        cmocka_unit_test(options_of_the_command_and_of_all_commands_are_known),
        cmocka_unit_test(the_last_of_equal_options_counts_and_all_are_kept),
        cmocka_unit_test(what_is_not_understood_is_a_usage_error),
        cmocka_unit_test(a_missing_required_option_is_named),
        cmocka_unit_test(more_words_than_there_is_room_for_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
