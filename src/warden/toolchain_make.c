/* What a program is compiled with, gathered from this host's packages. Trusts the host: what is
 * gathered is what owners approve by its digest. */
#include "base/alloc.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/text.h"
#include "warden/toolchain.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct making {
    const struct toolchain_options *options;
    char *root;   /* where it is gathered before it gets its name */
    char *triple; /* "x86_64-linux-gnu" */
    struct idevs_error *err;
};

static void making_free(struct making *m)
{
    free_text(&m->root);
    free_text(&m->triple);
}

/* The output of a command; false with a refusal when it fails. */
static bool output_of(struct making *m, const char *const *argv, struct buffer *b)
{
    int out[2];
    pid_t pid;
    int status = -1;
    posix_spawn_file_actions_t actions;

    if (pipe2(out, O_CLOEXEC) < 0)
        return refuse_errno(m->err, "build.toolchain", argv[0]);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    int error =
        posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    bool ok = error == 0 && fd_read_to_end(out[0], b);
    close(out[0]);
    if (error == 0)
        waitpid(pid, &status, 0);
    if (!ok || status != 0)
        return refuse(m->err, "build.toolchain", "`%s` does not work here", argv[0]);
    return buffer_append(b, "", 0);
}

static char *line_of(struct making *m, const char *const *argv)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(PATH_MAX);

    if (!output_of(m, argv, &b) || b.len < 2)
        return NULL;
    char *text = alloc_format("%s", (const char *)b.data);
    text[strcspn(text, "\n")] = 0;
    return text;
}

/* ---- copying ---- */

/* By sendfile: copy_file_range refuses to go from one kind of file system to another. */
static bool copy_bytes(int from, int to)
{
    for (;;) {
        ssize_t n = sendfile(to, from, NULL, MIB(64));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0;
    }
}

/* The file behind `from`, as `to` below the root; of its mode only "executable" is kept. */
static bool put_file(struct making *m, const char *from, const char *to)
{
    _cleanup_text_ char *path = alloc_format("%s/%s", m->root, to);
    _cleanup_text_ char *folder = alloc_text(path);
    struct stat st;

    *strrchr(folder, '/') = 0;
    if (!folder_make(folder, 0755, m->err))
        return false;
    _cleanup_fd_ int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0 || fstat(in, &st) < 0)
        return refuse_errno(m->err, "build.toolchain", from);
    if (!S_ISREG(st.st_mode) || st.st_size > (off_t)LIMIT_TOOLCHAIN_FILE)
        return refuse(m->err, "build.toolchain", "%s is no file, or too large", from);
    mode_t mode = st.st_mode & S_IXUSR ? 0755 : 0644;
    _cleanup_fd_ int out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (out < 0 && errno == EEXIST)
        return true; /* a library that several programs need */
    if (out < 0 || !copy_bytes(in, out) || fchmod(out, mode) < 0)
        return refuse_errno(m->err, "build.toolchain", path);
    return true;
}

static bool put_link(struct making *m, const char *target, const char *to)
{
    _cleanup_text_ char *path = alloc_format("%s/%s", m->root, to);

    if (symlink(target, path) < 0)
        return refuse_errno(m->err, "build.toolchain", path);
    return true;
}

/* ---- programs and the shared libraries that they need ---- */

/* "name => /path (address)" or, for the loader, "/path (address)". */
static bool put_library_of_line(struct making *m, char *line)
{
    char *path = strchr(line, '/');
    char *end = path ? strchr(path, ' ') : NULL;

    if (!end)
        return !strstr(line, "not found"); /* the kernel's own has no path */
    *end = 0;
    bool loader = !strstr(line, "=>");
    const char *name = strrchr(path, '/') + 1;
    _cleanup_text_ char *to =
        loader ? alloc_format("usr%s", path) : alloc_format("usr/lib/%s/%s", m->triple, name);
    return put_file(m, path, to);
}

static bool put_program(struct making *m, const char *from, const char *to)
{
    const char *argv[] = {"ldd", from, NULL};
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_TOOLCHAIN_OUTPUT);

    if (!put_file(m, from, to) || !output_of(m, argv, &b))
        return false;
    if (b.len == 0)
        return true; /* static */
    char *rest = (char *)b.data;
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n"))
        if (!put_library_of_line(m, line))
            return refuse(m->err, "build.toolchain", "a library of %s is missing", from);
    return true;
}

/* Where the driver finds `name`: `-print-prog-name` answers a bare name for what is in PATH. */
static char *path_of_program(struct making *m, const char *name)
{
    _cleanup_text_ char *option = alloc_format("-print-prog-name=%s", name);
    const char *argv[] = {m->options->gcc, option, NULL};
    char *path = line_of(m, argv);

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
    ok = driver && put_program(m, driver, "usr/bin/gcc");
    for (size_t i = 0; i < ARRAY_LEN(PROGRAMS) && ok; i++) {
        _cleanup_text_ char *path = path_of_program(m, PROGRAMS[i].name);
        ok = path && put_program(m, path, PROGRAMS[i].to ? PROGRAMS[i].to : path + 1);
    }
    return ok;
}

/* ---- objects and libraries to link with ---- */

