"""Each attack that open servers of this kind fell to, tried on ours."""

from __future__ import annotations

import json
import os
import re
import stat
import struct
import zlib
from base64 import b64encode

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from overread.errors import InputError
from overread.reviewing import accounts
from overread.reviewing.app import application, names_for
from overread.reviewing.opening import opened
from overread.reviewing.settings import ReviewSettings

EVIL = "<img src=x onerror=alert(1)>"


def test_strangers_see_nothing(serve, labels_run):
    client = serve(labels_run).client()
    for path in (
        "next",
        "session",
        "items/0",
        "images/0.png",
        "images/4.raw",
        "mine",
        "progress",
        "items/0/neighbours",
        "curator/items",
        "curator/people",
        "opinions/1/mask.png",
    ):
        assert client.get(f"/api/{path}").status_code == 401, path
    for path in ("/", "/adjudicate", "/curator"):
        page = client.get(path, follow_redirects=False)
        assert (page.status_code, page.headers["location"]) == (303, "/enter")
    for path in ("answers", "undo", "session/end", "curator/invites"):
        assert client.post(f"/api/{path}", json={}).status_code in (401, 422)


def test_a_link_lets_in_once(serve, labels_run):
    desk = serve(labels_run)
    token, _ = desk.review.accounts.invite("ann", ["reader"])
    desk.enter(token)
    again = desk.client().post("/api/session", json={"token": token})
    assert again.status_code == 403
    assert "used before" in again.json()["error"]


def test_a_link_grows_old(serve, labels_run):
    desk = serve(labels_run)
    token, _ = desk.review.accounts.invite("ann", ["reader"], lives=-1.0)
    assert desk.client().post("/api/session", json={"token": token}).status_code == 403


def test_links_cannot_be_guessed_for_long(serve, labels_run):
    desk = serve(labels_run)
    codes = [desk.client().post("/api/session", json={"token": f"guess {n}"}).status_code for n in range(12)]
    assert codes == [403] * 10 + [429] * 2
    token, _ = desk.review.accounts.invite("ann", ["reader"])
    assert desk.client().post("/api/session", json={"token": token}).status_code == 429


def test_the_cookie_is_out_of_reach(serve, labels_run):
    desk = serve(labels_run)
    token, _ = desk.review.accounts.invite("ann", ["reader"])
    cookie = desk.client().post("/api/session", json={"token": token}).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/" in cookie
    assert "secure" not in cookie  # loopback speaks http


def test_behind_tls_the_cookie_is_secure(serve, labels_run):
    desk = serve(labels_run)
    desk.app = application(
        desk.review, "https://reads.example.org", names_for("127.0.0.1", "https://reads.example.org")
    )
    token, _ = desk.review.accounts.invite("ann", ["reader"])
    origin = {"origin": "https://reads.example.org", "host": "reads.example.org"}
    done = desk.client().post("/api/session", json={"token": token}, headers=origin)
    assert "secure" in done.headers["set-cookie"].lower()


def test_sessions_end(serve, labels_run, monkeypatch):
    desk = serve(labels_run)
    idle, closed, left = desk.person("idle"), desk.person("closed"), desk.person("left")
    assert left.post("/api/session/end", json={}).status_code == 200
    assert left.get("/api/session").status_code == 401
    boss = desk.person()
    assert boss.post("/api/curator/people/close", json={"name": "closed"}).status_code == 200
    assert closed.get("/api/next").status_code == 401
    assert idle.get("/api/next").status_code == 200
    monkeypatch.setattr(accounts, "IDLE", -1.0)
    assert idle.get("/api/next").status_code == 401


def test_secrets_are_stored_as_hashes_for_the_owner_alone(serve, labels_run):
    desk = serve(labels_run)
    token, _ = desk.review.accounts.invite("ann", ["reader"])
    ann = desk.person("bob", ["reader"])
    [secret] = ann.cookies.values()
    path = labels_run / "review.sqlite"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    held = path.read_bytes() + (labels_run / "review.sqlite-wal").read_bytes()
    assert token.encode() not in held
    assert secret.encode() not in held


