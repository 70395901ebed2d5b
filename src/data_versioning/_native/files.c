/* What needs no content: link, chmod, remove, stat, sync. */
#include "native.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/fs.h>
#endif

/* A new file at `name`, sharing the blocks of `source` unless that is empty. */
static int clone_at(int directory, const char *name, int root, const char *source)
{
    struct stat stat;
    uint32_t flags;
    int from;
    int error = open_source(root, source, &from, &stat, &flags);
    if (error)
        return error;
    const int to = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (to < 0) {
        error = errno;
        close(from);
        return error;
    }
    if (stat.st_size > 0) {
#ifdef FICLONE
        error = ioctl(to, FICLONE, from) == 0 ? 0 : errno;
#else
        error = EOPNOTSUPP;
#endif
    }
    if (close(to) != 0 && !error)
        error = errno;
    close(from);
    if (error)
        unlinkat(directory, name, 0);
    return error;
}

static int link_symbolic(const struct batch *batch, int directory, const char *name, const char *source)
{
    const size_t size = strlen(batch->root_path) + strlen(source) + 2;
    char *path = malloc(size);
    if (path == NULL)
        return ENOMEM;
    snprintf(path, size, "%s/%s", batch->root_path, source);
    const int error = symlinkat(path, directory, name) == 0 ? 0 : errno;
    free(path);
    return error;
}

static int make_link(const struct batch *batch, int directory, const char *name, const char *source, bool empty)
{
    if (batch->method == SYMBOLIC)
        return link_symbolic(batch, directory, name, source);
    if (batch->method == HARDLINK && !empty)
        return linkat(batch->root, source, directory, name, AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
    return clone_at(directory, name, batch->root, source);
}

static int link_one(struct batch *batch, struct parent *parent, size_t index)
{
    const char *source = batch->sources.each[index], *last;
    struct stat stat;
    int directory;
    int error = parent_open(parent, batch->names.each[index], true, &directory, &last);
    if (error)
        return error;
    if (fstatat(batch->root, source, &stat, 0) != 0)
        return errno;
    if (!S_ISREG(stat.st_mode))
        return S_ISDIR(stat.st_mode) ? EISDIR : EINVAL;
    /* A link is complete from the beginning; only a clone needs a temporary name. */
    const bool empty = stat.st_size == 0, direct = batch->method == SYMBOLIC || (batch->method == HARDLINK && !empty);
    error = direct ? make_link(batch, directory, last, source, empty) : EEXIST;
    if (error == EEXIST && (batch->replace || !direct)) {
        char temporary[TOKEN_SIZE];
        token_name(&batch->token, "", temporary);
        error = make_link(batch, directory, temporary, source, empty);
        if (error)
            return error;
        error = batch_check_seen(batch, index, directory, last);
        if (!error)
            error = rename_new(directory, temporary, last, batch->replace);
        /* Of two names of one file, rename keeps both. */
        if (error || batch->method == HARDLINK)
            unlinkat(directory, temporary, 0);
    }
    if (error)
        return error;
    batch->marks[index] = WRITTEN;
    return record_at(directory, last, &batch->stats[index]);
}

static int chmod_one(struct batch *batch, struct parent *parent, size_t index)
{
    const char *last;
    struct stat stat;
    int directory;
    const int error = parent_open(parent, batch->names.each[index], false, &directory, &last);
    if (error)
        return error;
    if (fstatat(directory, last, &stat, AT_SYMLINK_NOFOLLOW) != 0)
        return errno;
    if (S_ISLNK(stat.st_mode))
        return ELOOP;
    return fchmodat(directory, last, (mode_t)batch->mode, 0) == 0 ? 0 : errno;
}

static int remove_one(struct batch *batch, struct parent *parent, size_t index)
{
    const char *last;
    int directory;
    int error = parent_open(parent, batch->names.each[index], false, &directory, &last);
    if (!error)
        error = batch_check_seen(batch, index, directory, last);
    if (!error && unlinkat(directory, last, 0) != 0)
        error = errno;
    return error == ENOENT ? 0 : error;
}

static int stat_one(struct batch *batch, struct parent *parent, size_t index)
{
    (void)parent;
    return record_at(batch->target, batch->names.each[index], &batch->stats[index]);
}

void link_work(struct pool *pool)
{
    batch_each((struct batch *)pool, link_one);
}

void chmod_work(struct pool *pool)
{
    batch_each((struct batch *)pool, chmod_one);
}

void remove_work(struct pool *pool)
{
    batch_each((struct batch *)pool, remove_one);
}

void stat_work(struct pool *pool)
{
    batch_each((struct batch *)pool, stat_one);
}

int sync_path(const char *path)
{
#ifdef __linux__
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return errno;
    const int error = syncfs(file) == 0 ? 0 : errno;
    close(file);
    return error;
#else
    (void)path;
    sync();
    return 0;
#endif
}
