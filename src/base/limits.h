/* Every limit of the project, in one place: what bounds the work and the memory that others can
 * cause in a process, and how long it waits for them. Sizes, counts, queues, rates, lives, timeouts
 * and pauses are limits.
 *
 * Not here but with their module: lengths that a format or an RFC fixes (keys, digests, nonces,
 * frame heads), numbers of the kernel or of a protocol, and the inner steps of an algorithm (how a
 * buffer grows, how much one read asks for, the size of a hash table). script/check-limits holds
 * this line; what looks like a limit and is none stands there with its reason.
 *
 * Names: LIMIT_ and what is bounded. Sizes are bytes, times seconds, unless the name says so (_MS,
 * _DAYS). Where a configuration or a manifest may choose, LIMIT_X is the default, and LIMIT_X_FLOOR
 * and LIMIT_X_CEILING bound the choice. */
#ifndef IDEVS_BASE_LIMITS_H
#define IDEVS_BASE_LIMITS_H

#define KIB(n) ((size_t)(n) << 10)
#define MIB(n) ((size_t)(n) << 20)

/* ==== messages ==== */

/* One HTTP message, in plain HTTP/1.1 and in Binary HTTP. */
#define LIMIT_BODY         MIB(8)  /* a batch of records or an image */
#define LIMIT_BODY_CEILING MIB(64) /* larger data goes by reference and in ranges */
#define LIMIT_FIELDS       64      /* servers commonly take 100; a sealed message has some ten */
#define LIMIT_FIELD_BYTES  KIB(32) /* all names and values together */
#define LIMIT_METHOD       32      /* the longest registered one has 17 */
#define LIMIT_SCHEME       32      /* "https" is the one that passes */
#define LIMIT_PATH         2048    /* path and query */
#define LIMIT_AUTHORITY    255     /* host[:port]; a DNS name has 253 at most */
#define LIMIT_URL          512     /* scheme, authority and a short path */
/* A head as HTTP/1.1: fields, request line, and the ": " and line ends between. */
#define LIMIT_HEAD (LIMIT_FIELD_BYTES + LIMIT_PATH + KIB(1))
/* A problem document (RFC 9457): a code and three short texts, JSON-escaped. */
#define LIMIT_PROBLEM KIB(16)

/* One sealed exchange. What fields, padding and sealing add to a body: 32 KiB of fields, less than
 * 64 KiB of padding, and some hundred bytes. */
#define LIMIT_MESSAGE_EXTRA   KIB(128)
#define LIMIT_MESSAGE         (LIMIT_BODY_CEILING + LIMIT_MESSAGE_EXTRA)
#define LIMIT_SIGNATURE_INPUT KIB(1)      /* of RFC 9421; our longest has 312 */
#define LIMIT_SIGNATURE_ADDED KIB(2)      /* each of the three fields that signing adds */
#define LIMIT_SIGNATURE_LIFE  60          /* expires - created; a slow first delivery, no more */
#define LIMIT_CLOCK_SKEW      5           /* between hosts that keep time by NTP */
#define LIMIT_KEYS_LIFE       (24 * 3600) /* signed key configuration of a gateway */

/* Frames on the stream out of a compartment, and the warden's messages. */
#define LIMIT_FRAME          (LIMIT_MESSAGE + KIB(64)) /* with target, type and head */
#define LIMIT_FRAME_TARGET   256
#define LIMIT_FRAME_TYPE     128
#define LIMIT_BUFFER_KEPT    KIB(256) /* a larger empty buffer of a stream is given back */
#define LIMIT_FDS            4        /* of one message of a Unix socket */
#define LIMIT_WARDEN_MESSAGE KIB(64)  /* the compiler's text is most of it */

/* Lines of a program's log. A sealed one is padded to a power of two that holds the line and its
 * length, then gets an encapsulated key and a tag. */