def test_another_name_is_refused(serve, labels_run):
    """DNS rebinding: the browser believes that our address is that of evil.example."""
    desk = serve(labels_run)
    boss = desk.person()
    for host in (
        "evil.example",
        "evil.example:8765",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "",
        "1.2.3.4",
    ):
        for path in ("/", "/enter", "/api/session", "/static/base.css"):
            assert boss.get(path, headers={"host": host}).status_code == 421, (host, path)
    assert boss.get("/api/session", headers={"host": "localhost:8765"}).status_code == 200
    assert boss.get("/api/session", headers={"host": "[::1]:8765"}).status_code == 200


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "", "http://127.0.0.1:9999", "http://127.0.0.1:8765.evil.example"],
)
def test_other_sites_cannot_write(serve, labels_run, origin):
    """CSRF: even with cookie and secret."""
    boss = serve(labels_run).person()
    [item, *_] = boss.items()
    body = {"ticket": item["ticket"], "outcome": "keep"}
    assert boss.post("/api/answers", json=body, headers={"origin": origin}).status_code == 403
    assert boss.get("/api/mine").json()["answers"] == []


def test_a_write_needs_the_secret_of_the_page(serve, labels_run):
    desk = serve(labels_run)
    ann, bob = desk.person("ann"), desk.person("bob")
    [item, *_] = ann.items()
    body = {"ticket": item["ticket"], "outcome": "keep"}
    for secret in ("", "wrong", bob.headers["x-csrf-token"]):
        assert ann.post("/api/answers", json=body, headers={"x-csrf-token": secret}).status_code == 403
    assert ann.get("/api/mine").json()["answers"] == []


def test_forms_cannot_write(serve, labels_run):
    """A form of another site can send these kinds without asking first."""
    boss = serve(labels_run).person()
    [item, *_] = boss.items()
    body = json.dumps({"ticket": item["ticket"], "outcome": "keep"})
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        assert boss.post("/api/answers", content=body, headers={"content-type": kind}).status_code == 415
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert boss.request(method, "/api/answers").status_code == 405


def test_other_sites_cannot_read(serve, labels_run):
    boss = serve(labels_run).person()
    for site in ("cross-site", "same-site"):
        embedded = {"sec-fetch-site": site, "sec-fetch-mode": "no-cors"}
        assert boss.get("/api/next", headers=embedded).status_code == 403
        assert (
            boss.get("/enter", headers={"sec-fetch-site": site, "sec-fetch-mode": "navigate"}).status_code
            == 200
        )
    answer = boss.get("/api/next", headers={"origin": "http://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "..%5c..%5cwin.ini",
        "-1",
        "99999",
        "0x10",
        "1e1",
        "%00",
        "0%00",
        "٣",
        "1.png/../../run.json",
        "file:%2f%2f%2fetc%2fpasswd",
        "999999999999999999999",
    ],
)
def test_nothing_but_images_of_samples_is_served(serve, labels_run, name):
    boss = serve(labels_run).person()
    for path in (
        f"/api/images/{name}.png",
        f"/api/images/{name}.raw",
        f"/api/images/{name}",
        f"/api/items/{name}",
        f"/api/masks/{name}/given.png",
        f"/api/items/0/neighbours/{name}.png",
        f"/api/opinions/{name}/mask.png",
        f"/static/{name}",
        f"/static/../{name}",
    ):
        answer = boss.get(path)
        assert answer.status_code in (404, 422), (path, answer.status_code)
        assert "root:" not in answer.text


def test_the_source_is_not_served(serve, labels_run):
    boss = serve(labels_run).person()
    for path in (
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static//etc/passwd",
        "/docs",
        "/redoc",
        "/openapi.json",
    ):
        assert boss.get(path).status_code == 404, path


def test_images_are_made_anew(serve, labels_run, draw):
    """No byte of the file but its pixels: no EXIF, no text, no profile."""
    path = labels_run.parent / "images" / "Doe^John 0.png"
    picture, text = Image.open(path), PngImagePlugin.PngInfo()
    text.add_text("PatientName", "Doe^John")
    expected = picture.copy()
    picture.save(path, pnginfo=text, exif=b"Exif\0\0patient")
    boss = serve(labels_run).person()
    answer = boss.get("/api/images/0.png")
    assert answer.headers["content-type"] == "image/png"
    assert b"PatientName" not in answer.content
    assert b"Exif" not in answer.content
    assert (draw.pixels(answer) == np.asarray(expected)).all()


