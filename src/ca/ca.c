#include "ca/ca.h"
#include "base/fd.h"
#include "base/text.h"
#include "crypto/x509.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY             INT64_C(86400)
#define COMMON_NAME_LEN 64 /* ub-common-name, RFC 5280 */

/* ---- files that must not be there yet ---- */

static bool is_free(const char *path, struct idevs_error *ret_err)
{
    struct stat st;

    if (lstat(path, &st) == 0)
        return refuse_expecting(ret_err, "file.unwritable", "a path where nothing is yet",
                                "%s exists", path);
    return errno == ENOENT || refuse_errno(ret_err, "file.unwritable", path);
}

static bool create(const char *path, struct bytes data, mode_t mode, struct idevs_error *ret_err)
{
    _cleanup_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

    if (fd < 0)
        return refuse_errno(ret_err, "file.unwritable", path);
    if (fchmod(fd, mode) < 0 || !fd_write_all(fd, data.data, data.len) || fsync(fd) < 0) {
        (void)refuse_errno(ret_err, "file.unwritable", path);
        (void)unlink(path);
        return false;
    }
    return true;
}

/* Both files or none. */
static bool create_both(const struct ca_options *o, const struct key *key,
                        const struct chain *chain, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer key_pem = buffer_up_to(LIMIT_PEM_KEY);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_PEM_CHAIN);

    if (!key_save(key, &key_pem) || !chain_to_pem(chain, &pem))
        return refuse(ret_err, "internal", "a key or certificate that cannot be written");
    if (!is_free(o->key, ret_err) || !is_free(o->out, ret_err) ||
        !create(o->key, buffer_bytes(&key_pem), 0600, ret_err))
        return false;
    if (create(o->out, buffer_bytes(&pem), 0644, ret_err))
        return true;
    (void)unlink(o->key);
    return false;
}

/* ---- root ---- */

static struct certificate *make(const struct certificate_fields *f,
                                const struct certificate *issuer, const struct key *issuer_key,
                                struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_CERTIFICATE);

    if (certificate_make(f, issuer, issuer_key, &der))
        return certificate_parse(buffer_bytes(&der), ret_err);
    (void)refuse(ret_err, "certificate.key", "a key that is not the issuer's");
    return NULL;
}

static bool subject_is_valid(const char *subject)
{
    size_t n = strnlen(subject, COMMON_NAME_LEN + 1);

    for (size_t i = 0; i < n; i++)
        if (subject[i] < 0x20 || subject[i] > 0x7e)
            return false;
    return n > 0 && n <= COMMON_NAME_LEN;
}

bool ca_make_root(const struct ca_options *o, int64_t now, struct idevs_error *ret_err)
{
    uint8_t spki[SPKI_LEN];
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_chain_ struct chain chain = {.n = 0};

    if (!subject_is_valid(o->subject))
        return refuse_expecting(ret_err, "name.invalid", "1 to 64 printable ASCII characters",
                                "--subject %s", o->subject);
    key_spki(key, spki);
    struct certificate_fields f = {.subject = o->subject,
                                   .spki = spki,
                                   .not_before = now - LIMIT_CA_BACKDATE,
                                   .not_after = now + o->days * DAY,
                                   .is_ca = true,
                                   .path_length = 0};
    chain.at[0] = make(&f, NULL, key, ret_err);
    chain.n = 1;
    return chain.at[0] && create_both(o, key, &chain, ret_err);
}

/* ---- server ---- */

struct issuer {
    struct chain chain;
    struct key *key;
};

static void issuer_free(struct issuer *i)
{
    chain_free(&i->chain);
    key_free(i->key);
}

static bool issuer_read(const struct ca_options *o, struct issuer *ret, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_PEM_CHAIN);
    _cleanup_buffer_ struct buffer key_pem = buffer_up_to(LIMIT_PEM_KEY);

    if (!file_read(o->ca, &pem, ret_err) || !file_read(o->ca_key, &key_pem, ret_err) ||
        !chain_from_pem(buffer_bytes(&pem), &ret->chain, ret_err))
        return false;
    ret->key = key_load(buffer_bytes(&key_pem), ret_err);
    return ret->key != NULL;
}

/* The host of host[:port] or [v6][:port]; a certificate knows no ports. */
static bool host_of(const char *authority, char ret[LIMIT_AUTHORITY + 1],
                    struct idevs_error *ret_err)
{
    if (!authority_is_valid(authority) || authority[0] == '.' ||
        !authority_host(authority, ret, LIMIT_AUTHORITY + 1))
        return refuse_expecting(ret_err, "usage",
                                "a lower-case name or address, with or without port", "--host %s",
                                authority);
    return true;
}

/* Leaf, and what stands between it and the root. */
static bool assemble(const struct issuer *issuer, struct certificate *leaf, struct chain *ret,
                     struct idevs_error *ret_err)
{
    ret->at[ret->n++] = leaf;
    for (size_t i = 0; i < issuer->chain.n; i++) {
        const struct certificate *c = issuer->chain.at[i];
        if (certificate_is_self_signed(c))
            continue;
        if (ret->n == LIMIT_CHAIN)
            return refuse(ret_err, "certificate.chain", "more than %d certificates", LIMIT_CHAIN);
        struct certificate *copy = certificate_parse(certificate_der(c), ret_err);
        if (!copy)
            return false;
        ret->at[ret->n++] = copy;
    }
    return true;
}

/* As those will who get it: so an issuer that is no CA, or expired, is found out now. */
static bool is_usable(const struct chain *chain, const struct issuer *issuer, int64_t now,
                      struct idevs_error *ret_err)
{
    struct bytes anchor = certificate_der(issuer->chain.at[issuer->chain.n - 1]);

    return chain_verify(chain, &anchor, 1, CHAIN_SERVICE, now, ret_err);
}

static struct certificate *make_leaf(const struct ca_options *o, const struct issuer *issuer,
                                     const struct key *key, int64_t now,
                                     struct idevs_error *ret_err)
{
    char host[LIMIT_AUTHORITY + 1];
    uint8_t spki[SPKI_LEN];
    int64_t last = certificate_not_after(issuer->chain.at[0]);
    int64_t until = now + o->days * DAY;

    if (!host_of(o->host, host, ret_err))
        return NULL;
    key_spki(key, spki);
    struct certificate_fields f = {.subject = strlen(host) <= COMMON_NAME_LEN ? host : "service",
                                   .spki = spki,
                                   .not_before = now - LIMIT_CA_BACKDATE,
                                   .not_after = until < last ? until : last,
                                   .server_auth = true,
                                   .host = host};
    return make(&f, issuer->chain.at[0], issuer->key, ret_err);
}

bool ca_make_server(const struct ca_options *o, int64_t now, struct idevs_error *ret_err)
{
    __attribute__((cleanup(issuer_free))) struct issuer issuer = {.key = NULL};
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_chain_ struct chain chain = {.n = 0};

    if (!issuer_read(o, &issuer, ret_err))
        return false;
    struct certificate *leaf = make_leaf(o, &issuer, key, now, ret_err);
    return leaf && assemble(&issuer, leaf, &chain, ret_err) &&
           is_usable(&chain, &issuer, now, ret_err) && create_both(o, key, &chain, ret_err);
}
