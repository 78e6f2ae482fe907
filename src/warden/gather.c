#include "warden/gather.h"
#include "base/alloc.h"
#include "base/fd.h"
#include "base/limits.h"

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

bool gather_output(struct gather *g, const char *const *argv, struct buffer *b)
{
    int out[2];
    pid_t pid;
    int status = -1;
    posix_spawn_file_actions_t actions;

    if (pipe2(out, O_CLOEXEC) < 0)
        return refuse_errno(g->err, g->code, argv[0]);
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
        return refuse(g->err, g->code, "`%s` does not work here", argv[0]);
    return buffer_append(b, "", 0);
}

char *gather_line(struct gather *g, const char *const *argv)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(PATH_MAX);

    if (!gather_output(g, argv, &b) || b.len < 2)
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

bool gather_file(struct gather *g, const char *from, const char *to)
{
    _cleanup_text_ char *path = alloc_format("%s/%s", g->root, to);
    _cleanup_text_ char *folder = alloc_text(path);
    struct stat st;

    *strrchr(folder, '/') = 0;
    if (!folder_make(folder, 0755, g->err))
        return false;
    _cleanup_fd_ int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0 || fstat(in, &st) < 0)
        return refuse_errno(g->err, g->code, from);
    if (!S_ISREG(st.st_mode) || st.st_size > (off_t)LIMIT_TOOLCHAIN_FILE)
        return refuse(g->err, g->code, "%s is no file, or too large", from);
    mode_t mode = st.st_mode & S_IXUSR ? 0755 : 0644;
    _cleanup_fd_ int out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (out < 0 && errno == EEXIST)
        return true; /* a library that several programs need */
    if (out < 0 || !copy_bytes(in, out) || fchmod(out, mode) < 0)
        return refuse_errno(g->err, g->code, path);
    return true;
}

bool gather_link(struct gather *g, const char *target, const char *to)
{
    _cleanup_text_ char *path = alloc_format("%s/%s", g->root, to);

    if (symlink(target, path) < 0)
        return refuse_errno(g->err, g->code, path);
    return true;
}

/* ---- programs and the shared libraries that they need ---- */

/* "name => /path (address)" or, for the loader, "/path (address)". */
static bool put_library_of_line(struct gather *g, char *line)
{
    char *path = strchr(line, '/');
    char *end = path ? strchr(path, ' ') : NULL;

    if (!end)
        return !strstr(line, "not found"); /* the kernel's own has no path */
    *end = 0;
    bool loader = !strstr(line, "=>");
    const char *name = strrchr(path, '/') + 1;
    _cleanup_text_ char *to =
        loader ? alloc_format("usr%s", path) : alloc_format("usr/lib/%s/%s", g->triple, name);
    return gather_file(g, path, to);
}

bool gather_program(struct gather *g, const char *from, const char *to)
{
    const char *argv[] = {"ldd", from, NULL};
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_TOOLCHAIN_OUTPUT);

    if (!gather_file(g, from, to) || !gather_output(g, argv, &b))
        return false;
    if (b.len == 0)
        return true; /* static */
    char *rest = (char *)b.data;
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n"))
        if (!put_library_of_line(g, line))
            return refuse(g->err, g->code, "a library of %s is missing", from);
    return true;
}

/* ---- the folder ---- */

bool gather_folders(struct gather *g)
{
    static const char *const FOLDERS[] = {"usr/lib64", "usr/lib", "usr/bin", "work"};

    for (size_t i = 0; i < ARRAY_LEN(FOLDERS); i++) {
        _cleanup_text_ char *path = alloc_format("%s/%s", g->root, FOLDERS[i]);
        if (!folder_make(path, 0755, g->err))
            return false;
    }
    return gather_link(g, "usr/lib", "lib") && gather_link(g, "usr/lib64", "lib64") &&
           gather_link(g, "usr/bin", "bin");
}

static bool refuse_existing(struct gather *g, const char *path)
{
    if (access(path, F_OK) == 0)
        return refuse_expecting(g->err, g->code, "a folder that is not there yet", "%s exists",
                                path);
    return true;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static void gather_free(struct gather *g)
{
    free_text(&g->folder);
    free_text(&g->root);
    free_text(&g->triple);
}

bool gather_begin(struct gather *ret, const char *out, const char *code,
                  struct idevs_error *ret_err)
{
    struct gather g = {.out = out, .code = code, .err = ret_err};

    umask(022);
    g.folder = alloc_format("%s.new", out);
    if (!refuse_existing(&g, out) || !refuse_existing(&g, g.folder)) {
        gather_free(&g);
        return false;
    }
    g.root = alloc_text(g.folder);
    *ret = g;
    return true;
}

bool gather_end(struct gather *g, bool whole)
{
    bool ok = whole;

    if (ok && rename(g->folder, g->out) < 0)
        ok = refuse_errno(g->err, "file.unwritable", g->out);
    if (!ok)
        nftw(g->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    gather_free(g);
    return ok;
}
