/* What a program is compiled with, gathered from this host's packages. Trusts the host: what is
 * gathered is what owners approve by its digest. */
#include "base/alloc.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/text.h"
#include "warden/gather.h"
#include "warden/toolchain.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct making {
    const struct toolchain_options *options;
    struct gather to;
};

/* Where the driver finds `name`: `-print-prog-name` answers a bare name for what is in PATH. */
static char *path_of_program(struct making *m, const char *name)
{
    _cleanup_text_ char *option = alloc_format("-print-prog-name=%s", name);
    const char *argv[] = {m->options->gcc, option, NULL};
    char *path = gather_line(&m->to, argv);

    if (path && path[0] != '/') {
        char *in_path = alloc_format("/usr/bin/%s", path);
        free_text(&path);
        path = in_path;
    }
    return path;
}

static bool put_programs(struct making *m)
{
    static const struct {
        const char *name;
        const char *to; /* NULL: where it is */
    } PROGRAMS[] = {
        {"cc1", NULL}, {"collect2", NULL}, {"as", "usr/bin/as"}, {"ld.bfd", "usr/bin/ld"}};
    bool ok = true;

    _cleanup_text_ char *driver = path_of_program(m, m->options->gcc);
    ok = driver && gather_program(&m->to, driver, "usr/bin/gcc");
    for (size_t i = 0; i < ARRAY_LEN(PROGRAMS) && ok; i++) {
        _cleanup_text_ char *path = path_of_program(m, PROGRAMS[i].name);
        ok = path && gather_program(&m->to, path, PROGRAMS[i].to ? PROGRAMS[i].to : path + 1);
    }
    return ok;
}

/* ---- objects and libraries to link with ---- */

static bool put_link_input(struct making *m, const char *name, bool optional)
{
    _cleanup_text_ char *option = alloc_format("-print-file-name=%s", name);
    const char *argv[] = {m->options->gcc, option, NULL};
    _cleanup_text_ char *found = gather_line(&m->to, argv);
    char path[PATH_MAX];

    if (!found)
        return false;
    if (found[0] != '/' || !realpath(found, path))
        return optional || refuse(m->to.err, "build.toolchain", "%s is not installed", name);
    _cleanup_text_ char *folder = alloc_text(path);
    *strrchr(folder, '/') = 0;
    _cleanup_text_ char *to = alloc_format("%s/%s", folder + 1, name);
    return gather_file(&m->to, path, to);
}

static bool put_link_inputs(struct making *m)
{
    static const char *const NEEDED[] = {
        "rcrt1.o",     "crti.o", "crtn.o", "crtbeginS.o",  "crtendS.o",   "libgcc.a",
        "libgcc_eh.a", "libc.a", "libm.a", "libjansson.a", "libcrypto.a",
    };
    /* Parts of libm, named by its linker script, and empty libraries of old names. */
    static const char *const OPTIONAL[] = {"libm-2.36.a", "libmvec.a", "libpthread.a", "libdl.a"};
    bool ok = true;

    for (size_t i = 0; i < ARRAY_LEN(NEEDED) && ok; i++)
        ok = put_link_input(m, NEEDED[i], false);
    for (size_t i = 0; i < ARRAY_LEN(OPTIONAL) && ok; i++)
        ok = put_link_input(m, OPTIONAL[i], true);
    _cleanup_text_ char *lib = alloc_format("usr/lib/%s/libidevs.a", m->to.triple);
    return ok && gather_file(&m->to, m->options->lib, lib);
}

/* libcrypto can look up hosts and load plug-ins, and the linker warns of each in every build that
 * is static. In a compartment these calls end the program: the warnings say nothing. */
static bool silence_libc(struct making *m)
{
    _cleanup_text_ char *libc = alloc_format("%s/usr/lib/%s/libc.a", m->to.root, m->to.triple);
    const char *argv[] = {"objcopy",
                          "--enable-deterministic-archives",
                          "--remove-section=.gnu.warning.dlopen",
                          "--remove-section=.gnu.warning.getaddrinfo",
                          "--remove-section=.gnu.warning.gethostbyname",
                          libc,
                          NULL};
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_TOOLCHAIN_OUTPUT);

    return gather_output(&m->to, argv, &b);
}

/* ---- headers: of the C library, the kernel's interface, jansson, the compiler, and ours ---- */

static bool put_header(struct making *m, const char *path)
{
    struct stat st;
    char target[PATH_MAX];

    if (lstat(path, &st) < 0)
        return refuse_errno(m->to.err, "build.toolchain", path);
    if (S_ISDIR(st.st_mode))
        return true;
    if (!S_ISLNK(st.st_mode))
        return gather_file(&m->to, path, path + 1);
    ssize_t n = readlink(path, target, sizeof(target) - 1);
    if (n < 0)
        return refuse_errno(m->to.err, "build.toolchain", path);
    target[n] = 0;
    return gather_link(&m->to, target, path + 1);
}

static bool put_headers_of_packages(struct making *m)
{
    static const char *const argv[] = {"dpkg-query",     "-L", "libc6-dev", "linux-libc-dev",
                                       "libjansson-dev", NULL};
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_TOOLCHAIN_OUTPUT);

    if (!gather_output(&m->to, argv, &b) || b.len == 0)
        return false;
    char *rest = (char *)b.data;
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n"))
        if (strncmp(line, "/usr/include/", 13) == 0 && !put_header(m, line))
            return false;
    return true;
}

static bool put_headers_of_compiler(struct making *m)
{
    const char *argv[] = {m->options->gcc, "-print-file-name=include", NULL};
    _cleanup_text_ char *folder = gather_line(&m->to, argv);
    const char *find[] = {"find", folder, "-type", "f", NULL};
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_TOOLCHAIN_OUTPUT);

    if (!folder || folder[0] != '/' || !gather_output(&m->to, find, &b) || b.len == 0)
        return refuse(m->to.err, "build.toolchain", "headers of the compiler are missing");
    char *rest = (char *)b.data;
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n"))
        if (*line && !gather_file(&m->to, line, line + 1))
            return false;
    return true;
}

static bool put_headers(struct making *m)
{
    _cleanup_text_ char *ours = alloc_format("%s/idevs.h", m->options->include);

    return put_headers_of_packages(m) && put_headers_of_compiler(m) &&
           gather_file(&m->to, ours, "usr/include/idevs.h");
}

/* ---- all of it ---- */

static bool write_digest(struct making *m, const uint8_t digest[SHA256_LEN])
{
    _cleanup_text_ char *path = alloc_format("%s.digest", m->options->out);
    char text[2 * SHA256_LEN + 2];

    hex_text(digest, SHA256_LEN, text);
    text[2 * SHA256_LEN] = '\n';
    return file_write(path, bytes_of(text, 2 * SHA256_LEN + 1), 0644, m->to.err);
}

static bool gather_all(struct making *m, uint8_t ret[SHA256_LEN])
{
    const char *machine[] = {m->options->gcc, "-dumpmachine", NULL};

    m->to.triple = gather_line(&m->to, machine);
    return m->to.triple && gather_folders(&m->to) && put_programs(m) && put_link_inputs(m) &&
           silence_libc(m) && put_headers(m) && toolchain_digest(m->to.root, ret, m->to.err) &&
           write_digest(m, ret);
}

bool toolchain_make(const struct toolchain_options *options, uint8_t ret[SHA256_LEN],
                    struct idevs_error *ret_err)
{
    struct making m = {.options = options};

    if (!gather_begin(&m.to, options->out, "build.toolchain", ret_err))
        return false;
    return gather_end(&m.to, gather_all(&m, ret));
}
