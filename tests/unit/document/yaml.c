#include "document/yaml.h"
#include "base/alloc.h"
#include "base/limits.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct yaml *parse(const char *text, struct idevs_error *err)
{
    return yaml_parse(bytes_of_text(text), "etc/a.yaml", "config.syntax", err);
}

static void assert_place(const char *text, const char *place)
{
    struct idevs_error err = {0};
    _cleanup_yaml_ struct yaml *doc = parse(text, &err);

    if (doc)
        fail_msg("accepted: %s", text);
    assert_refused(&err, "config.syntax");
    if (strncmp(err.found, place, strlen(place)) != 0)
        fail_msg("%s instead of %s for: %s", err.found, place, text);
}

static void values_are_read_by_their_type(void **state)
{
    struct idevs_error err;
    _cleanup_yaml_ struct yaml *doc = parse("name: store\n"
                                            "port: 8443\n"
                                            "tls: true\n"
                                            "size: 64 MiB\n"
                                            "every: 10 min\n"
                                            "tier: isolated\n"
                                            "key: keys/a.pem\n"
                                            "root: /etc/b.pem\n"
                                            "names: [a, \"b c\"]\n"
                                            "in: {x: 1, y: 2}\n",
                                            &err);
    static const char *const TIERS[] = {"hardware", "isolated", NULL};
    const char *name = NULL, *key = NULL, *root = NULL, *second = NULL;
    uint64_t port = 0, size = 0, every = 0, y = 0, absent = 7;
    bool tls = false;
    unsigned tier = 9;
    struct yaml *names = NULL, *in = NULL, *none = NULL;

    (void)state;
    assert_non_null(doc);
    assert_true(yaml_text(doc, "name", YAML_REQUIRED, &name, &err));
    assert_string_equal(name, "store");
    assert_true(yaml_u64(doc, "port", YAML_REQUIRED, 1, 65535, &port, &err));
    assert_int_equal(port, 8443);
    assert_true(yaml_bool(doc, "tls", YAML_REQUIRED, &tls, &err));
    assert_true(tls);
    assert_true(yaml_size(doc, "size", YAML_REQUIRED, 1, MIB(64), &size, &err));
    assert_int_equal(size, MIB(64));
    assert_true(yaml_seconds(doc, "every", YAML_REQUIRED, 1, 3600, &every, &err));
    assert_int_equal(every, 600);
    assert_true(yaml_choice(doc, "tier", YAML_REQUIRED, TIERS, &tier, &err));
    assert_int_equal(tier, 1);
    assert_true(yaml_path(doc, "key", YAML_REQUIRED, &key, &err));
    assert_string_equal(key, "etc/keys/a.pem");
    assert_true(yaml_path(doc, "root", YAML_REQUIRED, &root, &err));
    assert_string_equal(root, "/etc/b.pem");
    assert_true(yaml_list(doc, "names", YAML_REQUIRED, &names, &err));
    assert_int_equal(yaml_count(names), 2);
    assert_true(yaml_text(yaml_at(names, 1), NULL, YAML_REQUIRED, &second, &err));
    assert_string_equal(second, "b c");
    assert_true(yaml_map(doc, "in", YAML_REQUIRED, &in, &err));
    assert_string_equal(yaml_key(in, 0), "x");
    assert_true(yaml_u64(in, "y", YAML_REQUIRED, 0, 9, &y, &err));
    assert_int_equal(y, 2);
    assert_true(yaml_u64(doc, "absent", YAML_OPTIONAL, 0, 9, &absent, &err));
    assert_int_equal(absent, 7);
    assert_true(yaml_map(doc, "none", YAML_OPTIONAL, &none, &err));
    assert_null(none);
    assert_true(yaml_u64(none, "x", YAML_REQUIRED, 0, 9, &absent, &err));
    assert_true(yaml_done(doc, &err));
}

static void a_list_of_paths_has_one_at_least_and_no_more_than_it_may(void **state)
{
    static const struct {
        const char *text;
        bool taken;
        size_t n;
    } LISTS[] = {{"files: [a.pem]\n", true, 1},    {"files: [/b.pem, c.pem]\n", true, 2},
                 {"other: 1\n", true, 0},          {"files: []\n", false, 0},
                 {"files: [a, b, c]\n", false, 0}, {"files: a.pem\n", false, 0},
                 {"files: [{a: b}]\n", false, 0}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(LISTS); i++) {
        const char *paths[2] = {NULL, NULL};
        size_t n = 0;
        struct idevs_error err;
        struct yaml *doc =
            yaml_parse(bytes_of_text(LISTS[i].text), "etc/a.yaml", "config.syntax", &err);
        assert_non_null(doc);
        bool taken = yaml_paths(doc, "files", YAML_OPTIONAL, 2, paths, &n, &err);
        if (taken != LISTS[i].taken || n != LISTS[i].n)
            fail_msg("%s: %zu", LISTS[i].text, n);
        if (n == 2) {
            assert_string_equal(paths[0], "/b.pem");
            assert_string_equal(paths[1], "etc/c.pem");
        }
        yaml_release(doc);
    }
}

