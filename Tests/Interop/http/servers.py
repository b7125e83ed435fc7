#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Our client against nginx, HAProxy, nghttpd and Envoy: HTTP/1.1, HTTP/2 by prior knowledge and over TLS.

servers.py HTTP_PEER [NAME…]      NAME: nginx, haproxy, nghttpd, envoy, going, other; all of them by default
"""

import pathlib
import signal
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from checks import check, verdict  # noqa: E402

from origin import Origin  # noqa: E402
from our_peer import Client, crc, pattern, until  # noqa: E402
from real_servers import SIZES, Certificates, Envoy, HAProxy, Nghttpd, Nginx  # noqa: E402

HTTP_PEER = pathlib.Path(sys.argv[1]).resolve()
WANTED = sys.argv[2:]
TRAILERS = [["x-sent", "behind"]]


def client(address, *arguments, **more):
    clusters = {"peer": address if isinstance(address, str) and ":" in address else f"127.0.0.1:{address}"}
    return Client(HTTP_PEER, *arguments, clusters=clusters, **more)


def field(answer, name):
    return dict(answer.get("headers") or []).get(name)


def brief(answer):
    return {name: answer.get(name) for name in ("status", "error", "message", "length") if answer.get(name) is not None}


def gets(name, peer):
    sizes = {size: peer.ask(path=f"/b/{size}") for size in SIZES}
    bad = {
        size: brief(answer)
        for size, answer in sizes.items()
        if (answer.get("status"), answer.get("length"), answer.get("checksum")) != (200, size, crc(pattern(size)))
    }
    check(not bad, f"{name}: GET of 0 B to 10 MB {bad or ''}")
    head = peer.ask(method="HEAD", path="/b/65536")
    check(
        (head.get("status"), head.get("length"), field(head, "content-length")) == (200, 0, "65536"),
        f"{name}: HEAD has the length and no body {brief(head)}",
    )
    slow = peer.ask(path="/b/1000000", readPause=5)
    check(slow.get("checksum") == crc(pattern(1_000_000)), f"{name}: a slow reader gets everything {brief(slow)}")


def posts(name, peer, echoes="/echo", sums="/sum"):
    """`echoes`: where a body comes back; `sums`: where the application says what it got."""
    for title, body in [
        ("in memory", {}), ("streamed", {"chunk": 16_384}),
        ("streamed under its length", {"chunk": 10_000, "declaresLength": True}),
        ("streamed slowly", {"chunk": 250_000, "pause": 20}),
    ]:  # fmt: skip
        sizes = [1000, 1_000_000] if "slowly" in title else [0, 1, 65_536, 1_000_000, 10_000_000]
        bad = {}
        for size in sizes:
            answer = peer.ask(method="POST", path=echoes, body={"size": size, **body})
            if (answer.get("status"), answer.get("length"), answer.get("checksum")) != (200, size, crc(pattern(size))):
                bad[size] = brief(answer)
        check(not bad, f"{name}: POST {title}, up to {sizes[-1]} B and back {bad or ''}")
    if sums:
        answer = peer.ask(method="PUT", path=sums, body={"size": 3_000_000, "chunk": 9999})
        check((answer.get("status"), answer.get("error")) == (200, None), f"{name}: PUT of a stream {brief(answer)}")


def expectation(name, peer):
    answer = peer.ask(
        method="POST", path="/echo", headers=[["expect", "100-continue"]], body={"size": 100_000, "chunk": 10_000}
    )
    check(
        (answer.get("status"), answer.get("checksum")) == (200, crc(pattern(100_000))),
        f"{name}: 100 Continue is passed over {brief(answer)}",
    )


def response_trailers(name, peer, path="/trailers", expected=("x-checksum", "907060870")):
    answer = peer.ask(path=path)
    check(
        dict(answer.get("trailers") or []).get(expected[0]) == expected[1],
        f"{name}: trailers of a response {answer.get('trailers')} {brief(answer)}",
    )


def request_trailers(name, peer):
    answer = peer.ask(method="POST", path="/trailers", body={"size": 1000, "chunk": 100}, trailers=TRAILERS)
    check(
        dict(answer.get("trailers") or []).get("x-seen") == "behind",
        f"{name}: trailers of a request arrive {answer.get('trailers')} {brief(answer)}",
    )


def crowd(name, peer, path, count=1500, method="GET", **more):
    whole = peer.many(count, 64, path=path, method=method, **more)
    check(
        whole.get("outcomes") == {"200": count} and len(whole.get("bodies", {})) == 1,
        f"{name}: {count} requests, 64 at once, {method} {path}: {whole.get('outcomes')}, p99 {whole.get('p99')} ms "
        f"{[brief(each) for each in whole.get('failures', [])][:2] or ''}",
    )
    return whole


def giving_up(name, peer, large="/b/10000000"):
    # While its client resets streams by the dozen, HAProxy 2.6 ends a few others properly, but with less than their
    # length: HEADERS, one DATA, an empty DATA with END_STREAM. A client must not take that for the whole body. It forgets
    # others until its own timeout (real_servers.py), which it may answer by 504.
    tolerated = {"200", "protocolViolation", "504"} if name.startswith("HAProxy h2") else {"200"}
    stopped = peer.ask(path=large, stopAfter=100_000)
    check(
        stopped.get("error") is None and stopped.get("length", 0) < 10_000_000,
        f"{name}: a body may be left unread {brief(stopped)}",
    )
    cancelled = peer.ask(path=large, readPause=50, cancelAfter=300)
    check(cancelled.get("error") == "cancelled", f"{name}: a caller may give up in the body {brief(cancelled)}")
    late = peer.ask(path=large, readPause=50, timeout=300)
    check(
        late.get("error") == "deadlineExceeded" and late["milliseconds"] < 2000,
        f"{name}: the deadline covers the body: {late.get('error')} after {late.get('milliseconds')} ms",
    )
    many = peer.many(200, 32, path=large, stopAfter=20_000)
    outcomes = many.get("outcomes", {})
    check(
        set(outcomes) <= tolerated and outcomes.get("200", 0) >= 190,
        f"{name}: 200 bodies are left unread: {outcomes}",
    )
    whole = peer.ask(path="/b/1000000")
    check(whole.get("checksum") == crc(pattern(1_000_000)), f"{name}: the next request is served {brief(whole)}")


def rest(name, peer, files):
    settled = peer.is_at_rest(files)
    check(settled, f"{name}: nothing stays open {'' if settled else peer.figures()}, at most {files} files")
    last = peer.stop()
    check(last is not None and last["connections"] == 0, f"{name}: the client ends, with no connection {last or ''}")


def exercise(name, address, *arguments, has_application=True, trailers=True, expect=True):
    """What every server is asked, over one protocol; returns how many requests there were at least."""
    peer = client(address, *arguments)
    files = peer.figures()["files"] + 2
    gets(name, peer)
    if has_application:
        posts(name, peer)
        if expect:
            expectation(name, peer)
        if trailers:
            response_trailers(name, peer)
            request_trailers(name, peer)
    crowd(name, peer, "/b/1000")
    crowd(name, peer, "/b/65536", 300)
    if has_application:
        crowd(name, peer, "/echo", 300, "POST", body={"size": 20_000})
        crowd(name, peer, "/echo", 100, "POST", body={"size": 200_000, "chunk": 16_384})
    giving_up(name, peer)
    rest(name, peer, files)


def reuse(name, address, *arguments, connections, requests=300):
    """Requests in a row share a connection, as the server sees it."""
    before = connections()
    peer = client(address, "--loops", 1, *arguments)
    answers = peer.many(requests, 1, path="/b/1")
    peer.stop()

    def grown():
        return (connections() - before) if isinstance(before, (set, frozenset)) else connections() - before

    grew = until(grown, 2)
    number = len(grew) if isinstance(grew, set) else grew
    check(
        answers.get("outcomes") == {"200": requests} and number == 1,
        f"{name}: {requests} requests in a row use one connection: {number}, {answers.get('outcomes')}",
    )


def closing(name, address, *arguments, connections):
    """Where each request asks for the end of its connection, each has one of its own."""
    before = connections()
    peer = client(address, "--loops", 1, *arguments)
    answers = peer.many(10, 1, path="/b/1", headers=[["connection", "close"]])
    peer.stop()
    grew = connections()
    number = len(grew - before) if isinstance(before, set) else grew - before
    check(
        answers.get("outcomes") == {"200": 10} and number == 10,
        f"{name}: connection: close is honoured: {number} connections for 10 requests",
    )


def idle(name, address, pause, *arguments):
    """The server closes idle connections while we hold them, in the worst moments there are."""
    peer = client(address, "--attempts", 3, *arguments)
    outcomes = {}
    for _ in range(4):
        for after in (0.0, 0.02, pause - 0.05, pause - 0.01, pause, pause + 0.05):
            time.sleep(max(0.0, after))
            for outcome, number in (peer.many(16, 16, path="/b/1000").get("outcomes") or {}).items():
                outcomes[outcome] = outcomes.get(outcome, 0) + number
    peer.stop()
    check(set(outcomes) == {"200"}, f"{name}: the server closes idle connections: {outcomes}")


def going(name, address, act, *arguments, seconds=6, path="/b/1000", attempts=3):
    """GETs without a pause while the server goes away or is renewed: none of them fails."""
    peer = client(address, "--attempts", attempts, *arguments)
    peer.ask(path=path)
    number = peer.start(path=path, concurrency=16, forMilliseconds=seconds * 1000, summary=True)
    time.sleep(1)
    act()
    whole = peer.take(number)
    figures = peer.figures()
    peer.stop()
    check(
        list(whole.get("outcomes", {})) == ["200"] and whole.get("count", 0) > 100,
        f"{name}: no GET of {whole.get('count')} fails: {whole.get('outcomes')}, attempts "
        f"{figures.get('events', {}).get('attempts')} "
        f"{[each.get('message') for each in whole.get('failures', [])][:2]}",
    )


def nginx(scratch, keys, origin, verified, shown):
    server = Nginx(scratch, keys, origin.port)
    exercise("nginx h1", server.plain, expect=True, trailers=False)
    exercise("nginx TLS", server.tls, *verified, trailers=False)
    exercise("nginx client certificate", server.mutual, *verified, *shown, trailers=False)
    check(
        any(line.endswith("SUCCESS") for line in server.access.read_text().splitlines()),
        "nginx: it has seen our certificate",
    )
    nobody = client(server.mutual, *verified)
    refused = nobody.ask(path="/b/1")
    check(refused.get("status") == 400 or refused.get("error"), f"nginx: without it, it refuses us {brief(refused)}")
    nobody.stop()
    stranger = client(server.tls, *verified, "--server-name", "stranger")
    refused = stranger.ask(path="/b/1")
    check(
        (refused.get("error"), refused.get("requestState")) == ("connectionFailed", "notSent"),
        f"nginx: a certificate for another name is refused {refused.get('error')} {refused.get('requestState')}",
    )
    stranger.stop()
    reuse("nginx h1", server.plain, connections=server.connections)
    closing("nginx h1", server.plain, connections=server.connections)
    exercise("nginx Unix socket", f"unix:{server.unix}", trailers=False)
    exercise("nginx h2 by ALPN", server.tls, "--http", "auto", *verified, trailers=False, expect=False)
    exercise("nginx h2", server.tls, "--http", 2, *verified, trailers=False, expect=False)
    check(any(version == "HTTP/2.0" for _, version in server.connections()), "nginx: HTTP/2 was spoken")
    reuse("nginx h2", server.tls, "--http", 2, *verified, connections=server.connections)
    fallback = client(server.mutual, "--http", "auto", *verified, *shown)
    answer = fallback.ask(path="/b/1000")
    check(answer.get("status") == 200, f"nginx: HTTP/1.1 where the server offers no HTTP/2 {brief(answer)}")
    fallback.stop()
    server.stop()
    hasty = Nginx(scratch, keys, origin.port, keepalive="1s", name="hasty")
    idle("nginx h1", hasty.plain, 1.0)
    idle("nginx h2", hasty.tls, 1.0, "--http", 2, *verified)
    hasty.stop()


def haproxy(scratch, keys, origin, verified, shown):
    server = HAProxy(scratch, keys, origin.port)
    exercise("HAProxy h1", server.plain)
    exercise("HAProxy TLS", server.tls, *verified)
    reuse("HAProxy h1", server.plain, connections=lambda: server.connections("plain"))
    exercise("HAProxy h2c", server.h2c, "--http", 2)
    exercise("HAProxy h2", server.tls, "--http", 2, *verified)
    exercise("HAProxy h2 by ALPN", server.tls, "--http", "auto", *verified)
    reuse("HAProxy h2c", server.h2c, "--http", 2, connections=lambda: server.connections("h2c"))
    server.stop()


def nghttpd(scratch, keys, origin, verified, shown):
    server = Nghttpd(scratch, keys, "--echo-upload", "--trailer", "x-checksum: 1")
    exercise("nghttpd h2c", server.port, "--http", 2, has_application=False)
    peer = client(server.port, "--http", 2)
    posts("nghttpd h2c", peer, "/b/1", None)
    response_trailers("nghttpd h2c", peer, "/b/1000", ("x-checksum", "1"))
    peer.stop()
    reuse("nghttpd h2c", server.port, "--http", 2, connections=server.connections)
    server.stop()
    secure = Nghttpd(scratch, keys, "--echo-upload", tls=True, name="nghttpd-tls")
    exercise("nghttpd h2", secure.port, "--http", 2, *verified, has_application=False)
    secure.stop()
    narrow = Nghttpd(scratch, keys, "-m", 4, name="nghttpd-4")
    peer = client(narrow.port, "--http", 2)
    crowd("nghttpd with 4 streams a connection", peer, "/b/1000", 1000)
    peer.stop()
    narrow.stop()
    early = Nghttpd(scratch, keys, "--early-response", name="nghttpd-early")
    peer = client(early.port, "--http", 2)
    answer = peer.ask(method="POST", path="/b/1000", body={"size": 5_000_000, "chunk": 16_384, "pause": 2})
    check(
        (answer.get("status"), answer.get("length")) == (200, 1000),
        f"nghttpd: an answer before the request's end is the answer {brief(answer)}",
    )
    after = peer.ask(path="/b/1000")
    check(after.get("status") == 200, f"nghttpd: the next request is served {brief(after)}")
    peer.stop()
    early.stop()


def envoy(scratch, keys, origin, verified, shown):
    server = Envoy(scratch, keys, origin.port)

    def connections(prefix):
        return lambda: server.statistics(f"http.{prefix}.downstream_cx_total")[f"http.{prefix}.downstream_cx_total"]

    exercise("Envoy h1", server.plain)
    exercise("Envoy TLS with client certificates", server.tls, *verified, *shown)
    reuse("Envoy h1", server.plain, connections=connections("plain"))
    closing("Envoy h1", server.plain, connections=connections("plain"))
    exercise("Envoy h2c", server.plain, "--http", 2)
    exercise("Envoy h2 with client certificates", server.tls, "--http", 2, *verified, *shown)
    reuse("Envoy h2c", server.plain, "--http", 2, connections=connections("plain"))
    bare = client(server.tls, "--http", 2, *verified)
    refused = bare.ask(path="/b/1")
    check(
        refused.get("error") in ("connectionFailed", "connectionClosed"),
        f"Envoy: without a certificate, there is no connection {brief(refused)}",
    )
    bare.stop()
    for version in (1, 2):
        peer = client(server.plain, "--http", version)
        large = peer.ask(path="/large")
        check(
            large.get("error") and not large.get("hang"),
            f"Envoy h{version}: a head of 1 MB is refused: {large.get('error')}, {large.get('message')}",
        )
        after = peer.ask(path="/direct")
        check(after.get("status") == 200, f"Envoy h{version}: the next request is served {brief(after)}")
        rest(f"Envoy h{version} after the large head", peer, 40)
    server.stop()


def other(scratch, keys, origin, verified, shown):
    """A CONNECT proxy: Envoy, with nginx behind it."""
    target = Nginx(scratch, keys, origin.port, name="behind")
    proxy = Envoy(scratch, keys, origin.port, name="proxy", connect_to=target.tls)
    through = ["--proxy", f"127.0.0.1:{proxy.proxy}"]
    exercise("CONNECT through Envoy to nginx", target.tls, *through, *verified, trailers=False)
    exercise(
        "CONNECT through Envoy to nginx h2", target.tls, "--http", 2, *through, *verified, trailers=False, expect=False
    )
    check(
        proxy.statistics("http.proxy.downstream_cx_total")["http.proxy.downstream_cx_total"] > 0,
        "CONNECT: Envoy has carried it",
    )
    proxy.stop()
    peer = client(target.tls, *through, *verified)
    gone = peer.ask(path="/b/1")
    check(
        (gone.get("error"), gone.get("requestState")) == ("connectionFailed", "notSent"),
        f"CONNECT: a proxy that is gone is a connection that fails {gone.get('error')} {gone.get('requestState')}",
    )
    peer.stop()
    target.stop()


def renewal(scratch, keys, origin, verified, shown):
    """Servers are renewed and go away while requests flow."""
    server = Nginx(scratch, keys, origin.port, name="renewed")

    def reload():
        for _ in range(4):
            server.signal(signal.SIGHUP)
            time.sleep(1)

    going("nginx h1 reloads 4 times", server.plain, reload)
    going("nginx h2 reloads 4 times", server.tls, reload, "--http", 2, *verified)
    server.stop()
    for version in (1, 2):
        staying, leaving = (Envoy(scratch, keys, origin.port, name=f"{which}-{version}") for which in ("stays", "goes"))

        def drain():
            leaving.post("/healthcheck/fail")
            leaving.post("/drain_listeners?graceful")
            time.sleep(4)
            leaving.process.terminate()

        going(
            f"Envoy h{version}, one of two is drained and ends",
            f"127.0.0.1:{staying.plain},127.0.0.1:{leaving.plain}",
            drain,
            "--http",
            version,
            path="/direct",
            seconds=8,
        )
        staying.stop()
        leaving.stop()


PARTS = {"nginx": nginx, "haproxy": haproxy, "nghttpd": nghttpd, "envoy": envoy, "other": other, "going": renewal}

with tempfile.TemporaryDirectory() as scratch, verdict():
    keys = Certificates(scratch)
    verified = ["--ca", keys.ca]
    shown = ["--certificate", keys.client, "--key", keys.client_key]
    application = Origin()
    for title, part in PARTS.items():
        if not WANTED or title in WANTED:
            try:
                part(pathlib.Path(scratch), keys, application, verified, shown)
            except Exception as error:
                check(False, f"{title}: its checks ran to their end: {error!r}")