#define LIMIT_LOG_LINE   KIB(4) /* a longer one is cut off */
#define LIMIT_LOG_BLOCK  (2 * LIMIT_LOG_LINE)
#define LIMIT_LOG_SEALED (LIMIT_LOG_BLOCK + 64)
#define LIMIT_LOG_TEXT   (2 * LIMIT_LOG_SEALED) /* in base64 */
#define LIMIT_LOG_LINES  10000                  /* of one run */

/* Named steps whose time is reported. */
#define LIMIT_SPANS        32     /* of one start or exchange */
#define LIMIT_SPAN_NAME    48     /* with its NUL */
#define LIMIT_SPANS_REPORT KIB(4) /* all of them in CBOR */
#define LIMIT_SPANS_TEXT   KIB(8) /* all of them in JSON */

/* ==== certificates, keys and evidence ==== */

#define LIMIT_CERTIFICATE      KIB(16) /* DER of one; a program's carries its claims */
#define LIMIT_CHAIN            4 /* certificates, leaf included: root, tier, leaf, one spare */
#define LIMIT_CHAIN_BYTES      KIB(48) /* DER of all; only one of them may be that long */
#define LIMIT_CERTIFICATE_LIFE 3600    /* so that a list of revoked ones stays short */
#define LIMIT_CSR              KIB(64) /* LIMIT_EVIDENCE is most of it */
#define LIMIT_EVIDENCE         KIB(48) /* a hardware quote with its certificates fits */
#define LIMIT_CHALLENGE_LIFE   60      /* from the challenge to the request that uses it */
#define LIMIT_CHALLENGES       65536   /* live ones: a thousand starts a second, 3 MiB */
#define LIMIT_ANCHORS          2       /* current and next */
#define LIMIT_PROGRAM_URI      512     /* SPIFFE ID with its NUL: trust domain and name */
#define LIMIT_TRUST_DOMAIN     200     /* leaves room for the rest of a SPIFFE ID */

/* Revocation lists of our authorities. An entry has some 50 bytes. */
#define LIMIT_REVOKED         2048 /* live certificates of one CA, singly; beyond it, all at once */
#define LIMIT_REVOCATION_LIST KIB(128) /* DER of one */
#define LIMIT_LIST_LIFE       3600     /* nextUpdate: no certificate of before it lives longer */
#define LIMIT_LIST_KEPT       5        /* an authority answers with the same one for so long */

/* Evidence of hardware, as its maker writes it, and what its maker says about it. */
#define LIMIT_HARDWARE_EVIDENCE KIB(64) /* a report, quote or document */
#define LIMIT_EVIDENCE_CLAIMS   80      /* read from one */
#define LIMIT_CLAIM_LEN         1025    /* one of them; a text with its NUL */
#define LIMIT_ENDORSEMENTS      32      /* of each kind, behind one piece of evidence */
#define LIMIT_PATH_CERTIFICATES (3 * LIMIT_ENDORSEMENTS) /* given to one path validation */
#define LIMIT_CRL               MIB(1)                   /* DER of one revocation list */
#define LIMIT_PATH_TEXT         KIB(8) /* names of the certificates of one path, for people */
#define LIMIT_EVIDENCE_CHAIN    8      /* certificates that one piece of evidence carries */
#define LIMIT_NITRO_TEXT        128    /* module id and digest name, with their NUL */
#define LIMIT_NITRO_FIELD       1024   /* user_data, nonce, public_key (attestation_process.md) */
#define LIMIT_EVIDENCE_NONCE    512    /* that a verifier says it expects */
#define LIMIT_RSA_BITS_FLOOR    2048   /* 112 bits of security */
#define LIMIT_RSA_BITS_CEILING  4096   /* of makers' keys; longer ones only cost time */

