/* MD5 of one message, and of LANES messages side by side. The hash is fixed by DVC's format. */
#include "native.h"

#include <string.h>

typedef uint32_t lanes_t __attribute__((vector_size(4 * LANES), may_alias));

static inline uint32_t load(const uint8_t *bytes)
{
    uint32_t word;
    memcpy(&word, bytes, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap32(word);
#endif
    return word;
}

/* Without wide registers the compiler makes several narrow ones of a vector. */
#define TARGET
#define FUNCTION lanes_portable
#include "md5_lanes.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define TARGET __attribute__((target("avx2")))
#define FUNCTION lanes_avx2
#include "md5_lanes.h"

#define TARGET __attribute__((target("avx512f")))
#define FUNCTION lanes_avx512
#include "md5_lanes.h"
#endif

typedef void lanes_function(uint32_t *const[LANES], const uint8_t *const[LANES], size_t);

static const struct variant {
    const char *name;
    lanes_function *function;
} variants[] = {
#if defined(__x86_64__) && defined(__GNUC__)
    {"avx512f", lanes_avx512},
    {"avx2", lanes_avx2},
#endif
    {"portable", lanes_portable},
};

static lanes_function *lanes = lanes_portable;

static bool runs_here(const char *name)
{
#if defined(__x86_64__) && defined(__GNUC__)
    __builtin_cpu_init();
    if (strcmp(name, "avx512f") == 0)
        return __builtin_cpu_supports("avx512f");
    if (strcmp(name, "avx2") == 0)
        return __builtin_cpu_supports("avx2");
#endif
    return strcmp(name, "portable") == 0;
}

const char *md5_choose(const char *wanted)
{
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        const char *name = variants[i].name;
        if ((wanted == NULL || strcmp(wanted, name) == 0) && runs_here(name)) {
            lanes = variants[i].function;
            return name;
        }
    }
    return NULL;
}

void md5_start(struct md5 *md5)
{
    md5->state[0] = 0x67452301u;
    md5->state[1] = 0xefcdab89u;
    md5->state[2] = 0x98badcfeu;
    md5->state[3] = 0x10325476u;
    md5->length = 0;
}

void md5_blocks(struct md5 *md5, const uint8_t *message, size_t blocks)
{
    uint32_t a = md5->state[0], b = md5->state[1], c = md5->state[2], d = md5->state[3];
    for (; blocks; blocks--, message += 64) {
        const uint32_t a0 = a, b0 = b, c0 = c, d0 = d;
#define WORD(j) load(message + 4 * (j))
#include "md5_steps.h"
#undef WORD
        a += a0;
        b += b0;
        c += c0;
        d += d0;
    }
    md5->state[0] = a;
    md5->state[1] = b;
    md5->state[2] = c;
    md5->state[3] = d;
}

void md5_blocks_many(struct md5 *const md5s[], const uint8_t *const messages[], size_t count, size_t blocks)
{
    /* Below this the vector code, which always does all lanes, takes longer. */
    if (count < 3) {
        for (size_t i = 0; i < count; i++)
            md5_blocks(md5s[i], messages[i], blocks);
        return;
    }
    uint32_t unused[4], *states[LANES];
    const uint8_t *data[LANES];
    for (size_t lane = 0; lane < LANES; lane++) {
        states[lane] = lane < count ? md5s[lane]->state : unused;
        data[lane] = messages[lane < count ? lane : 0];
    }
    memset(unused, 0, sizeof unused);
    lanes(states, data, blocks);
}

size_t md5_pad(const struct md5 *md5, uint8_t *end)
{
    const size_t used = md5->length % 64, padding = (used < 56 ? 56 : 120) - used;
    memset(end, 0, padding);
    end[0] = 0x80;
    for (int i = 0; i < 8; i++)
        end[padding + i] = (uint8_t)(md5->length * 8 >> 8 * i);
    return padding + 8;
}

void md5_digest(const struct md5 *md5, uint8_t digest[16])
{
    for (int i = 0; i < 16; i++)
        digest[i] = (uint8_t)(md5->state[i / 4] >> 8 * (i % 4));
}
