/* A kernel's configfs-tsm, recorded: a folder of files, and around it calls that do what the real
 * one does when it is written to, and what a test wants to go wrong. Include after test.h. */
#ifndef IDEVS_TESTS_UNIT_ATTESTER_RECORDED_TREE_H
#define IDEVS_TESTS_UNIT_ATTESTER_RECORDED_TREE_H

#include "attester/tsm.h"
#include "base/fd.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
    char root[64];
    /* What it holds. */
    const char *provider;
    struct bytes outblob;
    struct bytes auxblob;
    bool has_aux;
    const char *level; /* privlevel_floor; NULL: the kernel shows no levels */
    uint64_t generation;
    uint8_t inblob[REPORT_DATA_LEN];
    char asked_level[8]; /* privlevel */
    /* What the firmware does with what was written; may be NULL. */
    void (*firmware)(void);
    /* What goes wrong. */
    int create_fails;       /* errno of every mkdir */
    unsigned names_taken;   /* mkdirs that meet a folder */
    const char *read_fails; /* attribute whose reads fail */
    int read_errno;
    unsigned n_failures;     /* so often */
    unsigned foreign_writes; /* times that somebody else writes while the report is read */
    unsigned writes_lost;    /* writes that the kernel takes and drops */
    size_t read_at_most;     /* bytes that one read gives; 0: any */
    size_t write_at_most;
    /* What was seen. */
    uint8_t written[REPORT_DATA_LEN]; /* and not yet taken */
    size_t written_len;
    char open_name[32];
    unsigned n_created;
    unsigned n_removed;
    unsigned n_written;
    unsigned n_pauses;
} tree;

static inline void tree_put(const char *folder, const char *name, struct bytes content)
{
    char path[LIMIT_TSM_PATH];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && fd_write_all(fd, content.data, content.len) && close(fd) == 0);
}

static inline void tree_put_all(const char *folder)
{
    char generation[32];

    snprintf(generation, sizeof(generation), "%llu\n", (unsigned long long)tree.generation);
    tree_put(folder, "generation", bytes_of_text(generation));
    tree_put(folder, "provider", bytes_of_text(tree.provider));
    tree_put(folder, "inblob", bytes_of("", 0));
    tree_put(folder, "outblob", tree.outblob);
    if (tree.has_aux)
        tree_put(folder, "auxblob", tree.auxblob);
    if (tree.level) {
        tree_put(folder, "privlevel_floor", bytes_of_text(tree.level));
        tree_put(folder, "privlevel", bytes_of("", 0));
    }
}

static char tree_folder[LIMIT_TSM_PATH]; /* the one that was made last */

static inline int tree_create(const char *path, mode_t mode)
{
    if (tree.create_fails) {
        errno = tree.create_fails;
        return -1;
    }
    if (tree.names_taken) {
        tree.names_taken--;
        errno = EEXIST;
        return -1;
    }
    snprintf(tree_folder, sizeof(tree_folder), "%s", path);
    if (mkdir(path, mode) < 0)
        return -1;
    tree.n_created++;
    tree_put_all(path);
    return 0;
}

static inline int tree_remove(const char *path)
{
    static const char *const NAMES[] = {"generation", "provider",        "inblob",   "outblob",
                                        "auxblob",    "privlevel_floor", "privlevel"};

    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        char file[LIMIT_TSM_PATH];
        snprintf(file, sizeof(file), "%s/%s", path, NAMES[i]);
        unlink(file);
    }
    tree.n_removed++;
    return rmdir(path);
}

static inline int tree_open(const char *path, int flags)
{
    const char *name = strrchr(path, '/') + 1;

    snprintf(tree.open_name, sizeof(tree.open_name), "%s", name);
    if (strcmp(name, "outblob") == 0 && tree.foreign_writes) {
        tree.foreign_writes--;
        tree.generation++;
        tree_put_all(tree_folder);
    }
    return open(path, flags);
}