static void what_is_not_one_plain_mapping_is_refused(void **state)
{
    (void)state;
    assert_place("", "etc/a.yaml:1:1: an empty document");
    assert_place("# nothing\n", "etc/a.yaml:2:1: an empty document");
    assert_place("- a\n", "etc/a.yaml:1:1:");
    assert_place("a\n", "etc/a.yaml:1:1:");
    assert_place("a: 1\n---\nb: 2\n", "etc/a.yaml:2:1: more than one document");
    assert_place("%YAML 1.1\n---\na: 1\n", "etc/a.yaml:1:1: a directive");
    assert_place("a: &x 1\n", "etc/a.yaml:1:4: an anchor");
    assert_place("a: 1\nb: *x\n", "etc/a.yaml:2:4: an anchor, alias");
    assert_place("a: !!int 1\n", "etc/a.yaml:1:4:");
    assert_place("a: !x [1]\n", "etc/a.yaml:1:4:");
    assert_place("&k a: 1\n", "etc/a.yaml:1:1: a key");
    assert_place("? [a]\n: 1\n", "etc/a.yaml:1:3: a key");
    assert_place("a: 1\nb:\n  c: 1\n  c: 2\n", "etc/a.yaml:4:3: key \"c\" stands here twice");
    assert_place("a: \"x\\0y\"\n", "etc/a.yaml:1:4: a NUL");
    assert_place("\"a\\0\": 1\n", "etc/a.yaml:1:1: a NUL");
    assert_place("a: [1\nb: 2\n", "etc/a.yaml:");
    assert_place("a: \xff\n", "etc/a.yaml:");
    assert_place("a: {a: {a: {a: {a: {a: {a: {a: 1}}}}}}}\n", "etc/a.yaml:1:");
}

static void a_raw_nul_ends_nothing(void **state)
{
    static const char TEXT[] = "a: 1\n\0b: 2\n";
    struct idevs_error err = {0};
    _cleanup_yaml_ struct yaml *doc =
        yaml_parse(bytes_of(TEXT, sizeof(TEXT) - 1), "a.yaml", "config.syntax", &err);

    (void)state;
    assert_null(doc);
    assert_refused(&err, "config.syntax");
}

static void unknown_keys_are_refused_wherever_they_stand(void **state)
{
    struct idevs_error err = {0};
    _cleanup_yaml_ struct yaml *doc = parse("a: {b: 1,\n    c: 2}\nlist:\n  - d: 1\n", &err);
    struct yaml *a = NULL, *list = NULL;
    uint64_t v;

    (void)state;
    assert_true(yaml_map(doc, "a", YAML_REQUIRED, &a, &err));
    assert_true(yaml_list(doc, "list", YAML_REQUIRED, &list, &err));
    assert_true(yaml_u64(a, "b", YAML_REQUIRED, 0, 9, &v, &err));
    assert_false(yaml_done(doc, &err));
    assert_string_equal(err.found, "etc/a.yaml:2:5: unknown key \"c\"");
    assert_true(yaml_u64(a, "c", YAML_REQUIRED, 0, 9, &v, &err));
    assert_false(yaml_done(doc, &err));
    assert_string_equal(err.found, "etc/a.yaml:4:5: unknown key \"d\"");
    assert_true(yaml_u64(yaml_at(list, 0), "d", YAML_REQUIRED, 0, 9, &v, &err));
    assert_true(yaml_done(doc, &err));
}

static void a_missing_key_is_named(void **state)
{
    struct idevs_error err = {0};
    _cleanup_yaml_ struct yaml *doc = parse("\n a: 1\n", &err);
    const char *text;

    (void)state;
    assert_false(yaml_text(doc, "listen", YAML_REQUIRED, &text, &err));
    assert_string_equal(err.found, "etc/a.yaml:2:2: key \"listen\" is missing in what begins here");
}

