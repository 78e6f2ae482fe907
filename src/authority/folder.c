#include "authority/folder.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"
#include "crypto/files.h"

#include <stdio.h>
#include <unistd.h>

#define DAY INT64_C(86400)

char *folder_root_key(const char *state)
{
    return alloc_format("%s/root.key", state);
}

char *folder_root(const char *state)
{
    return alloc_format("%s/public/root.pem", state);
}

char *folder_tier_key(const char *state, enum tier tier)
{
    return alloc_format("%s/signer/%s.key", state, tier_name(tier));
}

char *folder_tier(const char *state, enum tier tier)
{
    return alloc_format("%s/public/tier-%s.pem", state, tier_name(tier));
}

char *folder_database_folder(const char *state)
{
    return alloc_format("%s/db", state);
}

char *folder_database(const char *state)
{
    return alloc_format("%s/db/authority.db", state);
}

static bool make_folders(const char *state, struct idevs_error *ret_err)
{
    static const struct {
        const char *name;
        mode_t mode;
    } FOLDERS[] = {{"", 0700}, {"/signer", 0700}, {"/db", 0700}, {"/public", 0755}};

    for (size_t i = 0; i < ARRAY_LEN(FOLDERS); i++) {
        _cleanup_text_ char *path = alloc_format("%s%s", state, FOLDERS[i].name);
        if (!folder_make(path, FOLDERS[i].mode, ret_err))
            return false;
    }
    return true;
}

/* One CA certificate into `path`; `*ret` is the caller's. */
static bool make_ca(const struct certificate_fields *fields, const struct certificate *issuer,
                    const struct key *issuer_key, const char *path, struct certificate **ret,
                    struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_CERTIFICATE);

    if (!certificate_make(fields, issuer, issuer_key, &der))
        return refuse(ret_err, "internal", "a certificate that cannot be made");
    _cleanup_certificate_ struct certificate *made = certificate_parse(buffer_bytes(&der), ret_err);
    struct chain chain = {.at = {made}, .n = 1};
    if (!made || !chain_to_file(path, &chain, ret_err))
        return false;
    *ret = made;
    made = NULL;
    return true;
}

static bool make_tier(const char *state, enum tier tier, const char *uri,
                      const struct certificate *root, const struct key *root_key,
                      struct idevs_error *ret_err)
{
    _cleanup_text_ char *key_path = folder_tier_key(state, tier);
    _cleanup_text_ char *path = folder_tier(state, tier);
    _cleanup_text_ char *subject = alloc_format("iDevS %s CA", tier_name(tier));
    _cleanup_certificate_ struct certificate *made = NULL;
    _cleanup_key_ struct key *key = key_generate();
    uint8_t spki[SPKI_LEN];
    int64_t now = clock_unix();
    struct certificate_fields fields = {.subject = subject,
                                        .spki = spki,
                                        .not_before = now,
                                        .not_after = now + LIMIT_TIER_LIFE_DAYS * DAY,
                                        .is_ca = true,
                                        .uri = uri};

    key_spki(key, spki);
    return key_to_file(key_path, key, ret_err) &&
           make_ca(&fields, root, root_key, path, &made, ret_err);
}

static bool make_all(const char *state, const char *uri, struct idevs_error *ret_err)
{
    _cleanup_text_ char *key_path = folder_root_key(state);
    _cleanup_text_ char *path = folder_root(state);
    _cleanup_certificate_ struct certificate *root = NULL;
    _cleanup_key_ struct key *key = key_generate();
    uint8_t spki[SPKI_LEN];
    int64_t now = clock_unix();
    struct certificate_fields fields = {.subject = "iDevS authority root",
                                        .spki = spki,
                                        .not_before = now,
                                        .not_after = now + LIMIT_ROOT_LIFE_DAYS * DAY,
                                        .is_ca = true,
                                        .path_length = 1,
                                        .uri = uri};

    key_spki(key, spki);
    if (!key_to_file(key_path, key, ret_err) || !make_ca(&fields, NULL, key, path, &root, ret_err))
        return false;
    for (unsigned i = 0; i < TIERS; i++)
        if (!make_tier(state, (enum tier)i, uri, root, key, ret_err))
            return false;
    return true;
}

bool folder_init(const char *state, const char *trust_domain, struct idevs_error *ret_err)
{
    _cleanup_text_ char *root = folder_root(state);
    _cleanup_text_ char *key = folder_root_key(state);
    _cleanup_text_ char *uri = alloc_format("spiffe://%s", trust_domain);

    if (!authority_is_valid(trust_domain) || strpbrk(trust_domain, ":[]") ||
        strlen(trust_domain) > LIMIT_TRUST_DOMAIN)
        return refuse_expecting(ret_err, "usage", "a trust domain like free-ride.example", "%s",
                                trust_domain);
    if (access(root, F_OK) == 0 || access(key, F_OK) == 0)
        return refuse_expecting(ret_err, "state.unusable", "a directory without an authority",
                                "an authority in %s", state);
    return make_folders(state, ret_err) && make_all(state, uri, ret_err);
}
