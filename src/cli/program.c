/* program add|list|show|rm|build. */
#include "base/clock.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/text.h"
#include "cli/cli.h"
#include "crypto/digest.h"
#include "document/manifest_yaml.h"

#include <stdio.h>
#include <string.h>

static bool upload(const struct cli *cli, struct bytes content, char ret_digest[2 * SHA256_LEN + 1],
                   struct idevs_error *ret_err)
{
    uint8_t digest[SHA256_LEN];
    char path[128];
    _cleanup_buffer_ struct buffer answer = buffer_up_to(LIMIT_JSON);

    sha256(content, digest);
    hex_text(digest, sizeof(digest), ret_digest);
    snprintf(path, sizeof(path), "/v1/blobs/%s", ret_digest);
    const struct ask ask = {.peer = PEER_LAUNCHER,
                            .method = "PUT",
                            .path = path,
                            .type = "application/octet-stream",
                            .body = content};
    return remote_ask(cli, &ask, &answer, ret_err);
}

static bool read_source(const char *file, bool executable, struct buffer *b,
                        struct idevs_error *ret_err)
{
    if (!file_read(file, b, ret_err))
        return error_is(ret_err, "file.too-large") && !executable
                   ? refuse(ret_err, "build.source", "%s is larger than 16 MiB", file)
                   : false;
    if (b->len == 0)
        return refuse(ret_err, "build.source", "%s is empty", file);
    return true;
}

bool add_program(const struct cli *cli, const char *file, const char *manifest, bool executable,
                 json_t **ret, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer source =
        buffer_up_to(executable ? LIMIT_EXECUTABLE : LIMIT_SOURCE);
    _cleanup_buffer_ struct buffer cbor = buffer_up_to(LIMIT_MANIFEST);
    struct manifest m;
    char source_digest[2 * SHA256_LEN + 1];
    char manifest_digest[2 * SHA256_LEN + 1];

    if (!manifest_from_yaml(manifest, &cbor, ret_err) ||
        !manifest_decode(buffer_bytes(&cbor), &m, ret_err) ||
        !read_source(file, executable, &source, ret_err))
        return false;
    progress(cli, "uploading %s (%zu bytes)", file, source.len);
    bool uploaded = upload(cli, buffer_bytes(&source), source_digest, ret_err) &&
                    upload(cli, buffer_bytes(&cbor), manifest_digest, ret_err);
    progress(cli, "%s", "");
    if (!uploaded)
        return false;
    _cleanup_json_ json_t *body =
        json_pack("{s:s, s:s, s:s}", "name", m.program, "manifest", manifest_digest,
                  executable ? "executable" : "source", source_digest);
    *ret = launcher_ask(cli, "POST", body, ret_err, "/v1/programs");
    return *ret != NULL;
}

static void print_program(const json_t *p)
{
    char created[32];

    time_of(p, "created", created);
    printf("%s\n  state       %s\n  source      %s\n  executable  %s\n  manifest    %s\n"
           "  toolchain   %s\n  created     %s\n",
           text_of(p, "name"), text_of(p, "state"), text_of(p, "source"), text_of(p, "executable"),
           text_of(p, "manifest"), text_of(p, "toolchain"), created);
}

static bool run_add(const struct cli *cli, const struct arguments *a, struct idevs_error *ret_err)
{
    const char *manifest;
    _cleanup_json_ json_t *program = NULL;

    if (!argument_required(a, "--manifest", &manifest, ret_err) ||
        !add_program(cli, a->positional[0], manifest, argument_given(a, "--executable"), &program,
                     ret_err))
        return false;
    if (cli->json)
        print_json(program);
    else
        print_program(program);
    return true;
}

static void print_row(const json_t *program)
{
    printf("%-24s %-10s %.16s\n", text_of(program, "name"), text_of(program, "state"),
           text_of(program, "executable"));
}

static bool run_list(const struct cli *cli, const struct arguments *a, struct idevs_error *ret_err)
{
    _cleanup_json_ json_t *answer = launcher_ask(cli, "GET", NULL, ret_err, "/v1/programs");

    (void)a;
    if (!answer)
        return false;
    if (!cli->json)
        printf("%-24s %-10s %s\n", "PROGRAM", "STATE", "EXECUTABLE");
    print_rows(cli, answer, "programs", print_row);
    return true;
}

