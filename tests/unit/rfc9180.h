/* RFC 9180, A.1.1: base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM. */
#ifndef IDEVS_TESTS_UNIT_RFC9180_H
#define IDEVS_TESTS_UNIT_RFC9180_H

#include <stdint.h>

#define RFC9180_INFO       "4f6465206f6e2061204772656369616e2055726e"
#define RFC9180_SK_E       "52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736"
#define RFC9180_SK_R       "4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8"
#define RFC9180_PK_R       "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d"
#define RFC9180_ENC        "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431"
#define RFC9180_KEY        "4531685d41d65f03dc48f6b8302c05b0"
#define RFC9180_BASE_NONCE "56d890e5accaaf011cff4b7d"
#define RFC9180_EXPORTER   "45ff1c2e220db587171952c0592d5f5ebe103f1561a2614e38f2ffd47e99e3f8"
#define RFC9180_PT         "4265617574792069732074727574682c20747275746820626561757479"

/* A.1.1.1 */
static const struct {
    uint64_t sequence;
    const char *nonce;
    const char *aad;
    const char *ct;
} RFC9180_SEALED[] = {
    {0, "56d890e5accaaf011cff4b7d", "436f756e742d30",
     "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea"
     "87e13c512a"},
    {1, "56d890e5accaaf011cff4b7c", "436f756e742d31",
     "af2d7e9ac9ae7e270f46ba1f975be53c09f8d875bdc8535458c2494e8a6eab251c03d0c22a56b8ca"
     "42c2063b84"},
    {2, "56d890e5accaaf011cff4b7f", "436f756e742d32",
     "498dfcabd92e8acedc281e85af1cb4e3e31c7dc394a1ca20e173cb72516491588d96a19ad4a68351"
     "8973dcc180"},
    {4, "56d890e5accaaf011cff4b79", "436f756e742d34",
     "583bd32bc67a5994bb8ceaca813d369bca7b2a42408cddef5e22f880b631215a09fc0012bc69fcca"
     "a251c0246d"},
    {255, "56d890e5accaaf011cff4b82", "436f756e742d323535",
     "7175db9717964058640a3a11fb9007941a5d1757fda1a6935c805c21af32505bf106deefec4a49ac"
     "38d71c9e0a"},
    {256, "56d890e5accaaf011cff4a7d", "436f756e742d323536",
     "957f9800542b0b8891badb026d79cc54597cb2d225b54c00c5238c25d05c30e3fbeda97d2e0e1aba"
     "483a2df9f2"},
};

/* A.1.1.2 */
static const struct {
    const char *context;
    const char *value;
} RFC9180_EXPORTS[] = {
    {"", "3853fe2b4035195a573ffc53856e77058e15d9ea064de3e59f4961d0095250ee"},
    {"00", "2e8f0b54673c7029649d4eb9d5e33bf1872cf76d623ff164ac185da9e88c21a5"},
    {"54657374436f6e74657874", "e9e43065102c3836401bed8c3c3c75ae46be1639869391d62c61f1ec7af54931"},
};

#endif
