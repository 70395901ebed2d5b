/* What needs Python's headers. */
#ifndef DATA_VERSIONING_PYTHON_H
#define DATA_VERSIONING_PYTHON_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "native.h"

/* Run the work on that many threads without the GIL, telling `advance` (a callable or None) and looking for
 * signals every few dozen milliseconds. Returns -1 with an exception when one of them raises; all threads have
 * ended by then. */
int pool_run(struct pool *, int threads, PyObject *advance);

#endif
