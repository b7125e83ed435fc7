# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""nginx, HAProxy, nghttpd and Envoy as child processes on ports that the system chose, and certificates for them."""

import atexit
import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from checks import ROOT, wait_for  # noqa: E402

from our_peer import pattern  # noqa: E402

SIZES = [0, 1, 1000, 65_535, 65_536, 1_000_000, 10_000_000]


def free_port():
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def program(name):
    """Where a program is; Debian keeps servers out of an ordinary user's path."""
    beside = pathlib.Path(sys.executable).parent / name
    found = os.environ.get(name.upper()) or (str(beside) if beside.exists() else None)
    found = found or shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if not found:
        in_venv = ROOT / ".build-ci/venv/bin" / name
        found = str(in_venv) if in_venv.exists() else None
    if not found:
        raise FileNotFoundError(f"{name} is not installed")
    return found


class Certificates:
    """An authority, a server's certificate for localhost, and a client's."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.ca, ca_key = self.folder / "ca.pem", self.folder / "ca.key"
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        self._openssl(
            "req",
            "-x509",
            *curve,
            "-keyout",
            ca_key,
            "-out",
            self.ca,
            "-days",
            "30",
            "-subj",
            "/CN=checks",
            "-addext",
            "basicConstraints=critical,CA:TRUE",
            "-addext",
            "keyUsage=critical,keyCertSign",
        )
        for name, names in (("server", "DNS:localhost"), ("client", "DNS:client")):
            key, request, certificate = (self.folder / f"{name}.{end}" for end in ("key", "csr", "pem"))
            self._openssl("req", *curve, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
            extensions = self.folder / f"{name}.ext"
            extensions.write_text(f"subjectAltName={names}\nbasicConstraints=CA:FALSE\n")
            self._openssl(
                "x509",
                "-req",
                "-in",
                request,
                "-CA",
                self.ca,
                "-CAkey",
                ca_key,
                "-CAcreateserial",
                "-days",
                "30",
                "-extfile",
                extensions,
                "-out",
                certificate,
            )
            setattr(self, name, certificate)
            setattr(self, f"{name}_key", key)
        self.server_both = self.folder / "server-both.pem"
        self.server_both.write_bytes(self.server.read_bytes() + self.server_key.read_bytes())

    @staticmethod
    def _openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Server:
    """A child process that listens, ends with the script, and writes what it says into a file."""

    def __init__(self, name, folder, *command, ports=()):
        self.name = name
        self.folder = pathlib.Path(folder)
        self.log = self.folder / f"{name}.log"
        self.process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=self.log.open("ab"),
            stderr=subprocess.STDOUT, cwd=folder,
        )  # fmt: skip
        atexit.register(self.stop)
        for port in ports:
            wait_for(lambda port=port: self._listens(port), f"{name} listens on {port}: {self.said()}")

    def _listens(self, port):
        if self.process.poll() is not None:
            raise EOFError(f"{self.name} ended with {self.process.returncode}: {self.said()}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def said(self):
        return self.log.read_text(errors="replace")[-500:] if self.log.exists() else ""

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def htdocs(folder):
    """Files of the pattern in every size."""
    root = pathlib.Path(folder) / "htdocs"
    (root / "b").mkdir(parents=True, exist_ok=True)
    for size in SIZES:
        (root / "b" / str(size)).write_bytes(pattern(size))
    return root


class Nginx(Server):
    """Files, TLS with HTTP/2, a Unix socket, and the application behind it."""

    def __init__(self, folder, certificates, origin, keepalive="60s", name="nginx"):
        folder = pathlib.Path(folder) / name
        folder.mkdir()
        self.plain, self.tls, self.mutual = free_port(), free_port(), free_port()
        self.unix = folder / "socket"
        self.access = folder / "access.log"
        locations = f"""
            root {htdocs(folder)};
            location /b/ {{ }}
            location / {{ proxy_pass http://127.0.0.1:{origin}; proxy_request_buffering off; proxy_http_version 1.1;
                          proxy_buffering off; proxy_set_header Connection ""; }}"""
        keys = f"ssl_certificate {certificates.server}; ssl_certificate_key {certificates.server_key};"
        configuration = folder / "nginx.conf"
        # As root it would serve as another user, who may not read this folder.
        user = "user root;" if os.geteuid() == 0 else ""
        configuration.write_text(f"""
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log warn; {user}
events {{ worker_connections 1024; }}
http {{
    log_format line '$connection $connection_requests $server_protocol $status $ssl_client_verify';
    access_log {self.access} line;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    client_max_body_size 0; keepalive_timeout {keepalive}; keepalive_requests 100000; default_type text/plain;
    server {{ listen 127.0.0.1:{self.plain}; listen unix:{self.unix}; {locations} }}
    server {{ listen 127.0.0.1:{self.tls} ssl http2; {keys} {locations} }}
    server {{ listen 127.0.0.1:{self.mutual} ssl; {keys} ssl_client_certificate {certificates.ca};
              ssl_verify_client on; {locations} }}
}}
""")
        super().__init__(
            name,
            folder,
            program("nginx"),
            "-p",
            folder,
            "-c",
            configuration,
            "-e",
            folder / "start.log",
            ports=[self.plain, self.tls],
        )

    def connections(self):
        """Every connection that carried a request, with its protocol."""
        lines = self.access.read_text().splitlines() if self.access.exists() else []
        return {(parts[0], parts[2]) for line in lines if len(parts := line.split()) > 2}


class HAProxy(Server):
    """HTTP/1.1, HTTP/2 by prior knowledge, and TLS with both, in front of the application.

    While its client resets streams by the dozen, HAProxy 2.6 forgets now and then to wake the others of the connection:
    `show fd` has all of them in its list of senders, none held up by flow control, and nothing in its buffer. Its own
    timeout wakes them, so that is short.
    """

    def __init__(self, folder, certificates, origin, keepalive="60s"):
        folder = pathlib.Path(folder) / "haproxy"
        folder.mkdir()
        self.plain, self.h2c, self.tls = free_port(), free_port(), free_port()
        self.control = folder / "control"
        configuration = folder / "haproxy.cfg"
        configuration.write_text(
            f"""
