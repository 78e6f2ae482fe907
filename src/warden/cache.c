#include "warden/cache.h"
#include "base/alloc.h"
#include "base/fault.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/text.h"
#include "wire/cbor.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char IDENTITY[] = "idevs build v1"; /* with its NUL */

void origin_identity(const struct origin *origin, uint8_t ret[SHA256_LEN])
{
    struct sha256_run *run = sha256_begin();

    sha256_add(run, bytes_of(IDENTITY, sizeof(IDENTITY)));
    sha256_add(run, bytes_of(origin->source, SHA256_LEN));
    sha256_add(run, bytes_of(origin->manifest, SHA256_LEN));
    sha256_add(run, bytes_of(origin->toolchain, SHA256_LEN));
    sha256_end(run, ret);
}

void built_init(struct built *ret)
{
    *ret = (struct built){.bytes = buffer_up_to(LIMIT_EXECUTABLE),
                          .text = buffer_up_to(LIMIT_COMPILER_TEXT)};
}

void built_free(struct built *built)
{
    buffer_free(&built->bytes);
    buffer_free(&built->text);
}

/* folder/kind/hex */
static char *path_of(const char *folder, const char *kind, const uint8_t digest[SHA256_LEN])
{
    char hex[2 * SHA256_LEN + 1];

    hex_text(digest, SHA256_LEN, hex);
    return alloc_format("%s/%s/%s", folder, kind, hex);
}

static const char *const KINDS[] = {"builds", "executables", "origins"};

bool cache_open(const char *folder, struct idevs_error *ret_err)
{
    for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
        _cleanup_text_ char *path = alloc_format("%s/%s", folder, KINDS[i]);
        if (!folder_make(path, 0700, ret_err))
            return refuse(ret_err, "state.unusable", "%s cannot be made", path);
    }
    return true;
}

/* ---- records: {1: executable, 2: source, 3: manifest, 4: toolchain, 5: text} || SHA-256 of it
 * ----
 */

struct record {
    uint8_t executable[SHA256_LEN];
    struct origin origin;
    struct bytes text;
};

static bool put_digest(struct buffer *b, uint64_t key, const uint8_t digest[SHA256_LEN])
{
    return cbor_put_uint(b, key) && cbor_put_bytes(b, bytes_of(digest, SHA256_LEN));
}

static bool record_encode(const struct record *r, struct buffer *b)
{
    uint8_t check[SHA256_LEN];

    if (!cbor_put_map(b, 5) || !put_digest(b, 1, r->executable) ||
        !put_digest(b, 2, r->origin.source) || !put_digest(b, 3, r->origin.manifest) ||
        !put_digest(b, 4, r->origin.toolchain) || !cbor_put_uint(b, 5) ||
        !cbor_put_text(b, r->text))
        return false;
    sha256(buffer_bytes(b), check);
    return buffer_append(b, check, sizeof(check));
}

static bool take_digest(struct cbor_map *map, struct reader *r, int64_t wanted,
                        uint8_t ret[SHA256_LEN])
{
    int64_t key;
    struct bytes v;

    if (!cbor_map_next(map, &key) || key != wanted || !cbor_get_bytes(r, &v) || v.len != SHA256_LEN)
        return false;
    memcpy(ret, v.data, SHA256_LEN);
    return true;
}

static bool record_decode(struct bytes in, struct record *ret)
{
    uint8_t check[SHA256_LEN];
    struct cbor_map map;
    int64_t key;

    if (in.len < SHA256_LEN)
        return false;
    struct bytes body = bytes_of(in.data, in.len - SHA256_LEN);
    struct reader r = reader_of(body);
    sha256(body, check);
    return memcmp(check, in.data + body.len, SHA256_LEN) == 0 && cbor_map_begin(&r, &map) &&
           take_digest(&map, &r, 1, ret->executable) &&
           take_digest(&map, &r, 2, ret->origin.source) &&
           take_digest(&map, &r, 3, ret->origin.manifest) &&
           take_digest(&map, &r, 4, ret->origin.toolchain) && cbor_map_next(&map, &key) &&
           key == 5 && cbor_get_text(&r, &ret->text) && !cbor_map_next(&map, &key) &&
           cbor_map_done(&map) && reader_left(&r) == 0;
}

static bool record_read(const char *path, struct buffer *b, struct record *ret)
{
    struct idevs_error err;

    if (!file_read(path, b, &err))
        return false;
    if (record_decode(buffer_bytes(b), ret))
        return true;
    log_warning("%s is damaged", path);
    return false;
}

/* ---- getting ---- */

