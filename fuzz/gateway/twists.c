#include "twists.h"

#include "fuzz.h"

#include <stdio.h>

/* The gateway's checks in their order (docs/service-owners.md). */
enum order {
    AT_MEDIA_TYPE = 1,
    AT_CERTIFICATE,
    AT_SHAPE,
    AT_KEY_ID,
    AT_OPEN,
    AT_BHTTP,
    AT_AUTHORITY,
    AT_FIELDS,
    AT_PARAMETERS,
    AT_TIME,
    AT_NONCE,
    AT_KEYID,
    AT_DIGEST,
    AT_SIGNATURE,
    AT_FORM,
    AT_ONCE,
    AT_PROGRAM,
    AT_TIER,
    AT_BACK_END,
    AT_DIRECTION,
    AT_METHOD,
    AT_PATH,
    NEVER, /* changes nothing that matters */
};

enum layer {
    LAYER_SENDER, /* who: before what names them */
    LAYER_DRAFT,  /* what is signed */
    LAYER_SIGNED, /* after signing */
    LAYER_PLAIN,  /* bytes of the Binary HTTP */
    LAYER_SEALED, /* bytes of the sealed request */
    LAYER_OUTER,  /* what the relay adds */
    N_LAYERS,
};

/* Two twists of one slot would undo or hide each other: the first counts. */
enum slot {
    SLOT_SENDER = 100000, /* smaller ones: the offset of a text in struct draft */
    SLOT_TIME,
    SLOT_CONTENT,
    SLOT_FIELDS,
    SLOT_SIGNATURE,
    SLOT_LENGTHS,
    SLOT_PLAIN,
    SLOT_SEALED,
    SLOT_MEDIA_TYPE,
    SLOT_KEY,
};

struct twist {
    enum layer layer;
    enum order order;
    const char *code; /* NULL: it may be accepted */
    size_t slot;
    const char *text; /* to put there instead; NULL: `apply` does it */
    bool (*apply)(const struct twist_world *w, struct twisted *t, uint8_t how);
};

/* ---- who ---- */

static bool send_from(const struct twist_world *w, struct twisted *t, enum sender sender)
{
    const struct actor_program *p = &w->senders[sender];
    struct draft other;

    draft_begin(&other, p, &(struct ohttp_key_config){.public_key = {9}}, TWIST_NOW);
    memcpy(t->draft.keyid, other.keyid, sizeof(other.keyid));
    t->draft.sender = p;
    t->draft.key = p->key;
    draft_free(&other);
    return true;
}
#define SENDS(function, sender)                                                                    \
    static bool function(const struct twist_world *w, struct twisted *t, uint8_t how)              \
    {                                                                                              \
        (void)how;                                                                                 \
        return send_from(w, t, sender);                                                            \
    }
SENDS(from_other_ca, SENDER_OF_OTHER_CA)
SENDS(from_expired, SENDER_EXPIRED)
SENDS(from_early, SENDER_EARLY)
SENDS(from_just_issued, SENDER_JUST_ISSUED)
SENDS(from_other_name, SENDER_OF_OTHER_NAME)
SENDS(from_other_tier, SENDER_OF_OTHER_TIER)
SENDS(from_other_back_end, SENDER_OF_OTHER_BACK_END)
SENDS(from_without_service, SENDER_WITHOUT_SERVICE)

/* Signed by somebody else under the right certificate's name. */
static bool other_key(const struct twist_world *w, struct twisted *t, uint8_t how)
{
    (void)how;
    t->draft.key = w->senders[SENDER_OF_OTHER_TIER].key;
    return t->draft.sender != &w->senders[SENDER_OF_OTHER_TIER];
}

/* ---- when ---- */

static bool out_of_time(const struct twist_world *w, struct twisted *t, uint8_t how)
{
    struct draft *d = &t->draft;

    (void)w;
    switch (how % 6) {
    case 0:
        d->expires = d->created + 61;
        break;
    case 1:
        d->expires = d->created;
        break;
    case 2:
        d->created = d->date = TWIST_NOW + 6;
        break;
    case 3:
        d->expires = TWIST_NOW - 6;
        d->created = d->date = d->expires - 30;
        break;
    case 4:
        d->date = d->created + 6;
        break;
    default:
        d->date = d->created - 6 - how;
    }
    return true;
}

