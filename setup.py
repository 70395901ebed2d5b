"""The optional C extension; everything else is declared in pyproject.toml."""

from setuptools import Extension, setup

FOLDER = "src/data_versioning/_native"
SOURCES = ("module", "pool", "md5", "record", "names", "directory", "walk")
SOURCES += ("batch", "stream", "place", "pipe", "files")
HEADERS = ("native", "python", "directory", "stream", "md5_steps", "md5_lanes")

setup(
    ext_modules=[
        Extension(
            "data_versioning._native",
            sources=[f"{FOLDER}/{name}.c" for name in SOURCES],
            depends=[f"{FOLDER}/{name}.h" for name in HEADERS],
            extra_compile_args=["-std=gnu11", "-O3", "-pthread", "-fvisibility=hidden", "-Wall", "-Wextra"],
            extra_link_args=["-pthread"],
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            py_limited_api=True,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