static inline ssize_t tree_read(int fd, void *ret, size_t len)
{
    if (tree.n_failures && tree.read_fails && strcmp(tree.read_fails, tree.open_name) == 0) {
        tree.n_failures--;
        errno = tree.read_errno;
        return -1;
    }
    return read(fd, ret, tree.read_at_most && tree.read_at_most < len ? tree.read_at_most : len);
}

/* As the kernel: what is written is taken when it is closed, and nobody is told if it is not. */
static inline ssize_t tree_write(int fd, const void *data, size_t len)
{
    (void)fd;
    if (tree.write_at_most && len > tree.write_at_most)
        return (ssize_t)tree.write_at_most;
    assert_in_range(len, 1, sizeof(tree.written));
    memcpy(tree.written, data, len);
    tree.written_len = len;
    return (ssize_t)len;
}

/* The count goes up, and the firmware answers. */
static inline void tree_take(void)
{
    if (strcmp(tree.open_name, "privlevel") == 0) {
        snprintf(tree.asked_level, sizeof(tree.asked_level), "%.*s", (int)tree.written_len,
                 (const char *)tree.written);
    } else {
        assert_string_equal(tree.open_name, "inblob");
        assert_int_equal(tree.written_len, sizeof(tree.inblob));
        tree.n_written++;
        memcpy(tree.inblob, tree.written, sizeof(tree.inblob));
        if (tree.writes_lost) {
            tree.writes_lost--;
            return;
        }
    }
    tree.generation++;
    if (tree.firmware)
        tree.firmware();
    tree_put_all(tree_folder);
}

static inline int tree_close(int fd)
{
    if (tree.written_len)
        tree_take();
    tree.written_len = 0;
    return close(fd);
}

static inline void tree_pause(unsigned ms)
{
    assert_in_range(ms, 1, 1000);
    tree.n_pauses++;
}

/* One of that provider; `root` is made. */
static inline struct tsm tree_of(const char *provider, struct bytes outblob)
{
    memset(&tree, 0, sizeof(tree));
    snprintf(tree.root, sizeof(tree.root), "/tmp/idevs-tsm-XXXXXX");
    assert_non_null(mkdtemp(tree.root));
    tree.provider = provider;
    tree.outblob = outblob;
    return (struct tsm){
        .root = tree.root,
        .create = tree_create,
        .remove = tree_remove,
        .open = tree_open,
        .read = tree_read,
        .write = tree_write,
        .close = tree_close,
        .pause = tree_pause,
    };
}

/* Whatever happened, nothing is left in it. */
static inline void tree_is_clean(void)
{
    assert_int_equal(tree.n_created, tree.n_removed);
    assert_int_equal(rmdir(tree.root), 0);
}

/* ---- tables of certificates ---- */

#define TABLE_VCEK "63da758de6644564adc5f4b93be8accd"
#define TABLE_ASK  "4ab7b379bbac4fe4a02f05aef327c782"
#define TABLE_ARK  "c0b406a4a803495297433fb6014cd0ae"

struct table_item {
    const char *guid; /* hex */
    struct bytes content;
};

static inline void table_u32(struct buffer *b, size_t v)
{
    for (unsigned i = 0; i < 4; i++)
        assert_true(buffer_append_u8(b, (uint8_t)(v >> 8 * i)));
}

/* As hosts write it: entries, a zero one, contents in the same order. */
static inline void table_make(const struct table_item *items, size_t n, struct buffer *b)
{
    static const uint8_t end[24];
    size_t at = (n + 1) * sizeof(end);

    for (size_t i = 0; i < n; i++) {
        assert_true(hex_decode(bytes_of_text(items[i].guid), b));
        table_u32(b, at);
        table_u32(b, items[i].content.len);
        at += items[i].content.len;
    }
    assert_true(buffer_append(b, end, sizeof(end)));
    for (size_t i = 0; i < n; i++)
        assert_true(buffer_append_bytes(b, items[i].content));
}

#endif
