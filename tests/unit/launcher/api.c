#include "base/limits.h"
#include "world.h"

#include "base/alloc.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

static struct world w;

static int make(void **state)
{
    (void)state;
    world_make(&w);
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_end(&w);
    return 0;
}

static struct reply add(const char *name, const char *manifest, const char *kind,
                        const char *digest)
{
    char body[1024];

    snprintf(body, sizeof(body), "{\"name\":\"%s\",\"manifest\":\"%s\",\"%s\":\"%s\"}", name,
             manifest, kind, digest);
    return world_ask_text(&w, "POST", "/v1/programs", body);
}

static void put_manifest(const char *name, const uint8_t *owner, char ret[65])
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_MANIFEST);

    world_manifest(&w, name, 0, owner, &b);
    world_put_blob(&w, buffer_bytes(&b), ret);
}

static void health_needs_no_owner_and_names_the_toolchain(void **state)
{
    (void)state;
    struct reply r _cleanup_reply_ =
        world_ask_as(&w, w.nobody, "GET", "/v1/health", bytes_of_text(""));
    assert_int_equal(r.status, 200);
    assert_string_equal(reply_text(&r, "warden"), "ok");
    assert_int_equal(strlen(reply_text(&r, "toolchain")), 64);
    assert_int_equal(json_array_size(json_object_get(r.json, "back_ends")), 1);
}

static void back_ends_are_listed_with_what_is_missing(void **state)
{
    (void)state;
    struct reply r _cleanup_reply_ = world_ask_text(&w, "GET", "/v1/backends", "");
    assert_int_equal(r.status, 200);
    const json_t *list = json_object_get(r.json, "back_ends");
    assert_int_equal(json_array_size(list), 2);
    const json_t *process = json_array_get(list, 0);
    const json_t *microvm = json_array_get(list, 1);
    assert_true(json_is_true(json_object_get(process, "usable")));
    assert_true(json_is_true(json_object_get(process, "permitted")));
    assert_false(json_is_true(json_object_get(microvm, "usable")));
    assert_false(json_is_true(json_object_get(microvm, "permitted")));
    assert_string_equal(json_string_value(json_object_get(microvm, "exposed_to")), "root?[2J");
    const json_t *gap = json_array_get(json_object_get(microvm, "missing"), 0);
    assert_string_equal(json_string_value(json_object_get(gap, "code")), "compartment.missing");
    assert_string_equal(json_string_value(json_object_get(gap, "found")), "nothing");
    assert_string_equal(json_string_value(json_object_get(gap, "expected")), "QEMU");
    assert_string_equal(json_string_value(json_object_get(gap, "remedy")), "Install it.");
}

static void a_client_without_an_owners_key_is_refused(void **state)
{
    static const char *const PATHS[] = {"/v1/programs", "/v1/runs", "/v1/services", "/v1/backends"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(PATHS); i++) {
        struct reply r _cleanup_reply_ =
            world_ask_as(&w, w.nobody, "GET", PATHS[i], bytes_of_text(""));
        assert_reply(&r, 403, "api.owner");
    }
}

static void an_unknown_path_or_method_is_refused(void **state)
{
    (void)state;
    struct reply path _cleanup_reply_ = world_ask_text(&w, "GET", "/v1/nothing", "");
    assert_reply(&path, 404, "api.not-found");
    struct reply deep _cleanup_reply_ = world_ask_text(&w, "GET", "/v1/programs/a/b/c", "");
    assert_reply(&deep, 404, "api.not-found");
    struct reply method _cleanup_reply_ = world_ask_text(&w, "DELETE", "/v1/runs", "");
    assert_reply(&method, 405, "api.method");
    struct reply query _cleanup_reply_ = world_ask_text(&w, "GET", "/v1/runs?wait=x", "");
    assert_reply(&query, 400, "api.field");
}

static void a_blob_is_named_by_its_digest(void **state)
{
    char hex[65];
    char path[128];
    (void)state;
    world_put_blob(&w, bytes_of_text("some bytes"), hex);
    world_put_blob(&w, bytes_of_text("some bytes"), hex);
    snprintf(path, sizeof(path), "/v1/blobs/%s", hex);
    struct reply there _cleanup_reply_ = world_ask_text(&w, "GET", path, "");
    assert_int_equal(there.status, 200);
    assert_true(bytes_equal_text(buffer_bytes(&there.body), "some bytes"));
    struct reply other _cleanup_reply_ = world_ask_text(&w, "PUT", path, "other bytes");
    assert_reply(&other, 400, "api.field");
    struct reply bad _cleanup_reply_ = world_ask_text(&w, "PUT", "/v1/blobs/abc", "x");
    assert_reply(&bad, 400, "api.field");
}