global
    stats socket {self.control} mode 600 level admin
    tune.h2.max-concurrent-streams 100
    hard-stop-after 10s
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
    timeout http-keep-alive {keepalive}
    option http-use-htx
frontend plain
    bind 127.0.0.1:{self.plain}
    default_backend application
frontend h2c
    bind 127.0.0.1:{self.h2c} proto h2
    default_backend application
frontend tls
    bind 127.0.0.1:{self.tls} ssl crt {certificates.server_both} alpn h2,http/1.1
    default_backend application
backend application
    http-reuse always
    server origin 127.0.0.1:{origin}
""".replace("    option http-use-htx\n", "")
        )
        super().__init__(
            "haproxy", folder, program("haproxy"), "-db", "-f", configuration, ports=[self.plain, self.h2c, self.tls]
        )

    def connections(self, frontend):
        """How many connections a frontend has taken."""
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self.control))
            control.sendall(b"show stat\n")
            text = b"".join(iter(lambda: control.recv(65536), b"")).decode()
        lines = [line.split(",") for line in text.strip().splitlines()]
        names = [name.lstrip("# ") for name in lines[0]]
        row = next(line for line in lines if line[:2] == [frontend, "FRONTEND"])
        return int(row[names.index("conn_tot")])


class Nghttpd(Server):
    """nghttp2's own server: HTTP/2 only."""

    def __init__(self, folder, certificates, *arguments, tls=False, name="nghttpd"):
        folder = pathlib.Path(folder) / name
        folder.mkdir()
        self.port = free_port()
        ends = [certificates.server_key, certificates.server] if tls else ["--no-tls"]
        super().__init__(
            name,
            folder,
            program("nghttpd"),
            "-v",
            "-a",
            "127.0.0.1",
            "-d",
            htdocs(folder),
            *arguments,
            self.port,
            *ends,
            ports=[self.port],
        )

    def connections(self):
        return {
            line.split("]")[0]
            for line in self.log.read_text(errors="replace").splitlines()
            if line.startswith("[id=") and ":path" in line
        }