static bool valid_name(const char *name, struct idevs_error *ret_err)
{
    return name_is_valid(name, LIMIT_PROGRAM_NAME) || refuse(ret_err, "name.invalid", "%s", name);
}

static bool run_show(const struct cli *cli, const struct arguments *a, struct idevs_error *ret_err)
{
    if (!valid_name(a->positional[0], ret_err))
        return false;
    _cleanup_json_ json_t *p =
        launcher_ask(cli, "GET", NULL, ret_err, "/v1/programs/%s", a->positional[0]);
    if (!p)
        return false;
    if (cli->json)
        print_json(p);
    else
        print_program(p);
    return true;
}

static bool run_rm(const struct cli *cli, const struct arguments *a, struct idevs_error *ret_err)
{
    if (!valid_name(a->positional[0], ret_err) ||
        !launcher_tell(cli, "DELETE", NULL, ret_err, "/v1/programs/%s", a->positional[0]))
        return false;
    print_done(cli, "removed %s", a->positional[0]);
    return true;
}

/* ---- build ---- */

static long long id_of(const json_t *object)
{
    return (long long)json_integer_value(json_object_get(object, "id"));
}

static json_t *wait_for_build(const struct cli *cli, long long id, struct idevs_error *ret_err)
{
    int64_t since = clock_unix();

    for (;;) {
        progress(cli, "compiling, %lld s", (long long)(clock_unix() - since));
        json_t *build =
            launcher_ask(cli, "GET", NULL, ret_err, "/v1/builds/%lld?wait=%d", id, patience(cli));
        if (!build || strcmp(text_of(build, "state"), "running") != 0) {
            progress(cli, "%s", "");
            return build;
        }
        json_decref(build);
    }
}

/* The refusal that a failed run or build carries in its `error`. */
static bool refused_in(const json_t *object, const char *otherwise, struct idevs_error *ret_err)
{
    const json_t *error = json_object_get(object, "error");

    if (!json_is_object(error))
        return refuse(ret_err, otherwise, "the launcher gives no reason");
    return refuse_expecting(ret_err, text_of(error, "code"), text_of(error, "expected"), "%s",
                            text_of(error, "found"));
}

bool build_program(const struct cli *cli, const char *name, json_t **ret,
                   struct idevs_error *ret_err)
{
    if (!valid_name(name, ret_err))
        return false;
    _cleanup_json_ json_t *started =
        launcher_ask(cli, "POST", NULL, ret_err, "/v1/programs/%s/builds", name);
    if (!started)
        return false;
    *ret = wait_for_build(cli, id_of(started), ret_err);
    if (!*ret)
        return false;
    const char *messages = json_string_value(json_object_get(*ret, "messages"));
    if (messages && messages[0])
        fputs(messages, stderr); /* the compiler's words as they are */
    if (strcmp(text_of(*ret, "state"), "done") != 0)
        return refused_in(*ret, "build.compiler", ret_err);
    return true;
}

static bool run_build(const struct cli *cli, const struct arguments *a, struct idevs_error *ret_err)
{
    _cleanup_json_ json_t *build = NULL;

    if (!build_program(cli, a->positional[0], &build, ret_err))
        return false;
    if (cli->json)
        print_json(build);
    else
        printf("%s\n  executable  %s\n  toolchain   %s\n  took        %lld ms%s\n",
               a->positional[0], text_of(build, "executable"), text_of(build, "toolchain"),
               (long long)json_integer_value(json_object_get(build, "milliseconds")),
               json_is_true(json_object_get(build, "cached")) ? ", unchanged since it was compiled"
                                                              : "");
    return true;
}

static const char *const ADD_OPTIONS[] = {"--manifest=FILE", "--executable", NULL};

const struct command PROGRAM_COMMANDS[] = {
    {"program", "add", "FILE --manifest FILE", "upload a source (or --executable) and its manifest",
     ADD_OPTIONS, 1, 1, run_add},
    {"program", "list", "", "your programs", NULL, 0, 0, run_list},
    {"program", "show", "NAME", "one program", NULL, 1, 1, run_show},
    {"program", "rm", "NAME", "remove a program that does not run", NULL, 1, 1, run_rm},
    {"program", "build", "NAME", "compile it in a compartment", NULL, 1, 1, run_build},
    {0},
};