static bool just_in_time(const struct twist_world *w, struct twisted *t, uint8_t how)
{
    struct draft *d = &t->draft;

    (void)w;
    d->created = d->date = how & 1 ? TWIST_NOW + 5 : TWIST_NOW - 65;
    d->date += how & 2 ? 5 : -5;
    d->expires = d->created + 60;
    return true;
}

/* ---- content and fields ---- */

static bool content_after(const struct twist_world *w, struct twisted *t, uint8_t how)
{
    (void)w;
    return buffer_append_u8(&t->draft.content, how);
}

static bool content_too_long(const struct twist_world *w, struct twisted *t, uint8_t how)
{
    uint8_t *room = buffer_extend(&t->draft.content, KIB(64));

    (void)w;
    memset(room, how, KIB(64));
    return true;
}

static bool one_more_field(const struct twist_world *w, struct twisted *t, uint8_t how)
{
    static const char *const NAMES[] = {"accept", "cookie", "client-cert", "host", "idevs-program"};
    struct draft_field *f = &t->draft.fields[t->draft.n_fields++];

    (void)w;
    snprintf(f->name, sizeof(f->name), "%s", NAMES[how % ARRAY_LEN(NAMES)]);
    snprintf(f->value, sizeof(f->value), "x");
    return true;
}

static bool field_twice(const struct twist_world *w, struct twisted *t, uint8_t how)
{
    (void)w;
    t->draft.fields[t->draft.n_fields] = t->draft.fields[how % t->draft.n_fields];
    t->draft.n_fields++;
    return true;
}

/* Not one of those that need not be there. */
static bool field_missing(const struct twist_world *w, struct twisted *t, uint8_t how)
{
    size_t at = how % t->draft.n_fields;
    const char *name = t->draft.fields[at].name;

    (void)w;
    if (strcmp(name, "content-type") == 0 || strcmp(name, "idempotency-key") == 0)
        return false;
    t->draft.fields[at] = t->draft.fields[--t->draft.n_fields];
    return true;
}

static bool fields_turned(const struct twist_world *w, struct twisted *t, uint8_t how)
{
    struct draft_field first = t->draft.fields[0];
    size_t at = how % t->draft.n_fields;

    (void)w;
    t->draft.fields[0] = t->draft.fields[at];
    t->draft.fields[at] = first;
    return true;
}

static struct draft_field *field_of(struct draft *d, const char *name)
{
    for (size_t i = 0; i < d->n_fields; i++)
        if (strcmp(d->fields[i].name, name) == 0)
            return &d->fields[i];
    return NULL; /* another twist took it away */
}

/* One character of the parameters, whatever it says. */
static bool parameter_changed(const struct twist_world *w, struct twisted *t, uint8_t how)
{
    struct draft_field *f = field_of(&t->draft, "signature-input");
    size_t at = how % strlen("idevs=(\"@method\" \"@scheme\"");

    (void)w;
    if (f)
        f->value[at] = f->value[at] == '!' ? '#' : '!';
    return f != NULL;
}

static bool parameters_longer(const struct twist_world *w, struct twisted *t, uint8_t how)
{
    static const char *const MORE[] = {";x=1", ";", ", other=()", ";tag=\"x\""};
    struct draft_field *f = field_of(&t->draft, "signature-input");

    (void)w;
    if (f)
        strcat(f->value, MORE[how % ARRAY_LEN(MORE)]);
    return f != NULL;
}

/* One of the first 84 characters, which all carry six bits. */
static bool signature_changed(const struct twist_world *w, struct twisted *t, uint8_t how)
{
    struct draft_field *f = field_of(&t->draft, "signature");

    (void)w;
    if (!f)
        return false;
    char *at = strchr(f->value, ':') + 1 + how % 84;
    *at = *at == 'A' ? 'B' : 'A';
    return true;
}

/* ---- bytes ---- */

static bool wide_lengths(const struct twist_world *w, struct twisted *t, uint8_t how)
{
    (void)w;
    (void)how;
    t->draft.wide = true;
    return true;
}

static bool padded(const struct twist_world *w, struct twisted *t, uint8_t how)
{
    (void)w;
    t->draft.padding = how;
    return true;
}

static bool other_framing(const struct twist_world *w, struct twisted *t, uint8_t how)
{
    (void)w;
    t->draft.plain.data[0] = (uint8_t)(how % 63 + 1);
    return true;
}

