// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore
import NIOCore
import NIOPosix

/// All processes of Bookinfo: started, supervised and stopped together.
final class Cluster: Sendable {
    let folder: RunFolder
    let controlPlane: ChildProcess
    let services: [ChildProcess]
    let xds: EndpointAddress
    let registry: EndpointAddress
    let addresses: [String: EndpointAddress]
    private let instances: [Instance]

    /// How long a registration holds without renewal: short, so that the scenes can wait for it.
    static let lease = 6

    /// How many seconds a process that died stays away: longer than a lease, so that everybody notices.
    static let restartDelay = 10

    /// One process of a service.
    struct Instance: Sendable {
        var name: String
        var service: String
        var version: String
        var serviceAccount: String
        var isPlaintext = false
    }

    init(folder: RunFolder) throws {
        self.folder = folder
        self.instances = [
            Instance(name: "details-v1", service: "details", version: "v1", serviceAccount: "bookinfo-details"),
            Instance(name: "ratings-v1-a", service: "ratings", version: "v1", serviceAccount: "bookinfo-ratings"),
            Instance(name: "ratings-v1-b", service: "ratings", version: "v1", serviceAccount: "bookinfo-ratings"),
            Instance(name: "reviews-v1", service: "reviews", version: "v1", serviceAccount: "bookinfo-reviews-v1"),
            Instance(name: "reviews-v2", service: "reviews", version: "v2", serviceAccount: "bookinfo-reviews-v2"),
            Instance(name: "reviews-v3", service: "reviews", version: "v3", serviceAccount: "bookinfo-reviews-v3"),
            Instance(
                name: "productpage-v1",
                service: "productpage",
                version: "v1",
                serviceAccount: "bookinfo-productpage",
                isPlaintext: true
            ),
        ]
        var ports = try FreePorts.reserve(instances.count + 2)
        let xds = EndpointAddress(host: "127.0.0.1", port: ports.removeFirst())
        let registry = EndpointAddress(host: "127.0.0.1", port: ports.removeFirst())
        self.xds = xds
        self.registry = registry
        self.addresses = Dictionary(
            uniqueKeysWithValues: zip(instances, ports).map { ($0.name, EndpointAddress(host: "127.0.0.1", port: $1)) }
        )
        try Self.writeTokens(for: instances, in: folder)
        self.controlPlane = ChildProcess(
            name: "control-plane",
            arguments: [
                "control-plane", "--supervised", "--manifests", folder.manifests, "--state", folder.state,
                "--tokens", "\(folder.tokens)/all.json", "--lease", "\(Self.lease)",
                "--xds-port", "\(xds.port ?? 0)", "--registry-port", "\(registry.port ?? 0)",
            ],
            logPath: "\(folder.logs)/control-plane.log"
        )
        self.services = zip(instances, ports).map { instance, port in
            ChildProcess(
                name: instance.name,
                arguments: [
                    "service", instance.service, "--version", instance.version, "--instance", instance.name,
                    "--service-account", instance.serviceAccount, "--port", "\(port)", "--xds", "\(xds)",
                    "--registry", "\(registry)", "--token-file", "\(folder.tokens)/\(instance.serviceAccount)",
                    "--spans", "\(folder.spans)/\(instance.name).jsonl",
                    "--slowness-file", folder.slownessFile(of: instance.name),
                ] + (instance.isPlaintext ? ["--plaintext"] : []),
                logPath: "\(folder.logs)/\(instance.name).log"
            )
        }
    }

    /// Starts everything, runs `body`, and stops everything however `body` ends.
    func run<Value>(_ body: (Cluster) async throws -> Value) async throws -> Value {
        defer {
            // The control plane last: the services say farewell to it.
            for group in [services, [controlPlane]] {
                for process in group { process.terminate() }
                let deadline = Date().addingTimeInterval(5)
                for process in group { process.waitUntilStopped(deadline) }
            }
        }
        try folder.apply("base.yaml", as: "base.yaml")
        try folder.apply("all-to-v1.yaml")
        try controlPlane.start()
        for process in services { try process.start() }
        try await waitUntilServing()
        return try await body(self)
    }