/* What makers of hardware evidence read of the kernel and of the host. */
#define LIMIT_HARDWARE_ENDORSEMENTS KIB(64) /* PEM: what a host gives along */
#define LIMIT_CERTIFICATE_TABLE     32      /* entries of a host's table of certificates */
#define LIMIT_NSM_REQUEST           512     /* to Nitro's device, which takes 4 KiB */
#define LIMIT_NSM_ANSWER            KIB(12) /* as much as Nitro's device gives */
#define LIMIT_TSM_BLOB              KIB(32) /* beside the evidence: as much as the kernel gives */
#define LIMIT_TSM_PATH              256     /* of one attribute */
#define LIMIT_TSM_TEXT              64      /* an attribute that is text: a name or a number */
#define LIMIT_TSM_NAMES             16 /* tried for a report: those of dead processes may be left */
#define LIMIT_TSM_ATTEMPTS          8  /* at one report, where another is made meanwhile */
#define LIMIT_TSM_PAUSE_MS          20 /* before the second attempt; longer before each further one */

/* Files and fields that carry them. PEM is 4/3 of the DER, with room for comments. */
#define LIMIT_PEM_KEY          KIB(64) /* a file with one key or one certificate */
#define LIMIT_PEM_CHAIN        (2 * LIMIT_CHAIN * LIMIT_CERTIFICATE)
#define LIMIT_PEM_BUNDLE       KIB(256) /* the CAs that a client believes: a distribution's list */
#define LIMIT_PEM_LABEL        32       /* with its NUL */
#define LIMIT_DER_LENGTH_BYTES 3        /* of one length: 16 MiB, more than any other limit here */
#define LIMIT_CLIENT_CERT      (LIMIT_CHAIN_BYTES / 3 * 4 + 64) /* both fields (RFC 9440) */
#define LIMIT_CLIENT_CERT_ITEM (LIMIT_CERTIFICATE / 3 * 4 + 8)  /* one certificate of them */
#define LIMIT_KEYS_STORAGE     (2 * LIMIT_CHAIN_BYTES + KIB(4)) /* fields of signed keys */

/* CBOR and COSE. */
#define LIMIT_CBOR_DEPTH       16     /* of nested items: each level is one recursion */
#define LIMIT_COSE_HEADERS     KIB(1) /* algorithm, type and key id */
#define LIMIT_EAT_TEXT         128    /* one claim, with its NUL */
#define LIMIT_EAT_MEASUREMENTS 256    /* four digests with their names */
#define LIMIT_COMPONENTS       8      /* measured beside the program: kernel, initramfs, ... */
#define LIMIT_COMPONENT_NAME   32     /* with its NUL */
#define LIMIT_BACK_ENDS        8      /* of one platform, warden or policy */
#define LIMIT_BACK_END         32     /* name, with its NUL */
#define LIMIT_PLATFORM_REQUEST KIB(4) /* with its signature */
#define LIMIT_PLATFORM_TEXT    128    /* with its NUL */

/* A TPM. */
/* A platform's request, and the certificate of its TPM: makers' have some 1.5 KiB. */
#define LIMIT_TPM_PLATFORM   (LIMIT_PLATFORM_REQUEST + KIB(8))
#define LIMIT_TPM_CREDENTIAL KIB(1) /* a secret and a seed under RSA: some 360 bytes */
#define LIMIT_TPM_QUOTE      KIB(1) /* with its signature; ours have some 220 bytes */
#define LIMIT_TPM_MS         10000  /* for one answer: chips take two seconds for a key */
#define LIMIT_TPM_REPLY      KIB(4) /* of one command */
#define LIMIT_TPM_REGISTERS  64     /* the numbers of all 24 as text, with its NUL */

/* ==== programs ==== */

#define LIMIT_PROGRAM_NAME     64      /* a DNS label, in substance */
#define LIMIT_SOURCE           MIB(16) /* one C file */
#define LIMIT_EXECUTABLE       MIB(64) /* a static one with OpenSSL has 5 MiB */
#define LIMIT_MANIFEST         KIB(64) /* four CA certificates a service at most */
#define LIMIT_SERVICES         16      /* of one manifest */
#define LIMIT_SERVICE_NAME     64
#define LIMIT_TOOLCHAINS       8                /* of one approval */
#define LIMIT_APPROVAL         KIB(4)           /* signed: digests of all toolchains are most */
#define LIMIT_EVERY_CEILING    (31 * 24 * 3600) /* between two ticks of the schedule */
#define LIMIT_RUN_TIME         600              /* of one run */
#define LIMIT_RUN_TIME_CEILING (7 * 24 * 3600)
#define LIMIT_MEMORY           MIB(64) /* of one run: code, data and stack */
#define LIMIT_MEMORY_FLOOR     MIB(1)
#define LIMIT_MEMORY_CEILING   MIB(4096)

