#include "warden/tpm.h"
#include "base/fd.h"
#include "crypto/x509.h"
#include "exchange/attestation.h"
#include "exchange/cose.h"
#include "wire/platform_request.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

/* ---- opening ---- */

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t n = strlen(path);
    _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (n >= sizeof(address.sun_path))
        return -1;
    memcpy(address.sun_path, path, n);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return -1;
    int connected = fd;
    fd = -1;
    return connected;
}

struct tpm *warden_tpm_open(const struct warden_config *config, struct buffer *key,
                            struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer ignored = buffer_up_to(LIMIT_TPM_REPLY);
    const char *path = config->tpm;
    int fd = config->tpm_is_socket ? connect_to(path) : open(path, O_RDWR | O_CLOEXEC);

    if (fd < 0) {
        refuse_errno(ret_err, "tpm.unavailable", path);
        return NULL;
    }
    struct tpm *t = tpm_open(fd, ret_err);
    if (t && tpm_take_key(t, key ? key : &ignored, ret_err))
        return t;
    tpm_close(t);
    return NULL;
}

/* ---- the endorsement certificate ---- */

/* From the configured file, PEM or DER, or else from the TPM. */
static struct certificate *read_endorsement(const struct warden_config *config, struct tpm *t,
                                            struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer found = buffer_up_to(LIMIT_PEM_BUNDLE);
    _cleanup_chain_ struct chain chain = {0};

    if (!config->tpm_endorsement)
        return tpm_read_endorsement(t, &found, ret_err)
                   ? certificate_parse(buffer_bytes(&found), ret_err)
                   : NULL;
    if (!file_read(config->tpm_endorsement, &found, ret_err))
        return NULL;
    if (found.len == 0 || found.data[0] != '-')
        return certificate_parse(buffer_bytes(&found), ret_err);
    if (!chain_from_pem(buffer_bytes(&found), &chain, ret_err))
        return NULL;
    return certificate_parse(certificate_der(chain.at[0]), ret_err);
}

/* ---- what the authority is sent ---- */

bool warden_tpm_enrol(const struct warden_config *config, const struct key *platform,
                      struct bytes request, struct buffer *b, struct idevs_error *ret_err)
{
    struct platform_request parsed;
    uint8_t nonce[TPM_DIGEST_LEN];
    _cleanup_buffer_ struct buffer key = buffer_up_to(LIMIT_TPM_REPLY);
    _cleanup_buffer_ struct buffer quote = buffer_up_to(LIMIT_TPM_QUOTE);
    _cleanup_buffer_ struct buffer payload = buffer_up_to(LIMIT_TPM_PLATFORM);
    _cleanup_tpm_ struct tpm *t = warden_tpm_open(config, &key, ret_err);
    _cleanup_certificate_ struct certificate *c = t ? read_endorsement(config, t, ret_err) : NULL;

    if (!c)
        return false;
    if (!platform_request_decode(request, &parsed))
        return refuse(ret_err, "internal", "a request that cannot be read");
    tpm_enrolment_nonce(parsed.spki, parsed.proof, nonce);
    if (!tpm_quote(t, config->tpm_registers, nonce, &quote, ret_err))
        return false;
    const struct tpm_platform_request whole = {request, certificate_der(c), buffer_bytes(&key),
                                               buffer_bytes(&quote)};
    return (tpm_platform_request_encode(&whole, &payload) &&
            cose_sign(platform, TPM_PLATFORM_TYPE, buffer_bytes(&payload), b)) ||
           refuse(ret_err, "tpm.unavailable", "an endorsement certificate that is too long");
}

bool warden_tpm_activate(const struct warden_config *config, const struct key *platform,
                         struct bytes credential, struct buffer *b, struct idevs_error *ret_err)
{
    uint8_t secret[TPM_SECRET_LEN] = {0};
    _cleanup_tpm_ struct tpm *t = warden_tpm_open(config, NULL, ret_err);
    _cleanup_certificate_ struct certificate *c = t ? read_endorsement(config, t, ret_err) : NULL;

    if (!c)
        return false;
    bool on_p256 = certificate_public_key(c) != NULL;
    bool ok = tpm_activate(t, on_p256, credential, secret, ret_err) &&
              (cose_sign(platform, TPM_ACTIVATION_TYPE, bytes_of(secret, sizeof(secret)), b) ||
               refuse(ret_err, "internal", "a long answer"));
    wipe(secret, sizeof(secret));
    return ok;
}
