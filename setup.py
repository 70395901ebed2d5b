"""The optional C extension; everything else is declared in pyproject.toml."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "data_versioning._native",
            sources=[
                "src/data_versioning/_native/module.c",
                "src/data_versioning/_native/md5.c",
                "src/data_versioning/_native/walk.c",
                "src/data_versioning/_native/batch.c",
            ],
            depends=["src/data_versioning/_native/native.h"],
            extra_compile_args=["-std=gnu11", "-O3", "-pthread", "-fvisibility=hidden"],
            extra_link_args=["-pthread"],
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            py_limited_api=True,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
