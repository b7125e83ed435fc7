// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import AsyncHTTPClient
import Foundation
import NIOCore

/// One proxy on 127.0.0.1 before the server, or before another proxy.
struct Sidecar {
    /// Where it listens.
    let port: UInt16
    /// The process that does the work.
    let identifier: Int32
    private let process: ChildProcess

    func stop() { process.stop() }

    // MARK: Envoy

    /// Where Envoy is: `$ENVOY`, on the path, or where `.ci` puts it.
    static func envoyPath() -> String? {
        let chosen = ProcessInfo.processInfo.environment["ENVOY"].map { [$0] } ?? []
        return Program.find("envoy", besides: chosen) ?? Program.find("envoy", besides: [".build-ci/venv/bin/envoy"])
    }

    /// One worker, as a sidecar is usually given about one core; least request, a timeout, retries; no access log.
    /// - Parameter speaksHTTP2: Whether it speaks HTTP/2 with the upstream; with its clients it speaks what they begin with.
    static func envoy(
        _ path: String,
        before upstream: UInt16,
        in folder: URL,
        speaksHTTP2: Bool = false
    ) throws -> Sidecar {
        let file = folder.appending(path: "envoy-\(upstream).json")
        try Data(envoyConfiguration(upstream, speaksHTTP2: speaksHTTP2).utf8).write(to: file)
        let process = try ChildProcess(
            path,
            ["-c", file.path, "--concurrency", "1", "--disable-hot-restart", "-l", "info"],
            readsErrors: true
        )
        let log = try process.read(upTo: "starting main dispatch loop")
        guard let admin = log.firstMatch(of: /admin address: 127\.0\.0\.1:(\d+)/)?.output.1 else {
            throw HarnessError("Envoy does not say where its administration is")
        }
        let answer = try HTTPClient.shared.get(url: "http://127.0.0.1:\(admin)/listeners?format=json").wait()
        let text = answer.body.map { String(buffer: $0) } ?? ""
        guard let port = text.firstMatch(of: /"port_value":\s*(\d+)/).flatMap({ UInt16($0.output.1) }) else {
            throw HarnessError("Envoy does not say where it listens: \(text)")
        }
        return Sidecar(port: port, identifier: process.identifier, process: process)
    }

    private static func envoyConfiguration(_ upstream: UInt16, speaksHTTP2: Bool) -> String {
        let extensions = "type.googleapis.com/envoy.extensions.filters"
        let options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
        let version = """
            "typed_extension_protocol_options": {"\(options)": {"@type": "type.googleapis.com/\(options)",
             "explicit_http_config": {"http2_protocol_options": {}}}},
            """
        return """
            {"admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
             "static_resources": {
              "listeners": [{"name": "in", "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
               "filter_chains": [{"filters": [{"name": "envoy.filters.network.http_connection_manager",
                "typed_config": {
                "@type": "\(extensions).network.http_connection_manager.v3.HttpConnectionManager", "stat_prefix": "in",
                "route_config": {"name": "r", "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [
                 {"match": {"prefix": "/"}, "route": {"cluster": "up", "timeout": "15s", "retry_policy":
                  {"retry_on": "connect-failure,refused-stream,unavailable", "num_retries": 2}}}]}]},
                "http_filters": [{"name": "envoy.filters.http.router", "typed_config":
                 {"@type": "\(extensions).http.router.v3.Router"}}]}}]}]}],
              "clusters": [{"name": "up", "type": "STATIC", "lb_policy": "LEAST_REQUEST", "connect_timeout": "5s",
               \(speaksHTTP2 ? version : "")
               "load_assignment": {"cluster_name": "up", "endpoints": [{"lb_endpoints": [{"endpoint": {"address":
                {"socket_address": {"address": "127.0.0.1", "port_value": \(upstream)}}}}]}]}}]}}
            """
    }

    // MARK: HAProxy

    /// One thread; connections to the server are kept and shared.
    /// - Parameters:
    ///   - accepting: What it shows to its clients and asks of them; plaintext without it.
    ///   - dialling: The same towards the upstream.
    static func haproxy(
        _ path: String,
        before upstream: UInt16,
        in folder: URL,
        accepting: ProxyIdentity? = nil,
        dialling: ProxyIdentity? = nil
    ) throws -> Sidecar {
        // It takes no port 0. Another process may take the port in between: then it ends, and so does the run.
        let port = try LoopbackPort.find()
        let file = folder.appending(path: "haproxy-\(port).cfg")
        let configuration = """
            global
              nbthread 1
              maxconn 4000
            defaults
              mode http
              timeout connect 5s
              timeout client 60s
              timeout server 60s
              retries 3
              http-reuse always
            frontend in
              bind 127.0.0.1:\(port) \(accepting?.haproxyOptions ?? "")
              default_backend up
            backend up
              balance random(2)
              server s 127.0.0.1:\(upstream) maxconn 1000 \(dialling?.haproxyOptions ?? "")

            """
        try Data(configuration.utf8).write(to: file)
        let process = try ChildProcess(path, ["-W", "-db", "-f", file.path], readsErrors: true)
        let log = try process.read(upTo: "Loading success")
        // The process that was started watches over the one that works.
        let worker = log.firstMatch(of: /New worker \((\d+)\) forked/).flatMap { Int32($0.output.1) }
        return Sidecar(port: port, identifier: worker ?? process.identifier, process: process)
    }
}
