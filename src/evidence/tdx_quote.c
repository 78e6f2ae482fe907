/* A TDX quote taken apart (Intel TDX DCAP Quoting Library API, appendix A.3 and A.4). */
#include "base/little_endian.h"
#include "crypto/der.h"
#include "evidence/tdx.h"

#define HEADER_LEN    48
#define BODY_LEN      584 /* TDX 1.0 */
#define BODY_LEN_15   648
#define TEE_TDX       0x81
#define KEY_ECDSA_256 2
#define CERT_QE       6 /* certification data: a QE report and what certifies it */
#define CERT_CHAIN    5 /* a PCK chain in PEM */
#define BODY_TDX_10   2
#define BODY_TDX_15   3
#define SIGNATURE_LEN 64
#define KEY_LEN       64
#define QE_REPORT_LEN 384

/* Of Intel's quoting enclave. */
static const uint8_t VENDOR[16] = {0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
                                   0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};

static bool take_le16(struct reader *r, uint16_t *ret)
{
    struct bytes b;

    if (!reader_bytes(r, 2, &b))
        return false;
    *ret = le16(b.data);
    return true;
}

/* A length, and as many bytes. */
static bool take_sized(struct reader *r, struct bytes *ret)
{
    struct bytes len;

    return reader_bytes(r, 4, &len) && reader_bytes(r, le32(len.data), ret);
}

static bool read_header(struct reader *r, struct tdx_quote *q)
{
    struct bytes h;

    if (!reader_bytes(r, HEADER_LEN, &h))
        return false;
    q->version = le16(h.data);
    return (q->version == 4 || q->version == 5) && le16(h.data + 2) == KEY_ECDSA_256 &&
           le32(h.data + 4) == TEE_TDX && memcmp(h.data + 12, VENDOR, sizeof(VENDOR)) == 0;
}

static bool read_body(struct reader *r, struct tdx_quote *q)
{
    struct bytes body;
    uint16_t type;

    if (q->version == 4) {
        if (!reader_bytes(r, BODY_LEN, &body))
            return false;
    } else if (!take_le16(r, &type) || !take_sized(r, &body) ||
               !((type == BODY_TDX_10 && body.len == BODY_LEN) ||
                 (type == BODY_TDX_15 && body.len == BODY_LEN_15))) {
        return false;
    }
    q->has_second_svn = body.len == BODY_LEN_15;
    q->body = body.data;
    return true;
}

/* Certification data of type 6, which holds one of type 5. */
static bool read_certification(struct reader *r, struct tdx_quote *q)
{
    uint16_t type;
    uint16_t auth_len;
    struct bytes data;

    if (!take_le16(r, &type) || type != CERT_QE || !take_sized(r, &data) || reader_left(r) != 0)
        return false;
    struct reader inner = reader_of(data);
    return reader_bytes(&inner, QE_REPORT_LEN, &q->qe_report) &&
           reader_bytes(&inner, SIGNATURE_LEN, &q->qe_signature) && take_le16(&inner, &auth_len) &&
           reader_bytes(&inner, auth_len, &q->qe_auth) && take_le16(&inner, &type) &&
           type == CERT_CHAIN && take_sized(&inner, &q->certificates) && reader_left(&inner) == 0;
}

/* Quotes are sometimes handed over in a larger buffer. */
static bool is_padding(const struct reader *r)
{
    for (const uint8_t *p = r->at; p < r->end; p++)
        if (*p)
            return false;
    return true;
}

static bool read_signature(struct reader *r, struct tdx_quote *q)
{
    struct bytes data;

    if (!take_sized(r, &data) || !is_padding(r))
        return false;
    struct reader inner = reader_of(data);
    return reader_bytes(&inner, SIGNATURE_LEN, &q->signature) &&
           reader_bytes(&inner, KEY_LEN, &q->attestation_key) && read_certification(&inner, q);
}

bool tdx_quote_read(struct bytes in, struct tdx_quote *ret, struct idevs_error *ret_err)
{
    struct reader r = reader_of(in);

    if (in.len < HEADER_LEN + BODY_LEN || in.len > LIMIT_HARDWARE_EVIDENCE ||
        (le32(in.data + 4) != TEE_TDX && memcmp(in.data + 12, VENDOR, sizeof(VENDOR)) != 0))
        return refuse_expecting(ret_err, "evidence.format", "a TDX quote of version 4 or 5",
                                "%zu bytes of something else", in.len);
    if (!read_header(&r, ret) || !read_body(&r, ret))
        return refuse(ret_err, "evidence.malformed", "a header or body of another form");
    ret->to_sign = bytes_of(in.data, (size_t)(r.at - in.data));
    if (!read_signature(&r, ret))
        return refuse(ret_err, "evidence.malformed", "signature data of another form");
    while (ret->certificates.len > 0 && ret->certificates.data[ret->certificates.len - 1] == 0)
        ret->certificates.len--; /* a C string's end */
    return true;
}