/* ==== configuration and JSON ==== */

#define LIMIT_CONFIG     KIB(64) /* one YAML file */
#define LIMIT_JSON       MIB(1)  /* parsed it takes up to 75 times as much */
#define LIMIT_YAML_DEPTH 8       /* our deepest has 4 */
#define LIMIT_YAML_KEY   128
#define LIMIT_YAML_TEXT  4095 /* one value: a path (PATH_MAX less its NUL) */

/* ==== src/net: server and client of all daemons ==== */

#define LIMIT_SERVER_BACKLOG       512     /* connections that wait to be accepted */
#define LIMIT_SERVER_CONNECTIONS   1024    /* then who kept us waiting longest makes place */
#define LIMIT_SERVER_PAUSE_MS      100     /* of accepting, when there are no descriptors left */
#define LIMIT_SERVER_HEAD_TIME     10      /* handshake and head, however slowly they come */
#define LIMIT_SERVER_BODY_TIME     60      /* head to end of body */
#define LIMIT_SERVER_IDLE_TIME     120     /* keep-alive */
#define LIMIT_SERVER_LINGER_TIME   2       /* for a client to read why it is refused */
#define LIMIT_SERVER_FIRST_CONTENT KIB(64) /* of a body, whatever length was announced */
/* All bodies and unsent answers together, by default: that many of the longest bodies, and so much
 * at least. */
#define LIMIT_SERVER_BODIES  8
#define LIMIT_SERVER_TOTAL   MIB(64)
#define LIMIT_ANSWER_HEAD    (LIMIT_FIELD_BYTES + KIB(4)) /* status line and our own fields too */
#define LIMIT_STREAM_BACKLOG MIB(1)                       /* of a client that does not read */

#define LIMIT_CLIENT_CONNECTIONS 256 /* kept open, to all hosts */
#define LIMIT_CLIENT_PER_HOST    64  /* connections; further calls wait for one */
#define LIMIT_CLIENT_IDLE_TIME   100 /* less than LIMIT_SERVER_IDLE_TIME: the client closes first */
#define LIMIT_CLIENT_CONNECT_MS  5000  /* TCP and TLS */
#define LIMIT_CLIENT_TOTAL_MS    60000 /* a whole call */

/* ==== src/store ==== */

#define LIMIT_STORE_BUSY_MS    5000 /* for another process, a backup, to let go of the database */
#define LIMIT_STORE_STATEMENTS 128  /* kept; more means that somebody builds SQL at run time */

/* ==== src/runtime: in the compartment ==== */

#define LIMIT_OPENING_TIME 600 /* until the manifest has come and says how long a run may last */
#define LIMIT_CHANNEL_BODY (LIMIT_BODY + LIMIT_MESSAGE_EXTRA) /* of a reply; longer is skipped */

#define LIMIT_ATTEMPT_MS               60000 /* one request waits for its reply */
#define LIMIT_ATTEMPT_PAUSE_MS         50    /* between attempts: doubles, with jitter */
#define LIMIT_ATTEMPT_PAUSE_CEILING_MS 5000
#define LIMIT_UNKNOWN_REPEATS          4    /* of a write_once whose outcome nobody knows */
#define LIMIT_KEYS_PAUSE_MS            1000 /* between two fetches of one gateway's keys */
#define LIMIT_RENEWAL_TIME             20   /* the longest that a renewal may hold up a call */
#define LIMIT_RENEWAL_PAUSE_MS         1000 /* between attempts to renew: doubles, with jitter */
#define LIMIT_RENEWAL_PAUSE_CEILING_MS 60000

