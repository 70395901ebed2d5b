/* A file between its opening and its last name, and the thread that works on it. */
#ifndef DATA_VERSIONING_STREAM_H
#define DATA_VERSIONING_STREAM_H

#include "native.h"

struct slot {
    size_t index;
    bool busy, ended;
    bool linking, cloned; /* how a source becomes an object without being written */
    int source, target;   /* open files or -1; a clone is read from `target` */
    int directory;        /* of the temporary file; borrowed */
    int own_directory;    /* the same for a long copy, to be closed; or -1 */
    uint32_t flags;
    struct stat before;
    struct md5 md5;
    size_t begin, end; /* bytes of the buffer that are not hashed yet */
    uint8_t *buffer;
    char temporary[TOKEN_SIZE]; /* "" when there is none */
};

struct worker {
    struct batch *batch;
    struct parent parent;
    struct slot slots[LANES];
    size_t limit, busy;   /* slots */
    size_t next, claimed; /* positions in the batch that are ours */
    bool exhausted;       /* the batch has no more for us */
    uint8_t *memory;
};

/* place.c: from bytes to a file with a name */

/* Open the temporary file for bytes whose hash is not known yet. */
int open_early(struct worker *, struct slot *);
void remove_temporary(struct slot *);
/* Both need all bytes in the buffer or in the temporary file. READ_AGAIN: the source cannot be linked. */
int place_object(struct batch *, struct slot *, const uint8_t digest[16]);
int place_copy(struct worker *, struct slot *, const uint8_t digest[16]);

#endif
