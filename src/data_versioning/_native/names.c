/* Names of files: blobs of them, temporary ones, and parents below a root that nobody can lead astray. */
#include "native.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/fs.h>
#include <sys/syscall.h>
#endif
#ifdef __APPLE__
#include <sys/random.h>
#endif

int names_split(struct names *names, const char *blob, size_t size)
{
    names->count = 0;
    names->each = NULL;
    if (size == 0)
        return 0;
    if (blob[size - 1] != '\0')
        return EINVAL;
    size_t count = 0;
    for (const char *at = blob; at < blob + size; at += strlen(at) + 1)
        count++;
    names->each = malloc(count * sizeof *names->each);
    if (names->each == NULL)
        return ENOMEM;
    for (const char *at = blob; at < blob + size; at += strlen(at) + 1)
        names->each[names->count++] = at;
    return 0;
}

struct placed {
    const char *name;
    uint32_t index;
};

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct placed *)a)->name, ((const struct placed *)b)->name);
}

int names_order(const struct names *names, uint32_t **order)
{
    *order = NULL;
    size_t i = 1;
    while (i < names->count && strcmp(names->each[i - 1], names->each[i]) <= 0)
        i++;
    if (i >= names->count)
        return 0;
    struct placed *placed = malloc(names->count * sizeof *placed);
    *order = malloc(names->count * sizeof **order);
    if (placed == NULL || *order == NULL) {
        free(placed);
        free(*order);
        *order = NULL;
        return ENOMEM;
    }
    for (i = 0; i < names->count; i++)
        placed[i] = (struct placed){names->each[i], (uint32_t)i};
    qsort(placed, names->count, sizeof *placed, compare);
    for (i = 0; i < names->count; i++)
        (*order)[i] = placed[i].index;
    free(placed);
    return 0;
}

int token_start(struct token *token)
{
    atomic_init(&token->next, 0);
    return getentropy(&token->random, sizeof token->random) == 0 ? 0 : errno;
}

void token_name(struct token *token, const char *prefix, char name[TOKEN_SIZE])
{
    const unsigned next = (unsigned)atomic_fetch_add(&token->next, 1);
    const unsigned long long random = token->random & 0xffffffffffffffull;
    snprintf(name, TOKEN_SIZE, "%s.%014llx%08x.tmp", prefix, random, next);
}

void object_name(const uint8_t digest[16], char name[OBJECT_NAME_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < 16; i++) {
        *name++ = digits[digest[i] >> 4];
        *name++ = digits[digest[i] & 15];
        if (i == 0)
            *name++ = '/';
    }
    *name = '\0';
}

void parent_start(struct parent *parent, int root)
{
    *parent = (struct parent){.root = root, .file = -1};
}

void parent_end(struct parent *parent)
{
    if (parent->file >= 0)
        close(parent->file);
    free(parent->path);
    parent_start(parent, parent->root);
}

static bool is_plain(const char *name)
{
    for (const char *part = name;; part++) {
        const size_t length = strcspn(part, "/");
        if (length == 0 || (part[0] == '.' && (length == 1 || (length == 2 && part[1] == '.'))))
            return false;
        part += length;
        if (*part == '\0')
            return true;
    }
}

static int open_below(int directory, const char *name, bool create, int *file)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    *file = openat(directory, name, flags);
    if (*file < 0 && errno == ENOENT && create) {
        if (mkdirat(directory, name, 0777) != 0 && errno != EEXIST)
            return errno;
        *file = openat(directory, name, flags);
    }
    if (*file >= 0)
        return 0;
    struct stat stat;
    if (errno == ENOTDIR)
        return fstatat(directory, name, &stat, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(stat.st_mode) ? ELOOP : ENOTDIR;
    return errno;
}

static int open_path(int root, char *path, bool create, int *file)
{
    int directory = root, error = 0;
    for (char *part = path; !error; part++) {
        const size_t length = strcspn(part, "/");
        const char end = part[length];
        part[length] = '\0';
        error = open_below(directory, part, create, file);
        part[length] = end;
        if (directory != root)
            close(directory);
        directory = *file;
        part += length;
        if (end == '\0')
            break;
    }
    return error;
}

int parent_open(struct parent *parent, const char *name, bool create, int *directory, const char **last)
{
    if (!is_plain(name))
        return EINVAL;
    const char *slash = strrchr(name, '/');
    if (slash == NULL) {
        *directory = parent->root;
        *last = name;
        return 0;
    }
    const size_t length = (size_t)(slash - name);
    *last = slash + 1;
    if (parent->file < 0 || strncmp(parent->path, name, length) != 0 || parent->path[length] != '\0') {
        if (parent->file >= 0)
            close(parent->file);
        parent->file = -1;
        if (parent->capacity < length + 1) {
            char *path = realloc(parent->path, 2 * length + 1);
            if (path == NULL)
                return ENOMEM;
            parent->path = path;
            parent->capacity = 2 * length + 1;
        }
        memcpy(parent->path, name, length);
        parent->path[length] = '\0';
        const int error = open_path(parent->root, parent->path, create, &parent->file);
        if (error) {
            parent->file = -1;
            return error;
        }
    }
    *directory = parent->file;
    return 0;
}

int rename_new(int directory, const char *from, const char *to, bool replace)
{
    if (replace)
        return renameat(directory, from, directory, to) == 0 ? 0 : errno;
#if defined(__linux__) && defined(SYS_renameat2) && defined(RENAME_NOREPLACE)
    if (syscall(SYS_renameat2, directory, from, directory, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != ENOSYS && errno != EINVAL)
        return errno;
#endif
    if (linkat(directory, from, directory, to, 0) != 0)
        return errno;
    unlinkat(directory, from, 0);
    return 0;
}