/* ==== src/gateway ==== */

#define LIMIT_CLAIMS          262144 /* live (key id, enc) pairs: 3,700 exchanges a second */
#define LIMIT_CACHED_CHAINS   1024   /* of programs that called lately */
#define LIMIT_VERIFIED_LIFE   300    /* after it a cached path is verified anew */
#define LIMIT_GATEWAY_ANCHORS 8      /* files with CAs of tiers */
#define LIMIT_GATEWAY_LISTS   8      /* of revoked certificates: one a CA */
#define LIMIT_GATEWAY_FILES   4096   /* descriptors: connections from both sides */

#define LIMIT_UPSTREAM_TIME         60   /* for the service to answer */
#define LIMIT_UPSTREAM_TIME_CEILING 3600 /* an hour: the program has given up long before */
#define LIMIT_UPSTREAM_SHARE        48   /* of LIMIT_CLIENT_PER_HOST, for one program */
#define LIMIT_UPSTREAM_WAITING      512  /* requests of one program, for its share */
#define LIMIT_GATEWAY_DRAIN_EXTRA   5    /* beside that, for the answer to get out at the end */

/* Revocation: the longest between the authority's word and a gateway's heeding it, wherever the
 * network is cut, is LIMIT_LIST_AGE and LIMIT_CLOCK_SKEW: less than a minute. */
#define LIMIT_LIST_EVERY       10 /* between two looks at a list */
#define LIMIT_LIST_EVERY_FLOOR 1
#define LIMIT_LIST_AGE         45 /* of a list by its thisUpdate; beyond it all are refused */
#define LIMIT_LIST_AGE_FLOOR   10
#define LIMIT_LIST_AGE_CEILING 3600
#define LIMIT_LIST_RETRY       1    /* between two looks, as long as there is no list */
#define LIMIT_LIST_TIME_MS     5000 /* for one answer */

/* The policy of one service. */
#define LIMIT_POLICY_PROGRAMS 256
#define LIMIT_POLICY_METHODS  8
#define LIMIT_POLICY_PATHS    32
#define LIMIT_POLICY_CODE     16 /* digests of sources and executables */
#define LIMIT_POLICY_OWNERS   16
#define LIMIT_POLICY_PURPOSE  64 /* characters: it stands in refusals */

/* Idempotency and state, kept on disk. */
#define LIMIT_IDEMPOTENCY_KEY  128         /* characters */
#define LIMIT_IDEMPOTENCY_LIFE (24 * 3600) /* a stored answer; a retry comes sooner */
#define LIMIT_REPEAT_LIFE      (LIMIT_IDEMPOTENCY_LIFE / 2) /* so long one write_once is repeated */
#define LIMIT_STATE_VALUE      KIB(64)                      /* a cursor, not a database */
#define LIMIT_STATE_SEALED     (LIMIT_STATE_VALUE + KIB(1)) /* at rest */
#define LIMIT_STATE_NAMES      100                          /* of one program */
#define LIMIT_STATE_NAME       64
#define LIMIT_VAULT_PLACE      KIB(1) /* what a sealed value is bound to: program, name, version */
#define LIMIT_SWEEP_EVERY      600    /* what has outlived its time is removed */
#define LIMIT_SWEEP_ROWS       2000   /* at a time, so that exchanges pass in between */
#define LIMIT_WORKER_BATCH     128    /* jobs of one transaction */

/* ==== src/authority and src/signer ==== */

#define LIMIT_CERTIFICATE_REQUEST (LIMIT_CSR + LIMIT_MANIFEST + 64)
#define LIMIT_SIGNER_MESSAGE      KIB(32) /* a certificate or its claims, and more */
#define LIMIT_SIGNER_CLAIMS       KIB(12) /* so that a certificate stays in LIMIT_CERTIFICATE */
#define LIMIT_SIGNER_TIME         5       /* for the signer to answer */
#define LIMIT_SIGNER_LIST         (LIMIT_REVOCATION_LIST + KIB(1)) /* a message about a list */
#define LIMIT_REVOCATION          KIB(1)                           /* a signed request to revoke */

