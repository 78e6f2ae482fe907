/* Around and on the seal: the outer request, certificates (RFC 9440, RFC 5280), the encapsulated
 * message (RFC 9458). */
#include "conformance/kit.h"

#define OUTER     "RFC 9458, 5.1"
#define CERT      "RFC 9440, 2"
#define PATH      "RFC 5280, 6"
#define PROFILE   "docs/certificates.md"
#define SEAL      "RFC 9458, 4.3"
#define TYPE      "plain exchange.media-type"
#define MALFORMED "plain certificate.malformed"
#define CHAIN     "plain certificate.chain"
#define EXPIRED   "plain certificate.expired"
#define DECRYPT   "plain exchange.decrypt"

const struct check CERTIFICATE_CHECKS[] = {
    {"outer.type",
     OUTER,
     "another media type",
     TYPE,
     {.outer = {.set = "content-type", .value = "application/octet-stream"}}},
    {"outer.no-type", OUTER, "no media type", TYPE, {.outer = {.drop = "content-type"}}},
    {"outer.response-type",
     OUTER,
     "the media type of answers",
     TYPE,
     {.outer = {.set = "content-type", .value = "message/ohttp-res"}}},
    {"client-cert.none", CERT, "no Client-Cert", MALFORMED, {.outer = {.drop = "client-cert"}}},
    {"client-cert.twice",
     CERT,
     "Client-Cert twice",
     MALFORMED,
     {.outer = {.repeat = "client-cert"}}},
    {"client-cert.chain-twice",
     CERT,
     "Client-Cert-Chain twice",
     MALFORMED,
     {.outer = {.repeat = "client-cert-chain"}}},
    {"client-cert.no-sequence",
     CERT,
     "a Client-Cert that is no byte sequence",
     MALFORMED,
     {.outer = {.set = "client-cert", .value = "AAAA"}}},
    {"client-cert.no-certificate",
     CERT,
     "a Client-Cert that is no certificate",
     MALFORMED,
     {.outer = {.set = "client-cert", .value = ":AAAA:"}}},
    {"client-cert.list",
     CERT,
     "two certificates in Client-Cert",
     MALFORMED,
     {.outer = {.extend = "client-cert", .value = ", :AAAA:"}}},
    {"client-cert.long",
     "docs/interfaces.md",
     "a Client-Cert of 24,000 characters",
     MALFORMED,
     {.outer = {.set = "client-cert", .value = ":" TIMES_10(TIMES_10(TIMES_10(TWENTY_FOUR))) ":"}}},
    {"certificate.expired",
     PATH,
     "a certificate of half an hour ago",
     EXPIRED,
     {.who = WHO_EXPIRED}},
    {"certificate.early", PATH, "a certificate that is not valid yet", EXPIRED, {.who = WHO_EARLY}},
    {"certificate.foreign",
     PATH,
     "a CA of the right name, on another key",
     CHAIN,
     {.who = WHO_FOREIGN}},
    {"certificate.tier",
     PROFILE,
     "another tier of the same authority",
     CHAIN,
     {.who = WHO_OTHER_TIER}},
    {"certificate.forged", PATH, "a changed signature", CHAIN, {.who = WHO_FORGED}},
    {"certificate.domain",
     PROFILE,
     "a name of a trust domain that is not its CA's",
     CHAIN,
     {.who = WHO_OTHER_DOMAIN}},
    {"certificate.ca", PROFILE, "a CA's certificate", MALFORMED, {.who = WHO_CA}},
    {"certificate.usage", PROFILE, "another keyUsage", MALFORMED, {.who = WHO_OTHER_USAGE}},
    {"certificate.purpose", PROFILE, "a server's extendedKeyUsage", MALFORMED, {.who = WHO_SERVER}},
    {"certificate.unattested",
     PROFILE,
     "no attestation result",
     MALFORMED,
     {.who = WHO_UNATTESTED}},
    {"certificate.garbled",
     "RFC 9999; docs/certificates.md",
     "an unreadable attestation result",
     MALFORMED,
     {.who = WHO_GARBLED}},
    {"certificate.nameless", PROFILE, "no SPIFFE ID", MALFORMED, {.who = WHO_NAMELESS}},
    {"certificate.two-names",
     PROFILE,
     "a SPIFFE ID and a host name",
     MALFORMED,
     {.who = WHO_TWO_NAMES}},
    {0},
};

