// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation

/// The server, the control plane and the Envoy that gRPC calls are measured with.
struct CallBed {
    /// What cannot be measured here, and why.
    private(set) var missing: [String] = []
    private let server: ChildProcess
    private let ports: CallStage.Ports
    private let python: String?
    private let folder: URL
    private var envoy: Sidecar?

    /// - Parameter python: A Python with grpcio; `nil` leaves it out.
    init(python: String?) throws {
        self.python = python
        self.folder = FileManager.default.temporaryDirectory.appending(path: "calls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        self.server = try ChildProcess.own(["call-serve"])
        let said = try server.read(upTo: "}")
        guard let line = said.split(separator: "\n").last(where: { $0.hasPrefix("{") }) else {
            throw HarnessError("the server does not say where it listens: \(said)")
        }
        self.ports = try CallStage.Ports(json: String(line))
        if let path = Sidecar.envoyPath() {
            self.envoy = try Sidecar.envoy(path, before: ports.server, in: folder, speaksHTTP2: true)
        } else {
            missing.append("bare-envoy: no Envoy")
        }
        if python == nil { missing.append("grpcio: --python names none") }
    }

    func has(_ variant: CallVariant) -> Bool {
        variant.isPython ? python != nil : variant != .envoy || envoy != nil
    }

    /// Measures one client in a process of its own.
    func measure(_ variant: CallVariant, _ concurrency: Int, seconds: Double) throws -> LoadReport {
        let watched = variant == .envoy ? envoy.map { ["--watch", "\($0.identifier)"] } ?? [] : []
        let times = ["--warm-up", "0.5", "--seconds", "\(seconds)"]
        let child =
            if variant.isPython, let python {
                try ChildProcess(
                    python,
                    ["Benchmarks/Peers/grpcio_calls.py", target(variant), "--concurrency", "\(concurrency)"] + times,
                    environment: ["GRPC_XDS_BOOTSTRAP_CONFIG": bootstrap],
                    readsErrors: true
                )
            } else {
                try ChildProcess.own(arguments(variant, concurrency) + times + watched)
            }
        let output = try child.readToEnd(limit: seconds + 30)
        return try LoadReport(json: output.split(separator: "\n").last.map { String($0) } ?? "")
    }

    /// What the command line of a client of ours begins with.
    func arguments(_ variant: CallVariant, _ concurrency: Int) -> [String] {
        let port = variant == .envoy ? envoy?.port ?? ports.server : ports.server
        return [
            "call-load", "--variant", variant.rawValue, "--port", "\(port)", "--control-plane", "\(ports.controlPlane)",
            "--concurrency", "\(concurrency)",
        ]
    }

    func stop() {
        envoy?.stop()
        server.stop()
        try? FileManager.default.removeItem(at: folder)
    }

    private func target(_ variant: CallVariant) -> String {
        variant == .grpcioXDS ? "xds:///\(CallStage.service)" : "127.0.0.1:\(ports.server)"
    }

    private var bootstrap: String {
        """
        {"xds_servers":[{"server_uri":"127.0.0.1:\(ports.controlPlane)","channel_creds":[{"type":"insecure"}],\
        "server_features":["xds_v3"]}],"node":{"id":"grpcio","cluster":"\(CallStage.service)"}}
        """
    }
}