    /// The process of an instance.
    func process(_ name: String) throws -> ChildProcess {
        guard let process = services.first(where: { $0.name == name }) else {
            throw BookinfoError("no process \(name)")
        }
        return process
    }

    var productpage: EndpointAddress {
        get throws {
            guard let address = addresses["productpage-v1"] else { throw BookinfoError("no address of productpage") }
            return address
        }
    }

    /// Prints every address, process id and the manifest folder as JSON.
    func printDescription() throws {
        let processes = ([controlPlane] + services).map { process -> [String: Any] in
            var entry: [String: Any] = ["name": process.name, "pid": Int(process.identifier)]
            if let address = addresses[process.name] { entry["address"] = "\(address)" }
            return entry
        }
        let description: [String: Any] = [
            "productpage": "http://\(try productpage)/productpage",
            "manifests": folder.manifests,
            "logs": folder.logs,
            "spans": folder.spans,
            "xds": "\(xds)",
            "registry": "http://\(registry)",
            "operatorTokenFile": folder.operatorToken,
            "processes": processes,
        ]
        let data = try JSONSerialization.data(
            withJSONObject: description,
            options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        )
        FileHandle.standardOutput.write(data + Data("\n".utf8))
    }

    /// Starts every process again that dies, after a while, until the task is cancelled.
    func supervise(_ report: (String) -> Void) async throws {
        var restarts: [String: Date] = [:]
        while true {
            try await Pause.milliseconds(200)
            for process in [controlPlane] + services where !process.isRunning {
                guard let restart = restarts[process.name] else {
                    report("\(process.name) has ended and is started again in \(Self.restartDelay) s")
                    restarts[process.name] = Date().addingTimeInterval(Double(Self.restartDelay))
                    continue
                }
                guard restart <= Date() else { continue }
                restarts[process.name] = nil
                try process.start()
                report("\(process.name) runs again, as process \(process.identifier)")
            }
        }
    }

    private func waitUntilServing() async throws {
        let client = OutsideClient()
        let deadline = Date().addingTimeInterval(60)
        var last = "nothing answered"
        while Date() < deadline {
            for process in [controlPlane] + services where !process.isRunning {
                throw BookinfoError("\(process.name) has ended; see its log in \(folder.logs)")
            }
            let page = await client.page(at: try productpage)
            if page.isComplete { return await client.close() }
            last = page.summary
            try await Pause.milliseconds(100)
        }
        throw BookinfoError("Bookinfo did not come up within a minute: \(last)")
    }

    private static func writeTokens(for instances: [Instance], in folder: RunFolder) throws {
        var entries: [TokenEntry] = []
        let claims = Set(instances.map(\.serviceAccount)).sorted().map { ([$0], "\(folder.tokens)/\($0)") }
        for (accounts, path) in claims + [([], folder.operatorToken)] {
            let token = (0..<2).map { _ in UUID().uuidString }.joined()
            entries.append(TokenEntry(token: token, namespace: "default", serviceAccounts: accounts))
            try PrivateFile.write(Data(token.utf8), to: path)
        }
        try PrivateFile.write(JSONEncoder().encode(entries), to: "\(folder.tokens)/all.json")
    }
}

/// A file that only its owner can read.
enum PrivateFile {
    static func write(_ data: Data, to path: String) throws {
        guard FileManager.default.createFile(atPath: path, contents: data, attributes: [.posixPermissions: 0o600])
        else {
            throw BookinfoError("\(path) cannot be written")
        }
    }
}

/// Ports that nobody listens on.
enum FreePorts {
    /// Asks the system for ports by binding them all at once, and lets them go.
    static func reserve(_ count: Int) throws -> [UInt16] {
        let group = MultiThreadedEventLoopGroup.singleton
        let channels = try (0..<count).map { _ in
            try ServerBootstrap(group: group).bind(host: "127.0.0.1", port: 0).wait()
        }
        defer { for channel in channels { try? channel.close().wait() } }
        return channels.compactMap { $0.localAddress?.port.flatMap { UInt16(exactly: $0) } }
    }
}
