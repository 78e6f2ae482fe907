#include "base/alloc.h"
#include "base/fd.h"
#include "base/text.h"
#include "conformance/conformance.h"

#include <stdlib.h>

/* As it is signed, written and printed: one text. */
static char *text_of(const json_t *report)
{
    return json_dumps(report, JSON_INDENT(2) | JSON_ENSURE_ASCII);
}

bool report_write(json_t *report, const char *path, const struct key *key,
                  struct idevs_error *ret_err)
{
    uint8_t spki[SPKI_LEN];
    uint8_t hash[SHA256_LEN];
    char signer[2 * SHA256_LEN + 1];
    _cleanup_text_ char *signature_path = alloc_format("%s.sig", path);
    _cleanup_buffer_ struct buffer signature = buffer_up_to(ES256_DER_LEN);

    key_spki(key, spki);
    sha256(bytes_of(spki, sizeof(spki)), hash);
    hex_text(hash, sizeof(hash), signer);
    if (json_object_set_new(report, "signer", json_string(signer)) != 0)
        return refuse(ret_err, "internal", "a report that takes no signer");
    _cleanup_text_ char *text = text_of(report);
    if (!text || !key_sign_der(key, bytes_of_text(text), &signature))
        return refuse(ret_err, "internal", "a report that cannot be signed");
    return file_write(path, bytes_of_text(text), 0644, ret_err) &&
           file_write(signature_path, buffer_bytes(&signature), 0644, ret_err);
}

json_t *report_read(const char *path, const char *public_path, struct idevs_error *ret_err)
{
    _cleanup_text_ char *signature_path = alloc_format("%s.sig", path);
    _cleanup_buffer_ struct buffer text = buffer_up_to(LIMIT_REPORT);
    _cleanup_buffer_ struct buffer signature = buffer_up_to(ES256_DER_LEN);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CONFIG);

    if (!file_read(path, &text, ret_err) || !file_read(signature_path, &signature, ret_err) ||
        !file_read(public_path, &pem, ret_err))
        return NULL;
    _cleanup_public_key_ struct public_key *key = public_key_from_pem(buffer_bytes(&pem));
    if (!key) {
        refuse(ret_err, "conformance.signature", "%s: no P-256 public key", public_path);
        return NULL;
    }
    if (!public_key_verify_der(key, buffer_bytes(&text), buffer_bytes(&signature))) {
        refuse(ret_err, "conformance.signature", "%s is not of the key in %s", signature_path,
               public_path);
        return NULL;
    }
    return json_object_from(buffer_bytes(&text), ret_err);
}

bool report_judge(const json_t *report, struct idevs_error *ret_err)
{
    const json_t *counts = json_object_get(report, "counts");
    json_int_t held = json_integer_value(json_object_get(counts, "held"));
    json_int_t not_held = json_integer_value(json_object_get(counts, "not_held"));

    return (held > 0 && not_held == 0) ||
           refuse(ret_err, "conformance.not-held", "%lld held, %lld did not", (long long)held,
                  (long long)not_held);
}