static bool executable_read(const char *path, const uint8_t wanted[SHA256_LEN], struct buffer *b)
{
    struct idevs_error err;
    uint8_t found[SHA256_LEN];

    if (!file_read(path, b, &err))
        return false;
    sha256(buffer_bytes(b), found);
    if (memcmp(found, wanted, SHA256_LEN) == 0)
        return true;
    log_warning("%s is damaged: it is built again", path);
    unlink(path);
    return false;
}

bool cache_get(const char *folder, const struct origin *origin, struct built *ret)
{
    uint8_t identity[SHA256_LEN];
    struct record record;
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_CACHE_RECORD);

    origin_identity(origin, identity);
    _cleanup_text_ char *build = path_of(folder, "builds", identity);
    if (!record_read(build, &b, &record))
        return false;
    if (memcmp(&record.origin, origin, sizeof(*origin)) != 0) {
        log_warning("%s belongs to another build", build);
        return false;
    }
    buffer_clear(&ret->bytes);
    buffer_clear(&ret->text);
    _cleanup_text_ char *executable = path_of(folder, "executables", record.executable);
    if (!executable_read(executable, record.executable, &ret->bytes)) {
        unlink(build);
        return false;
    }
    memcpy(ret->executable, record.executable, SHA256_LEN);
    return buffer_append_bytes(&ret->text, record.text);
}

bool cache_origin(const char *folder, const uint8_t executable[SHA256_LEN], struct origin *ret)
{
    struct record record;
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_CACHE_RECORD);
    _cleanup_text_ char *path = path_of(folder, "origins", executable);

    if (!record_read(path, &b, &record))
        return false;
    if (memcmp(record.executable, executable, SHA256_LEN) != 0) {
        log_warning("%s speaks of another executable", path);
        return false;
    }
    *ret = record.origin;
    return true;
}

/* ---- keeping ---- */

struct kept {
    char name[2 * SHA256_LEN + 1];
    int64_t time;
    uint64_t size;
};

static int by_age(const void *a, const void *b)
{
    const struct kept *x = a;
    const struct kept *y = b;

    return x->time < y->time ? -1 : x->time > y->time;
}

static size_t list_executables(const char *path, struct kept *kept, size_t room)
{
    size_t n = 0;
    DIR *dir = opendir(path);

    for (struct dirent *at = dir ? readdir(dir) : NULL; at && n < room; at = readdir(dir)) {
        struct stat st;
        if (at->d_name[0] == '.' || fstatat(dirfd(dir), at->d_name, &st, 0) < 0)
            continue;
        snprintf(kept[n].name, sizeof(kept[n].name), "%.64s", at->d_name);
        kept[n].time = st.st_mtim.tv_sec;
        kept[n++].size = (uint64_t)st.st_size;
    }
    if (dir)
        closedir(dir);
    return n;
}

/* Executables only: their origins are small, and without them a claim would be lost. */
static void make_room(const char *folder)
{
    const size_t room = (size_t)2 * LIMIT_CACHE_EXECUTABLES;
    struct kept *kept = alloc_zero(room, sizeof(*kept));
    _cleanup_text_ char *path = alloc_format("%s/executables", folder);
    size_t n = list_executables(path, kept, room);
    uint64_t bytes = 0;

    for (size_t i = 0; i < n; i++)
        bytes += kept[i].size;
    qsort(kept, n, sizeof(*kept), by_age);
    for (size_t i = 0; i < n && (n - i >= LIMIT_CACHE_EXECUTABLES || bytes >= LIMIT_CACHE_BYTES);
         i++) {
        _cleanup_text_ char *old = alloc_format("%s/%s", path, kept[i].name);
        unlink(old);
        bytes -= kept[i].size;
    }
    free(kept);
}

bool cache_put(const char *folder, const struct origin *origin, const struct built *built,
               struct idevs_error *ret_err)
{
    struct record record = {.origin = *origin, .text = buffer_bytes(&built->text)};
    uint8_t identity[SHA256_LEN];
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_CACHE_RECORD);

    memcpy(record.executable, built->executable, SHA256_LEN);
    origin_identity(origin, identity);
    if (!record_encode(&record, &b))
        return refuse(ret_err, "internal", "a record that is too large");
    make_room(folder);
    _cleanup_text_ char *executable = path_of(folder, "executables", built->executable);
    _cleanup_text_ char *from = path_of(folder, "origins", built->executable);
    _cleanup_text_ char *build = path_of(folder, "builds", identity);
    if (!file_write(executable, buffer_bytes(&built->bytes), 0600, ret_err))
        return false;
    fault_point("warden.cache.executable");
    if (!file_write(from, buffer_bytes(&b), 0600, ret_err))
        return false;
    fault_point("warden.cache.origin");
    return file_write(build, buffer_bytes(&b), 0600, ret_err);
}
