/* What only its owners should know, for tests/e2e/secrets.py: computed from what root of the host
 * can read. Output: a line for each secret, name and hex.
 *
 *   secrets-of hpke-key PID PUBLIC
 *       the X25519 private key of PUBLIC (hex), found in a process
 *   secrets-of signing-key PID SPKI
 *       the P-256 private key of SPKI (DER, hex), found in a process
 *   secrets-of exchange PRIVATE REQUEST RESPONSE
 *       of one sealed exchange (files; RESPONSE may be -) under the gateway's X25519 key (hex)
 *   secrets-of line PRIVATE PROGRAM FILE
 *       of one sealed log line under the owner's log key (hex)
 *   secrets-of vault FOLDER KEY
 *       the key of a gateway's vault, under the service's key (PEM)
 */
#include "base/alloc.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/text.h"
#include "crypto/algorithms.h"
#include "exchange/attestation.h"
#include "exchange/request.h"
#include "gateway/vault.h"

#include "derived.h"

#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define REQUEST_LABEL "message/bhttp request" /* RFC 9458, 4.3 */

static int usage(void)
{
    fprintf(stderr, "usage: secrets-of hpke-key|signing-key|exchange|line|vault ...\n");
    return 2;
}

static void print(const char *name, const void *secret, size_t len)
{
    char hex[2 * 64 + 1];

    hex_text(secret, len, hex);
    printf("%s %s\n", name, hex);
}

/* ---- keys in the memory of a process ---- */

typedef bool (*judge)(const uint8_t candidate[32], const void *wanted);

/* Random 32 bytes repeat few of their values; most of a heap repeats many. */
static bool looks_random(const uint8_t *b)
{
    uint8_t seen[256] = {0};
    unsigned distinct = 0;

    for (size_t i = 0; i < 32; i++)
        distinct += seen[b[i]]++ == 0;
    return distinct >= 24;
}

static bool search(struct bytes memory, judge is_it, const void *wanted)
{
    for (size_t at = 0; at + 32 <= memory.len; at += 8) {
        const uint8_t *b = memory.data + at;
        if (looks_random(b) && is_it(b, wanted)) {
            print("private", b, 32);
            return true;
        }
    }
    return false;
}

/* Every mapping that the process can write to and shares with nobody. */
static int search_process(const char *pid, judge is_it, const void *wanted)
{
    _cleanup_text_ char *maps_path = alloc_format("/proc/%s/maps", pid);
    _cleanup_text_ char *memory_path = alloc_format("/proc/%s/mem", pid);
    FILE *maps = fopen(maps_path, "re");
    _cleanup_fd_ int memory = open(memory_path, O_RDONLY | O_CLOEXEC);
    char line[512];
    bool found = false;

    while (!found && maps && memory >= 0 && fgets(line, sizeof(line), maps)) {
        unsigned long low;
        unsigned long high;
        char permissions[5];
        if (sscanf(line, "%lx-%lx %4s", &low, &high, permissions) != 3 ||
            strcmp(permissions, "rw-p") != 0)
            continue;
        uint8_t *copy = alloc_zero(high - low, 1);
        ssize_t n = pread(memory, copy, high - low, (off_t)low);
        found = n > 0 && search(bytes_of(copy, (size_t)n), is_it, wanted);
        explicit_bzero(copy, high - low);
        free(copy);
    }
    if (maps)
        fclose(maps);
    return found ? 0 : 1;
}

static bool is_hpke_key(const uint8_t candidate[32], const void *wanted)
{
    uint8_t public[X25519_LEN];
    _cleanup_x25519_ struct x25519_key *key = x25519_from_raw(candidate);

    x25519_public(key, public);
    return memcmp(public, wanted, X25519_LEN) == 0;
}

/* OpenSSL keeps the number in words, the lowest first. */
static bool is_signing_key(const uint8_t candidate[32], const void *wanted)
{
    static EC_GROUP *group;
    uint8_t point[65];

    (void)algorithms();
    if (!group)
        group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    BIGNUM *d = BN_lebin2bn(candidate, 32, NULL);
    EC_POINT *p = EC_POINT_new(group);
    bool same =
        EC_POINT_mul(group, p, d, NULL, NULL, NULL) &&
        EC_POINT_point2oct(group, p, POINT_CONVERSION_UNCOMPRESSED, point, sizeof(point), NULL) ==
            sizeof(point) &&
        memcmp(point, (const uint8_t *)wanted + SPKI_LEN - sizeof(point), sizeof(point)) == 0;
    EC_POINT_free(p);
    BN_clear_free(d);
    return same;
}