static bool padding_with_content(const struct twist_world *w, struct twisted *t, uint8_t how)
{
    (void)w;
    return buffer_append_u8(&t->draft.plain, (uint8_t)(how | 1));
}

static bool plain_cut(const struct twist_world *w, struct twisted *t, uint8_t how)
{
    const struct draft *d = &t->draft;
    size_t control = 1 + (size_t)(d->wide ? 16 : 4) + strlen(d->method) + strlen(d->scheme) +
                     strlen(d->authority) + strlen(d->path);

    (void)w;
    t->draft.plain.len = how % 100; /* within the control data or the fields */
    return t->draft.plain.len != control ||
           t->draft.plain.len--; /* there it may end: RFC 9292, 3.8 */
}

static bool other_suite(const struct twist_world *w, struct twisted *t, uint8_t how)
{
    (void)w;
    t->draft.sealed.data[1 + how % 6] ^= (uint8_t)(how | 1);
    return true;
}

static bool other_key_id(const struct twist_world *w, struct twisted *t, uint8_t how)
{
    (void)w;
    t->draft.sealed.data[0] ^= (uint8_t)(how | 1);
    return true;
}

static bool sealed_too_short(const struct twist_world *w, struct twisted *t, uint8_t how)
{
    (void)w;
    t->draft.sealed.len = how % (7 + HPKE_ENC_LEN + HPKE_TAG_LEN);
    return true;
}

/* Not the highest bit of enc, which X25519 leaves out (RFC 7748, 5): see enc_high_bit. */
static bool sealed_changed(const struct twist_world *w, struct twisted *t, uint8_t how)
{
    (void)w;
    t->draft.sealed.data[7 + how % (t->draft.sealed.len - 7)] ^= 1;
    return true;
}

/* Another enc for the same point: HPKE's key schedule holds the bytes, so it does not open. */
static bool enc_high_bit(const struct twist_world *w, struct twisted *t, uint8_t how)
{
    (void)w;
    (void)how;
    t->draft.sealed.data[7 + HPKE_ENC_LEN - 1] ^= 0x80;
    return true;
}

static bool sealed_longer(const struct twist_world *w, struct twisted *t, uint8_t how)
{
    (void)w;
    return buffer_append_u8(&t->draft.sealed, how);
}

/* ---- what the relay adds ---- */

static struct http_field *outer_field(struct twisted *t, const char *name)
{
    for (size_t i = 0; i < t->outer.n_fields; i++)
        if (bytes_equal_text(t->outer.fields[i].name, name))
            return &t->outer.fields[i];
    abort();
}

static bool other_media_type(const struct twist_world *w, struct twisted *t, uint8_t how)
{
    static const char *const TYPES[] = {"", "message/ohttp-res", "message/ohttp-req; a=b",
                                        "Message/ohttp-req"};

    (void)w;
    outer_field(t, "content-type")->value = bytes_of_text(TYPES[how % ARRAY_LEN(TYPES)]);
    return true;
}

static bool certificate_twice(const struct twist_world *w, struct twisted *t, uint8_t how)
{
    const char *name = how & 1 ? "client-cert" : "client-cert-chain";

    (void)w;
    return http_add(&t->outer, name, outer_field(t, name)->value);
}

static bool certificate_cut(const struct twist_world *w, struct twisted *t, uint8_t how)
{
    struct bytes *value = &outer_field(t, "client-cert")->value;

    (void)w;
    value->len -= 1u + how;
    return true;
}

/* Every character of base64 carries bits of the signed certificate or of its signature. */
static bool certificate_changed(const struct twist_world *w, struct twisted *t, uint8_t how)
{
    struct bytes *value = &outer_field(t, "client-cert")->value;
    size_t at = 1 + (size_t)how * 4;

    (void)w;
    must(value->len < sizeof(t->room) && at + 8 < value->len);
    memcpy(t->room, value->data, value->len);
    t->room[at] = t->room[at] == 'A' ? 'B' : 'A';
    value->data = t->room;
    return true;
}

/* A certificate that no path needs comes along. */
static bool longer_chain(const struct twist_world *w, struct twisted *t, uint8_t how)
{
    struct bytes *value = &outer_field(t, "client-cert-chain")->value;
    struct bytes more = buffer_bytes(&w->senders[how & 1 ? SENDER_GOOD : SENDER_EXPIRED].cert);

    must(value->len + more.len + 2 < sizeof(t->room));
    memcpy(t->room, value->data, value->len);
    memcpy(t->room + value->len, ", ", 2);
    memcpy(t->room + value->len + 2, more.data, more.len);
    *value = bytes_of(t->room, value->len + 2 + more.len);
    return true;
}

