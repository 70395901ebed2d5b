/* What Python sees; the arguments and answers are described in _native.pyi. */
#include "python.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static PyObject *raise_errno(int error, const char *path)
{
    if (error == ENOMEM)
        return PyErr_NoMemory();
    errno = error;
    PyObject *name = PyBytes_FromString(path);
    if (name != NULL)
        PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, name);
    Py_XDECREF(name);
    return NULL;
}

static PyObject *raise_below(int error, const char *root, const char *path)
{
    PyObject *name = PyBytes_FromFormat(path != NULL && path[0] != '\0' ? "%s/%s" : "%s", root, path);
    if (name == NULL)
        return NULL;
    raise_errno(error, PyBytes_AsString(name));
    Py_DECREF(name);
    return NULL;
}

/* walk(root, left_out, threads) -> (names, stats) */
static PyObject *walk_call(PyObject *module, PyObject *arguments)
{
    const char *root, *path;
    int left_out, threads, error;
    size_t files, bytes;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "yii", &root, &left_out, &threads))
        return NULL;
    struct walk *walk = walk_new(root, (enum left_out)left_out, &error);
    if (walk == NULL)
        return raise_errno(error, root);
    PyObject *answer = NULL, *names = NULL, *stats = NULL;
    if (pool_run(walk_pool(walk), threads, Py_None) != 0)
        goto end;
    if ((error = walk_error(walk, &path)) != 0) {
        raise_below(error, root, path);
        goto end;
    }
    walk_sizes(walk, &files, &bytes);
    names = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)bytes);
    stats = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(files * sizeof(struct record)));
    if (names == NULL || stats == NULL)
        goto end;
    walk_emit(walk, PyBytes_AsString(names), (struct record *)PyBytes_AsString(stats));
    answer = PyTuple_Pack(2, names, stats);
end:
    Py_XDECREF(names);
    Py_XDECREF(stats);
    walk_free(walk);
    return answer;
}

/* An answer that is being made: what the batch points into. */
struct answer {
    PyObject *digests, *stats, *errnos, *marks;
};

static void *zeros(PyObject **bytes, size_t size)
{
    *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    if (*bytes == NULL)
        return NULL;
    return memset(PyBytes_AsString(*bytes), 0, size);
}

static bool prepare_answer(struct batch *batch, struct answer *answer)
{
    const size_t count = batch->names.count;
    batch->digests = zeros(&answer->digests, 16 * count);
    batch->stats = zeros(&answer->stats, sizeof(struct record) * count);
    batch->errnos = zeros(&answer->errnos, sizeof(int32_t) * count);
    batch->marks = zeros(&answer->marks, count);
    return batch->digests != NULL && batch->stats != NULL && batch->errnos != NULL && batch->marks != NULL;
}

static int open_directory(const char *path, int *file)
{
    *file = -1;
    if (path == NULL)
        return 0;
    *file = open(path[0] != '\0' ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*file >= 0)
        return 0;
    raise_errno(errno, path);
    return -1;
}

struct call {
    const char *root, *target;           /* directories, or NULL */
    const char *names, *sources;         /* blobs; sources may be NULL */
    const char *seen;                    /* records, or of size 0 */
    Py_ssize_t names_size, sources_size, seen_size;
    PyObject *advance;
};

static int prepare(struct batch *batch, const struct call *call)
{
    batch->root = batch->target = -1;
    if (open_directory(call->root, &batch->root) != 0 || open_directory(call->target, &batch->target) != 0)
        return -1;
    int error = names_split(&batch->names, call->names, (size_t)call->names_size);
    if (!error && call->sources != NULL)
        error = names_split(&batch->sources, call->sources, (size_t)call->sources_size);
    if (error == EINVAL || (call->sources != NULL && batch->sources.count != batch->names.count)) {
        PyErr_SetString(PyExc_ValueError, "names are ended by NUL, and each target has a source");
        return -1;
    }
    if (call->seen_size > 0 && (size_t)call->seen_size != batch->names.count * sizeof(struct record)) {
        PyErr_SetString(PyExc_ValueError, "one record a target, or none at all");
        return -1;
    }
    batch->seen = call->seen_size > 0 ? call->seen : NULL;
    /* Targets are done in the order of their directories. */
    if (!error && call->target != NULL && !batch->storing)
        error = names_order(&batch->names, &batch->order);
    if (!error)
        error = token_start(&batch->token);
    if (error)
        raise_errno(error, call->target != NULL ? call->target : call->root);
    return error ? -1 : 0;
}

/* Returns (digests, stats, errnos, marks). */
static PyObject *run(struct batch *batch, const struct call *call)
{
    struct answer answer = {NULL, NULL, NULL, NULL};
    PyObject *result = NULL;
    atomic_init(&batch->next, 0);
    atomic_init(&batch->no_reflink, false);
    atomic_init(&batch->fatal, 0);
    if (prepare(batch, call) == 0 && prepare_answer(batch, &answer)) {
        const size_t count = batch->names.count;
        if (count < (size_t)batch->threads)
            batch->threads = count > 0 ? (int)count : 1;
        if (count == 0 || pool_run(&batch->pool, batch->threads, call->advance) == 0)
            result = PyTuple_Pack(4, answer.digests, answer.stats, answer.errnos, answer.marks);
    }
    if (result != NULL && atomic_load(&batch->fatal)) {
        Py_CLEAR(result);
        raise_errno(atomic_load(&batch->fatal), "");
    }
    Py_XDECREF(answer.digests);
    Py_XDECREF(answer.stats);
    Py_XDECREF(answer.errnos);
    Py_XDECREF(answer.marks);
    if (batch->root >= 0)
        close(batch->root);
    if (batch->target >= 0)
        close(batch->target);
    free(batch->names.each);
    free(batch->sources.each);
    free(batch->order);
    return result;
}

