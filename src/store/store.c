#include "store/store.h"
#include "base/alloc.h"
#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOURNAL_BYTES "16777216"

struct statement {
    struct store *store;
    const char *sql;
    sqlite3_stmt *compiled;
    bool in_use;
    bool spoiled; /* a value could not be bound */
};

struct store {
    sqlite3 *db;
    char *path;
    struct statement *statements[LIMIT_STORE_STATEMENTS];
    size_t n_statements;
};

/* ---- refusals ---- */

static bool errno_means_full(int e)
{
    return e == ENOSPC || e == EDQUOT || e == EFBIG;
}

/* Why the last write to the database or its journal failed, as the kernel said it. SQLite itself
 * tells ENOSPC only; a quota or a limit of the file's size come as plain I/O errors. */
static bool kernel_said_full(sqlite3 *db)
{
    sqlite3_file *journal = NULL;
    int of_file = 0;
    int of_journal = 0;

    sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &of_file);
    sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &journal);
    if (journal && journal->pMethods)
        journal->pMethods->xFileControl(journal, SQLITE_FCNTL_LAST_ERRNO, &of_journal);
    return errno_means_full(of_file) || errno_means_full(of_journal) ||
           errno_means_full(sqlite3_system_errno(db));
}

static bool refuse_sqlite(const struct store *store, const char *what, struct idevs_error *ret_err)
{
    int code = sqlite3_extended_errcode(store->db);
    int kind = code & 0xff;
    bool full = kind == SQLITE_FULL ||
                ((kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN) && kernel_said_full(store->db));

    return refuse(ret_err, full ? "disk.full" : "state.unusable", "%s: %s: %s (%d)", store->path,
                  what, sqlite3_errmsg(store->db), code);
}

static bool run(struct store *store, const char *sql, struct idevs_error *ret_err)
{
    if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK)
        return true;
    return refuse_sqlite(store, "SQL", ret_err);
}

/* ---- opening ---- */

/* SQLite gives its journal the mode of the database, so this one call covers all three files. An
 * existing file is not opened here: closing it again would drop locks of this process. */
static bool make_private(const char *path, struct idevs_error *ret_err)
{
    struct stat st;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd >= 0) {
        close(fd);
        return true;
    }
    if (errno == ENOSPC || errno == EDQUOT)
        return refuse_errno(ret_err, "disk.full", path);
    if (errno != EEXIST || lstat(path, &st) < 0)
        return refuse_errno(ret_err, "state.unusable", path);
    if (!S_ISREG(st.st_mode))
        return refuse(ret_err, "state.unusable", "%s is not a regular file", path);
    if ((st.st_mode & 07777) != 0600 && chmod(path, 0600) < 0)
        return refuse_errno(ret_err, "state.unusable", path);
    return true;
}

static bool read_version(struct store *store, int *ret, struct idevs_error *ret_err)
{
    sqlite3_stmt *s = NULL;
    bool ok = sqlite3_prepare_v2(store->db, "PRAGMA user_version", -1, &s, NULL) == SQLITE_OK &&
              sqlite3_step(s) == SQLITE_ROW;

    if (ok)
        *ret = sqlite3_column_int(s, 0);
    else
        refuse_sqlite(store, "version", ret_err);
    sqlite3_finalize(s);
    return ok;
}

static bool migrate_one(struct store *store, const char *sql, int from, struct idevs_error *ret_err)
{
    _cleanup_text_ char *set_version = alloc_format("PRAGMA user_version = %d", from + 1);
    int version;

    if (!store_begin(store, ret_err))
        return false;
    /* Another process may have done it while we waited for the lock. */
    if (!read_version(store, &version, ret_err) ||
        (version == from && (!run(store, sql, ret_err) || !run(store, set_version, ret_err)))) {
        store_rollback(store);
        return false;
    }
    return store_commit(store, ret_err);
}

static bool migrate(struct store *store, const char *const *migrations, struct idevs_error *ret_err)
{
    int known = 0;
    int version;

    while (migrations[known])
        known++;
    if (!read_version(store, &version, ret_err))
        return false;
    if (version > known || version < 0)
        return refuse(ret_err, "state.newer", "%s has version %d, this program knows %d",
                      store->path, version, known);
    /* Only now may anything be written. Temporary tables stay in memory: the sandbox has no /tmp.
     */
    if (!run(store,
             "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
             "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;"
             "PRAGMA journal_size_limit = " JOURNAL_BYTES,
             ret_err))
        return false;
    for (; version < known; version++)
        if (!migrate_one(store, migrations[version], version, ret_err))
            return false;
    return true;
}

static bool open_database(struct store *store, struct idevs_error *ret_err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX | SQLITE_OPEN_EXRESCODE;

    if (sqlite3_open_v2(store->path, &store->db, flags, NULL) != SQLITE_OK)
        return refuse_sqlite(store, "opening", ret_err);
    sqlite3_busy_timeout(store->db, LIMIT_STORE_BUSY_MS);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_limit(store->db, SQLITE_LIMIT_ATTACHED, 0);
    return true;
}

