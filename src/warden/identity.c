#include "warden/identity.h"
#include "base/alloc.h"
#include "base/fault.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "exchange/attestation.h"
#include "exchange/cose.h"
#include "wire/platform_request.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE_VERSION 1

/* A state of a newer version is left as it is. `*ret_there`: it has a version. */
static bool check_version(const char *state, bool *ret_there, struct idevs_error *ret_err)
{
    _cleanup_text_ char *path = alloc_format("%s/version", state);
    _cleanup_buffer_ struct buffer b = buffer_up_to(32);
    uint64_t version = 0;

    *ret_there = access(path, F_OK) == 0;
    if (!*ret_there)
        return true;
    if (!file_read(path, &b, ret_err))
        return false;
    if (b.len > 0 && b.data[b.len - 1] == '\n')
        b.len--;
    if (!parse_u64(buffer_bytes(&b), UINT32_MAX, &version) || version == 0)
        return refuse(ret_err, "state.unusable", "%s has no version", path);
    if (version > STATE_VERSION)
        return refuse(ret_err, "state.newer", "version %u in %s", (unsigned)version, state);
    return true;
}

static bool write_version(const char *state, struct idevs_error *ret_err)
{
    _cleanup_text_ char *path = alloc_format("%s/version", state);
    _cleanup_text_ char *text = alloc_format("%d\n", STATE_VERSION);

    return file_write(path, bytes_of_text(text), 0600, ret_err);
}

static bool make_key(const char *path, struct idevs_error *ret_err)
{
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_PEM_KEY);

    if (!key_save(key, &pem))
        return refuse(ret_err, "internal", "a key that cannot be written");
    return file_write(path, buffer_bytes(&pem), 0600, ret_err);
}

bool identity_init(const char *state, bool *ret_made, struct idevs_error *ret_err)
{
    bool there;
    _cleanup_text_ char *path = alloc_format("%s/platform.pem", state);

    *ret_made = false;
    if (!folder_make(state, 0700, ret_err) || !check_version(state, &there, ret_err))
        return false;
    if (chmod(state, 0700) < 0)
        return refuse_errno(ret_err, "state.unusable", state);
    if (!there && !write_version(state, ret_err))
        return false;
    fault_point("warden.init.version");
    if (access(path, F_OK) == 0)
        return true;
    *ret_made = true;
    return make_key(path, ret_err);
}

struct key *identity_open(const char *state, struct idevs_error *ret_err)
{
    bool there;
    struct stat st;
    _cleanup_text_ char *path = alloc_format("%s/platform.pem", state);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_PEM_KEY);

    if (!check_version(state, &there, ret_err))
        return NULL;
    if (!there || stat(path, &st) < 0) {
        refuse_expecting(ret_err, "state.unusable", "a state made by `idevs-warden init`",
                         "no platform key in %s", state);
        return NULL;
    }
    if ((st.st_mode & 077) != 0 || st.st_uid != geteuid()) {
        refuse_expecting(ret_err, "state.unusable", "a key that only the warden's user can read",
                         "%s is open to others", path);
        return NULL;
    }
    return file_read(path, &pem, ret_err) ? key_load(buffer_bytes(&pem), ret_err) : NULL;
}

bool identity_request(const struct key *key, struct bytes token, const char *const *back_ends,
                      size_t n_back_ends, const char *description, struct buffer *b)
{
    struct platform_request request = {0};
    uint8_t token_sha256[SHA256_LEN];

    key_spki(key, request.spki);
    sha256(token, token_sha256);
    platform_token_proof(token_sha256, request.spki, request.proof);
    wipe(token_sha256, sizeof(token_sha256)); /* as good as the token until it is used */
    for (size_t i = 0; i < n_back_ends && i < LIMIT_BACK_ENDS; i++)
        snprintf(request.back_ends[request.n_back_ends++], LIMIT_PLATFORM_TEXT, "%s", back_ends[i]);
    snprintf(request.description, sizeof(request.description), "%s", description);
    return platform_request_encode(&request, b);
}

bool identity_enrol(const struct key *key, struct bytes token, const char *const *back_ends,
                    size_t n_back_ends, const char *description, struct buffer *b)
{
    _cleanup_buffer_ struct buffer payload = buffer_up_to(LIMIT_PLATFORM_REQUEST);

    return identity_request(key, token, back_ends, n_back_ends, description, &payload) &&
           cose_sign(key, PLATFORM_REQUEST_TYPE, buffer_bytes(&payload), b);
}
