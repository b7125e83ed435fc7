// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import MeshCore

/// Everything that is measured: a client, where its tasks run, and what stands between it and the server.
enum Variant: String, CaseIterable, Codable, ExpressibleByArgument {
    case nioLoop = "nio-loop"
    case nioEvented = "nio-evented"
    case nioTasks = "nio-tasks"
    case asyncHTTPClient = "ahc"
    case transportLoop = "transport-loop"
    case transportTasks = "transport-tasks"
    case meshLoop = "mesh-loop"
    case meshTasks = "mesh-tasks"
    case meshAsyncHTTPClient = "mesh-ahc"
    case envoyOnce = "ahc-envoy-1"
    case envoyTwice = "ahc-envoy-2"
    case nioHAProxyTwice = "nio-haproxy-2"
    case nioHAProxyMutualTLS = "nio-haproxy-2-mtls"
    case asyncHTTPClientHAProxyMutualTLS = "ahc-haproxy-2-mtls"
    case meshMutualTLSLoop = "mesh-loop-mtls"
    case meshMutualTLSTasks = "mesh-tasks-mtls"
    case nioHTTP2Loop = "nio-h2-loop"
    case transportHTTP2Loop = "transport-h2-loop"
    case transportHTTP2Tasks = "transport-h2-tasks"
    case meshHTTP2Loop = "mesh-h2-loop"
    case meshHTTP2Tasks = "mesh-h2-tasks"

    /// What stands between client and server.
    enum Path: Hashable {
        case direct
        case envoy(hops: Int)
        case haproxy(hops: Int)
        /// Two of them, with mutual TLS between them and plaintext on either side.
        case haproxyMutualTLS
    }

    /// What it is, in words.
    var title: String {
        switch self {
        case .nioLoop: "bare SwiftNIO, tasks on the loop"
        case .nioEvented: "bare SwiftNIO, no tasks"
        case .nioTasks: "bare SwiftNIO, ordinary tasks"
        case .asyncHTTPClient: "AsyncHTTPClient"
        case .transportLoop: "our transport, tasks on the loop"
        case .transportTasks: "our transport, ordinary tasks"
        case .meshLoop: "the whole mesh, tasks on the loop"
        case .meshTasks: "the whole mesh, ordinary tasks"
        case .meshAsyncHTTPClient: "the whole mesh over AsyncHTTPClient"
        case .envoyOnce: "AsyncHTTPClient through one Envoy"
        case .envoyTwice: "AsyncHTTPClient through two Envoys"
        case .nioHAProxyTwice: "bare SwiftNIO on the loop through two HAProxys"
        case .nioHAProxyMutualTLS: "bare SwiftNIO, two HAProxys with mutual TLS"
        case .asyncHTTPClientHAProxyMutualTLS: "AsyncHTTPClient, two HAProxys with mutual TLS"
        case .meshMutualTLSLoop: "the whole mesh, mutual TLS, tasks on the loop"
        case .meshMutualTLSTasks: "the whole mesh, mutual TLS, ordinary tasks"
        case .nioHTTP2Loop: "bare swift-nio-http2, tasks on the loop"
        case .transportHTTP2Loop: "our transport, HTTP/2, tasks on the loop"
        case .transportHTTP2Tasks: "our transport, HTTP/2, ordinary tasks"
        case .meshHTTP2Loop: "the whole mesh, HTTP/2, tasks on the loop"
        case .meshHTTP2Tasks: "the whole mesh, HTTP/2, ordinary tasks"
        }
    }

    var path: Path {
        switch self {
        case .envoyOnce: .envoy(hops: 1)
        case .envoyTwice: .envoy(hops: 2)
        case .nioHAProxyTwice: .haproxy(hops: 2)
        case .nioHAProxyMutualTLS, .asyncHTTPClientHAProxyMutualTLS: .haproxyMutualTLS
        default: .direct
        }
    }

    var httpVersion: ConnectionOptions.HTTPVersion {
        switch self {
        case .nioHTTP2Loop, .transportHTTP2Loop, .transportHTTP2Tasks, .meshHTTP2Loop, .meshHTTP2Tasks: .http2
        default: .http1
        }
    }

    /// Whether the client itself speaks TLS with the server.
    var speaksMutualTLS: Bool {
        switch self {
        case .meshMutualTLSLoop, .meshMutualTLSTasks: true
        default: false
        }
    }

    /// Whether its instructions are counted: not behind a proxy, whose share would not be.
    var isCounted: Bool { path == .direct }

    /// What its throughput and its CPU time are compared with in the tables.
    var baseline: Variant {
        if speaksMutualTLS || path == .haproxyMutualTLS { return .asyncHTTPClientHAProxyMutualTLS }
        return httpVersion == .http2 ? .nioHTTP2Loop : .asyncHTTPClient
    }

    /// Puts the client under load.
    func run(_ plan: LoadPlan) async throws -> LoadReport {
        switch self {
        case .nioLoop, .nioHAProxyTwice, .nioHAProxyMutualTLS: try await BareHTTP1Client.run(plan)
        case .nioEvented: try await EventedHTTP1Client.run(plan)
        case .nioTasks: try await BareHTTP1TaskClient.run(plan)
        case .asyncHTTPClient, .envoyOnce, .envoyTwice, .asyncHTTPClientHAProxyMutualTLS:
            try await AsyncHTTPClientLoad.run(plan)
        case .transportLoop, .transportHTTP2Loop: try await TransportLoad.run(plan, httpVersion, isOnLoop: true)
        case .transportTasks, .transportHTTP2Tasks: try await TransportLoad.run(plan, httpVersion, isOnLoop: false)
        case .meshLoop, .meshHTTP2Loop: try await MeshLoad.run(plan, httpVersion, isOnLoop: true)
        case .meshTasks, .meshHTTP2Tasks: try await MeshLoad.run(plan, httpVersion, isOnLoop: false)
        case .meshMutualTLSLoop: try await MeshLoad.runOverMutualTLS(plan, isOnLoop: true)
        case .meshMutualTLSTasks: try await MeshLoad.runOverMutualTLS(plan, isOnLoop: false)
        case .meshAsyncHTTPClient: try await MeshLoad.runOverAsyncHTTPClient(plan)
        case .nioHTTP2Loop: try await BareHTTP2Client.run(plan)
        }
    }
}
