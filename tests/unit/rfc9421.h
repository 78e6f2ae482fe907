/* RFC 9421, appendix B: signature bases of its test messages, and its one signature in ECDSA on
 * P-256. */
#ifndef IDEVS_TESTS_UNIT_RFC9421_H
#define IDEVS_TESTS_UNIT_RFC9421_H

/* B.2.3: all that its request can cover. */
#define RFC9421_REQUEST_BASE                                                                       \
    "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n"                                                    \
    "\"@method\": POST\n"                                                                          \
    "\"@path\": /foo\n"                                                                            \
    "\"@query\": ?param=Value&Pet=dog\n"                                                           \
    "\"@authority\": example.com\n"                                                                \
    "\"content-type\": application/json\n"                                                         \
    "\"content-digest\": sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+Abw"               \
    "AgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:\n"                                                   \
    "\"content-length\": 18\n"                                                                     \
    "\"@signature-params\": (\"date\" \"@method\" \"@path\" \"@query\" \"@authority\" \"conten"    \
    "t-type\" \"content-digest\" \"content-length\");created=1618884473;keyid=\"test-ke"           \
    "y-rsa-pss\""

/* B.2.4: a response under test-key-ecc-p256. */
#define RFC9421_RESPONSE_BASE                                                                      \
    "\"@status\": 200\n"                                                                           \
    "\"content-type\": application/json\n"                                                         \
    "\"content-digest\": sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GT"               \
    "sPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:\n"                                                   \
    "\"content-length\": 23\n"                                                                     \
    "\"@signature-params\": (\"@status\" \"content-type\" \"content-digest\" \"content-len"        \
    "gth\");created=1618884473;keyid=\"test-key-ecc-p256\""
#define RFC9421_SPKI                                                                               \
    "3059301306072a8648ce3d020106082a8648ce3d03010703420004a885586552c2acf6471878cfd7b0935b4f"     \
    "fe0fd2dfc341248ea17bc41e058af031ce2737d2d30ce0617e851e83c61ef5679d151867657649035d90a74c"     \
    "d9e85d"
#define RFC9421_SIGNATURE                                                                          \
    "c0d9925008706f92f1b4eb4ea4d6ba5b9c63d3aee6e6116b8f45d0e1fbe96822f1d0d2a87203eab8b8326a19"     \
    "f30e70c0532e5e09d95850490b223fb7da889ab3"

#endif
