"""Google's XML API in front of a server that has only the JSON API: `python gcs_xml.py PORT URL-OF-THE-SERVER`.

Requests of the JSON API pass through unchanged, so clients of both kinds share one address and one bucket. Of the
XML API there is what a client needs to list, read, write (at once or in parts, with a condition), copy and delete.
"""

from __future__ import annotations

import json
import sys
import uuid
import xml.etree.ElementTree as ET
from base64 import b64decode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from hashlib import md5
from typing import Any
from urllib.parse import quote, unquote

from aiohttp import ClientSession, TCPConnector, web

_JSON_API = ("/storage/", "/upload/", "/download/", "/batch/", "/_internal")
_PARTS = 2  # in one answer
_HOP_BY_HOP = {
    "host",
    "transfer-encoding",
    "content-length",
    "accept-encoding",
    "content-encoding",
    "connection",
}
# What listing takes: name in the XML API -> name in the JSON API.
_LISTING = {
    "prefix": "prefix",
    "delimiter": "delimiter",
    "continuation-token": "pageToken",
    "max-keys": "maxResults",
    "start-after": "startOffset",
}


class Refused(Exception):
    """Becomes an XML error."""

    def __init__(self, status: int, code: str) -> None:
        self.status, self.code = status, code


@dataclass(frozen=True, slots=True)
class Upload:
    """Of the object `name` in the bucket `place`: the parts that came, by number."""

    place: str
    name: str
    parts: dict[int, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class Front:
    """The server `behind`, and the unfinished uploads by their id."""

    behind: str
    session: ClientSession
    uploads: dict[str, Upload] = field(default_factory=dict)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = request.rel_url.raw_path
        if path.startswith(_JSON_API) or path == "/":
            return await self._pass_on(request)
        bucket, _, key = path.lstrip("/").partition("/")
        place = f"/b/{bucket}/o"
        name = unquote(key)
        try:
            if not key and "uploads" in request.query:
                return self._list_uploads(place, request)
            if not key:
                return await self._list(place, request)
            if "uploads" in request.query or "uploadId" in request.query:
                return await self._multipart(place, name, request)
            return await self._one(place, name, request)
        except Refused as error:
            text = ET.Element("Error")
            ET.SubElement(text, "Code").text = error.code
            return _xml(text, status=error.status)

    async def _pass_on(self, request: web.Request) -> web.Response:
        headers = {name: text for name, text in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        url, own = self.behind + request.raw_path, f"http://{request.host}"
        async with self.session.request(
            request.method, url, headers=headers, data=await request.read(), allow_redirects=False
        ) as found:
            body = await found.read()
            if "json" in found.headers.get("content-type", ""):
                body = body.replace(self.behind.encode(), own.encode())
            kept = {
                name: text.replace(self.behind, own)
                for name, text in found.headers.items()
                if name.lower() not in _HOP_BY_HOP
            }
            return web.Response(status=found.status, body=body, headers=kept)

    async def _list(self, place: str, request: web.Request) -> web.Response:
        asked = {"maxResults": "1000"} | {
            name: request.query[xml] for xml, name in _LISTING.items() if request.query.get(xml)
        }
        async with self.session.get(f"{self.behind}/storage/v1{place}", params=asked) as found:
            if found.status != 200:
                raise Refused(found.status, "NoSuchBucket")
            page = await found.json(content_type=None)
        answer = ET.Element("ListBucketResult")
        token = page.get("nextPageToken")
        ET.SubElement(answer, "IsTruncated").text = "true" if token else "false"
        if token:
            ET.SubElement(answer, "NextContinuationToken").text = token
        for item in page.get("items", []):
            if item["name"] != asked.get("startOffset"):
                entry = ET.SubElement(answer, "Contents")
                ET.SubElement(entry, "Key").text = item["name"]
                ET.SubElement(entry, "Size").text = item["size"]
                ET.SubElement(entry, "LastModified").text = item["updated"]
                # Google's XML API gives the MD5 of the content here, its JSON API something else.
                ET.SubElement(entry, "ETag").text = f'"{b64decode(item["md5Hash"]).hex()}"'
        for prefix in page.get("prefixes", []):
            ET.SubElement(ET.SubElement(answer, "CommonPrefixes"), "Prefix").text = prefix
        return _xml(answer)

    def _list_uploads(self, place: str, request: web.Request) -> web.Response:
        answer = ET.Element("ListMultipartUploadsResult")
        for upload, found in self.uploads.items():
            if found.place == place and found.name.startswith(request.query.get("prefix", "")):
                entry = ET.SubElement(answer, "Upload")
                ET.SubElement(entry, "Key").text = found.name
                ET.SubElement(entry, "UploadId").text = upload
        return _xml(answer)

    async def _multipart(self, place: str, name: str, request: web.Request) -> web.Response:
        upload = request.query.get("uploadId")
        if upload is None:
            upload = uuid.uuid4().hex
            self.uploads[upload] = Upload(place, name)
            answer = ET.Element("InitiateMultipartUploadResult")
            ET.SubElement(answer, "UploadId").text = upload
            return _xml(answer)
        if upload not in self.uploads:
            raise Refused(404, "NoSuchUpload")
        if request.method == "PUT":
            return await self._part(self.uploads[upload], request)
        if request.method == "GET":
            return _list_parts(self.uploads[upload], request)
        parts = self.uploads.pop(upload).parts
        if request.method == "DELETE":
            return web.Response(status=204)
        named = [int(part.text or "") for part in ET.fromstring(await request.read()).iter("PartNumber")]
        meta = await self._insert(place, name, b"".join(parts[number] for number in named), request)
        answer = ET.Element("CompleteMultipartUploadResult")
        ET.SubElement(answer, "ETag").text = f'"{meta["etag"]}"'
        return _xml(answer, headers=_headers(meta))

    async def _part(self, upload: Upload, request: web.Request) -> web.Response:
        content = await request.read()
        digest = md5(content)
        asked = request.headers.get("Content-MD5")
        if asked and b64decode(asked) != digest.digest():
            raise Refused(400, "BadDigest")
        upload.parts[int(request.query["partNumber"])] = content
        return web.Response(headers={"ETag": f'"{digest.hexdigest()}"'})

    async def _one(self, place: str, name: str, request: web.Request) -> web.StreamResponse:
        url = f"{self.behind}/storage/v1{place}/{quote(name, safe='')}"
        if request.method == "PUT":
            content = await request.read()
            if source := request.headers.get("x-goog-copy-source"):
                content = await self._read(place, unquote(source).partition("/")[2])
            return web.Response(headers=_headers(await self._insert(place, name, content, request)))
        if request.method == "DELETE":
            async with self.session.delete(url) as found:
                if found.status >= 300:
                    raise Refused(found.status, "NoSuchKey")
                return web.Response(status=204)
        async with self.session.get(url) as found:
            if found.status != 200:
                raise Refused(404, "NoSuchKey")
            meta = await found.json(content_type=None)
        headers = _headers(meta)
        if request.headers.get("if-match", headers["ETag"]) != headers["ETag"]:
            raise Refused(412, "PreconditionFailed")
        if request.method == "HEAD":
            return web.Response(headers={**headers, "Content-Length": meta["size"]})
        return await self._content(place, name, headers, request)

    async def _read(self, place: str, name: str) -> bytes:
        url = f"{self.behind}/download/storage/v1{place}/{quote(name, safe='')}?alt=media"
        async with self.session.get(url) as found:
            if found.status != 200:
                raise Refused(404, "NoSuchKey")
            return await found.read()

    async def _content(
        self, place: str, name: str, headers: dict[str, str], request: web.Request
    ) -> web.StreamResponse:
        part = {"Range": request.headers["range"]} if "range" in request.headers else {}
        url = f"{self.behind}/download/storage/v1{place}/{quote(name, safe='')}?alt=media"
        async with self.session.get(url, headers=part) as found:
            if found.status >= 400:
                raise Refused(found.status, "InvalidRange")
            kept = {
                name: found.headers[name]
                for name in ("Content-Length", "Content-Range")
                if name in found.headers
            }
            answer = web.StreamResponse(status=found.status, headers=headers | kept)
            await answer.prepare(request)
            async for chunk in found.content.iter_chunked(1 << 20):
                await answer.write(chunk)
            await answer.write_eof()
            return answer

    async def _insert(self, place: str, name: str, content: bytes, request: web.Request) -> dict[str, Any]:
        """Write an object; only an upload of the kind "multipart" honours conditions there."""
        asked = {"uploadType": "multipart"}
        if expected := request.headers.get("x-goog-if-generation-match"):
            asked["ifGenerationMatch"] = expected
        boundary = uuid.uuid4().hex
        body = (
            f"--{boundary}\r\nContent-Type: application/json\r\n\r\n{json.dumps({'name': name})}\r\n"
            f"--{boundary}\r\nContent-Type: application/octet-stream\r\n\r\n"
        ).encode() + content + f"\r\n--{boundary}--\r\n".encode()  # fmt: skip
        async with self.session.post(
            f"{self.behind}/upload/storage/v1{place}",
            params=asked,
            data=body,
            headers={"Content-Type": f"multipart/related; boundary={boundary}"},
        ) as found:
            if found.status != 200:
                raise Refused(found.status, "PreconditionFailed" if found.status == 412 else "NoSuchBucket")
            return dict(await found.json(content_type=None))


def _list_parts(upload: Upload, request: web.Request) -> web.Response:
    """Answer with two parts at a time, so that clients have to ask for the rest."""
    after = int(request.query.get("part-number-marker") or 0)
    numbers = sorted(number for number in upload.parts if number > after)
    answer = ET.Element("ListPartsResult", xmlns="http://s3.amazonaws.com/doc/2006-03-01/")
    ET.SubElement(answer, "IsTruncated").text = "true" if len(numbers) > _PARTS else "false"
    for number in numbers[:_PARTS]:
        entry = ET.SubElement(answer, "Part")
        ET.SubElement(entry, "PartNumber").text = str(number)
        ET.SubElement(entry, "ETag").text = f'"{md5(upload.parts[number]).hexdigest()}"'
    if len(numbers) > _PARTS:
        ET.SubElement(answer, "NextPartNumberMarker").text = str(numbers[_PARTS - 1])
    return _xml(answer)


def _headers(meta: dict[str, Any]) -> dict[str, str]:
    return {
        "ETag": f'"{meta["etag"]}"',
        "x-goog-generation": str(meta["generation"]),
        "Last-Modified": format_datetime(datetime.fromisoformat(meta["updated"]), usegmt=True),
    }


def _xml(root: ET.Element, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        status=status, body=ET.tostring(root), content_type="application/xml", headers=headers
    )


def main(port: int, behind: str) -> None:
    async def connected(app: web.Application) -> AsyncIterator[None]:
        async with ClientSession(connector=TCPConnector(limit=256), auto_decompress=False) as session:
            front = Front(behind, session)
            app["front"] = front
            yield

    async def answer(request: web.Request) -> web.StreamResponse:
        front: Front = request.app["front"]
        return await front.answer(request)

    app = web.Application(client_max_size=1 << 34)
    app.cleanup_ctx.append(connected)
    app.router.add_route("*", "/{path:.*}", answer)
    web.run_app(app, host="127.0.0.1", port=port, print=None)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