static bool put_link_input(struct making *m, const char *name, bool optional)
{
    _cleanup_text_ char *option = alloc_format("-print-file-name=%s", name);
    const char *argv[] = {m->options->gcc, option, NULL};
    _cleanup_text_ char *found = line_of(m, argv);
    char path[PATH_MAX];

    if (!found)
        return false;
    if (found[0] != '/' || !realpath(found, path))
        return optional || refuse(m->err, "build.toolchain", "%s is not installed", name);
    _cleanup_text_ char *folder = alloc_text(path);
    *strrchr(folder, '/') = 0;
    _cleanup_text_ char *to = alloc_format("%s/%s", folder + 1, name);
    return put_file(m, path, to);
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
    _cleanup_text_ char *lib = alloc_format("usr/lib/%s/libidevs.a", m->triple);
    return ok && put_file(m, m->options->lib, lib);
}

/* libcrypto can look up hosts and load plug-ins, and the linker warns of each in every build that
 * is static. In a compartment these calls end the program: the warnings say nothing. */
static bool silence_libc(struct making *m)
{
    _cleanup_text_ char *libc = alloc_format("%s/usr/lib/%s/libc.a", m->root, m->triple);
    const char *argv[] = {"objcopy",
                          "--enable-deterministic-archives",
                          "--remove-section=.gnu.warning.dlopen",
                          "--remove-section=.gnu.warning.getaddrinfo",
                          "--remove-section=.gnu.warning.gethostbyname",
                          libc,
                          NULL};
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_TOOLCHAIN_OUTPUT);

    return output_of(m, argv, &b);
}

/* ---- headers: of the C library, the kernel's interface, jansson, the compiler, and ours ---- */

static bool put_header(struct making *m, const char *path)
{
    struct stat st;
    char target[PATH_MAX];

    if (lstat(path, &st) < 0)
        return refuse_errno(m->err, "build.toolchain", path);
    if (S_ISDIR(st.st_mode))
        return true;
    if (!S_ISLNK(st.st_mode))
        return put_file(m, path, path + 1);
    ssize_t n = readlink(path, target, sizeof(target) - 1);
    if (n < 0)
        return refuse_errno(m->err, "build.toolchain", path);
    target[n] = 0;
    return put_link(m, target, path + 1);
}

static bool put_headers_of_packages(struct making *m)
{
    static const char *const argv[] = {"dpkg-query",     "-L", "libc6-dev", "linux-libc-dev",
                                       "libjansson-dev", NULL};
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_TOOLCHAIN_OUTPUT);

    if (!output_of(m, argv, &b) || b.len == 0)
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
    _cleanup_text_ char *folder = line_of(m, argv);
    const char *find[] = {"find", folder, "-type", "f", NULL};
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_TOOLCHAIN_OUTPUT);

    if (!folder || folder[0] != '/' || !output_of(m, find, &b) || b.len == 0)
        return refuse(m->err, "build.toolchain", "headers of the compiler are missing");
    char *rest = (char *)b.data;
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n"))
        if (*line && !put_file(m, line, line + 1))
            return false;
    return true;
}

static bool put_headers(struct making *m)
{
    _cleanup_text_ char *ours = alloc_format("%s/idevs.h", m->options->include);

    return put_headers_of_packages(m) && put_headers_of_compiler(m) &&
           put_file(m, ours, "usr/include/idevs.h");
}

/* ---- all of it ---- */

static bool put_folders(struct making *m)
{
    static const char *const FOLDERS[] = {"usr/lib64", "usr/lib", "usr/bin", "work"};

    for (size_t i = 0; i < ARRAY_LEN(FOLDERS); i++) {
        _cleanup_text_ char *path = alloc_format("%s/%s", m->root, FOLDERS[i]);
        if (!folder_make(path, 0755, m->err))
            return false;
    }
    return put_link(m, "usr/lib", "lib") && put_link(m, "usr/lib64", "lib64") &&
           put_link(m, "usr/bin", "bin");
}

static bool write_digest(struct making *m, const uint8_t digest[SHA256_LEN])
{
    _cleanup_text_ char *path = alloc_format("%s.digest", m->options->out);
    char text[2 * SHA256_LEN + 2];

    hex_text(digest, SHA256_LEN, text);
    text[2 * SHA256_LEN] = '\n';
    return file_write(path, bytes_of(text, 2 * SHA256_LEN + 1), 0644, m->err);
}

static bool refuse_existing(const char *path, struct idevs_error *ret_err)
{
    if (access(path, F_OK) == 0)
        return refuse_expecting(ret_err, "build.toolchain", "a folder that is not there yet",
                                "%s exists", path);
    return true;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static bool gather(struct making *m, uint8_t ret[SHA256_LEN])
{
    const char *machine[] = {m->options->gcc, "-dumpmachine", NULL};

    m->triple = line_of(m, machine);
    return m->triple && put_folders(m) && put_programs(m) && put_link_inputs(m) &&
           silence_libc(m) && put_headers(m) && toolchain_digest(m->root, ret, m->err) &&
           write_digest(m, ret);
}

bool toolchain_make(const struct toolchain_options *options, uint8_t ret[SHA256_LEN],
                    struct idevs_error *ret_err)
{
    _cleanup_(making_free) struct making m = {.options = options, .err = ret_err};

    umask(022);
    m.root = alloc_format("%s.new", options->out);
    if (!refuse_existing(options->out, ret_err) || !refuse_existing(m.root, ret_err))
        return false;
    bool ok = gather(&m, ret);
    if (ok && rename(m.root, options->out) < 0)
        ok = refuse_errno(ret_err, "file.unwritable", options->out);
    if (!ok)
        nftw(m.root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return ok;
}