static void numbers_and_booleans_have_one_spelling(void **state)
{
    static const char *const NUMBERS[] = {"8443x", "010", "0x10", "+1", "-1",  "1.0",  "\"1\"",
                                          "1_000", "~",   "",     "[]", "1e3", "65536"};
    static const char *const BOOLS[] = {"yes", "True", "on", "1", "\"true\"", "", "{}"};
    struct idevs_error err;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(NUMBERS); i++) {
        _cleanup_text_ char *text = alloc_format("v: %s\n", NUMBERS[i]);
        _cleanup_yaml_ struct yaml *doc = parse(text, &err);
        uint64_t v;
        if (yaml_u64(doc, "v", YAML_REQUIRED, 0, 65535, &v, &err))
            fail_msg("accepted: %s", text);
        assert_refused(&err, "config.syntax");
    }
    for (size_t i = 0; i < ARRAY_LEN(BOOLS); i++) {
        _cleanup_text_ char *text = alloc_format("v: %s\n", BOOLS[i]);
        _cleanup_yaml_ struct yaml *doc = parse(text, &err);
        bool v;
        if (yaml_bool(doc, "v", YAML_REQUIRED, &v, &err))
            fail_msg("accepted: %s", text);
        assert_refused(&err, "config.syntax");
    }
}

static void quantities_have_known_units(void **state)
{
    static const char *const BAD[] = {
        "5  s", " ", "5 m", "s", "1.5 h", "-5s", "5 s ago", "05 s", "18446744073709551615 h",
        "2 d"};
    struct idevs_error err;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        _cleanup_text_ char *text = alloc_format("v: \"%s\"\n", BAD[i]);
        _cleanup_yaml_ struct yaml *doc = parse(text, &err);
        uint64_t v;
        if (yaml_seconds(doc, "v", YAML_REQUIRED, 1, 86400, &v, &err))
            fail_msg("accepted: %s", text);
    }
}

static void control_characters_and_empty_texts_are_refused(void **state)
{
    static const char *const BAD[] = {"\"a\\nb\"", "\"\\e[0m\"", "\"\"", "~",
                                      "null",      "",           "[a]",  "{a: b}"};
    struct idevs_error err;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        _cleanup_text_ char *text = alloc_format("v: %s\n", BAD[i]);
        _cleanup_yaml_ struct yaml *doc = parse(text, &err);
        const char *v;
        if (yaml_text(doc, "v", YAML_REQUIRED, &v, &err))
            fail_msg("accepted: %s", text);
    }
}

static void a_file_past_the_limit_is_not_parsed(void **state)
{
    struct idevs_error err = {0};
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_CONFIG + 1);
    uint8_t *room = buffer_extend(&b, LIMIT_CONFIG + 1);

    (void)state;
    assert_non_null(room);
    memset(room, '#', LIMIT_CONFIG + 1);
    assert_null(yaml_parse(buffer_bytes(&b), "a.yaml", "config.syntax", &err));
    assert_refused(&err, "file.too-large");
}

static void every_prefix_and_every_changed_byte_is_read_or_refused(void **state)
{
    static const char TEXT[] = "program: free-ride\nreads: [store]\nlimits: {memory: 64 MiB}\n"
                               "services:\n  store: {authority: \"a:1\", anchors: [x.pem]}\n";
    struct idevs_error err;

    (void)state;
    for (size_t n = 0; n < sizeof(TEXT) - 1; n++) {
        _cleanup_yaml_ struct yaml *doc =
            yaml_parse(bytes_of(TEXT, n), "a.yaml", "config.syntax", &err);
        char changed[sizeof(TEXT)];
        memcpy(changed, TEXT, sizeof(TEXT));
        changed[n] = (char)(changed[n] ^ 0x11);
        _cleanup_yaml_ struct yaml *other =
            yaml_parse(bytes_of(changed, sizeof(TEXT) - 1), "a.yaml", "config.syntax", &err);
        if (doc && other)
            continue;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read_by_their_type),
        cmocka_unit_test(a_list_of_paths_has_one_at_least_and_no_more_than_it_may),
        cmocka_unit_test(what_is_not_one_plain_mapping_is_refused),
        cmocka_unit_test(a_raw_nul_ends_nothing),
        cmocka_unit_test(unknown_keys_are_refused_wherever_they_stand),
        cmocka_unit_test(a_missing_key_is_named),
        cmocka_unit_test(numbers_and_booleans_have_one_spelling),
        cmocka_unit_test(quantities_have_known_units),
        cmocka_unit_test(control_characters_and_empty_texts_are_refused),
        cmocka_unit_test(a_file_past_the_limit_is_not_parsed),
        cmocka_unit_test(every_prefix_and_every_changed_byte_is_read_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