static void another_owners_blob_is_not_found(void **state)
{
    char hex[65];
    char path[128];
    (void)state;
    world_put_blob(&w, bytes_of_text("mine"), hex);
    snprintf(path, sizeof(path), "/v1/blobs/%s", hex);
    struct reply r _cleanup_reply_ = world_ask_as(&w, w.stranger, "GET", path, bytes_of_text(""));
    assert_reply(&r, 404, "api.not-found");
}

static void bad_names_are_refused(void **state)
{
    static const char *const NAMES[] = {"a;b", "..",        "-a",  "a-", "A",
                                        "a b", "a\\u0001b", "a/b", "",   "\\u00e9"};
    char manifest[65];
    (void)state;
    put_manifest("good", w.owner_spki, manifest);
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        struct reply r _cleanup_reply_ = add(NAMES[i], manifest, "source", manifest);
        if (strcmp(reply_text(&r, "code"), "name.invalid") != 0 &&
            strcmp(reply_text(&r, "code"), "api.field") != 0)
            fail_msg("'%s' was answered %d %s", NAMES[i], r.status, reply_text(&r, "code"));
    }
    struct reply long_name _cleanup_reply_ =
        add("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", manifest, "source",
            manifest);
    assert_reply(&long_name, 400, "name.invalid");
}

static void an_empty_source_is_refused(void **state)
{
    char manifest[65];
    char source[65];
    (void)state;
    put_manifest("empty", w.owner_spki, manifest);
    world_put_blob(&w, bytes_of_text(""), source);
    struct reply r _cleanup_reply_ = add("empty", manifest, "source", source);
    assert_reply(&r, 422, "build.source");
}

static void a_source_over_16_mib_is_refused(void **state)
{
    char manifest[65];
    char source[65];
    uint8_t *data = alloc_zero(LIMIT_SOURCE + 1, 1);
    (void)state;
    put_manifest("large", w.owner_spki, manifest);
    world_put_blob(&w, bytes_of(data, LIMIT_SOURCE + 1), source);
    struct reply over _cleanup_reply_ = add("large", manifest, "source", source);
    assert_reply(&over, 422, "build.source");
    world_put_blob(&w, bytes_of(data, LIMIT_SOURCE), source);
    struct reply fits _cleanup_reply_ = add("large", manifest, "source", source);
    assert_int_equal(fits.status, 201);
    free(data);
}

static void a_manifest_that_is_none_is_refused(void **state)
{
    char manifest[65];
    (void)state;
    world_put_blob(&w, bytes_of_text("\xff garbage"), manifest);
    struct reply r _cleanup_reply_ = add("garbage", manifest, "source", manifest);
    assert_reply(&r, 400, "manifest.syntax");
}

static void a_manifest_of_another_name_or_owner_is_refused(void **state)
{
    char manifest[65];
    uint8_t spki[SPKI_LEN];
    _cleanup_key_ struct key *key = key_generate();
    (void)state;
    put_manifest("one", w.owner_spki, manifest);
    struct reply name _cleanup_reply_ = add("two", manifest, "source", manifest);
    assert_reply(&name, 400, "manifest.value");
    key_spki(key, spki);
    put_manifest("one", spki, manifest);
    struct reply owner _cleanup_reply_ = add("one", manifest, "source", manifest);
    assert_reply(&owner, 400, "owner.key");
}

static void a_program_without_blobs_is_refused(void **state)
{
    char manifest[65];
    static const char none[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    (void)state;
    struct reply r _cleanup_reply_ = add("missing", none, "source", none);
    assert_reply(&r, 404, "api.not-found");
    put_manifest("missing", w.owner_spki, manifest);
    struct reply source _cleanup_reply_ = add("missing", manifest, "source", none);
    assert_reply(&source, 404, "api.not-found");
    struct reply field _cleanup_reply_ = add("missing", manifest, "other", none);
    assert_reply(&field, 400, "api.field");
}

static void json_that_is_none_is_refused(void **state)
{
    static const char *const BODIES[] = {"", "{", "[]", "{\"name\":1}",
                                         "{\"name\":\"a\",\"name\":\"a\"}"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BODIES); i++) {
        struct reply r _cleanup_reply_ = world_ask_text(&w, "POST", "/v1/programs", BODIES[i]);
        assert_reply(&r, 400, "api.field");
    }
}

