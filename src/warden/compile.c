#include "warden/compile.h"
#include "base/alloc.h"
#include "base/fd.h"
#include "base/text.h"
#include "warden/back_ends.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __x86_64__
#define CONTROL_FLOW "-fcf-protection=full"
#else
#define CONTROL_FLOW "-fcf-protection=none" /* the compiler knows no other here */
#endif
#define CUT "\n[the compiler said more than fits here]\n"

static const struct compartment_back_end *back_end(void)
{
    return back_ends_compiler();
}

struct compilation {
    struct compartment *compartment;
    int work;
    int output;
    bool cut;
    struct buffer text;
};

/* The same source, manifest and toolchain give the same bytes anywhere: one folder, one file name,
 * one date, no randomness, and a build id that is what it was made of. The back end's flags stand
 * between these two. */
static const char *const ALWAYS[] = {
    "/usr/bin/gcc", "-std=gnu17", "-O2", "-g", "-Wall", "-Wextra", "-Wdate-time",
};
static const char *const HARDENED[] = {
    "-fstack-protector-strong",
    "-U_FORTIFY_SOURCE",
    "-D_FORTIFY_SOURCE=2",
    "-fstack-clash-protection",
    CONTROL_FLOW,
    "-ftrivial-auto-var-init=zero",
    "-ffile-prefix-map=/work=.",
    "-frandom-seed=idevs",
    "-fno-lto",
    "-fno-use-linker-plugin",
    "-fdiagnostics-color=never",
    "-Wl,-z,relro,-z,now,-z,noexecstack",
};
static const char *const FILES[] = {
    "-o", "program", "program.c", "-lidevs", "-ljansson", "-lcrypto", "-lm",
};

/* An argument vector. */
struct vector {
    const char *at[LIMIT_COMPILER_ARGUMENTS + 1]; /* ends with NULL */
    size_t n;
};

static void add(struct vector *v, const char *const *arguments, size_t n)
{
    for (size_t i = 0; i < n && v->n < LIMIT_COMPILER_ARGUMENTS; i++)
        v->at[v->n++] = arguments[i];
}

static size_t count(const char *const *flags)
{
    size_t n = 0;

    while (flags[n])
        n++;
    return n;
}

static bool start_compiler(struct compilation *c, const struct compilation_order *order, int output,
                           struct idevs_error *ret_err)
{
    static const char *const envp[] = {"PATH=/usr/bin", "LC_ALL=C", "TMPDIR=/work",
                                       "SOURCE_DATE_EPOCH=0", NULL};
    char build_id[32 + 2 * SHA256_LEN] = "-Wl,--build-id=0x";
    const char *const last = build_id;
    struct vector v = {.n = 0};

    hex_text(order->identity, SHA256_LEN, build_id + strlen(build_id));
    add(&v, ALWAYS, ARRAY_LEN(ALWAYS));
    add(&v, order->flags, count(order->flags));
    add(&v, HARDENED, ARRAY_LEN(HARDENED));
    add(&v, &last, 1);
    add(&v, FILES, ARRAY_LEN(FILES));
    const struct compartment_spec spec = {
        .profile = COMPARTMENT_COMPILE,
        .uid = order->uid,
        .memory = LIMIT_BUILD_MEMORY,
        .processes = LIMIT_BUILD_PROCESSES,
        .executable = -1,
        .channel = -1,
        .attester = -1,
        .root = order->toolchain,
        .work = c->work,
        .output = output,
        .argv = v.at,
        .envp = envp,
    };

    return back_end()->start(&spec, &c->compartment, ret_err);
}

static bool put_source(int work, struct bytes source)
{
    _cleanup_fd_ int fd =
        openat(work, "program.c", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);

    return fd >= 0 && fd_write_all(fd, source.data, source.len) && fchmod(fd, 0444) == 0;
}

bool compilation_start(const struct compilation_order *order, struct compilation **ret,
                       struct idevs_error *ret_err)
{
    struct compilation *c = alloc_zero(1, sizeof(*c));
    int output[2] = {-1, -1};

