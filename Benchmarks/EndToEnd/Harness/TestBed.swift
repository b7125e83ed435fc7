// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore

/// The server and the sidecars, which stand for the whole run.
struct TestBed {
    /// Where a client is to go, and whose CPU time belongs to its requests.
    struct Target {
        var port: UInt16
        var server: Int32
        var proxies: [Int32]
        /// The folder of the authority that the client's certificate is to be of.
        var certificates: String
    }

    /// What is not there, with the reason.
    private(set) var missing: [Variant: String] = [:]
    private let server: ChildProcess
    private let ports: BenchmarkServer.Ports
    private var sidecars: [Variant.Path: [Sidecar]] = [:]
    private let folder: URL

    init(for variants: [Variant]) throws {
        folder = FileManager.default.temporaryDirectory
            .appending(path: "benchmarks-e2e-\(ProcessInfo.processInfo.processIdentifier)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        server = try ChildProcess.own(["serve", "--certificates", folder.path])
        ports = try BenchmarkServer.Ports(json: try server.read(upTo: "}"))
        for variant in variants where variant.path != .direct && sidecars[variant.path] == nil {
            do {
                sidecars[variant.path] = try start(variant.path)
            } catch {
                missing[variant] = "\(error)"
            }
        }
    }

    func stop() {
        for sidecar in sidecars.values.joined() { sidecar.stop() }
        server.stop()
        try? FileManager.default.removeItem(at: folder)
    }

    func target(_ variant: Variant) -> Target {
        let chain = sidecars[variant.path] ?? []
        return Target(
            port: chain.last?.port ?? port(of: variant),
            server: server.identifier,
            proxies: chain.map(\.identifier),
            certificates: folder.path
        )
    }

    /// Where the server serves a variant that goes to it directly.
    private func port(of variant: Variant) -> UInt16 {
        if variant.speaksMutualTLS, let port = ports.mutualTLS { return port }
        return variant.httpVersion == .http2 ? ports.http2 : ports.http1
    }

    /// Every path has proxies of its own; the last one is the client's.
    private func start(_ path: Variant.Path) throws -> [Sidecar] {
        switch path {
        case .direct: return []
        case .envoy(let hops):
            guard let program = Sidecar.envoyPath() else { throw HarnessError("there is no Envoy here") }
            return try chain(Array(repeating: { try Sidecar.envoy(program, before: $0, in: folder) }, count: hops))
        case .haproxy(let hops):
            let program = try haproxy()
            return try chain(Array(repeating: { try Sidecar.haproxy(program, before: $0, in: folder) }, count: hops))
        case .haproxyMutualTLS:
            let program = try haproxy()
            let authority = try BenchmarkAuthority(in: folder.path)
            let server = try authority.proxyIdentity(BenchmarkAuthority.server)
            let client = try authority.proxyIdentity(BenchmarkAuthority.client)
            return try chain([
                { try Sidecar.haproxy(program, before: $0, in: folder, accepting: server) },
                { try Sidecar.haproxy(program, before: $0, in: folder, dialling: client) },
            ])
        }
    }

    private func haproxy() throws -> String {
        guard let program = Program.find("haproxy") else { throw HarnessError("there is no HAProxy here") }
        return program
    }

    /// Starts proxies from the server's to the client's; all of them or none.
    private func chain(_ makers: [(_ upstream: UInt16) throws -> Sidecar]) throws -> [Sidecar] {
        var chain: [Sidecar] = []
        do {
            for make in makers { chain.append(try make(chain.last?.port ?? ports.http1)) }
        } catch {
            for sidecar in chain { sidecar.stop() }
            throw error
        }
        return chain
    }
}
