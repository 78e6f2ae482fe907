/* What the authority remembers: owners, enrolled platforms, enrolment tokens, approvals. On SQLite,
 * open to the daemon and to the administration commands at once. */
#ifndef IDEVS_AUTHORITY_REGISTRY_H
#define IDEVS_AUTHORITY_REGISTRY_H

#include "base/limits.h"
#include "crypto/x509.h"
#include "evidence/appraisal.h"
#include "evidence/tpm_platform.h"
#include "wire/revocation.h"
#include "wire/signer_request.h"

struct registry;
/* Refuses `state.*`, `disk.full`. */
struct registry *registry_open(const char *path, struct idevs_error *ret_err);
void registry_close(struct registry *r); /* takes NULL */
DEFINE_CLEANUP(struct registry *, registry_close)
#define _cleanup_registry_ _cleanup_(registry_closep)

/* ---- owners ---- */
struct registry_owner {
    char name[LIMIT_OWNER_NAME + 1];
    uint8_t id[SHA256_LEN]; /* SHA-256 of the SPKI */
    uint8_t spki[SPKI_LEN];
    bool administrator; /* may revoke whatever was issued, not only to the owner's own programs */
};
/* Refuses `name.invalid`, and `owner.exists` when name or key is there. */
bool registry_add_owner(struct registry *r, const char *name, const uint8_t spki[SPKI_LEN],
                        struct idevs_error *ret_err) _must_check_;
/* From now on an administrator, too. Refuses `api.not-found`. */
bool registry_make_administrator(struct registry *r, const char *name,
                                 struct idevs_error *ret_err) _must_check_;
/* The owner's approvals stop counting; the names stay taken. Refuses `api.not-found`. */
bool registry_remove_owner(struct registry *r, const char *name,
                           struct idevs_error *ret_err) _must_check_;
/* Refuses `approval.owner`. */
bool registry_find_owner(struct registry *r, const uint8_t id[SHA256_LEN],
                         struct registry_owner *ret, struct idevs_error *ret_err) _must_check_;
bool registry_each_owner(struct registry *r, void (*each)(const struct registry_owner *, void *),
                         void *context, struct idevs_error *ret_err) _must_check_;

/* ---- platforms ---- */
/* A token that enrols one platform in `tier` until `expires`. */
bool registry_add_token(struct registry *r, const uint8_t sha256[SHA256_LEN], enum tier tier,
                        int64_t expires, struct idevs_error *ret_err) _must_check_;
/* Spends the request's token and enrols its key, in one transaction; a key that is enrolled already
 * gets the new tier. Refuses `platform.token`. */
bool registry_enrol(struct registry *r, const struct platform_request *request, int64_t now,
                    enum tier *ret_tier, struct idevs_error *ret_err) _must_check_;
/* Likewise of a platform with a TPM: it is enrolled once it has shown, within
 * LIMIT_ACTIVATION_LIFE, the secret whose SHA-256 is kept. Refuses `platform.token`. */
bool registry_await(struct registry *r, const struct platform_request *request,
                    const struct tpm_platform *tpm, const uint8_t secret_sha256[SHA256_LEN],
                    int64_t now, struct idevs_error *ret_err) _must_check_;
/* The key of a platform that is awaited. Refuses `platform.activation`. */
bool registry_awaited(struct registry *r, const uint8_t id[SHA256_LEN], uint8_t ret_spki[SPKI_LEN],
                      struct idevs_error *ret_err) _must_check_;
/* One attempt: whether or not it is the secret, nothing is awaited of it afterwards. Refuses
 * `platform.activation`. */
bool registry_activate(struct registry *r, const uint8_t id[SHA256_LEN],
                       const uint8_t secret_sha256[SHA256_LEN], int64_t now, enum tier *ret_tier,
                       struct idevs_error *ret_err) _must_check_;
/* False when it is not enrolled with a TPM; where that cannot be found out, it is, with a key that
 * nothing verifies with. */
bool registry_find_tpm(struct registry *r, const uint8_t id[SHA256_LEN],
                       struct tpm_platform *ret) _must_check_;
/* False also when it is not enrolled. */
bool registry_find_platform(struct registry *r, const uint8_t id[SHA256_LEN],
                            uint8_t ret_spki[SPKI_LEN],
                            struct appraisal_platform *ret) _must_check_;
/* Refuses `api.not-found`. */
bool registry_remove_platform(struct registry *r, const uint8_t id[SHA256_LEN],
                              struct idevs_error *ret_err) _must_check_;
struct registry_platform {
    uint8_t id[SHA256_LEN];
    enum tier tier;
    const char *back_ends; /* separated by spaces */
    const char *description;
    const char *tpm_registers; /* "0,1,2"; empty: without a TPM */
    int64_t enrolled_at;
};
bool registry_each_platform(struct registry *r,
                            void (*each)(const struct registry_platform *, void *), void *context,
                            struct idevs_error *ret_err) _must_check_;

/* ---- approvals ---- */
/* Keeps the payload and its signed form, and gives the name to `owner` when nobody has it; the same
 * payload again changes nothing. Refuses `approval.name-taken`. */
bool registry_add_approval(struct registry *r, const uint8_t owner[SHA256_LEN],
                           const struct approval *approval, struct bytes payload,
                           struct bytes signed_form, struct idevs_error *ret_err) _must_check_;
/* What is known of a program name; a name of nobody is no refusal. */
bool registry_name(struct registry *r, const char *program, struct appraisal_name *ret,
                   struct idevs_error *ret_err) _must_check_;
bool registry_each_approval(struct registry *r,
                            void (*each)(const char *owner, const struct approval *, void *),
                            void *context, struct idevs_error *ret_err) _must_check_;

/* ---- what was issued, and what of it was revoked ---- */
struct registry_issued {
    uint8_t serial[SERIAL_LEN];
    enum tier tier;
    const char *program;
    uint8_t executable[SHA256_LEN];
    uint8_t platform[SHA256_LEN];
    int64_t not_after;
};
/* Remembers it until `not_after`, so that it can be revoked: before it is handed out. */
bool registry_note_issued(struct registry *r, const struct registry_issued *issued, int64_t now,
                          struct idevs_error *ret_err) _must_check_;
/* Refuses `approval.revoked` for an executable that was revoked for this owner or for all. */
bool registry_check_executable(struct registry *r, const uint8_t executable[SHA256_LEN],
                               const uint8_t owner[SHA256_LEN],
                               struct idevs_error *ret_err) _must_check_;
/* Until when all certificates were revoked: a new one begins after it. 0: never. */
bool registry_revoked_through(struct registry *r, int64_t *ret,
                              struct idevs_error *ret_err) _must_check_;
/* All of it in one transaction, durable when it returns; `ret_n` certificates are revoked by it.
 * The same payload of the same owner again changes nothing. Refuses `revocation.right`,
 * `revocation.full`, `api.not-found`. */
bool registry_revoke(struct registry *r, const struct registry_owner *by,
                     const struct revocation *what, struct bytes payload, struct bytes signed_form,
                     int64_t now, size_t *ret_n, struct idevs_error *ret_err) _must_check_;
/* What the next list of a tier says, and its number, which is used up; entries of
 * wire/signer_request.h are appended. */
bool registry_next_list(struct registry *r, enum tier tier, int64_t now, struct signer_list *ret,
                        struct buffer *entries, struct idevs_error *ret_err) _must_check_;

#endif
