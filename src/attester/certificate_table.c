#include "attester/certificate_table.h"
#include "base/limits.h"
#include "base/little_endian.h"
#include "crypto/pem.h"
#include "crypto/vendor.h"

enum { GUID_LEN = 16, AT_OFFSET = 16, AT_LENGTH = 20, ENTRY_LEN = 24 };

#define CERTIFICATE "CERTIFICATE"
#define LIST        "X509 CRL"

/* GUIDs in the order of their text. */
static const struct {
    uint8_t guid[GUID_LEN];
    const char *name;
    const char *label; /* of its PEM */
} ITEMS[] = {
    {{0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64, 0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac,
      0xcd},
     "VCEK",
     CERTIFICATE},
    {{0xa8, 0x07, 0x4b, 0xc2, 0xa2, 0x5a, 0x48, 0x3e, 0xaa, 0xe6, 0x39, 0xc0, 0x45, 0xa0, 0xb8,
      0xa1},
     "VLEK",
     CERTIFICATE},
    {{0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4, 0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7,
      0x82},
     "ASK",
     CERTIFICATE},
    {{0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52, 0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0,
      0xae},
     "ARK",
     CERTIFICATE},
    {{0x92, 0xf8, 0x1b, 0xc3, 0x58, 0x11, 0x4d, 0x3d, 0x97, 0xff, 0xd1, 0x9f, 0x88, 0xdc, 0x67,
      0xea},
     "CRL",
     LIST},
};

static bool is_end(const uint8_t *entry)
{
    uint8_t all = 0;

    for (size_t i = 0; i < ENTRY_LEN; i++)
        all |= entry[i];
    return all == 0;
}

static bool count_entries(struct bytes table, size_t *ret, struct idevs_error *ret_err)
{
    for (size_t n = 0; n <= LIMIT_CERTIFICATE_TABLE && (n + 1) * ENTRY_LEN <= table.len; n++)
        if (is_end(table.data + n * ENTRY_LEN)) {
            *ret = n;
            return true;
        }
    return refuse(ret_err, "evidence.endorsement",
                  "a table of certificates without an end, or with more than %d",
                  LIMIT_CERTIFICATE_TABLE);
}

static bool find_content(struct bytes table, size_t n_entries, const uint8_t *entry,
                         struct bytes *ret)
{
    size_t offset = le32(entry + AT_OFFSET);
    size_t len = le32(entry + AT_LENGTH);

    if (offset < (n_entries + 1) * ENTRY_LEN || offset > table.len || len > table.len - offset ||
        len == 0)
        return false;
    *ret = bytes_of(table.data + offset, len);
    return true;
}

static bool is_readable(struct bytes der, const char *label, struct idevs_error *ret_err)
{
    if (strcmp(label, LIST) == 0) {
        _cleanup_crl_ struct crl *crl = crl_parse(der, ret_err);
        return crl != NULL;
    }
    _cleanup_certificate_ struct certificate *c = certificate_parse(der, ret_err);
    return c != NULL;
}

/* One PEM block and nothing else, or DER. */
static bool unwrap(struct bytes content, const char *label, struct buffer *ret_der)
{
    struct reader r = reader_of(content);
    char found[LIMIT_PEM_LABEL];
    bool prose;

    if (content.data[0] != '-')
        return buffer_append_bytes(ret_der, content);
    if (!pem_next(&r, found, ret_der, &prose) || prose || strcmp(found, label) != 0)
        return false;
    _cleanup_buffer_ struct buffer second = buffer_up_to(LIMIT_TSM_BLOB);
    return !pem_next(&r, found, &second, &prose) && reader_left(&r) == 0;
}

static bool add_item(struct bytes content, size_t item, struct buffer *b,
                     struct idevs_error *ret_err)
{
    struct idevs_error why = {.found = "neither DER nor one PEM block"};
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_TSM_BLOB);

    if (!unwrap(content, ITEMS[item].label, &der) ||
        !is_readable(buffer_bytes(&der), ITEMS[item].label, &why))
        return refuse(ret_err, "evidence.endorsement", "%s of the host: %s", ITEMS[item].name,
                      why.found);
    return pem_write(ITEMS[item].label, buffer_bytes(&der), b) ||
           refuse(ret_err, "evidence.endorsement", "more than %zu bytes of PEM", b->max);
}

static size_t find_item(const uint8_t *guid)
{
    size_t i = 0;

    while (i < ARRAY_LEN(ITEMS) && memcmp(ITEMS[i].guid, guid, GUID_LEN) != 0)
        i++;
    return i;
}

bool certificate_table_read(struct bytes table, struct buffer *ret_pem, struct idevs_error *ret_err)
{
    size_t n = 0;
    unsigned seen = 0;

    if (!count_entries(table, &n, ret_err))
        return false;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *entry = table.data + i * ENTRY_LEN;
        size_t item = find_item(entry);
        struct bytes content;
        if (!find_content(table, n, entry, &content))
            return refuse(ret_err, "evidence.endorsement",
                          "entry %zu of the table of certificates points outside of it", i);
        if (item == ARRAY_LEN(ITEMS))
            continue;
        if (seen >> item & 1)
            return refuse(ret_err, "evidence.endorsement", "two %s", ITEMS[item].name);
        seen |= 1U << item;
        if (!add_item(content, item, ret_pem, ret_err))
            return false;
    }
    return true;
}