static bool outer_noise(const struct twist_world *w, struct twisted *t, uint8_t how)
{
    static const char *const NAMES[] = {"signature", "idevs-program", "x-forwarded-for", "date"};

    (void)w;
    return http_add(&t->outer, NAMES[how % ARRAY_LEN(NAMES)], bytes_of_text("x"));
}

/* ---- all of them ---- */

#define DRAFT(order, code, member, text)                                                           \
    {                                                                                              \
        LAYER_DRAFT, order, code, offsetof(struct draft, member), text, NULL                       \
    }
#define SIGNED(order, code, member, text)                                                          \
    {                                                                                              \
        LAYER_SIGNED, order, code, offsetof(struct draft, member), text, NULL                      \
    }
#define DIGEST_TEXT "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static const struct twist TWISTS_KNOWN[] = {
    DRAFT(AT_AUTHORITY, "request.authority", scheme, "http"),
    DRAFT(AT_AUTHORITY, "request.authority", authority, "127.0.0.1:8444"),
    DRAFT(AT_AUTHORITY, "request.authority", authority, "127.0.0.1"),
    DRAFT(AT_PARAMETERS, "request.signature", label, "sig1"),
    DRAFT(AT_PARAMETERS, "request.signature", alg, "hmac-sha256"),
    DRAFT(AT_PARAMETERS, "request.signature", tag, "idevs-gateway-keys-v1"),
    DRAFT(AT_PARAMETERS, "request.signature", nonce, "short"),
    DRAFT(AT_NONCE, "request.nonce", nonce, DIGEST_TEXT),
    DRAFT(AT_KEYID, "request.signature", keyid, DIGEST_TEXT),
    DRAFT(AT_FORM, "api.method", method, "BREW"),
    DRAFT(AT_FORM, "api.method", method, "CONNECT"),
    DRAFT(AT_FORM, "request.field", method, "GET"),
    DRAFT(AT_FORM, "http.malformed", path, "/api/../admin"),
    DRAFT(AT_FORM, "http.malformed", path, "/api//trips"),
    DRAFT(AT_FORM, "http.malformed", path, "/api/%2e%2e/admin"),
    DRAFT(AT_FORM, "http.malformed", path, "/api/trips%2Fx"),
    DRAFT(AT_BHTTP, "bhttp.malformed", path, "http://other/api"),
    DRAFT(AT_ONCE, "request.field", once, "sale 809"),
    DRAFT(AT_ONCE, "request.field", once, "../809"),
    DRAFT(AT_METHOD, "policy.method", method, "PATCH"),
    DRAFT(AT_PATH, "policy.path", path, "/private"),
    DRAFT(AT_PATH, "policy.path", path, "/apis/trips"),
    DRAFT(AT_PATH, "policy.path", path, "/api/..;/private"),
    DRAFT(NEVER, NULL, path, "/api/trips"),
    DRAFT(NEVER, NULL, path, "/api/trips?"),
    DRAFT(NEVER, NULL, path, "/api/a/b/c?d=/../e"),
    DRAFT(NEVER, NULL, method, "PUT"),
    DRAFT(NEVER, NULL, method, "DELETE"),
    DRAFT(NEVER, NULL, type, "text/plain; charset=\"x,y\""),
    DRAFT(NEVER, NULL, type, ""),
    DRAFT(NEVER, NULL, once, ""),
    DRAFT(NEVER, NULL, once, "Aa0._-"),
    SIGNED(AT_SIGNATURE, "request.signature", method, "PUT"),
    SIGNED(AT_SIGNATURE, "request.signature", path, "/api/trips?x=2"),
    SIGNED(AT_SIGNATURE, "request.signature", path, "/api/trips"),
    SIGNED(AT_AUTHORITY, "request.authority", authority, "127.0.0.1:8444"),
    {LAYER_SENDER, AT_CERTIFICATE, "certificate.chain", SLOT_SENDER, NULL, from_other_ca},
    {LAYER_SENDER, AT_CERTIFICATE, "certificate.expired", SLOT_SENDER, NULL, from_expired},
    {LAYER_SENDER, AT_CERTIFICATE, "certificate.expired", SLOT_SENDER, NULL, from_early},
    {LAYER_SENDER, AT_PROGRAM, "policy.program", SLOT_SENDER, NULL, from_other_name},
    {LAYER_SENDER, AT_TIER, "policy.tier", SLOT_SENDER, NULL, from_other_tier},
    {LAYER_SENDER, AT_BACK_END, "policy.back-end", SLOT_SENDER, NULL, from_other_back_end},
    {LAYER_SENDER, AT_DIRECTION, "policy.writes", SLOT_SENDER, NULL, from_without_service},
    {LAYER_SIGNED, AT_SIGNATURE, "request.signature", SLOT_SIGNATURE, NULL, signature_changed},
    {LAYER_DRAFT, AT_SIGNATURE, "request.signature", SLOT_KEY, NULL, other_key},
    {LAYER_DRAFT, AT_TIME, "request.date", SLOT_TIME, NULL, out_of_time},
    {LAYER_DRAFT, NEVER, NULL, SLOT_TIME, NULL, just_in_time},
    {LAYER_DRAFT, AT_FORM, "http.body-too-large", SLOT_CONTENT, NULL, content_too_long},
    {LAYER_SIGNED, AT_DIGEST, "request.digest", SLOT_CONTENT, NULL, content_after},
    {LAYER_SIGNED, AT_FIELDS, "request.field", SLOT_FIELDS, NULL, one_more_field},
    {LAYER_SIGNED, AT_FIELDS, "request.field", SLOT_FIELDS, NULL, field_twice},
    {LAYER_SIGNED, AT_FIELDS, "request.field", SLOT_FIELDS, NULL, field_missing},
    {LAYER_SIGNED, AT_PARAMETERS, "request.signature", SLOT_FIELDS, NULL, parameter_changed},
    {LAYER_SIGNED, AT_PARAMETERS, "request.signature", SLOT_FIELDS, NULL, parameters_longer},
    {LAYER_SIGNED, NEVER, NULL, SLOT_FIELDS, NULL, fields_turned},
    {LAYER_SIGNED, NEVER, NULL, SLOT_LENGTHS, NULL, wide_lengths},
    {LAYER_SIGNED, NEVER, NULL, SLOT_LENGTHS, NULL, padded},
    {LAYER_PLAIN, AT_BHTTP, "bhttp.malformed", SLOT_PLAIN, NULL, other_framing},
    {LAYER_PLAIN, AT_BHTTP, "bhttp.malformed", SLOT_PLAIN, NULL, padding_with_content},
    {LAYER_PLAIN, AT_BHTTP, "bhttp.malformed", SLOT_PLAIN, NULL, plain_cut},
    {LAYER_SEALED, AT_SHAPE, "exchange.decrypt", SLOT_SEALED, NULL, other_suite},
    {LAYER_SEALED, AT_SHAPE, "exchange.decrypt", SLOT_SEALED, NULL, sealed_too_short},
    {LAYER_SEALED, AT_KEY_ID, "exchange.key", SLOT_SEALED, NULL, other_key_id},
    {LAYER_SEALED, AT_OPEN, "exchange.decrypt", SLOT_SEALED, NULL, sealed_changed},
    {LAYER_SEALED, AT_OPEN, "exchange.decrypt", SLOT_SEALED, NULL, enc_high_bit},
    {LAYER_SEALED, AT_OPEN, "exchange.decrypt", SLOT_SEALED, NULL, sealed_longer},
    {LAYER_OUTER, AT_MEDIA_TYPE, "exchange.media-type", SLOT_MEDIA_TYPE, NULL, other_media_type},
    {LAYER_OUTER, AT_CERTIFICATE, "certificate.malformed", SLOT_SENDER, NULL, certificate_twice},
    {LAYER_OUTER, AT_CERTIFICATE, "certificate.malformed", SLOT_SENDER, NULL, certificate_cut},
    {LAYER_OUTER, AT_CERTIFICATE, "certificate.", SLOT_SENDER, NULL, certificate_changed},
    {LAYER_OUTER, NEVER, NULL, SLOT_SENDER, NULL, longer_chain},
    {LAYER_OUTER, NEVER, NULL, SLOT_MEDIA_TYPE, NULL, outer_noise},
    {LAYER_SENDER, NEVER, NULL, SLOT_SENDER, NULL, from_just_issued},
};