static void a_program_is_added_built_shown_and_deleted(void **state)
{
    (void)state;
    unsigned n_builds = w.n_builds;
    world_add_program(&w, "whole", 0);
    assert_int_equal(w.n_builds, n_builds + 1);
    struct reply shown _cleanup_reply_ = world_ask_text(&w, "GET", "/v1/programs/whole", "");
    assert_string_equal(reply_text(&shown, "state"), "built");
    assert_int_equal(strlen(reply_text(&shown, "executable")), 64);
    assert_int_equal(strlen(reply_text(&shown, "toolchain")), 64);
    assert_true(json_is_null(json_object_get(shown.json, "run")));
    struct reply gone _cleanup_reply_ = world_ask_text(&w, "DELETE", "/v1/programs/whole", "");
    assert_int_equal(gone.status, 204);
    struct reply none _cleanup_reply_ = world_ask_text(&w, "GET", "/v1/programs/whole", "");
    assert_reply(&none, 404, "api.not-found");
}

static void the_same_program_again_is_no_conflict_but_another_is(void **state)
{
    char manifest[65];
    char source[65];
    (void)state;
    put_manifest("again", w.owner_spki, manifest);
    world_put_blob(&w, bytes_of_text("first"), source);
    struct reply first _cleanup_reply_ = add("again", manifest, "source", source);
    assert_int_equal(first.status, 201);
    struct reply same _cleanup_reply_ = add("again", manifest, "source", source);
    assert_int_equal(same.status, 200);
    world_put_blob(&w, bytes_of_text("second"), source);
    struct reply other _cleanup_reply_ = add("again", manifest, "source", source);
    assert_reply(&other, 409, "program.exists");
}

static void another_owners_program_is_not_found(void **state)
{
    (void)state;
    world_add_program(&w, "private", 0);
    static const struct {
        const char *method;
        const char *path;
    } asks[] = {{"GET", "/v1/programs/private"},
                {"DELETE", "/v1/programs/private"},
                {"POST", "/v1/programs/private/builds"},
                {"POST", "/v1/programs/private/runs"}};
    for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
        struct reply r _cleanup_reply_ =
            world_ask_as(&w, w.stranger, asks[i].method, asks[i].path, bytes_of_text(""));
        assert_reply(&r, 404, "api.not-found");
    }
    struct reply list _cleanup_reply_ =
        world_ask_as(&w, w.stranger, "GET", "/v1/programs", bytes_of_text(""));
    assert_int_equal(json_array_size(json_object_get(list.json, "programs")), 0);
}

static void compiler_messages_reach_the_user_as_they_are(void **state)
{
    char manifest[65];
    char source[65];
    char path[256];
    (void)state;
    put_manifest("broken", w.owner_spki, manifest);
    world_put_blob(&w, bytes_of_text("bad"), source);
    struct reply added _cleanup_reply_ = add("broken", manifest, "source", source);
    assert_int_equal(added.status, 201);
    struct reply build _cleanup_reply_ =
        world_ask_text(&w, "POST", "/v1/programs/broken/builds", "{}");
    snprintf(path, sizeof(path), "/v1/builds/%s?wait=10", build.id);
    struct reply ended _cleanup_reply_ = world_ask_text(&w, "GET", path, "");
    assert_string_equal(reply_text(&ended, "state"), "failed");
    assert_string_equal(reply_text(&ended, "messages"), "bad.c:1:1: error: no");
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(ended.json, "error"), "code")),
        "build.compiler");
    struct reply run _cleanup_reply_ = world_ask_text(&w, "POST", "/v1/programs/broken/runs", "{}");
    assert_reply(&run, 409, "program.not-built");
}

static void a_build_under_way_is_shared_and_survives_the_launcher(void **state)
{
    char manifest[65];
    char source[65];
    char path[256];
    (void)state;
    put_manifest("slow", w.owner_spki, manifest);
    world_put_blob(&w, bytes_of_text("slow source"), source);
    struct reply added _cleanup_reply_ = add("slow", manifest, "source", source);
    w.silent = true;
    struct reply one _cleanup_reply_ = world_ask_text(&w, "POST", "/v1/programs/slow/builds", "");
    struct reply two _cleanup_reply_ = world_ask_text(&w, "POST", "/v1/programs/slow/builds", "");
    assert_string_equal(one.id, two.id);
    world_kill_launcher(&w);
    w.silent = false;
    world_start_launcher(&w);
    snprintf(path, sizeof(path), "/v1/builds/%s?wait=10", one.id);
    struct reply ended _cleanup_reply_ = world_ask_text(&w, "GET", path, "");
    assert_string_equal(reply_text(&ended, "state"), "done");
}

static void an_executable_needs_no_build(void **state)
{
    char manifest[65];
    char executable[65];
    (void)state;
    put_manifest("ready", w.owner_spki, manifest);
    world_put_blob(&w,
                   bytes_of_text("\x7f"
                                 "ELF"),
                   executable);
    struct reply added _cleanup_reply_ = add("ready", manifest, "executable", executable);
    assert_int_equal(added.status, 201);
    assert_string_equal(reply_text(&added, "state"), "built");
    struct reply build _cleanup_reply_ =
        world_ask_text(&w, "POST", "/v1/programs/ready/builds", "{}");
    assert_reply(&build, 422, "build.source");
}