/* Approvals and enrolments, all owners together: each costs a signature check and a commit. */
#define LIMIT_SUBMISSIONS_PER_SECOND 10
#define LIMIT_SUBMISSIONS_BURST      100

#define LIMIT_SUBMISSION_AHEAD     300 /* an owner's clock may be that far ahead of ours */
#define LIMIT_APPROVALS            32  /* newest ones of a name that count */
#define LIMIT_OWNER_NAME           64
#define LIMIT_TOKEN_LIFE           3600 /* to enrol one platform */
#define LIMIT_TOKEN_LIFE_CEILING   (7 * 24 * 3600)
#define LIMIT_TPM_FILES            16     /* with certificates of TPMs' makers */
#define LIMIT_ACTIVATION_LIFE      3600   /* for a TPM to open what it was sent */
#define LIMIT_TOKEN_FILE           KIB(1) /* a token is one line */
#define LIMIT_ROOT_LIFE_DAYS       3650   /* manifests name it: a new one is a new measurement */
#define LIMIT_TIER_LIFE_DAYS       1825
#define LIMIT_AUTHORITY_DRAIN_TIME 10 /* for answers under way at the end */

/* ==== src/launcher ==== */

#define LIMIT_OWNERS               64      /* of one launcher */
#define LIMIT_LAUNCHER_SERVICES    64      /* of the configuration */
#define LIMIT_LAUNCHER_CONNECTIONS 128     /* each may be in the middle of an upload */
#define LIMIT_LAUNCHER_BODY_FLOOR  KIB(64) /* certificates pass, too */
#define LIMIT_LAUNCHER_DRAIN_TIME  2       /* for answers under way, when all programs have ended */
#define LIMIT_STOP_TIME            10 /* for a program that is asked to stop; then it is killed */
#define LIMIT_BUDGET               MIB(256) /* bytes in flight of all programs */
#define LIMIT_BUDGET_FLOOR         MIB(1)
#define LIMIT_BUDGET_CEILING       MIB(65536)
#define LIMIT_FLUSH_EVERY          5 /* counts of exchanges are written down */

/* The API for owners. */
#define LIMIT_API_BODY       KIB(16) /* of a JSON request */
#define LIMIT_API_ANSWER     MIB(8)  /* a list of all programs or runs of one owner */
#define LIMIT_API_PARAMETER  128     /* name, id or digest of a path, with its NUL */
#define LIMIT_API_WAIT       30      /* of a request with ?wait= */
#define LIMIT_LOG_PAGE       500     /* lines of one answer */
#define LIMIT_LOG_PAGE_BYTES MIB(1)

/* One run. */
#define LIMIT_CHANNEL_TURN      KIB(64)  /* read from one program before others get their turn */
#define LIMIT_CHANNEL_UNREAD    KIB(256) /* replies beyond this: the program is not read from */
#define LIMIT_CHANNEL_OUT       (4 * LIMIT_FRAME)    /* replies that it did not read */
#define LIMIT_CONTROL_CALLS     (LIMIT_SERVICES + 2) /* keys of every service, and the authority */
#define LIMIT_RUN_BODIES        4      /* in flight: request and reply, each read and sent on */
#define LIMIT_RUN_BODY_EXTRA    MIB(1) /* beside each of them */
#define LIMIT_RUNS_KEPT         200    /* of one owner; older ended ones go, with their logs */
#define LIMIT_RUN_PAUSE_CEILING 3600   /* between two attempts; doubles from 1 s */
#define LIMIT_RUN_PAUSE         30
#define LIMIT_RUN_STEADY        60  /* a program that ran so long begins with a short pause again */
#define LIMIT_LINES_PAUSE_MS    200 /* until log lines are written down together */
#define LIMIT_LINES_BATCH       512 /* lines of one transaction */
#define LIMIT_LINES_BATCH_BYTES MIB(1)
#define LIMIT_RECORD_HEAD       KIB(128) /* of one recorded HTTP message */