struct store *store_open(const char *path, const char *const *migrations,
                         struct idevs_error *ret_err)
{
    _cleanup_store_ struct store *store = alloc_zero(1, sizeof(*store));

    store->path = alloc_text(path);
    if (!make_private(path, ret_err) || !open_database(store, ret_err) ||
        !migrate(store, migrations, ret_err))
        return NULL;
    struct store *done = store;
    store = NULL;
    return done;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    for (size_t i = 0; i < store->n_statements; i++) {
        sqlite3_finalize(store->statements[i]->compiled);
        free(store->statements[i]);
    }
    sqlite3_close_v2(store->db);
    free(store->path);
    free(store);
}

/* ---- transactions ---- */

bool store_begin(struct store *store, struct idevs_error *ret_err)
{
    /* IMMEDIATE: a transaction that reads first cannot fail later because another one wrote. */
    return run(store, "BEGIN IMMEDIATE", ret_err);
}

bool store_commit(struct store *store, struct idevs_error *ret_err)
{
    if (run(store, "COMMIT", ret_err))
        return true;
    store_rollback(store);
    return false;
}

void store_rollback(struct store *store)
{
    /* After a full disk SQLite has rolled back by itself. */
    if (!sqlite3_get_autocommit(store->db))
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
}

int64_t store_changes(const struct store *store)
{
    return sqlite3_changes64(store->db);
}

/* ---- statements ---- */

static struct statement *find_free(const struct store *store, const char *sql)
{
    for (size_t i = 0; i < store->n_statements; i++)
        if (store->statements[i]->sql == sql && !store->statements[i]->in_use)
            return store->statements[i];
    return NULL;
}

struct statement *store_prepare(struct store *store, const char *sql, struct idevs_error *ret_err)
{
    struct statement *s = find_free(store, sql);

    if (!s) {
        sqlite3_stmt *compiled = NULL;
        if (store->n_statements == LIMIT_STORE_STATEMENTS) {
            refuse(ret_err, "internal", "more than %d statements", LIMIT_STORE_STATEMENTS);
            return NULL;
        }
        if (sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &compiled, NULL) !=
            SQLITE_OK) {
            refuse_sqlite(store, sql, ret_err);
            return NULL;
        }
        s = alloc_zero(1, sizeof(*s));
        *s = (struct statement){.store = store, .sql = sql, .compiled = compiled};
        store->statements[store->n_statements++] = s;
    }
    s->in_use = true;
    return s;
}

void statement_done(struct statement *s)
{
    sqlite3_reset(s->compiled);
    sqlite3_clear_bindings(s->compiled);
    s->in_use = false;
    s->spoiled = false;
}

void bind_text(struct statement *s, int i, const char *text)
{
    if (sqlite3_bind_text(s->compiled, i, text, -1, SQLITE_TRANSIENT) != SQLITE_OK)
        s->spoiled = true;
}

void bind_bytes(struct statement *s, int i, struct bytes v)
{
    /* SQLite takes an empty blob with a NULL pointer for NULL. */
    int rc = v.len ? sqlite3_bind_blob64(s->compiled, i, v.data, v.len, SQLITE_TRANSIENT)
                   : sqlite3_bind_zeroblob(s->compiled, i, 0);

    if (rc != SQLITE_OK)
        s->spoiled = true;
}

void bind_int(struct statement *s, int i, int64_t v)
{
    if (sqlite3_bind_int64(s->compiled, i, v) != SQLITE_OK)
        s->spoiled = true;
}

enum step statement_step(struct statement *s, struct idevs_error *ret_err)
{
    if (s->spoiled) {
        refuse(ret_err, "internal", "a value could not be bound in: %s", s->sql);
        return STEP_FAILED;
    }
    int rc = sqlite3_step(s->compiled);
    if (rc == SQLITE_ROW)
        return STEP_ROW;
    if (rc == SQLITE_DONE)
        return STEP_DONE;
    if ((rc & 0xff) == SQLITE_CONSTRAINT)
        return STEP_CONFLICT;
    refuse_sqlite(s->store, s->sql, ret_err);
    return STEP_FAILED;
}

int64_t column_int(struct statement *s, int i)
{
    return sqlite3_column_int64(s->compiled, i);
}

const char *column_text(struct statement *s, int i)
{
    const char *text = (const char *)sqlite3_column_text(s->compiled, i);

    return text ? text : "";
}

struct bytes column_bytes(struct statement *s, int i)
{
    const void *data = sqlite3_column_blob(s->compiled, i); /* before its length: it may convert */

    return bytes_of(data, (size_t)sqlite3_column_bytes(s->compiled, i));
}

bool column_is_null(struct statement *s, int i)
{
    return sqlite3_column_type(s->compiled, i) == SQLITE_NULL;
}