static void services_are_put_listed_and_deleted(void **state)
{
    (void)state;
    struct reply put _cleanup_reply_ =
        world_ask_text(&w, "PUT", "/v1/services/store", "{\"url\":\"https://127.0.0.1:9\"}");
    assert_int_equal(put.status, 201);
    struct reply again _cleanup_reply_ =
        world_ask_text(&w, "PUT", "/v1/services/store", "{\"url\":\"https://127.0.0.1:10\"}");
    assert_int_equal(again.status, 200);
    struct reply list _cleanup_reply_ = world_ask_text(&w, "GET", "/v1/services", "");
    assert_int_equal(json_array_size(json_object_get(list.json, "services")), 1);
    struct reply other _cleanup_reply_ =
        world_ask_as(&w, w.stranger, "GET", "/v1/services", bytes_of_text(""));
    assert_int_equal(json_array_size(json_object_get(other.json, "services")), 0);
    struct reply gone _cleanup_reply_ = world_ask_text(&w, "DELETE", "/v1/services/store", "");
    assert_int_equal(gone.status, 204);
    struct reply none _cleanup_reply_ = world_ask_text(&w, "DELETE", "/v1/services/store", "");
    assert_reply(&none, 404, "api.not-found");
}

static void a_service_needs_a_plain_url(void **state)
{
    static const char *const URLS[] = {"ftp://a",     "https://a/path",     "https://",   "a",
                                       "https://a b", "file:///etc/passwd", "https://u@a"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(URLS); i++) {
        char body[128];
        snprintf(body, sizeof(body), "{\"url\":\"%s\"}", URLS[i]);
        struct reply r _cleanup_reply_ = world_ask_text(&w, "PUT", "/v1/services/store", body);
        assert_reply(&r, 400, "api.field");
    }
    struct reply name _cleanup_reply_ =
        world_ask_text(&w, "PUT", "/v1/services/a;b", "{\"url\":\"https://a\"}");
    assert_reply(&name, 400, "name.invalid");
}

static void a_small_route_takes_no_large_body(void **state)
{
    uint8_t *data = alloc_zero(KIB(64), 1);
    (void)state;
    struct reply r _cleanup_reply_ = world_ask(&w, "POST", "/v1/programs", bytes_of(data, KIB(64)));
    assert_reply(&r, 413, "http.body-too-large");
    free(data);
}

static void a_second_launcher_on_the_port_is_refused(void **state)
{
    struct launcher_config config = w.config;
    struct idevs_error err;
    char listen[64];
    char folder[128];
    (void)state;
    snprintf(listen, sizeof(listen), "127.0.0.1:%u", launcher_port(w.launcher));
    snprintf(folder, sizeof(folder), "%s/second", w.folder);
    config.listen = listen;
    config.state = folder;
    assert_null(launcher_start(w.base, &config, &err));
    assert_refused(&err, "port.in-use");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(health_needs_no_owner_and_names_the_toolchain),
        cmocka_unit_test(back_ends_are_listed_with_what_is_missing),
        cmocka_unit_test(a_client_without_an_owners_key_is_refused),
        cmocka_unit_test(an_unknown_path_or_method_is_refused),
        cmocka_unit_test(a_blob_is_named_by_its_digest),
        cmocka_unit_test(another_owners_blob_is_not_found),
        cmocka_unit_test(bad_names_are_refused),
        cmocka_unit_test(an_empty_source_is_refused),
        cmocka_unit_test(a_source_over_16_mib_is_refused),
        cmocka_unit_test(a_manifest_that_is_none_is_refused),
        cmocka_unit_test(a_manifest_of_another_name_or_owner_is_refused),
        cmocka_unit_test(a_program_without_blobs_is_refused),
        cmocka_unit_test(json_that_is_none_is_refused),
        cmocka_unit_test(a_program_is_added_built_shown_and_deleted),
        cmocka_unit_test(the_same_program_again_is_no_conflict_but_another_is),
        cmocka_unit_test(another_owners_program_is_not_found),
        cmocka_unit_test(compiler_messages_reach_the_user_as_they_are),
        cmocka_unit_test(a_build_under_way_is_shared_and_survives_the_launcher),
        cmocka_unit_test(an_executable_needs_no_build),
        cmocka_unit_test(services_are_put_listed_and_deleted),
        cmocka_unit_test(a_service_needs_a_plain_url),
        cmocka_unit_test(a_small_route_takes_no_large_body),
        cmocka_unit_test(a_second_launcher_on_the_port_is_refused),
    };
    return cmocka_run_group_tests(tests, make, end);
}