class Envoy(Server):
    """Envoy: plaintext with HTTP/1.1 and h2c on one port, TLS that wants a client's certificate, a CONNECT proxy."""

    def __init__(self, folder, certificates, origin, name="envoy", connect_to=None, upstream=None, workers=1):
        folder = pathlib.Path(folder) / name
        folder.mkdir()
        self.plain, self.tls, self.proxy, self.admin = (free_port() for _ in range(4))
        self.base = folder
        configuration = folder / "envoy.json"
        configuration.write_text(json.dumps(self._configuration(certificates, origin, connect_to, upstream)))
        super().__init__(
            name, folder, program("envoy"), "-c", configuration, "--concurrency", workers, "--use-dynamic-base-id",
            "--drain-time-s", 3, "--parent-shutdown-time-s", 6, "-l", "warning",
            ports=[self.admin, self.plain, self.tls],
        )  # fmt: skip
        wait_for(lambda: self._is_ready(), "Envoy is ready")

    def _is_ready(self):
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/ready") as answer:
            return answer.status == 200
        return False

    def post(self, path):
        request = urllib.request.Request(f"http://127.0.0.1:{self.admin}{path}", method="POST")
        with urllib.request.urlopen(request) as answer:
            return answer.read().decode()

    def statistics(self, prefix):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/stats?format=json") as answer:
            found = json.load(answer)["stats"]
        return {stat["name"]: stat["value"] for stat in found if stat.get("name", "").startswith(prefix)}

    @staticmethod
    def _address(port):
        return {"socket_address": {"address": "127.0.0.1", "port_value": port}}

    @staticmethod
    def _typed(name, **fields):
        return {"@type": f"type.googleapis.com/envoy.extensions.{name}", **fields}

    def _manager(self, prefix, routes, **more):
        router = {"name": "router", "typed_config": self._typed("filters.http.router.v3.Router")}
        hosts = [{"name": "all", "domains": ["*"], "routes": routes}]
        manager = self._typed(
            "filters.network.http_connection_manager.v3.HttpConnectionManager", stat_prefix=prefix,
            http_filters=[router], route_config={"virtual_hosts": hosts}, drain_timeout="2s",
            http_protocol_options={"enable_trailers": True}, **more,
        )  # fmt: skip
        return {"name": "http", "typed_config": manager}

    def _configuration(self, certificates, origin, connect_to, upstream):
        large = [{"header": {"key": f"x-large-{n}", "value": "x" * 16_000}} for n in range(64)]
        routes = [
            {"match": {"path": "/direct"}, "direct_response": {"status": 200, "body": {"inline_string": "hello"}}},
            {
                "match": {"path": "/large"},
                "direct_response": {"status": 200, "body": {"inline_string": "hello"}},
                "response_headers_to_add": large,
            },
            {"match": {"prefix": "/"}, "route": {"cluster": "origin", "timeout": "60s"}},
        ]
        connect = [
            {
                "match": {"connect_matcher": {}},
                "route": {"cluster": "tunnel", "upgrade_configs": [{"upgrade_type": "CONNECT", "connect_config": {}}]},
            }
        ]
        context = self._typed(
            "transport_sockets.tls.v3.DownstreamTlsContext", require_client_certificate=True,
            common_tls_context={
                "alpn_protocols": ["h2", "http/1.1"],
                "tls_certificates": [{"certificate_chain": {"filename": str(certificates.server)},
                                      "private_key": {"filename": str(certificates.server_key)}}],
                "validation_context": {"trusted_ca": {"filename": str(certificates.ca)}},
            },
        )  # fmt: skip

        def listener(name, port, manager, **chain):
            return {"name": name, "address": self._address(port), "filter_chains": [{"filters": [manager], **chain}]}

        def cluster(name, port, **more):
            endpoint = {"endpoint": {"address": self._address(port)}}
            return {
                "name": name,
                "type": "STATIC",
                "connect_timeout": "5s",
                **more,
                "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
            }

        http = upstream or {"explicit_http_config": {"http_protocol_options": {"enable_trailers": True}}}
        protocol = {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": self._typed(
                "upstreams.http.v3.HttpProtocolOptions", **http
            )
        }
        return {
            "admin": {"address": self._address(self.admin)},
            "static_resources": {
                "listeners": [
                    listener("plain", self.plain, self._manager("plain", routes)),
                    listener(
                        "tls",
                        self.tls,
                        self._manager("tls", routes),
                        transport_socket={"name": "tls", "typed_config": context},
                    ),
                    listener(
                        "proxy",
                        self.proxy,
                        self._manager("proxy", connect, upgrade_configs=[{"upgrade_type": "CONNECT"}]),
                    ),
                ],
                "clusters": [
                    cluster("origin", origin, typed_extension_protocol_options=protocol),
                    cluster("tunnel", connect_to or origin),
                ],
            },
        }