def test_every_answer_has_the_headers(serve, labels_run):
    boss = serve(labels_run).person()
    for path in (
        "/",
        "/enter",
        "/api/next",
        "/api/images/0.png",
        "/static/base.css",
        "/nothing",
        "/api/nothing",
    ):
        headers = boss.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == ("no-cache" if path.startswith("/static/") else "no-store")
        assert "server" not in headers
        assert "x-powered-by" not in headers


def test_pages_hold_no_script_and_no_style_of_their_own(serve, labels_run):
    boss = serve(labels_run).person()
    for path in ("/", "/adjudicate", "/curator", "/enter", "/nothing"):
        page = boss.get(path).text
        assert not re.search(r"<script(?![^>]*\ssrc=)", page), path
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=\"", page), path
        assert not re.search(r"https?://(?!127\.0\.0\.1)", page), path


def test_labels_are_text_and_never_html(serve, labels_run):
    boss = serve(labels_run).person()
    assert EVIL in boss.get("/api/session").json()["classes"]
    for path in ("/", "/adjudicate", "/curator"):
        assert EVIL not in boss.get(path).text
    answer = boss.get("/api/session")
    assert answer.headers["content-type"] == "application/json"


def test_reasons_and_names_are_text_too(serve, labels_run):
    desk = serve(labels_run)
    boss, eve = desk.person(), desk.person(EVIL)
    eve.say(eve.items()[0], reason=EVIL)
    assert EVIL not in eve.get("/").text
    assert boss.get("/api/curator/people").json()["people"][0]["name"] == EVIL


def test_large_requests_are_refused_before_they_are_read(serve, labels_run, masks_run):
    boss = serve(labels_run).person()
    [item, *_] = boss.items()
    body = {"ticket": item["ticket"], "outcome": "keep", "reason": "x" * 70_000}
    assert boss.post("/api/answers", json=body).status_code == 413
    assert boss.post("/api/answers", json={**body, "reason": "x" * 501}).status_code == 422
    assert (
        boss.post(
            "/api/undo", content=iter([b"x" * 50_000] * 3), headers={"content-type": "application/json"}
        ).status_code
        == 413
    )
    painter = serve(masks_run).person()
    [item, *_] = painter.items()
    huge = {"ticket": item["ticket"], "outcome": "label", "mask": "A" * 22_000_000}
    assert painter.post("/api/answers", json=huge).status_code == 413


