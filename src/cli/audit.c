/* audit: whether a source is what runs under a certificate, by compiling it again here. Believes
 * the authority for what the certificate says, and nobody for the rest. */
#include "base/alloc.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/cert.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define WARDEN "idevs-warden"

struct audit {
    const char *folder;
    char *source;
    char *manifest;
    uint8_t of_source[SHA256_LEN];
    uint8_t of_manifest[SHA256_LEN];
    uint8_t of_toolchain[SHA256_LEN];
    uint8_t of_executable[SHA256_LEN];
};

static void audit_release(struct audit *a)
{
    free(a->source);
    free(a->manifest);
}

/* ---- what is audited ---- */

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name);
    size_t m = strlen(end);

    return n > m && strcmp(name + n - m, end) == 0;
}

/* The one file of the folder whose name ends so. */
static bool find_one(const char *folder, const char *end, char **ret, struct idevs_error *ret_err)
{
    DIR *dir = opendir(folder);
    size_t n = 0;

    if (!dir)
        return refuse_errno(ret_err, "file.unreadable", folder);
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        if (e->d_name[0] == '.' || !ends_with(e->d_name, end))
            continue;
        if (n++ == 0)
            *ret = alloc_format("%s/%s", folder, e->d_name);
    }
    closedir(dir);
    return n == 1 || refuse(ret_err, "audit.files", "%zu files *%s in %s", n, end, folder);
}

static bool measure_both(struct audit *a, struct idevs_error *ret_err)
{
    return find_one(a->folder, ".c", &a->source, ret_err) &&
           find_one(a->folder, ".yaml", &a->manifest, ret_err) &&
           measure(a->source, a->of_source, ret_err) &&
           measure(a->manifest, a->of_manifest, ret_err);
}

/* ---- compiling it again ---- */

/* "HEX  executable LF HEX  toolchain LF", and nothing else. */
static bool read_digests(struct bytes text, struct audit *ret)
{
    static const char *const NAMES[] = {"  executable\n", "  toolchain\n"};
    uint8_t *const digests[] = {ret->of_executable, ret->of_toolchain};

    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        size_t n = strlen(NAMES[i]);
        size_t hex = 2 * SHA256_LEN;
        if (text.len < hex + n || memcmp(text.data + hex, NAMES[i], n) != 0 ||
            !hex_exactly(bytes_of(text.data, hex), digests[i], SHA256_LEN))
            return false;
        text = bytes_of(text.data + hex + n, text.len - hex - n);
    }
    return text.len == 0;
}

/* Its standard error is ours: what the compiler and the warden say is for whoever audits. */
static bool spawn(char *const *argv, int output, pid_t *ret)
{
    posix_spawn_file_actions_t actions;
    bool ok = posix_spawn_file_actions_init(&actions) == 0;

    if (!ok)
        return false;
    ok = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO) == 0;
    if (ok) {
        errno = posix_spawnp(ret, WARDEN, &actions, NULL, argv, environ);
        ok = errno == 0;
    }
    posix_spawn_file_actions_destroy(&actions);
    return ok;
}

static bool run_warden(char *const *argv, struct audit *ret, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer said = buffer_up_to(512);
    int output[2];
    pid_t pid;
    int status = -1;

    if (pipe2(output, O_CLOEXEC) < 0)
        return refuse_errno(ret_err, "audit.rebuild", "a pipe");
    bool started = spawn(argv, output[1], &pid);
    close(output[1]);
    if (!started) {
        close(output[0]);
        return refuse_errno(ret_err, "audit.rebuild", WARDEN);
    }
    bool heard = fd_read_to_end(output[0], &said);
    close(output[0]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return refuse(ret_err, "audit.rebuild", "`" WARDEN " build` ended with %s %d",
                      WIFEXITED(status) ? "status" : "signal",
                      WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    return (heard && read_digests(buffer_bytes(&said), ret)) ||
           refuse(ret_err, "audit.rebuild", "an answer of another version of " WARDEN);
}

static bool compile_again(struct audit *a, const char *toolchain, const char *back_end,
                          struct idevs_error *ret_err)
{
    char manifest[2 * SHA256_LEN + 1];

    hex_text(a->of_manifest, SHA256_LEN, manifest);
    const char *const argv[] = {WARDEN,       "build",   "--toolchain", toolchain,
                                "--source",   a->source, "--manifest",  manifest,
                                "--back-end", back_end,  NULL};
    return run_warden((char *const *)argv, a, ret_err);
}

/* ---- the verdict ---- */

/* `code` when the certificate claims another. */
static bool claims(const struct eat_digest *claimed, const uint8_t mine[SHA256_LEN],
                   const char *code, struct idevs_error *ret_err)
{
    char expected[2 * SHA256_LEN + 1];
    char found[2 * SHA256_LEN + 1];

    if (claimed->present && memcmp(claimed->sha256, mine, SHA256_LEN) == 0)
        return true;
    hex_text(claimed->sha256, SHA256_LEN, expected);
    hex_text(mine, SHA256_LEN, found);
    return refuse_expecting(ret_err, code, claimed->present ? expected : "a digest", "%s", found);
}

static bool audit(struct audit *a, const struct eat_claims *c, const char *toolchain,
                  struct idevs_error *ret_err)
{
    if (!c->source.present || !c->toolchain.present)
        return refuse(ret_err, "audit.certificate", "a program that no warden compiled");
    return measure_both(a, ret_err) && claims(&c->source, a->of_source, "audit.source", ret_err) &&
           claims(&c->manifest, a->of_manifest, "audit.manifest", ret_err) &&
           compile_again(a, toolchain, c->back_end, ret_err) &&
           claims(&c->toolchain, a->of_toolchain, "audit.toolchain", ret_err) &&
           claims(&c->executable, a->of_executable, "audit.executable", ret_err);
}

static void print_verdict(const struct cli *cli, const struct shown *s, const struct audit *a)
{
    char executable[2 * SHA256_LEN + 1];

    hex_text(a->of_executable, SHA256_LEN, executable);
    if (cli->json) {
        _cleanup_json_ json_t *j = json_pack("{s:s,s:s,s:s,s:s}", "verdict", "same", "program",
                                             s->uri, "source", a->source, "executable", executable);
        print_json(j);
        return;
    }
    printf("%s\nwith %s, compiled here by the toolchain of the certificate, is\n%s,\n"
           "which is what runs as %s.\n",
           a->source, a->manifest, executable, s->uri);
}

static bool run_audit(const struct cli *cli, const struct arguments *arguments,
                      struct idevs_error *ret_err)
{
    struct shown shown _cleanup_shown_ = {0};
    _cleanup_(audit_release) struct audit a = {0};
    const char *anchors;
    const char *toolchain;

    if (!argument_required(arguments, "--source", &a.folder, ret_err) ||
        !argument_required(arguments, "--toolchain", &toolchain, ret_err) ||
        !argument_required(arguments, "--anchors", &anchors, ret_err) ||
        !cert_read(cli, arguments->positional[0], &shown, ret_err) ||
        !cert_verify(&shown, anchors, ret_err) || !audit(&a, &shown.claims, toolchain, ret_err))
        return false;
    print_verdict(cli, &shown, &a);
    return true;
}

static const char *const OPTIONS[] = {"--source=DIR", "--toolchain=DIR", "--anchors=FILE", NULL};

const struct command AUDIT_COMMANDS[] = {
    {NULL, "audit", "FILE|RUN --source DIR --toolchain DIR --anchors FILE",
     "whether the source in DIR is what runs: compiles it again, as root", OPTIONS, 1, 1,
     run_audit},
    {0},
};
