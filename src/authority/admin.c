#include "authority/admin.h"
#include "authority/folder.h"
#include "authority/registry.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TOKEN_LEN 32

static struct registry *open_registry(const struct admin *a, struct idevs_error *ret_err)
{
    _cleanup_text_ char *path = folder_database(a->state);

    return registry_open(path, ret_err);
}

static void print_time(int64_t unix_seconds)
{
    struct tm tm;
    time_t t = (time_t)unix_seconds;
    char text[32];

    gmtime_r(&t, &tm);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
    fputs(text, stdout);
}

static void print_digest(const char *what, const uint8_t sha256[SHA256_LEN])
{
    char hex[2 * SHA256_LEN + 1];

    hex_text(sha256, SHA256_LEN, hex);
    printf("%s%s", what, hex);
}

bool admin_init(const struct admin *a, struct idevs_error *ret_err)
{
    _cleanup_text_ char *root_key = folder_root_key(a->state);

    if (!a->trust_domain)
        return refuse(ret_err, "usage", "no --trust-domain");
    if (!folder_init(a->state, a->trust_domain, ret_err))
        return false;
    _cleanup_registry_ struct registry *r = open_registry(a, ret_err);
    if (!r)
        return false;
    printf("made the authority of %s in %s\n", a->trust_domain, a->state);
    printf("anchors for manifests and services: %s/public\n", a->state);
    printf("move %s offline: nothing but `init` needs it\n", root_key);
    return true;
}

/* ---- owners ---- */

bool admin_owner_add(const struct admin *a, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_PEM_KEY);
    uint8_t spki[SPKI_LEN];

    if (!file_read(a->operands[1], &pem, ret_err))
        return false;
    _cleanup_public_key_ struct public_key *key = public_key_from_pem(buffer_bytes(&pem));
    if (!key)
        return refuse(ret_err, "owner.key", "%s, which holds no P-256 key", a->operands[1]);
    _cleanup_registry_ struct registry *r = open_registry(a, ret_err);
    if (!r)
        return false;
    public_key_spki(key, spki);
    return registry_add_owner(r, a->operands[0], spki, ret_err);
}

bool admin_owner_administrator(const struct admin *a, struct idevs_error *ret_err)
{
    _cleanup_registry_ struct registry *r = open_registry(a, ret_err);

    return r && registry_make_administrator(r, a->operands[0], ret_err);
}

static void print_owner(const struct registry_owner *owner, void *context)
{
    (void)context;
    print_digest("", owner->id);
    printf("  %s%s\n", owner->name, owner->administrator ? "  administrator" : "");
}

bool admin_owner_list(const struct admin *a, struct idevs_error *ret_err)
{
    _cleanup_registry_ struct registry *r = open_registry(a, ret_err);

    return r && registry_each_owner(r, print_owner, NULL, ret_err);
}

bool admin_owner_rm(const struct admin *a, struct idevs_error *ret_err)
{
    _cleanup_registry_ struct registry *r = open_registry(a, ret_err);

    return r && registry_remove_owner(r, a->operands[0], ret_err);
}

/* ---- platforms ---- */

/* "90", "90s", "15m", "1h", "2d" -> seconds. */
static bool parse_life(const char *text, uint64_t *ret)
{
    static const struct {
        char unit;
        uint64_t seconds;
    } UNITS[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    size_t n = strlen(text);
    uint64_t factor = 1;

    for (size_t i = 0; i < ARRAY_LEN(UNITS) && n > 0; i++)
        if (text[n - 1] == UNITS[i].unit) {
            factor = UNITS[i].seconds;
            n--;
            break;
        }
    if (!parse_u64(bytes_of(text, n), LIMIT_TOKEN_LIFE_CEILING, ret) || *ret == 0)
        return false;
    *ret *= factor;
    return *ret <= LIMIT_TOKEN_LIFE_CEILING;
}

bool admin_platform_token(const struct admin *a, struct idevs_error *ret_err)
{
    uint8_t raw[TOKEN_LEN];
    uint8_t digest[SHA256_LEN];
    uint64_t life = LIMIT_TOKEN_LIFE;
    enum tier tier;
    _cleanup_buffer_ struct buffer token = buffer_up_to(LIMIT_TOKEN_FILE);

    if (!a->tier || !tier_from_name(a->tier, &tier) || tier == TIER_HARDWARE)
        return refuse_expecting(ret_err, "usage", "--tier isolated or --tier development",
                                "tier %s", a->tier ? a->tier : "missing");
    if (a->life && !parse_life(a->life, &life))
        return refuse_expecting(ret_err, "usage", "--life from 1s to 7d", "%s", a->life);
    _cleanup_registry_ struct registry *r = open_registry(a, ret_err);
    if (!r)
        return false;
    random_bytes(raw, sizeof(raw));
    if (!base64url_encode(bytes_of(raw, sizeof(raw)), &token))
        return refuse(ret_err, "internal", "a long token");
    wipe(raw, sizeof(raw));
    sha256(buffer_bytes(&token), digest);
    bool ok = registry_add_token(r, digest, tier, clock_unix() + (int64_t)life, ret_err);
    wipe(digest, sizeof(digest)); /* as good as the token until it is used */
    if (ok)
        puts((const char *)token.data);
    return ok;
}

static void print_platform(const struct registry_platform *platform, void *context)
{
    (void)context;
    print_digest("", platform->id);
    printf("  %-11s  ", tier_name(platform->tier));
    print_time(platform->enrolled_at);
    printf("  %s  %s", platform->back_ends, platform->description);
    if (*platform->tpm_registers)
        printf("  TPM registers %s", platform->tpm_registers);
    putchar('\n');
}

bool admin_platform_list(const struct admin *a, struct idevs_error *ret_err)
{
    _cleanup_registry_ struct registry *r = open_registry(a, ret_err);

    return r && registry_each_platform(r, print_platform, NULL, ret_err);
}

bool admin_platform_rm(const struct admin *a, struct idevs_error *ret_err)
{
    uint8_t id[SHA256_LEN];

    if (!hex_exactly(bytes_of_text(a->operands[0]), id, sizeof(id)))
        return refuse_expecting(ret_err, "usage", "a platform id as in `platform list`", "%s",
                                a->operands[0]);
    _cleanup_registry_ struct registry *r = open_registry(a, ret_err);
    return r && registry_remove_platform(r, id, ret_err);
}

/* ---- approvals ---- */

static void print_approval(const char *owner, const struct approval *approval, void *context)
{
    (void)context;
    printf("%s  by %s  ", approval->program, owner[0] ? owner : "a removed owner");
    print_time(approval->issued_at);
    print_digest("\n  manifest   ", approval->manifest);
    if (approval->has_source)
        print_digest("\n  source     ", approval->source);
    for (size_t i = 0; i < approval->n_toolchains; i++)
        print_digest("\n  toolchain  ", approval->toolchains[i]);
    if (approval->has_executable)
        print_digest("\n  executable ", approval->executable);
    putchar('\n');
}

bool admin_approvals(const struct admin *a, struct idevs_error *ret_err)
{
    _cleanup_registry_ struct registry *r = open_registry(a, ret_err);

    return r && registry_each_approval(r, print_approval, NULL, ret_err);
}
