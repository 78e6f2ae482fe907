#include "runtime/credentials.h"
#include "exchange/attestation.h"
#include "runtime/problem.h"
#include "wire/certificate_request.h"

void credentials_free(struct credentials *c)
{
    key_free(c->key);
    chain_free(&c->chain);
    *c = (struct credentials){0};
}

/* ---- one attempt ---- */

static const struct channel_request CHALLENGE = {.target = "authority:challenge", .type = ""};

static uint64_t patience(const struct idevs *ip)
{
    uint64_t deadline = runtime_attempt_deadline(ip);
    uint64_t renewal = clock_monotonic_ns() + LIMIT_RENEWAL_TIME * NS_PER_SECOND;

    return deadline < renewal ? deadline : renewal;
}

/* The reply to what `channel` was asked last; takes nothing but status 200. */
static bool hear(struct idevs *ip, struct channel *channel, const struct channel_request *request,
                 struct frame *ret, struct idevs_error *ret_err)
{
    if (!channel_answer(channel, request, patience(ip), ret, ret_err))
        return false;
    if (ret->status == 200)
        return true;
    const char *silent = channel == &ip->attester ? channel->unreachable : "authority.unreachable";
    return problem_refuse(ret, ret->status >= 500 ? silent : "authority.answer", request->target,
                          ret_err);
}

/* Asks `channel` and hears. */
static bool ask(struct idevs *ip, struct channel *channel, const struct channel_request *request,
                struct frame *ret, struct idevs_error *ret_err)
{
    return channel_tell(channel, request, patience(ip), ret_err) &&
           hear(ip, channel, request, ret, ret_err);
}

static bool hear_challenge(struct idevs *ip, uint8_t ret[CHALLENGE_LEN],
                           struct idevs_error *ret_err)
{
    struct frame reply;

    if (!hear(ip, &ip->launcher, &CHALLENGE, &reply, ret_err))
        return false;
    if (reply.body.len != CHALLENGE_LEN)
        return refuse(ret_err, "authority.answer", "a challenge of %zu bytes", reply.body.len);
    memcpy(ret, reply.body.data, CHALLENGE_LEN);
    return true;
}

/* Appends the evidence over key, challenge and authority. */
static bool get_evidence(struct idevs *ip, const struct key *key,
                         const uint8_t challenge[CHALLENGE_LEN], struct buffer *b,
                         struct idevs_error *ret_err)
{
    uint8_t spki[SPKI_LEN];
    uint8_t report_data[REPORT_DATA_LEN];
    struct frame reply;

    key_spki(key, spki);
    attestation_report_data(spki, challenge, ip->manifest.authority_anchors[ip->anchor],
                            report_data);
    const struct channel_request request = {
        .target = "attest",
        .type = "application/octet-stream",
        .body = bytes_of(report_data, sizeof(report_data)),
    };
    if (!ask(ip, &ip->attester, &request, &reply, ret_err))
        return false;
    return buffer_append_bytes(b, reply.body) ||
           refuse(ret_err, "evidence.malformed", "evidence of %zu bytes", reply.body.len);
}

/* The challenge was asked for. Key, evidence and request: appends the body for
 * `authority:certificate`. */
static bool make_request(struct idevs *ip, const struct key *key, struct buffer *b,
                         struct idevs_error *ret_err)
{
    uint8_t challenge[CHALLENGE_LEN];
    _cleanup_buffer_ struct buffer evidence = buffer_up_to(LIMIT_EVIDENCE);
    _cleanup_buffer_ struct buffer csr = buffer_up_to(LIMIT_CSR);

    if (!hear_challenge(ip, challenge, ret_err))
        return false;
    uint64_t since = clock_monotonic_ns();
    if (!get_evidence(ip, key, challenge, &evidence, ret_err))
        return false;
    runtime_span(ip, "generateAttestableDoc", since);
    if (!csr_make(key, ip->manifest.program, buffer_bytes(&evidence), &csr))
        return refuse(ret_err, "internal", "no certificate request could be made");
    const struct certificate_request request = {
        .challenge = bytes_of(challenge, sizeof(challenge)),
        .csr = buffer_bytes(&csr),
        .manifest = buffer_bytes(&ip->manifest_cbor),
    };
    return certificate_request_encode(&request, b) ||
           refuse(ret_err, "internal", "the certificate request is over its limit");
}

/* Step 7. The clock's floor is set only by a chain that leads to the manifest's anchor. */
static bool check_chain(struct idevs *ip, struct credentials *made, struct idevs_error *ret_err)
{
    const struct certificate *leaf = made->chain.at[0];
    int64_t from = certificate_not_before(leaf);
    int64_t now = timekeeper_now(&ip->time);

    if (!certificate_is_for(leaf, made->key))
        return refuse(ret_err, "certificate.key", "a certificate for a key that is not ours");
    if (!chain_verify(&made->chain, ip->manifest.authority_anchors,
                      ip->manifest.n_authority_anchors, CHAIN_PROGRAM, now > from ? now : from,
                      ret_err))
        return false;
    timekeeper_floor(&ip->time, from);
    made->issued_ns = timekeeper_progress_ns(&ip->time);
    made->not_after = certificate_not_after(leaf);
    made->life = made->not_after - from;
    certificate_sha256(leaf, made->keyid);
    return true;
}

