/* NSS, PK11_HPKE. */
#include "peer.h"

#include <keyhi.h>
#include <nss.h>
#include <pk11hpke.h>
#include <pk11pub.h>
#include <secitem.h>

struct pair {
    SECKEYPrivateKey *private;
    SECKEYPublicKey *public;
};

static HpkeContext *ctx;
static struct pair receiver;
static struct pair ephemeral;

static SECItem item_of(struct bytes b)
{
    return (SECItem){siBuffer, (unsigned char *)(uintptr_t)b.data, (unsigned)b.len};
}

bool peer_start(void)
{
    return NSS_NoDB_Init(NULL) == SECSuccess;
}

/* PKCS#8 around RFC 5915's ECPrivateKey, under the object identifier that NSS has for Curve25519.
 * It imports no private key without the public one. */
static bool import(const uint8_t private[KEY_LEN], const uint8_t public[KEY_LEN], struct pair *ret)
{
    uint8_t der[] = {0x30,
                     0x67,
                     0x02,
                     0x01,
                     0x00,
                     0x30,
                     0x14,
                     0x06,
                     0x07,
                     0x2a,
                     0x86,
                     0x48,
                     0xce,
                     0x3d,
                     0x02,
                     0x01,
                     0x06,
                     0x09,
                     0x2b,
                     0x06,
                     0x01,
                     0x04,
                     0x01,
                     0xda,
                     0x47,
                     0x0f,
                     0x01,
                     0x04,
                     0x4c,
                     0x30,
                     0x4a,
                     0x02,
                     0x01,
                     0x01,
                     0x04,
                     0x20,
                     [36 + KEY_LEN] = 0xa1,
                     0x23,
                     0x03,
                     0x21,
                     0x00,
                     [36 + KEY_LEN + 5 + KEY_LEN - 1] = 0};
    SECItem item = item_of(bytes_of(der, sizeof(der)));
    PK11SlotInfo *slot = PK11_GetInternalSlot();

    memcpy(der + 36, private, KEY_LEN);
    memcpy(der + 36 + KEY_LEN + 5, public, KEY_LEN);
    bool ok = slot &&
              PK11_ImportDERPrivateKeyInfoAndReturnKey(slot, &item, NULL, NULL, PR_FALSE, PR_FALSE,
                                                       KU_ALL, &ret->private, NULL) == SECSuccess;
    if (slot)
        PK11_FreeSlot(slot);
    ret->public = ok ? SECKEY_ConvertToPublicKey(ret->private) : NULL;
    return ret->public != NULL;
}

static void pair_free(struct pair *pair)
{
    if (pair->private)
        SECKEY_DestroyPrivateKey(pair->private);
    if (pair->public)
        SECKEY_DestroyPublicKey(pair->public);
    *pair = (struct pair){0};
}

static bool new_context(void)
{
    if (ctx)
        PK11_HPKE_DestroyContext(ctx, PR_TRUE);
    ctx = PK11_HPKE_NewContext(HpkeDhKemX25519Sha256, HpkeKdfHkdfSha256, HpkeAeadAes128Gcm, NULL,
                               NULL);
    return ctx != NULL;
}

/* Again where NSS trips over the key that it made itself (see KEY_LOOKS_LIKE_DER). */
static bool set_up_sender(const struct round *round, const SECItem *info, struct result *ret)
{
    const SECItem *enc;

    if (round->has_ephemeral && !import(round->ephemeral, round->ephemeral_public, &ephemeral))
        return false;
    do {
        if (!new_context() || PK11_HPKE_SetupS(ctx, ephemeral.public, ephemeral.private,
                                               receiver.public, info) != SECSuccess)
            return false;
        enc = PK11_HPKE_GetEncapPubKey(ctx);
    } while (enc && enc->len == KEY_LEN - 2 && !round->has_ephemeral);
    if (!enc || enc->len != KEY_LEN)
        return false;
    memcpy(ret->enc, enc->data, KEY_LEN);
    return true;
}

bool peer_set_up(const struct round *round, struct result *ret)
{
    SECItem info = item_of(round->info);
    SECItem enc = item_of(bytes_of(round->enc, KEY_LEN));
    unsigned len;

    if (!new_context() || !import(round->key, round->public, &receiver) ||
        PK11_HPKE_Serialize(receiver.public, ret->public, &len, KEY_LEN) != SECSuccess ||
        len != KEY_LEN)
        return false;
    if (round->role == ROLE_SENDER)
        return set_up_sender(round, &info, ret);
    return PK11_HPKE_SetupR(ctx, receiver.public, receiver.private, &enc, &info) == SECSuccess;
}

static bool give(SECItem *made, struct buffer *b)
{
    bool ok = made && buffer_append(b, made->data, made->len);

    if (made)
        SECITEM_ZfreeItem(made, PR_TRUE);
    return ok;
}

bool peer_seal(const struct message *message, struct buffer *b)
{
    SECItem aad = item_of(message->aad);
    SECItem plain = item_of(message->text);
    SECItem *made = NULL;

    return PK11_HPKE_Seal(ctx, &aad, &plain, &made) == SECSuccess && give(made, b);
}

bool peer_open(const struct message *message, struct buffer *b)
{
    SECItem aad = item_of(message->aad);
    SECItem sealed = item_of(message->text);
    SECItem *made = NULL;

    return PK11_HPKE_Open(ctx, &aad, &sealed, &made) == SECSuccess && give(made, b);
}

bool peer_export(const struct export *export, struct buffer *b)
{
    SECItem context = item_of(export->context);
    PK11SymKey *made = NULL;

    if (PK11_HPKE_ExportSecret(ctx, &context, export->len, &made) != SECSuccess)
        return false;
    const SECItem *data = PK11_ExtractKeyValue(made) == SECSuccess ? PK11_GetKeyData(made) : NULL;
    bool ok = data && buffer_append(b, data->data, data->len);
    PK11_FreeSymKey(made);
    return ok;
}

void peer_end(void)
{
    if (ctx)
        PK11_HPKE_DestroyContext(ctx, PR_TRUE);
    ctx = NULL;
    pair_free(&receiver);
    pair_free(&ephemeral);
}