/* The warden, as the launcher sees it. */
#define LIMIT_WARDEN_PAUSE_MS         200 /* between attempts to reach it; doubles */
#define LIMIT_WARDEN_PAUSE_CEILING_MS 5000
#define LIMIT_WARDEN_ASK_AGAIN_MS     30000 /* whether it is back, should it not say so itself */
#define LIMIT_WARDEN_ASKED            256   /* requests without their answer */
#define LIMIT_BUILD_ATTEMPTS          3     /* of a build during which the warden was lost */

/* ==== src/warden and src/compartment ==== */

#define LIMIT_WARDEN_CONNECTIONS 8       /* one launcher, and its next one during a restart */
#define LIMIT_WARDEN_QUEUE       256     /* messages to a launcher that does not read */
#define LIMIT_RUNS               1000    /* compartments, builds included; each has a user id */
#define LIMIT_BIRTH_MEMORY       MIB(64) /* beside its own limit, until exec: the warden's copy */
#define LIMIT_BIRTH_WAIT_MS      100
/* Of a group: what the kernel takes for a program's namespaces is counted with it. */
#define LIMIT_BIRTH_FLOOR      MIB(4)
#define LIMIT_KEPT_EXECUTABLES 8 /* measured ones, in memory for the next start of the same */
#define LIMIT_KEPT_BYTES       MIB(128)
#define LIMIT_RUN_GRACE        10 /* after the run's own limit, which the run-time keeps itself */
#define LIMIT_MEMORY_MAP       KIB(256) /* text of /proc/PID/maps; ours have some twelve lines */
#define LIMIT_ATTEST_IN        KIB(1)   /* a request for evidence has room in this */
#define LIMIT_ATTEST_OUT       (LIMIT_EVIDENCE + LIMIT_MANIFEST)
#define LIMIT_ATTEST_BURST     16 /* requests of one run at once; one more each second */

/* One build. Its text is what one answer of the warden has room for; more is cut, and says so. */
#define LIMIT_BUILDS_RUNNING     2  /* a build takes a core */
#define LIMIT_BUILDS_WAITING     32 /* of all connections together */
#define LIMIT_BUILD_TIME         120
#define LIMIT_BUILD_MEMORY       MIB(1024) /* of compiler and linker */
#define LIMIT_BUILD_PROCESSES    32        /* driver, compiler, assembler, linker */
#define LIMIT_BUILD_WORK         MIB(256)  /* files of it, in memory */
#define LIMIT_BUILD_WORK_FILE    MIB(64)   /* one of them: the executable */
#define LIMIT_BUILD_FILES        256       /* names in its folder */
#define LIMIT_BUILD_FDS          64        /* descriptors of each of its processes */
#define LIMIT_BUILD_LOCKS        64        /* file locks */
#define LIMIT_COMPILER_TEXT      KIB(48)
#define LIMIT_COMPILER_ARGUMENTS 48 /* ours, and those of a back end */

/* Executables that are kept, so that unchanged source is not compiled twice; oldest go first. */
#define LIMIT_CACHE_EXECUTABLES 512
#define LIMIT_CACHE_BYTES       MIB(4096)
#define LIMIT_CACHE_RECORD      (LIMIT_COMPILER_TEXT + KIB(1))

/* The toolchain's folder. */
#define LIMIT_TOOLCHAIN_ENTRIES 100000 /* files and folders of it */
#define LIMIT_TOOLCHAIN_DEPTH   24
#define LIMIT_TOOLCHAIN_FILE    MIB(256)
#define LIMIT_TOOLCHAIN_OUTPUT  MIB(4) /* of a command that lists what belongs into it */

