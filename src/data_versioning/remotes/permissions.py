"""What a kind of store calls the right to list, read, write and delete."""

from __future__ import annotations

from collections.abc import Mapping

from data_versioning import storage

_DIRECTORY = {
    "list": "r and x on the directories",
    "read": "r on the files, x on the directories",
    "write": "w and x on the directories",
    "delete": "w and x on the directories",
}
_READER = "the role Storage Blob Data Reader"
_CONTRIBUTOR = "the role Storage Blob Data Contributor"
_RIGHTS: Mapping[str, Mapping[str, str]] = {
    "s3": {
        "list": "s3:ListBucket on the bucket",
        "read": "s3:GetObject on the prefix",
        "write": "s3:PutObject on the prefix",
        "delete": "s3:DeleteObject on the prefix",
    },
    "gs": {
        "list": "storage.objects.list",
        "read": "storage.objects.get",
        "write": "storage.objects.create",
        "delete": "storage.objects.delete",
    },
    "azure": {"list": _READER, "read": _READER, "write": _CONTRIBUTOR, "delete": _CONTRIBUTOR},
    "http": {"read": "GET and HEAD", "write": "PUT or POST (the remote's `method`)"},
    "webdav": {"list": "PROPFIND", "read": "GET", "write": "PUT, MKCOL and MOVE", "delete": "DELETE"},
}
_SAME = {"https": "http", "webdavs": "webdav"}
_FILES = frozenset({"", "file", "ssh", "sftp", "hdfs", "webhdfs"})


def right(url: str, what: str) -> str | None:
    """Return what has to be granted at `url` for `what`: list, read, write or delete; None where it is not known.

    >>> right("s3://bucket/x", "write"), right("ssh://host/x", "list"), right("/mnt", "one creator wins")
    ('s3:PutObject on the prefix', 'r and x on the directories', None)
    """
    scheme = storage.scheme(url)
    rights = _DIRECTORY if scheme in _FILES else _RIGHTS.get(_SAME.get(scheme, scheme), {})
    return rights.get(what)
