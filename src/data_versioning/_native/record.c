/* Stats of files, and reading and writing that is not disturbed by signals. */
#include "native.h"

#include <errno.h>
#include <unistd.h>

#ifdef __APPLE__
#define MTIME st_mtimespec
#define CTIME st_ctimespec
#else
#define MTIME st_mtim
#define CTIME st_ctim
#endif

static int64_t nanoseconds(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void record_fill(struct record *record, const struct stat *stat, uint32_t flags)
{
    record->inode = stat->st_ino;
    record->size = (uint64_t)stat->st_size;
    record->mtime_ns = nanoseconds(stat->MTIME);
    record->ctime_ns = nanoseconds(stat->CTIME);
    record->mode = stat->st_mode;
    record->flags = flags;
}

bool same_content(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && nanoseconds(a->MTIME) == nanoseconds(b->MTIME);
}

bool same_version(const struct stat *a, const struct stat *b)
{
    return same_content(a, b) && nanoseconds(a->CTIME) == nanoseconds(b->CTIME);
}

int record_at(int directory, const char *name, struct record *record)
{
    struct stat own, target;
    if (fstatat(directory, name, &own, AT_SYMLINK_NOFOLLOW) != 0)
        return errno;
    if (!S_ISLNK(own.st_mode))
        record_fill(record, &own, 0);
    else if (fstatat(directory, name, &target, 0) == 0)
        record_fill(record, &target, SYMLINK);
    else
        record_fill(record, &own, BROKEN);
    return 0;
}

static atomic_uint_fast64_t all_bytes;

uint64_t bytes_read(void)
{
    return atomic_load_explicit(&all_bytes, memory_order_relaxed);
}

int read_full(int file, uint8_t *buffer, size_t size, size_t *got)
{
    int error = 0;
    *got = 0;
    while (*got < size && !error) {
        const ssize_t count = read(file, buffer + *got, size - *got);
        if (count == 0)
            break;
        if (count > 0)
            *got += (size_t)count;
        else if (errno != EINTR)
            error = errno;
    }
    atomic_fetch_add_explicit(&all_bytes, *got, memory_order_relaxed);
    return error;
}

int write_full(int file, const uint8_t *buffer, size_t size)
{
    while (size > 0) {
        const ssize_t count = write(file, buffer, size);
        if (count < 0 && errno != EINTR)
            return errno;
        if (count > 0) {
            buffer += count;
            size -= (size_t)count;
        }
    }
    return 0;
}

/* Never blocks on a fifo, never becomes the controlling terminal. */
static int open_reading(int root, const char *name, int flags, int *file)
{
    do
        *file = openat(root, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);
    while (*file < 0 && errno == EINTR);
    if (*file >= 0)
        return 0;
    /* What opening a socket says on Linux and macOS. */
    return errno == ENXIO || errno == EOPNOTSUPP ? EINVAL : errno;
}

int open_source(int root, const char *name, int *file, struct stat *stat, uint32_t *flags)
{
    *flags = 0;
    int error = open_reading(root, name, O_NOFOLLOW, file);
    if (error == ELOOP) {
        *flags = SYMLINK;
        error = open_reading(root, name, 0, file);
    }
    if (error)
        return error;
    if (fstat(*file, stat) != 0)
        error = errno;
    else if (!S_ISREG(stat->st_mode))
        error = S_ISDIR(stat->st_mode) ? EISDIR : EINVAL;
    if (error) {
        close(*file);
        *file = -1;
    }
    return error;
}