def bomb(width, height):
    """A PNG of a few bytes that says it is huge."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * 100))
        + chunk(b"IEND", b"")
    )


def test_bombs_are_not_unpacked(serve, masks_run):
    boss = serve(masks_run).person()
    [item, *_] = boss.items()
    for data, word in (
        (bomb(9_000, 9_000), "9000 x 9000"),
        (bomb(60_000, 60_000), "cannot be read"),  # Pillow refuses it by its header
        (bomb(40, 30), "cannot be read"),
        (b"GIF89a", "not a PNG"),
        (b"\x89PNG\r\n\x1a\n", "cannot be read"),
        (b"<svg onload='alert(1)'/>", "not a PNG"),
    ):
        body = {"ticket": item["ticket"], "outcome": "label", "mask": b64encode(data).decode()}
        answer = boss.post("/api/answers", json=body)
        assert answer.status_code == 422
        assert word in answer.json()["error"]
    assert boss.post("/api/answers", json={**body, "mask": "%%%"}).status_code == 422
    assert boss.get("/api/mine").json()["answers"] == []


def test_a_mask_of_another_size_is_refused(serve, masks_run, draw):
    boss = serve(masks_run).person()
    [item, *_] = boss.items()
    body = {"ticket": item["ticket"], "outcome": "label", "mask": draw.text(draw.square(1, 5)[:, 1:])}
    assert boss.post("/api/answers", json=body).status_code == 422


def test_readers_get_only_what_is_theirs(serve, labels_run):
    """IDOR: items, images, neighbours, tickets of somebody else."""
    desk = serve(labels_run)
    ann, bob = desk.person("ann", ["reader"]), desk.person("bob", ["reader"])
    [hers, *_], [his, *_] = ann.items(ahead=0), bob.items(ahead=0)
    assert hers["item"] != his["item"]
    assert ann.get(hers["image"]["url"]).status_code == 200
    for path in (
        f"items/{his['item']}",
        f"images/{his['item']}.png",
        f"images/{his['item']}.raw",
        f"items/{his['item']}/neighbours",
        f"items/{his['item']}/neighbours/0.png",
    ):
        assert ann.get(f"/api/{path}").status_code == 403, path
    body = {"ticket": his["ticket"], "outcome": "keep"}
    assert ann.post("/api/answers", json=body).status_code == 403
    assert ann.post(f"/api/items/{his['item']}/again", json={}).status_code == 403
    assert ann.post("/api/answers", json={**body, "ticket": "made up"}).status_code == 409
    number = bob.say(his)["answer"]["number"]
    assert ann.post("/api/undo", json={"number": number}).status_code == 403
    assert [one["answer"]["number"] for one in bob.get("/api/mine").json()["answers"]] == [number]


def test_masks_of_others_are_theirs(serve, masks_run, draw):
    desk = serve(masks_run)
    ann, bob = desk.person("ann", ["reader"]), desk.person("bob", ["reader"])
    [item, *_] = ann.items(ahead=0)
    url = ann.say(item, "label", mask=draw.text(draw.square(3, 9)))["answer"]["mask"]
    assert ann.get(url).status_code == 200
    assert bob.get(url).status_code == 403
    assert bob.get(item["shown"]["masks"]["given"]).status_code == 403
    assert desk.person().get(url).status_code == 200


def test_roles_hold(serve, labels_run):
    desk = serve(labels_run)
    reader, judge = desk.person("reader", ["reader"]), desk.person("judge", ["adjudicator"])
    for path in ("items", "filters", "items/0/history", "people", "round"):
        assert reader.get(f"/api/curator/{path}").status_code == 403, path
        assert judge.get(f"/api/curator/{path}").status_code == 403, path
    for path, body in {
        "invites": {"name": "x", "roles": ["curator"]},
        "people/close": {"name": "judge"},
        "round/run": {},
    }.items():
        assert reader.post(f"/api/curator/{path}", json=body).status_code == 403, path
    assert reader.get("/api/next?queue=adjudicate").status_code == 403
    assert judge.get("/api/next?queue=read").status_code == 403
    assert reader.get("/curator", follow_redirects=False).headers["location"] == "/"
    assert judge.get("/", follow_redirects=False).headers["location"] == "/adjudicate"


def test_nobody_is_there_by_default(serve, labels_run):
    desk = serve(labels_run)
    assert desk.review.accounts.people() == []


def test_a_reader_sees_no_identifiers(serve, labels_run):
    ann = serve(labels_run).person("ann", ["reader"])
    for path in ("/api/next?ahead=7", "/api/session", "/api/progress", "/", "/api/items/0/neighbours"):
        assert "Doe" not in ann.get(path).text


def test_faults_tell_nothing(serve, labels_run, monkeypatch, capsys):
    boss = serve(labels_run).person()

    def fail(*_):
        raise RuntimeError("Doe^John")

    monkeypatch.setattr("overread.reviewing.routes.progress", fail)
    answer = boss.get("/api/progress")
    assert answer.status_code == 500
    assert "Doe" not in answer.text
    told = capsys.readouterr()
    assert "RuntimeError" in told.err
    assert "Doe" not in told.err + told.out


def test_wrong_requests_are_not_echoed(serve, labels_run):
    boss = serve(labels_run).person()
    body = {"ticket": "<script>", "outcome": EVIL, "more": EVIL}
    answer = boss.post("/api/answers", json=body)
    assert answer.status_code == 422
    assert "<" not in answer.text
    assert (
        boss.post("/api/answers", content=b"{", headers={"content-type": "application/json"}).status_code
        == 422
    )


def test_tls_names_are_known(labels_run):
    open_to_all = names_for("0.0.0.0", None)
    assert open_to_all.allow("192.168.1.5:8765")  # a literal address cannot be re-bound
    assert not open_to_all.allow("evil.example")
    behind = names_for("127.0.0.1", "https://reads.example.org")
    assert behind.allow("reads.example.org")
    assert behind.is_own("https://reads.example.org", "127.0.0.1:8765")
    assert not behind.is_own("https://evil.example", "127.0.0.1:8765")


def test_the_file_of_people_belongs_to_one_server(serve, labels_run):
    serve(labels_run)
    with pytest.raises(InputError, match="another `overread review`"):
        opened(labels_run, ReviewSettings())
