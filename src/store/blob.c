#include "base/alloc.h"
#include "base/fd.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "store/store.h"

#include <errno.h>
#include <unistd.h>

#define PREFIX_LEN 2 /* hex characters that name the sub-folder */

static char *blob_path(const char *folder, const uint8_t sha256[32])
{
    char hex[2 * SHA256_LEN + 1];

    hex_text(sha256, SHA256_LEN, hex);
    return alloc_format("%s/%.*s/%s", folder, PREFIX_LEN, hex, hex + PREFIX_LEN);
}

bool blob_put(const char *folder, struct bytes data, uint8_t ret_sha256[32],
              struct idevs_error *ret_err)
{
    sha256(data, ret_sha256);
    if (blob_exists(folder, ret_sha256))
        return true;
    _cleanup_text_ char *sub_folder = alloc_format("%s/%02x", folder, ret_sha256[0]);
    _cleanup_text_ char *path = blob_path(folder, ret_sha256);
    return folder_make(sub_folder, 0750, ret_err) && file_write(path, data, 0640, ret_err);
}

bool blob_get(const char *folder, const uint8_t sha256_wanted[32], struct buffer *b,
              struct idevs_error *ret_err)
{
    _cleanup_text_ char *path = blob_path(folder, sha256_wanted);
    uint8_t found[SHA256_LEN];

    if (access(path, F_OK) < 0 && errno == ENOENT)
        return refuse(ret_err, "api.not-found", "no blob %s", path + strlen(folder) + 1);
    size_t before = b->len;
    if (!file_read(path, b, ret_err))
        return false;
    sha256(bytes_of(b->data + before, b->len - before), found);
    if (memcmp(found, sha256_wanted, SHA256_LEN) != 0)
        return refuse(ret_err, "state.unusable", "%s is damaged", path);
    return true;
}

bool blob_exists(const char *folder, const uint8_t sha256_wanted[32])
{
    _cleanup_text_ char *path = blob_path(folder, sha256_wanted);

    return access(path, F_OK) == 0;
}

void blob_remove(const char *folder, const uint8_t sha256_wanted[32])
{
    _cleanup_text_ char *path = blob_path(folder, sha256_wanted);

    unlink(path);
}
