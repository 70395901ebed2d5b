/* The local disk, many files at once: what the files of this extension share.
 *
 * Functions that return int give 0 or an errno, never -1. Nothing but module.c and pool.c knows Python.
 */
#ifndef DATA_VERSIONING_NATIVE_H
#define DATA_VERSIONING_NATIVE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#ifdef __APPLE__
#define _DARWIN_C_SOURCE
#endif

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* md5.c */

enum { LANES = 16 };

struct md5 {
    uint32_t state[4];
    uint64_t length; /* bytes of the message; kept by the caller */
};

/* Take the fastest code for this processor, or the variant of that name; NULL when it does not run here. */
const char *md5_choose(const char *wanted);
void md5_start(struct md5 *);
void md5_blocks(struct md5 *, const uint8_t *message, size_t blocks);
/* Up to LANES messages, the same number of blocks of each. */
void md5_blocks_many(struct md5 *const[], const uint8_t *const messages[], size_t count, size_t blocks);
/* Write the padding for `length` behind the message; at most 72 bytes, returns how many. */
size_t md5_pad(const struct md5 *, uint8_t *end);
void md5_digest(const struct md5 *, uint8_t digest[16]);

/* pool.c: one piece of work on several threads while Python may interrupt it */

enum { MAX_THREADS = 64 };

struct pool {
    void (*work)(struct pool *); /* on every thread; returns soon after `cancelled` */
    atomic_size_t done;          /* files; `advance` hears of them, and of the bytes that were read */
    atomic_bool cancelled;
    pthread_mutex_t mutex;
    pthread_cond_t ended;
    int running;
};

/* record.c: `walk.RECORD`, and files of any kind */

enum { SYMLINK = 1, BROKEN = 2 };

struct record {
    uint64_t inode, size;
    int64_t mtime_ns, ctime_ns;
    uint32_t mode, flags;
};

void record_fill(struct record *, const struct stat *, uint32_t flags);
bool same_content(const struct stat *, const struct stat *); /* as far as times can tell */
bool same_version(const struct stat *, const struct stat *); /* and nobody changed mode or links either */
/* Stat a name, following a symbolic link. */
int record_at(int directory, const char *name, struct record *);
int read_full(int file, uint8_t *buffer, size_t size, size_t *got); /* less than size: the end */
uint64_t bytes_read(void); /* by all calls of this process so far */
int write_full(int file, const uint8_t *buffer, size_t size);
int open_source(int root, const char *name, int *file, struct stat *, uint32_t *flags);

/* names.c: the names of a batch, and parents that are reached through no symbolic link */

struct names {
    size_t count;
    const char **each;
};

int names_split(struct names *, const char *blob, size_t size);
int names_order(const struct names *, uint32_t **order); /* by bytes; NULL when they are in order */

enum { TOKEN_SIZE = 48, OBJECT_NAME_SIZE = 34 };

struct token {
    uint64_t random;
    atomic_uint_fast32_t next;
};

int token_start(struct token *);
void token_name(struct token *, const char *prefix, char name[TOKEN_SIZE]); /* PREFIX.TOKEN.tmp */

void object_name(const uint8_t digest[16], char name[OBJECT_NAME_SIZE]); /* ab/cdef... */

struct parent {
    int root; /* borrowed */
    int file; /* of `path`, or -1 */
    char *path;
    size_t capacity;
};

void parent_start(struct parent *, int root);
void parent_end(struct parent *);
/* The open parent of a relative name, valid until the next call, and the last part of the name. */
int parent_open(struct parent *, const char *name, bool create, int *directory, const char **last);
/* Without `replace`: EEXIST when something has the name. */
int rename_new(int directory, const char *from, const char *to, bool replace);

/* walk.c */

struct walk;
/* .git, .hg and .dvc; these and every other repository; nothing */
enum left_out { PRIVATE, NESTED, NOTHING };

struct walk *walk_new(const char *root, enum left_out, int *error);
struct pool *walk_pool(struct walk *);
int walk_error(struct walk *, const char **path);
void walk_sizes(struct walk *, size_t *files, size_t *bytes);
void walk_emit(struct walk *, char *names, struct record *stats);
void walk_free(struct walk *);

/* batch.c: one call over many files */

enum { WRITTEN = 1, CHANGED = 2 };                 /* marks */
enum { COPY, HARDLINK, SYMBOLIC, REFLINK };        /* methods */
enum { FILE_CHANGED = -1, READ_AGAIN = -2 };       /* besides errnos; never an answer */

struct batch {
    struct pool pool;         /* first: the workers get a pointer to it */
    struct names names;       /* of the sources, or of the targets where there are both */
    struct names sources;
    uint32_t *order;          /* positions to indices, or NULL */
    int threads;
    int root, target;         /* open directories of the sources and of the targets, or -1 */
    const char *root_path;    /* absolute; for symbolic links */
    const uint8_t *expected;  /* 16 bytes a file, or NULL */
    const char *seen;         /* a record a file: what a target may take the place of; NULL: anything */
    bool storing, copying;    /* or only hashing */
    int method;
    int mode, directory_mode; /* -1: what the umask leaves */
    bool explicit_mode;       /* the umask must not take away from `mode` */
    bool replace;
    uint8_t *digests;         /* the answer, an entry for each name; NULL where a call has none */
    struct record *stats;
    int32_t *errnos;
    uint8_t *marks;
    struct token token;
    atomic_bool no_reflink;
    atomic_int fatal;
    atomic_size_t next;
};

/* Some of the next files to do, as positions; false when none are left. */
bool batch_claim(struct batch *, size_t *begin, size_t *end);
size_t batch_index(const struct batch *, size_t position);
void batch_finished(struct batch *, size_t index, int error);
void batch_give_up(struct batch *, int error);
/* ECANCELED when something else has the target's name than was seen there, so that it must stay. */
int batch_check_seen(const struct batch *, size_t index, int directory, const char *last);
/* Do `one` for the files this thread can get; `parent` is the thread's own, in the target. */
void batch_each(struct batch *, int (*one)(struct batch *, struct parent *, size_t index));

/* stream.c, place.c, pipe.c: everything that reads content */

void stream_work(struct pool *);
int copy_hashing(int source, int target, struct md5 *, const atomic_bool *cancelled);

/* files.c: everything that does not */

void link_work(struct pool *);
void chmod_work(struct pool *);
void remove_work(struct pool *);
void stat_work(struct pool *);
int sync_path(const char *path);

#endif
