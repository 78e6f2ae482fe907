/* authority revoke: the kill switch of owners and administrators. */
#include "base/clock.h"
#include "base/text.h"
#include "cli/cli.h"
#include "crypto/digest.h"
#include "exchange/cose.h"
#include "wire/revocation.h"

#include <stdio.h>
#include <string.h>

/* Hex digits of a whole id, or fewer of a serial, as tools print it: zeros go in front. */
static bool take_id(const char *text, enum revoke what, uint8_t *ret)
{
    size_t room = revocation_id_len(what);
    size_t len = strlen(text) / 2;

    if (len == 0 || len > room || (what != REVOKE_CERTIFICATE && len != room))
        return false;
    return hex_exactly(bytes_of_text(text), ret + room - len, len);
}

static bool take_what(const struct arguments *a, struct revocation *ret,
                      struct idevs_error *ret_err)
{
    static const struct {
        const char *option;
        enum revoke what;
    } WHAT[] = {{"--serial", REVOKE_CERTIFICATE},
                {"--executable", REVOKE_EXECUTABLE},
                {"--platform", REVOKE_PLATFORM},
                {"--everything", REVOKE_EVERYTHING}};
    unsigned given = 0;

    for (size_t i = 0; i < ARRAY_LEN(WHAT); i++) {
        if (!argument_given(a, WHAT[i].option))
            continue;
        const char *id = argument_value(a, WHAT[i].option);
        given++;
        ret->what = WHAT[i].what;
        if (revocation_id_len(ret->what) > 0 && (!id || !take_id(id, ret->what, ret->id)))
            return refuse_expecting(ret_err, "usage", "its hex digits", "%s %s", WHAT[i].option,
                                    id ? id : "alone");
    }
    return given == 1 || refuse_expecting(ret_err, "usage",
                                          "one of --serial, --executable, --platform, --everything",
                                          "%u of them", given);
}

static bool take_reason(const struct arguments *a, struct revocation *ret,
                        struct idevs_error *ret_err)
{
    const char *reason = argument_value(a, "--reason");

    return !reason || revocation_reason_from_name(reason, &ret->reason) ||
           refuse_expecting(ret_err, "usage",
                            "key-compromise, affiliation-changed, superseded, "
                            "cessation-of-operation or privilege-withdrawn",
                            "--reason %s", reason);
}

static bool sign(const struct cli *cli, const struct revocation *r, struct buffer *b,
                 struct idevs_error *ret_err)
{
    _cleanup_key_ struct key *key = home_key(cli, ret_err);
    _cleanup_buffer_ struct buffer payload = buffer_up_to(LIMIT_REVOCATION);

    if (!key)
        return false;
    return (revocation_encode(r, &payload) &&
            cose_sign(key, REVOCATION_TYPE, buffer_bytes(&payload), b)) ||
           refuse(ret_err, "internal", "the request could not be encoded");
}

static bool run_revoke(const struct cli *cli, const struct arguments *a,
                       struct idevs_error *ret_err)
{
    struct revocation r = {.issued_at = clock_unix()};
    _cleanup_buffer_ struct buffer request = buffer_up_to(LIMIT_REVOCATION);

    random_bytes(r.nonce, sizeof(r.nonce));
    if (!take_what(a, &r, ret_err) || !take_reason(a, &r, ret_err) ||
        !sign(cli, &r, &request, ret_err))
        return false;
    _cleanup_json_ json_t *j =
        authority_post(cli, "/v1/revocations", REVOCATION_TYPE, buffer_bytes(&request), ret_err);
    if (!j)
        return false;
    if (cli->json)
        print_json(j);
    else
        printf("revoked: %lld certificates that were alive\n",
               (long long)json_integer_value(json_object_get(j, "certificates")));
    return true;
}

static const char *const REVOKE_OPTIONS[] = {"--serial=HEX",    "--executable=SHA-256",
                                             "--platform=ID",   "--everything",
                                             "--reason=REASON", NULL};

const struct command REVOKE_COMMANDS[] = {
    {"authority", "revoke", "--serial|--executable|--platform HEX, or --everything",
     "have every gateway refuse certificates, within a minute", REVOKE_OPTIONS, 0, 0, run_revoke},
    {0},
};
