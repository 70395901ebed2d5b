/* The entries of one directory, and of all below it: how a walk keeps what it finds. */
#ifndef DATA_VERSIONING_DIRECTORY_H
#define DATA_VERSIONING_DIRECTORY_H

#include <dirent.h>

#include "native.h"

enum kind { FILE_KIND, DIRECTORY_KIND, GONE };

struct item {
    uint64_t key;  /* the first eight bytes of the name, for sorting */
    uint32_t name; /* in the directory's names; a directory's own ends in "/" */
    uint32_t kind;
    union {
        struct record record;
        struct directory *below;
    } is;
};

struct directory {
    char *path; /* relative, "" for the root */
    DIR *stream;
    char *names;
    size_t names_size, names_capacity;
    struct item *items;
    size_t count, capacity;
    atomic_size_t unfinished; /* parts; the last one closes the stream */
};

/* Make room for `wanted` elements in an array that was allocated, or is still NULL. */
int grow(void *array, size_t *capacity, size_t wanted, size_t size);

struct directory *directory_new(const char *parent, const char *name);
int directory_add(struct directory *, const char *name, enum kind);
void directory_sort(struct directory *); /* so that whole paths are emitted in order */
const char *item_name(const struct directory *, const struct item *);
void directory_close(struct directory *);
void directory_empty(struct directory *); /* closed, and without entries */
void directory_free(struct directory *);  /* with everything below */
void directory_sizes(const struct directory *, size_t path, size_t *files, size_t *bytes);
void directory_emit(const struct directory *, char **names, struct record **stats);

#endif