    c->output = -1;
    c->text = buffer_up_to(LIMIT_COMPILER_TEXT);
    c->work = compartment_work(LIMIT_BUILD_WORK);
    bool ok = c->work >= 0 && put_source(c->work, order->source) && pipe2(output, O_CLOEXEC) == 0 &&
              fcntl(output[0], F_SETFL, O_NONBLOCK) == 0;
    if (!ok)
        refuse_errno(ret_err, "compartment.unavailable", "folder for the compiler");
    c->output = output[0];
    ok = ok && start_compiler(c, order, output[1], ret_err);
    fd_close(&output[1]);
    if (!ok) {
        compilation_free(c);
        return false;
    }
    *ret = c;
    return true;
}

int compilation_output(const struct compilation *c)
{
    return c->output;
}

int compilation_watch(const struct compilation *c)
{
    return back_end()->watch(c->compartment);
}

/* Length of the UTF-8 sequence at `at` (RFC 3629), 0 when it is none. */
static size_t utf8_length(const uint8_t *at, size_t left)
{
    size_t n = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;

    if (n == 0 || n > left || at[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
        (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
        return 0;
    return n;
}

/* The compiler quotes the source, which may be anything. */
static void make_text(struct buffer *b)
{
    for (size_t i = 0; i < b->len;) {
        size_t n = utf8_length(b->data + i, b->len - i);
        bool control = n == 1 && (b->data[i] < 0x20 || b->data[i] == 0x7f) && b->data[i] != '\n' &&
                       b->data[i] != '\t';
        if (n == 0 || control)
            b->data[i] = '?';
        i += n ? n : 1;
    }
}

bool compilation_listen(struct compilation *c)
{
    char said[16384];
    ssize_t n = read(c->output, said, sizeof(said));

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    size_t room = LIMIT_COMPILER_TEXT - strlen(CUT) - c->text.len;
    size_t taken = c->cut ? 0 : (size_t)n < room ? (size_t)n : room;
    if (!c->cut && !buffer_append(&c->text, said, taken))
        return false;
    if (!c->cut && taken < (size_t)n)
        c->cut = buffer_append_text(&c->text, CUT); /* what follows is read and dropped */
    return n > 0;
}

void compilation_give_up(struct compilation *c)
{
    back_end()->kill(c->compartment, "build.limit");
}

static bool take_executable(struct compilation *c, struct buffer *executable,
                            struct idevs_error *ret_err)
{
    _cleanup_fd_ int fd =
        openat(c->work, "program", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return refuse(ret_err, "build.compiler", "no executable");
    if (st.st_size <= 0 || st.st_size > (off_t)executable->max || !fd_read_to_end(fd, executable))
        return refuse(ret_err, "build.limit", "an executable of %lld bytes", (long long)st.st_size);
    return true;
}

bool compilation_finish(struct compilation *c, struct buffer *executable,
                        struct idevs_error *ret_err)
{
    struct compartment_end end;

    if (!back_end()->wait(c->compartment, &end))
        return refuse(ret_err, "compartment.unavailable", "a compiler that still runs");
    while (compilation_listen(c) && errno != EAGAIN)
        ; /* what is left in the pipe: nobody writes to it any more */
    make_text(&c->text);
    if (end.code[0] == 0)
        return take_executable(c, executable, ret_err);
    if (strcmp(end.code, "compartment.limit") == 0 || strcmp(end.code, "build.limit") == 0)
        return refuse(ret_err, "build.limit", "%s", end.detail);
    return refuse(ret_err, "build.compiler", "the compiler: %s", end.detail);
}

struct bytes compilation_text(const struct compilation *c)
{
    return buffer_bytes(&c->text);
}

void compilation_free(struct compilation *c)
{
    if (!c)
        return;
    if (c->compartment)
        back_end()->destroy(c->compartment);
    fd_close(&c->output);
    fd_close(&c->work);
    buffer_free(&c->text);
    free(c);
}