/* ---- what was sealed ---- */

static void print_derived(const struct derived *d)
{
    for (size_t i = 0; i < d->n; i++)
        print(d->at[i].name, d->at[i].bytes, d->at[i].len);
}

static struct x25519_key *key_from_hex(const char *hex)
{
    uint8_t raw[X25519_LEN];

    return hex_exactly(bytes_of_text(hex), raw, sizeof(raw)) ? x25519_from_raw(raw) : NULL;
}

static int exchange_of(char **argv)
{
    uint8_t nonce[32];
    struct http_message m;
    struct idevs_error err;
    struct ohttp_response r;
    struct derived d = {.n = 0};
    _cleanup_exchange_ struct exchange x = {.enc = {0}};
    _cleanup_x25519_ struct x25519_key *key = key_from_hex(argv[0]);
    _cleanup_buffer_ struct buffer request = buffer_up_to(LIMIT_MESSAGE);
    _cleanup_buffer_ struct buffer response = buffer_up_to(LIMIT_MESSAGE);
    _cleanup_buffer_ struct buffer plain = buffer_up_to(LIMIT_MESSAGE);
    _cleanup_buffer_ struct buffer info = buffer_up_to(KIB(1));

    if (!key || !file_read(argv[1], &request, &err))
        return usage();
    struct ohttp_key_config config = {.key_id = request.data[0]};
    if (!exchange_open_request(&config, key, buffer_bytes(&request), &x, &plain, &m, &err) ||
        !buffer_append(&info, REQUEST_LABEL, sizeof(REQUEST_LABEL)) ||
        !buffer_append(&info, request.data, OHTTP_HEADER_LEN) ||
        !hpke_export(&x.hpke, bytes_of_text(EXCHANGE_NONCE_LABEL), nonce, sizeof(nonce)))
        return 1;
    derived_of_encapsulation(key, x.enc, buffer_bytes(&info), &d);
    derived_add(&d, "request_nonce", nonce, sizeof(nonce));
    if (strcmp(argv[2], "-") != 0) {
        if (!file_read(argv[2], &response, &err) ||
            !ohttp_decode_response(buffer_bytes(&response), &r))
            return usage();
        derived_of_response(&x.hpke, x.enc, r.nonce, &d);
    }
    print_derived(&d);
    return 0;
}

static int line_of(char **argv)
{
    struct idevs_error err;
    struct derived d = {.n = 0};
    _cleanup_x25519_ struct x25519_key *key = key_from_hex(argv[0]);
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(LIMIT_MESSAGE);
    _cleanup_buffer_ struct buffer info = buffer_up_to(KIB(1));

    if (!key || !file_read(argv[2], &sealed, &err) || sealed.len < HPKE_ENC_LEN)
        return usage();
    if (!buffer_append(&info, LOG_INFO, sizeof(LOG_INFO)) || !buffer_append_text(&info, argv[1]))
        return 1;
    derived_of_encapsulation(key, sealed.data, buffer_bytes(&info), &d);
    print_derived(&d);
    return 0;
}

/* ---- a vault ---- */

static int vault_of(char **argv)
{
    struct idevs_error err;
    _cleanup_vault_ struct vault vault;
    _cleanup_buffer_ struct buffer pem = buffer_up_to(KIB(16));

    if (!file_read(argv[1], &pem, &err))
        return usage();
    _cleanup_key_ struct key *key = key_load(buffer_bytes(&pem), &err);
    if (!key || !vault_open(argv[0], key, NULL, &vault, &err))
        return 1;
    print("vault", vault.secret, sizeof(vault.secret));
    return 0;
}

int main(int argc, char **argv)
{
    uint8_t public[X25519_LEN];
    uint8_t spki[SPKI_LEN];

    if (argc == 4 && strcmp(argv[1], "hpke-key") == 0 &&
        hex_exactly(bytes_of_text(argv[3]), public, sizeof(public)))
        return search_process(argv[2], is_hpke_key, public);
    if (argc == 4 && strcmp(argv[1], "signing-key") == 0 &&
        hex_exactly(bytes_of_text(argv[3]), spki, sizeof(spki)))
        return search_process(argv[2], is_signing_key, spki);
    if (argc == 5 && strcmp(argv[1], "exchange") == 0)
        return exchange_of(argv + 2);
    if (argc == 5 && strcmp(argv[1], "line") == 0)
        return line_of(argv + 2);
    if (argc == 4 && strcmp(argv[1], "vault") == 0)
        return vault_of(argv + 2);
    return usage();
}