/* ---- the world ---- */

void twist_world_make(struct twist_world *w, int64_t now)
{
    const struct actor_program_fields fields[N_SENDERS] = {
        [SENDER_EXPIRED] = {.not_before = now - 3600, .not_after = now - 1},
        [SENDER_EARLY] = {.not_before = now + 6, .not_after = now + 3600},
        [SENDER_JUST_ISSUED] = {.not_before = now + 5, .not_after = now + 3600},
        [SENDER_OF_OTHER_NAME] = {.id = "spiffe://free-ride.example/program/other"},
        [SENDER_OF_OTHER_TIER] = {.tier = "development"},
        [SENDER_OF_OTHER_BACK_END] = {.back_end = "none"},
        [SENDER_WITHOUT_SERVICE] = {.reads = "", .writes = ""},
    };

    actor_ca_make(&w->ca, "isolated", now);
    actor_ca_make(&w->other_ca, "isolated", now);
    for (size_t i = 0; i < N_SENDERS; i++)
        actor_program_make(&w->senders[i], i == SENDER_OF_OTHER_CA ? &w->other_ca : &w->ca,
                           &fields[i], now);
}

/* ---- one request ---- */

struct choice {
    const struct twist *twist;
    uint8_t how;
};

/* The input's twists, each slot once. */
static size_t choose(struct reader *r, struct choice ret[TWISTS])
{
    size_t n = 0;

    while (n < TWISTS && reader_left(r) >= 2) {
        const struct twist *twist = &TWISTS_KNOWN[next_u8(r) % ARRAY_LEN(TWISTS_KNOWN)];
        bool taken = false;
        ret[n].how = next_u8(r);
        for (size_t i = 0; i < n; i++)
            taken = taken || ret[i].twist->slot == twist->slot;
        ret[n].twist = twist;
        n += !taken;
    }
    return n;
}