/* ---- the PCK certificate ---- */

/* 1.2.840.113741.1.13.1, and what stands below it. */
#define SGX_OID 0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01
static const uint8_t SGX[] = {SGX_OID};
#define BELOW_PPID   1
#define BELOW_TCB    2
#define BELOW_PCEID  3
#define BELOW_FMSPC  4
#define BELOW_PCESVN 17 /* of the TCB; 1 to 16 are the SVNs */
#define DER_OID      0x06

/* SEQUENCE { OID, value }: the arc below `prefix` (one byte) and the value's whole encoding. */
static bool take_pair(struct reader *r, struct bytes prefix, uint8_t *ret_arc, struct reader *ret)
{
    struct bytes pair;
    struct bytes oid;

    if (!der_take(r, DER_SEQUENCE, &pair))
        return false;
    *ret = reader_of(pair);
    if (!der_take(ret, DER_OID, &oid) || oid.len != prefix.len + 1 ||
        memcmp(oid.data, prefix.data, prefix.len) != 0)
        return false;
    *ret_arc = oid.data[prefix.len];
    return true;
}

static bool take_small(struct reader *r, uint32_t *ret)
{
    struct bytes v;

    if (!der_take(r, DER_INTEGER, &v) || v.len == 0 || v.len > 3 || v.data[0] & 0x80)
        return false;
    *ret = 0;
    for (size_t i = 0; i < v.len; i++)
        *ret = *ret << 8 | v.data[i];
    return true;
}

static bool take_fixed(struct reader *r, uint8_t *ret, size_t len)
{
    struct bytes v;

    if (!der_take(r, DER_OCTETS, &v) || v.len != len)
        return false;
    memcpy(ret, v.data, len);
    return true;
}

static bool read_tcb(struct reader *value, struct tdx_platform *ret)
{
    static const uint8_t PREFIX[] = {SGX_OID, BELOW_TCB};
    struct bytes all;
    uint32_t seen = 0;

    if (!der_take(value, DER_SEQUENCE, &all))
        return false;
    for (struct reader r = reader_of(all); reader_left(&r) > 0;) {
        struct reader item;
        uint8_t arc;
        if (!take_pair(&r, bytes_of(PREFIX, sizeof(PREFIX)), &arc, &item))
            return false;
        if (arc < 1 || arc > BELOW_PCESVN) /* CPUSVN: the SVNs once more */
            continue;
        uint32_t *to = arc == BELOW_PCESVN ? &ret->pcesvn : &ret->svns[arc - 1];
        if (seen >> arc & 1 || !take_small(&item, to))
            return false;
        seen |= UINT32_C(1) << arc;
    }
    return seen == (UINT32_C(1) << (BELOW_PCESVN + 1)) - 2; /* each of 1 to 17 */
}

bool tdx_platform_of(const struct certificate *pck, struct tdx_platform *ret)
{
    struct bytes value;
    struct bytes all;
    unsigned seen = 0;

    if (!certificate_extension(pck, bytes_of(SGX, sizeof(SGX)), &value))
        return false;
    struct reader whole = reader_of(value);
    if (!der_take(&whole, DER_SEQUENCE, &all) || reader_left(&whole) != 0)
        return false;
    for (struct reader r = reader_of(all); reader_left(&r) > 0;) {
        struct reader item;
        uint8_t arc;
        if (!take_pair(&r, bytes_of(SGX, sizeof(SGX)), &arc, &item))
            return false;
        if (arc < BELOW_PPID || arc > BELOW_FMSPC)
            continue; /* SGX type, configuration: not asked */
        bool read = arc == BELOW_PPID    ? take_fixed(&item, ret->ppid, sizeof(ret->ppid))
                    : arc == BELOW_TCB   ? read_tcb(&item, ret)
                    : arc == BELOW_PCEID ? take_fixed(&item, ret->pceid, sizeof(ret->pceid))
                                         : take_fixed(&item, ret->fmspc, sizeof(ret->fmspc));
        if (seen >> arc & 1 || !read)
            return false;
        seen |= 1U << arc;
    }
    return seen == 0x1e; /* each of 1 to 4 */
}
