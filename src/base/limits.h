/* Every limit of the project, in one place. Sizes are bytes, times seconds, unless the name says
 * so. */
#ifndef IDEVS_BASE_LIMITS_H
#define IDEVS_BASE_LIMITS_H

#define KIB(n) ((size_t)(n) << 10)
#define MIB(n) ((size_t)(n) << 20)

/* One exchange. */
#define LIMIT_BODY           MIB(8)  /* default of a request or response body */
#define LIMIT_BODY_CEILING   MIB(64) /* what configuration may raise it to */
#define LIMIT_FIELDS         64      /* HTTP fields of one message */
#define LIMIT_FIELD_BYTES    KIB(32) /* all names and values together */
#define LIMIT_PATH           2048    /* path and query */
#define LIMIT_MESSAGE        (LIMIT_BODY_CEILING + KIB(128)) /* sealed or padded message */
#define LIMIT_SIGNATURE_LIFE 60                              /* expires - created */
#define LIMIT_CLOCK_SKEW     5
#define LIMIT_CLAIMS         262144  /* live (key id, enc) pairs a gateway remembers */
#define PADDING_FIRST        256     /* first size bucket; doubles up to PADDING_STEP */
#define PADDING_STEP         KIB(64) /* from here on multiples of this */

/* Idempotency and state kept by a gateway. */
#define LIMIT_IDEMPOTENCY_KEY  128
#define LIMIT_IDEMPOTENCY_LIFE (24 * 3600)
#define LIMIT_STATE_VALUE      KIB(64)
#define LIMIT_STATE_NAMES      100
#define LIMIT_STATE_NAME       64

/* Certificates and evidence. */
#define CHALLENGE_LEN           32
#define REPORT_DATA_LEN         64 /* SHA-512 that binds key, challenge and authority */
#define LIMIT_CHALLENGE_LIFE    60
#define LIMIT_CHALLENGES        65536
#define LIMIT_CERTIFICATE       KIB(16) /* DER of one certificate */
#define LIMIT_CHAIN             4       /* certificates of one chain, leaf included */
#define LIMIT_CRL               MIB(1)  /* DER of one revocation list */
#define LIMIT_CHAIN_BYTES       KIB(48)
#define LIMIT_CSR               KIB(64)
#define LIMIT_EVIDENCE          KIB(48)
#define LIMIT_CERTIFICATE_LIFE  3600
#define LIMIT_HARDWARE_EVIDENCE KIB(64) /* a report, quote or document as its maker writes it */
#define LIMIT_ENDORSEMENTS      32      /* of each kind, behind one piece of evidence */
#define LIMIT_EVIDENCE_CLAIMS   80
#define LIMIT_CLAIM_LEN         256
#define LIMIT_KEYS_LIFE         (24 * 3600) /* signed key configuration of a gateway */

/* Programs. */
#define LIMIT_PROGRAM_NAME  64
#define LIMIT_SOURCE        MIB(16)
#define LIMIT_EXECUTABLE    MIB(64)
#define LIMIT_MANIFEST      KIB(64)
#define LIMIT_SERVICES      16 /* of one manifest */
#define LIMIT_SERVICE_NAME  64
#define LIMIT_AUTHORITY     255 /* host[:port] */
#define LIMIT_URL           512
#define LIMIT_ANCHORS       2 /* current and next */
#define LIMIT_TOOLCHAINS    8 /* of one approval */
#define LIMIT_FRAME         (LIMIT_MESSAGE + KIB(64))
#define LIMIT_FRAME_TARGET  256
#define LIMIT_FRAME_TYPE    128
#define LIMIT_LOG_LINE      KIB(4)
#define LIMIT_LOG_LINES     10000 /* of one run */
#define LIMIT_COMPILER_TEXT KIB(256)
#define LIMIT_BUILD_TIME    120

/* Files and documents. */
#define LIMIT_CONFIG KIB(64)
#define LIMIT_JSON   MIB(1)

#endif
