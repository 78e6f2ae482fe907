#include "gateway/memory.h"
#include "base/alloc.h"
#include "base/fd.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

static const char *const MIGRATIONS[] = {
    "CREATE TABLE once ("
    " id INTEGER PRIMARY KEY, program TEXT NOT NULL, key TEXT NOT NULL, digest BLOB NOT NULL,"
    " boot BLOB NOT NULL, state INTEGER NOT NULL, created INTEGER NOT NULL, response BLOB,"
    " UNIQUE (program, key));"
    "CREATE INDEX once_created ON once (created);"
    "CREATE TABLE state ("
    " program TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, value BLOB NOT NULL,"
    " PRIMARY KEY (program, name));",
    NULL,
};

static bool lock(const char *folder, struct memory *m, struct idevs_error *err)
{
    _cleanup_text_ char *path = alloc_format("%s/lock", folder);

    m->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (m->lock_fd < 0)
        return refuse_errno(err, "state.unusable", path);
    return flock(m->lock_fd, LOCK_EX | LOCK_NB) == 0 ||
           refuse(err, "state.unusable", "%s: another gateway uses it", folder);
}

static bool open_all(const char *folder, const struct key *key, const struct key *previous,
                     struct memory *m, struct idevs_error *err)
{
    _cleanup_text_ char *database = alloc_format("%s/gateway.db", folder);
    _cleanup_text_ char *vault_key = alloc_format("%s/vault.key", folder);

    if (!folder_make(folder, 0700, err) || !lock(folder, m, err))
        return false;
    /* The vault's key is made before the database, so a database without it has lost it. */
    if (access(database, F_OK) == 0 && access(vault_key, F_OK) != 0)
        return refuse(err, "state.unusable", "%s is gone: without it nothing opens", vault_key);
    if (!vault_open(folder, key, previous, &m->vault, err))
        return false;
    m->store = store_open(database, MIGRATIONS, err);
    return m->store != NULL;
}

bool memory_open(const char *folder, const struct key *key, const struct key *previous,
                 struct memory *ret, struct idevs_error *ret_err)
{
    *ret = (struct memory){.lock_fd = -1};
    if (open_all(folder, key, previous, ret, ret_err))
        return true;
    memory_close(ret);
    return false;
}

void memory_close(struct memory *memory)
{
    store_close(memory->store);
    vault_wipe(&memory->vault);
    fd_close(&memory->lock_fd);
    *memory = (struct memory){.lock_fd = -1};
}