/* ---- the encapsulated message: key id, three identifiers of the suite, enc, ciphertext, tag ----
 */

#define KEM_AT  1
#define KDF_AT  3
#define AEAD_AT 5

static void flip(struct buffer *b, size_t at)
{
    if (at < b->len)
        b->data[at] ^= 1;
}

static void change_key_id(struct buffer *b)
{
    flip(b, 0);
}

static void change_kem(struct buffer *b)
{
    flip(b, KEM_AT + 1);
}

static void change_kdf(struct buffer *b)
{
    flip(b, KDF_AT + 1);
}

static void change_aead(struct buffer *b)
{
    flip(b, AEAD_AT + 1);
}

static void change_enc(struct buffer *b)
{
    flip(b, OHTTP_HEADER_LEN);
}

static void change_ciphertext(struct buffer *b)
{
    flip(b, OHTTP_HEADER_LEN + HPKE_ENC_LEN);
}

static void change_tag(struct buffer *b)
{
    flip(b, b->len - 1);
}

static void add_byte(struct buffer *b)
{
    if (!buffer_append_u8(b, 0))
        b->len = 0;
}

#define WITHOUT_TAG (OHTTP_HEADER_LEN + HPKE_ENC_LEN)

const struct check SEAL_CHECKS[] = {
    {"seal.key-id",
     SEAL,
     "another key identifier",
     "plain exchange.key",
     {.sealed = change_key_id}},
    {"seal.kem", SEAL, "another KEM", DECRYPT, {.sealed = change_kem}},
    {"seal.kdf", SEAL, "another KDF", DECRYPT, {.sealed = change_kdf}},
    {"seal.aead", SEAL, "another AEAD", DECRYPT, {.sealed = change_aead}},
    {"seal.enc", SEAL, "another encapsulated key", DECRYPT, {.sealed = change_enc}},
    {"seal.other-key",
     SEAL,
     "sealed to another key under the right identifier",
     DECRYPT,
     {.other_key = true}},
    {"seal.ciphertext", SEAL, "a changed ciphertext", DECRYPT, {.sealed = change_ciphertext}},
    {"seal.tag", SEAL, "a changed tag", DECRYPT, {.sealed = change_tag}},
    {"seal.longer", SEAL, "one byte more", DECRYPT, {.sealed = add_byte}},
    {"seal.empty", SEAL, "nothing at all", DECRYPT, {.cut = true, .cut_to = 0}},
    {"seal.header",
     SEAL,
     "cut behind the header",
     DECRYPT,
     {.cut = true, .cut_to = OHTTP_HEADER_LEN}},
    {"seal.half-enc",
     SEAL,
     "cut inside the encapsulated key",
     DECRYPT,
     {.cut = true, .cut_to = WITHOUT_TAG - 1}},
    {"seal.no-ciphertext",
     SEAL,
     "cut behind the encapsulated key",
     DECRYPT,
     {.cut = true, .cut_to = WITHOUT_TAG}},
    {"seal.half-tag",
     SEAL,
     "cut to less than a tag",
     DECRYPT,
     {.cut = true, .cut_to = WITHOUT_TAG + OHTTP_TAG_LEN - 1}},
    {"seal.only-tag",
     SEAL,
     "cut to a tag",
     DECRYPT,
     {.cut = true, .cut_to = WITHOUT_TAG + OHTTP_TAG_LEN}},
    {"seal.no-tag", SEAL, "without its tag", DECRYPT, {.cut = true, .cut_to = -OHTTP_TAG_LEN}},
    {"seal.shorter", SEAL, "one byte less", DECRYPT, {.cut = true, .cut_to = -1}},
    {"order.type",
     "docs/service-owners.md",
     "another media type and no certificate",
     TYPE,
     {.outer = {.set = "content-type", .value = "text/plain", .drop = "client-cert"}}},
    {"order.certificate",
     "docs/service-owners.md",
     "an expired certificate and a changed tag",
     EXPIRED,
     {.who = WHO_EXPIRED, .sealed = change_tag}},
    {0},
};