/* One whole attempt, with a key of its own; nothing changes unless all of it works. */
static bool certify(struct idevs *ip, struct idevs_error *ret_err)
{
    _cleanup_credentials_ struct credentials made = {.key = NULL};
    _cleanup_buffer_ struct buffer body = buffer_up_to(LIMIT_CERTIFICATE_REQUEST);
    struct frame reply;

    if (!channel_tell(&ip->launcher, &CHALLENGE, patience(ip), ret_err))
        return false;
    made.key = key_generate(); /* takes as long as the challenge, which is on its way meanwhile */
    if (!made.key || !make_request(ip, made.key, &body, ret_err))
        return made.key ? false : refuse(ret_err, "internal", "no key could be made");
    const struct channel_request request = {
        .target = "authority:certificate",
        .type = CERTIFICATE_REQUEST_TYPE,
        .body = buffer_bytes(&body),
    };
    uint64_t since = clock_monotonic_ns();
    if (!ask(ip, &ip->launcher, &request, &reply, ret_err) ||
        !chain_from_pem(reply.body, &made.chain, ret_err) || !check_chain(ip, &made, ret_err))
        return false;
    runtime_span(ip, "generateCertificate", since);
    credentials_free(&ip->credentials);
    ip->credentials = made;
    made = (struct credentials){0};
    ip->renewal = backoff_between(LIMIT_RENEWAL_PAUSE_MS, LIMIT_RENEWAL_PAUSE_CEILING_MS);
    ip->renewal_not_before_ns = 0;
    return true;
}

/* An authority is bound to one root at a time, and the manifest may name two: evidence for the
 * other one is refused as not fresh, and that alone lets the next anchor be tried. */
static bool certify_for_any_anchor(struct idevs *ip, struct idevs_error *ret_err)
{
    for (size_t tried = 1; !certify(ip, ret_err); tried++) {
        if (tried >= ip->manifest.n_authority_anchors || !error_is(ret_err, "evidence.freshness"))
            return false;
        ip->anchor = (ip->anchor + 1) % ip->manifest.n_authority_anchors;
    }
    return true;
}

/* ---- until it works ---- */

static bool may_pass(const struct idevs_error *err)
{
    static const char *const PASSING[] = {"authority.unreachable", "launcher.", "warden.",
                                          "challenge.stale",       "internal",  "disk.full"};

    for (size_t i = 0; i < ARRAY_LEN(PASSING); i++)
        if (error_is(err, PASSING[i]))
            return true;
    return false;
}

bool credentials_obtain(struct idevs *ip, struct idevs_error *ret_err)
{
    struct backoff backoff =
        backoff_between(ip->options.backoff_first_ms, ip->options.backoff_max_ms);
    struct idevs_error why;

    while (!certify_for_any_anchor(ip, &why)) {
        if (!may_pass(&why)) {
            *ret_err = why;
            return false;
        }
        if (!runtime_pause(ip, &backoff, &why, ret_err))
            return false;
    }
    return true;
}

static bool has_expired(const struct idevs *ip)
{
    return timekeeper_now(&ip->time) >= ip->credentials.not_after;
}

static bool is_due(const struct idevs *ip)
{
    uint64_t now = timekeeper_progress_ns(&ip->time);
    uint64_t age = now - ip->credentials.issued_ns;
    bool old = age >= (uint64_t)ip->credentials.life * NS_PER_SECOND / 3 * 2;

    return (old || ip->credentials.doubted) && now >= ip->renewal_not_before_ns;
}

/* After the end of the certificate: any reason may pass now, for nothing else is left to do. */
static bool renew_or_fail(struct idevs *ip, struct idevs_error *ret_err)
{
    struct backoff backoff =
        backoff_between(ip->options.backoff_first_ms, ip->options.backoff_max_ms);
    struct idevs_error why;

    while (!certify_for_any_anchor(ip, &why)) {
        if (runtime_pause(ip, &backoff, &why, ret_err))
            continue;
        if (ip->launcher.broken || ip->launcher.stopped)
            return false;
        return refuse(ret_err, "authority.unreachable", "the certificate ended; last: %s: %s",
                      why.code, why.found);
    }
    return true;
}

bool credentials_ready(struct idevs *ip, struct idevs_error *ret_err)
{
    struct idevs_error ignored;

    if (has_expired(ip))
        return renew_or_fail(ip, ret_err);
    if (!is_due(ip) || certify_for_any_anchor(ip, &ignored))
        return true;
    ip->renewal_not_before_ns = timekeeper_progress_ns(&ip->time) + backoff_next_ns(&ip->renewal);
    return true;
}

void credentials_doubt(struct idevs *ip)
{
    ip->credentials.doubted = true;
}