/* The same, of which only one part is wanted. */
static PyObject *run_for(struct batch *batch, const struct call *call, Py_ssize_t part)
{
    PyObject *all = run(batch, call), *one = all == NULL ? NULL : PyTuple_GetItem(all, part);
    Py_XINCREF(one);
    Py_XDECREF(all);
    return one;
}

static PyObject *hash_call(PyObject *module, PyObject *arguments)
{
    struct batch batch = {.pool.work = stream_work};
    struct call call = {0};
    (void)module;
    if (!PyArg_ParseTuple(arguments, "yy#iO", &call.root, &call.names, &call.names_size, &batch.threads, &call.advance))
        return NULL;
    return run(&batch, &call);
}

static PyObject *store_call(PyObject *module, PyObject *arguments)
{
    struct batch batch = {.pool.work = stream_work, .storing = true};
    struct call call = {0};
    int umask;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "yy#yiiiiO", &call.root, &call.names, &call.names_size, &call.target,
                          &batch.method, &umask, &batch.directory_mode, &batch.threads, &call.advance))
        return NULL;
    /* Always writable: 0444 would say "verified and safe on the disk". */
    batch.mode = batch.directory_mode < 0 ? (0666 & ~umask) | 0200 : 0664;
    batch.explicit_mode = batch.directory_mode >= 0 || (umask & 0200);
    return run(&batch, &call);
}

static PyObject *copy_call(PyObject *module, PyObject *arguments)
{
    struct batch batch = {.pool.work = stream_work, .copying = true};
    struct call call = {0};
    const char *expected;
    Py_ssize_t expected_size;
    int replace;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "yy#yy#y#ipy#iO", &call.root, &call.sources, &call.sources_size, &call.target,
                          &call.names, &call.names_size, &expected, &expected_size, &batch.mode, &replace,
                          &call.seen, &call.seen_size, &batch.threads, &call.advance))
        return NULL;
    batch.expected = expected_size > 0 ? (const uint8_t *)expected : NULL;
    batch.explicit_mode = batch.mode >= 0;
    batch.replace = replace;
    return run(&batch, &call);
}

static PyObject *link_call(PyObject *module, PyObject *arguments)
{
    struct batch batch = {.pool.work = link_work};
    struct call call = {0};
    int replace;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "yy#yy#ipy#iO", &call.root, &call.sources, &call.sources_size, &call.target,
                          &call.names, &call.names_size, &batch.method, &replace, &call.seen, &call.seen_size,
                          &batch.threads, &call.advance))
        return NULL;
    batch.root_path = call.root;
    batch.replace = replace;
    return run(&batch, &call);
}

static PyObject *chmod_call(PyObject *module, PyObject *arguments)
{
    struct batch batch = {.pool.work = chmod_work};
    struct call call = {.advance = Py_None};
    (void)module;
    if (!PyArg_ParseTuple(arguments, "yy#ii", &call.target, &call.names, &call.names_size, &batch.mode, &batch.threads))
        return NULL;
    return run_for(&batch, &call, 2);
}

static PyObject *remove_call(PyObject *module, PyObject *arguments)
{
    struct batch batch = {.pool.work = remove_work};
    struct call call = {.advance = Py_None};
    (void)module;
    if (!PyArg_ParseTuple(arguments, "yy#y#i", &call.target, &call.names, &call.names_size, &call.seen,
                          &call.seen_size, &batch.threads))
        return NULL;
    return run_for(&batch, &call, 2);
}

static PyObject *stat_call(PyObject *module, PyObject *arguments)
{
    struct batch batch = {.pool.work = stat_work};
    struct call call = {.advance = Py_None};
    (void)module;
    if (!PyArg_ParseTuple(arguments, "yy#i", &call.target, &call.names, &call.names_size, &batch.threads))
        return NULL;
    return run_for(&batch, &call, 1);
}

static PyObject *sync_call(PyObject *module, PyObject *arguments)
{
    const char *path;
    int error;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "y", &path))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    error = sync_path(path);
    Py_END_ALLOW_THREADS
    if (error)
        return raise_errno(error, path);
    Py_RETURN_NONE;
}

static PyObject *choose_lanes_call(PyObject *module, PyObject *arguments)
{
    const char *wanted;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "z", &wanted))
        return NULL;
    const char *chosen = md5_choose(wanted);
    if (chosen == NULL)
        Py_RETURN_NONE;
    return PyUnicode_FromString(chosen);
}

static PyMethodDef methods[] = {
    {"walk", walk_call, METH_VARARGS, NULL},
    {"hash_files", hash_call, METH_VARARGS, NULL},
    {"store_files", store_call, METH_VARARGS, NULL},
    {"copy_files", copy_call, METH_VARARGS, NULL},
    {"link_files", link_call, METH_VARARGS, NULL},
    {"chmod_files", chmod_call, METH_VARARGS, NULL},
    {"remove_files", remove_call, METH_VARARGS, NULL},
    {"stat_files", stat_call, METH_VARARGS, NULL},
    {"sync", sync_call, METH_VARARGS, NULL},
    {"choose_lanes", choose_lanes_call, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static int load(PyObject *module)
{
    (void)module;
    md5_choose(NULL);
    return 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, load}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_native",
    .m_doc = "The local disk, many files at once, without the interpreter's lock.",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&definition);
}