#define LIMIT_GAPS           8       /* told of what a machine lacks for one back end */
#define LIMIT_WARDEN_LISTING KIB(48) /* all back ends in words: 8 gaps of 560 bytes each */
#define LIMIT_TOOL_TIME      5       /* of a tool of the host's that prints what is measured */

/* What the kernel is told about one compartment, beside its memory. */
#define LIMIT_ADDRESS_SPACE_EXTRA MIB(64)   /* beside twice the memory: reserved, never touched */
#define LIMIT_DATA_EXTRA          MIB(16)   /* beside the memory: the cgroup ends it first */
#define LIMIT_SECRET_RANGES       8         /* of a program: heap, variables, stack */
#define LIMIT_LOCK_PROBE          MIB(4096) /* of RLIMIT_MEMLOCK: with more, no right is needed */
#define LIMIT_STACK               MIB(8)    /* as Linux gives by default */
#define LIMIT_SIGNALS             16        /* that wait to be delivered */
#define LIMIT_FILTER              KIB(64) /* the system-call filter: twice what the kernel takes */
#define LIMIT_RUN_CPU_WEIGHT      100     /* what everybody on the machine has */
#define LIMIT_BUILD_CPU_WEIGHT    25      /* a build waits for runs, not they for it */
#define LIMIT_GROUP_WAIT_MS       500     /* until the kernel lets go of an emptied control group */

/* A guest of the back end microvm, and its machine monitor. */
#define LIMIT_GUEST_FILE        MIB(128) /* its kernel; Debian's has 51 MiB */
#define LIMIT_GUEST_KERNEL      MIB(80)  /* its memory beside the program's: 64 do just so */
#define LIMIT_GUEST_REPORT      512      /* what is read of the guest's report */
#define LIMIT_GUEST_PORT_MS     10000    /* until a port is there */
#define LIMIT_GUEST_CLOCK_MS    50       /* of measuring it: a microsecond is 20 in a million */
#define LIMIT_GUEST_DRAIN_MS    100      /* for what a program wrote last to get out */
#define LIMIT_GUEST_KVM_BOOT_MS 3000     /* of a trial: a guest that boots at all takes 300 */
#define LIMIT_GUEST_TCG_BOOT_MS 60000    /* likewise 2000, on an idle machine */
#define LIMIT_MONITOR_MEMORY    MIB(192) /* beside the guest's: translated code, libraries, stacks */
#define LIMIT_MONITOR_THREADS   16

/* ==== src/conformance ==== */

#define LIMIT_TEST_AUTHORITY_LIFE (7 * 24 * 3600) /* whoever forgets it has it for a week */
#define LIMIT_TEST_LIFE           1800            /* of a program's certificate */
#define LIMIT_TEST_BACKDATE       60              /* the gateway's clock may be behind */
#define LIMIT_TEST_ANSWER         MIB(9)          /* LIMIT_BODY and what sealing adds */
#define LIMIT_TEST_SCRATCH        KIB(128)        /* fields of one request, changed */
#define LIMIT_TEST_TIME           30       /* for one answer, or until a slow request is ended */
#define LIMIT_TEST_COPIES         20       /* of one request, at the same time */
#define LIMIT_TEST_FOUND          160      /* what a check found, with its NUL */
#define LIMIT_REPORT              KIB(256) /* 200 checks of 400 bytes, and room */

/* ==== src/cli and src/ca ==== */

#define LIMIT_ARGUMENTS       32    /* of one command */
#define LIMIT_LOG_WAIT        20    /* one look for new lines may wait */
#define LIMIT_CLI_TOTAL_MS    90000 /* one call: an answer may wait at the peer (?wait=) */
#define LIMIT_OWNER_LIFE_DAYS 3650  /* the owner's own certificate for TLS */
#define LIMIT_OWNER_BACKDATE  3600  /* clocks of others may be behind */
#define LIMIT_CA_BACKDATE     60
#define LIMIT_CA_ROOT_DAYS    3650
#define LIMIT_CA_SERVER_DAYS  365
#define LIMIT_CA_DAYS_CEILING 7300

#endif