static void expect(struct model *m, const struct twist *twist)
{
    if (!twist->code || (m->n_codes && twist->order > m->order))
        return;
    if (m->n_codes && twist->order < m->order)
        m->n_codes = 0;
    m->order = twist->order;
    m->codes[m->n_codes++] = twist->code;
    m->verdict = twist->order < AT_BHTTP ? VERDICT_PLAIN : VERDICT_SEALED;
}

bool model_permits(const struct model *m, const char *code)
{
    struct idevs_error err = {0};

    snprintf(err.code, sizeof(err.code), "%s", code);
    for (size_t i = 0; i < m->n_codes; i++)
        if (error_is(&err, m->codes[i]))
            return true;
    return false;
}

static bool put_text(struct draft *d, const struct twist *twist)
{
    char *at = (char *)d + twist->slot;

    if (!at[0] || strcmp(at, twist->text) == 0)
        return false;
    memcpy(at, twist->text, strlen(twist->text) + 1);
    return true;
}

static void apply(const struct twist_world *w, enum layer layer, const struct choice *choices,
                  size_t n, struct twisted *t)
{
    for (size_t i = 0; i < n; i++) {
        const struct twist *twist = choices[i].twist;
        if (twist->layer == layer &&
            (twist->text ? put_text(&t->draft, twist) : twist->apply(w, t, choices[i].how)))
            expect(&t->model, twist);
    }
}

void twist_request(const struct twist_world *w, const struct ohttp_key_config *to, struct reader *r,
                   struct twisted *ret)
{
    struct choice choices[TWISTS];
    size_t n = choose(r, choices);

    ret->model = (struct model){.verdict = VERDICT_ACCEPTED};
    draft_begin(&ret->draft, &w->senders[SENDER_GOOD], to, TWIST_NOW);
    apply(w, LAYER_SENDER, choices, n, ret);
    apply(w, LAYER_DRAFT, choices, n, ret);
    draft_sign(&ret->draft);
    apply(w, LAYER_SIGNED, choices, n, ret);
    draft_encode(&ret->draft);
    apply(w, LAYER_PLAIN, choices, n, ret);
    draft_seal(&ret->draft, to);
    apply(w, LAYER_SEALED, choices, n, ret);
    ret->outer = actor_outer(ret->draft.sender, buffer_bytes(&ret->draft.sealed));
    apply(w, LAYER_OUTER, choices, n, ret);
}
